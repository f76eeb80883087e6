// SPDX-License-Identifier: Apache-2.0
//
// How much memory one verification takes, and that no length in hostile octets
// makes it take more. Counts what operator new and OpenSSL hand out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "attestation/aws/nitro_verifier.h"
#include "attestation/aws/testing/nitro_builder.h"
#include "attestation/azure/azure_verifier.h"
#include "attestation/azure/testing/azure_machine.h"
#include "attestation/eventlog/event_log.h"
#include "attestation/gcp/gcp_verifier.h"
#include "attestation/gcp/testing/gce_machine.h"
#include "attestation/intel/quote_verifier.h"
#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/intel/testing/synthetic.h"
#include "attestation/policy/appraisal.h"
#include "attestation/policy/testing/composed_node.h"
#include "attestation/snp/verify_snp.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/testing/snp_signer.h"
#include "attestation/testing/vectors.h"

namespace {

// Octets of the blocks that are in use, since the last Start(). Tests of this
// file run in one thread.
struct Meter {
  bool on = false;
  int64_t live = 0;
  int64_t peak = 0;
  int64_t largest = 0;

  void Took(const void* block) {
    if (on && block != nullptr) {
      const auto size =
          static_cast<int64_t>(malloc_usable_size(const_cast<void*>(block)));
      live += size;
      peak = std::max(peak, live);
      largest = std::max(largest, size);
    }
  }
  void Gave(const void* block) {
    if (on && block != nullptr) {
      live -=
          static_cast<int64_t>(malloc_usable_size(const_cast<void*>(block)));
    }
  }
};
constinit Meter meter;

void* CountedMalloc(size_t size, const char* /*file*/, int /*line*/) {
  void* block = malloc(size);
  meter.Took(block);
  return block;
}
void* CountedRealloc(void* old, size_t size, const char* /*file*/,
                     int /*line*/) {
  meter.Gave(old);
  void* block = realloc(old, size);
  meter.Took(block);
  return block;
}
void CountedFree(void* block, const char* /*file*/, int /*line*/) {
  meter.Gave(block);
  free(block);
}

// Before OpenSSL takes anything.
const bool counts_openssl =
    CRYPTO_set_mem_functions(CountedMalloc, CountedRealloc, CountedFree) == 1;

}  // namespace

// The other forms of the library lead to these.
void* operator new(size_t size) {
  void* block = CountedMalloc(std::max(size, size_t{1}), nullptr, 0);
  if (block == nullptr) {
    abort();
  }
  return block;
}
void operator delete(void* block) noexcept {
  CountedFree(block, nullptr, 0);
}
void operator delete(void* block, size_t /*size*/) noexcept {
  CountedFree(block, nullptr, 0);
}

namespace constellation::attestation {
namespace {

using ::constellation::testing::AllIntelCollateral;
using ::constellation::testing::AzureMachine;
using ::constellation::testing::ComposedNode;
using ::constellation::testing::GceMachine;
using ::constellation::testing::IntelCollateralSet;
using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestBody;
using ::constellation::testing::IntelTestQuote;
using ::constellation::testing::kComposedNow;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::kSyntheticNow;
using ::constellation::testing::Middle;
using ::constellation::testing::NitroBuilder;
using ::constellation::testing::ProductionAnchors;
using ::constellation::testing::SnpSigner;
using ::constellation::testing::SnpTestEvidence;
using ::constellation::testing::SnpTestProduct;
using ::constellation::testing::SyntheticAnchors;
using ::constellation::testing::SyntheticCollateral;
using ::constellation::testing::VectorsFolder;

constexpr int64_t kLimit = int64_t{256} << 10U;

// Verifies and says whether the evidence was accepted.
using Verify = std::function<bool()>;

struct Cost {
  bool accepted = false;
  int64_t peak = 0;
  int64_t largest = 0;
};

Cost Measure(const Verify& verify) {
  meter = {.on = true};
  const bool accepted = verify();
  meter.on = false;
  return {accepted, meter.peak, meter.largest};
}

// Genuine evidence first twice: what libraries keep for good is not a
// verification's.
void ExpectModest(const std::string& what, const Verify& verify) {
  ASSERT_TRUE(counts_openssl);
  EXPECT_TRUE(verify()) << what;
  const Cost cost = Measure(verify);
  EXPECT_TRUE(cost.accepted) << what;
  EXPECT_GT(cost.peak, 0) << what << ": nothing was counted";
  EXPECT_LE(cost.peak, kLimit) << what;
  printf("%-28s peak %7ld largest %7ld\n", what.c_str(),
         static_cast<long>(cost.peak), static_cast<long>(cost.largest));
}

// `verify` over `bytes`, each place of which says once "as long as can be": as
// a number of one, two or four octets, of either order.
void ExpectModestWhateverLength(const std::string& what, Bytes& bytes,
                                const Verify& verify, size_t step = 1) {
  const Bytes genuine = bytes;
  int64_t worst = 0;
  for (size_t i = 0; i < genuine.size(); i += step) {
    for (const Bytes& length :
         {Bytes{0xff}, Bytes{0xff, 0xff}, Bytes{0xff, 0xff, 0xff, 0x7f},
          Bytes{0x84, 0x7f, 0xff, 0xff, 0xff}}) {
      bytes = genuine;
      for (size_t j = 0; j < length.size() && i + j < bytes.size(); ++j) {
        bytes[i + j] = length[j];
      }
      const Cost cost = Measure(verify);
      ASSERT_LE(cost.peak, kLimit) << what << " at " << i;
      worst = std::max(worst, cost.peak);
    }
  }
  bytes = genuine;
  printf("%-28s worst %6ld of %zu\n", what.c_str(), static_cast<long>(worst),
         genuine.size());
}

// SEV-SNP: report, chain and list.
class SnpMemory {
 public:
  explicit SnpMemory(SnpTestProduct test_product, SnpProduct product)
      : evidence(SnpSigner::For(test_product).Make()),
        roots_{{.product = product,
                .spki_sha256 = SnpSigner::For(test_product).ArkSpkiSha256(),
                .certificate_sha256 = std::nullopt}} {}

  Verify Run() {
    return [this] {
      const SnpVerificationInput input{
          .report = evidence.report,
          .endorsements = {.signer = evidence.leaf,
                           .intermediate = evidence.intermediate,
                           .root = evidence.ark,
                           .crl = evidence.crl},
          .options = {.more_roots = roots_}};
      return CheckSnp(input, kComposedNow).report.has_value();
    };
  }

  SnpTestEvidence evidence;

 private:
  const std::vector<SnpRoot> roots_;
};

TEST(VerificationMemoryTest, Snp) {
  SnpMemory turin(SnpTestProduct::kTurin, SnpProduct::kTurin);
  ExpectModest("SNP Turin", turin.Run());
  SnpMemory milan(SnpTestProduct::kMilan, SnpProduct::kMilan);
  ExpectModest("SNP Milan", milan.Run());
  ExpectModestWhateverLength("SNP report", milan.evidence.report, milan.Run(),
                             16);
  ExpectModestWhateverLength("SNP VCEK", milan.evidence.leaf, milan.Run(), 3);
  ExpectModestWhateverLength("SNP ARK", milan.evidence.ark, milan.Run(), 3);
  ExpectModestWhateverLength("SNP CRL", milan.evidence.crl, milan.Run(), 3);
}

// TDX or SGX: collateral parsed and verified each time.
class IntelMemory {
 public:
  explicit IntelMemory(const IntelTestQuote& quote)
      : quote_bytes(IntelSigner::Get().Make(quote).quote),
        collateral(SyntheticCollateral(IntelSigner::Get().Make(quote))) {}

  Verify Run() {
    return [this] {
      const auto checked =
          CheckIntelCollateral(collateral, SyntheticAnchors(), kSyntheticNow);
      return checked.collateral.has_value() &&
             CheckIntelQuote(quote_bytes, *checked.collateral,
                             SyntheticAnchors(), {.now = kSyntheticNow})
                 .quote.has_value();
    };
  }
  // The same over a text of the collateral.
  void ExpectModestText(const std::string& what, std::string& text,
                        size_t step) {
    Bytes bytes(text.begin(), text.end());
    const Verify run = Run();
    ExpectModestWhateverLength(
        what, bytes,
        [&] {
          meter.on = false;
          text.assign(bytes.begin(), bytes.end());
          meter.on = true;
          return run();
        },
        step);
    text.assign(bytes.begin(), bytes.end());
  }

  Bytes quote_bytes;
  IntelCollateral collateral;
};

TEST(VerificationMemoryTest, Tdx) {
  for (const auto& [version, body] : {std::pair(4, IntelTestBody::kTd10),
                                      std::pair(5, IntelTestBody::kTd15)}) {
    IntelMemory tdx({.version = static_cast<uint16_t>(version), .body = body});
    ExpectModest("TDX quote v" + std::to_string(version), tdx.Run());
    ExpectModestWhateverLength("TDX quote", tdx.quote_bytes, tdx.Run(), 9);
  }
  IntelMemory tdx(IntelTestQuote{});
  ExpectModestWhateverLength("TDX PCK CRL", tdx.collateral.pck_crl, tdx.Run());
  ExpectModestWhateverLength("TDX root CRL", tdx.collateral.root_crl,
                             tdx.Run());
  tdx.ExpectModestText("TDX TCB info", tdx.collateral.tcb_info, 11);
  tdx.ExpectModestText("TDX QE identity", tdx.collateral.enclave_identity, 7);
  tdx.ExpectModestText("TDX signing chain", tdx.collateral.tcb_signing_chain,
                       11);
}

TEST(VerificationMemoryTest, Sgx) {
  IntelMemory sgx({.version = 3, .body = IntelTestBody::kSgx});
  ExpectModest("SGX quote v3", sgx.Run());
  ExpectModestWhateverLength("SGX quote", sgx.quote_bytes, sgx.Run(), 9);
}

// Documents of real size: a TCB info has up to 25 kB.
TEST(VerificationMemoryTest, RealCollateralOfIntel) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  for (const IntelCollateralSet& set : AllIntelCollateral()) {
    if (set.window.has_value()) {
      ExpectModest(set.name, [&] {
        return CheckIntelCollateral(set.collateral, ProductionAnchors(),
                                    Middle(*set.window))
            .collateral.has_value();
      });
    }
  }
}

// Quote, certificate of its key with chain, event log of 24 kB and more.
TEST(VerificationMemoryTest, TpmQuoteWithChainAndLog) {
  GceMachine machine;
  constexpr size_t kLogSize = 24000;
  const std::string data(300, 'x');
  while (machine.event_log.size() < kLogSize) {
    for (int i = 0; i < 10; ++i) {
      machine.events.push_back({4, kEvIpl, data});
    }
    machine.Refresh();
  }
  GcpTrust trust = machine.Trust();
  const std::vector<crypto::RevocationList> lists = {
      GceMachine::Listed(true, {}), GceMachine::Listed(false, {})};
  trust.crls = lists;
  // As they come: parsed in the same breath.
  const std::vector<Bytes> authorities = {machine.candidates[0].der(),
                                          machine.candidates[1].der()};
  const auto verify = [&] {
    std::vector<crypto::Certificate> candidates;
    for (const Bytes& der : authorities) {
      candidates.push_back(*crypto::Certificate::FromDer(der));
    }
    return CheckGcp(machine.Evidence(), candidates, trust, machine.nonce)
        .machine.has_value();
  };
  ExpectModest("TPM quote, chain, log", verify);
  ExpectModestWhateverLength("TPM quote", machine.attest, verify);
  ExpectModestWhateverLength("TPM signature", machine.signature, verify);
  ExpectModestWhateverLength("AK certificate", machine.leaf_der, verify);
  ExpectModestWhateverLength("event log", machine.event_log, verify, 61);
}

TEST(VerificationMemoryTest, Azure) {
  AzureMachine machine;
  const auto verify = [&] {
    return CheckAzure(machine.Evidence(), machine.Hardware(), machine.nonce)
        .machine.has_value();
  };
  ExpectModest("Azure", verify);
  ExpectModestWhateverLength("HCL report", machine.hcl_report, verify);
}

TEST(VerificationMemoryTest, Nitro) {
  const NitroBuilder builder;
  NitroExpectation want = builder.Expectation();
  const std::vector<crypto::RevocationList> lists = {builder.Listed(0, {}),
                                                     builder.Listed(3, {})};
  want.crls = lists;
  Bytes document = builder.Build();
  const auto verify = [&] {
    return CheckNitroDocument(document, want).document.has_value();
  };
  ExpectModest("Nitro document", verify);
  ExpectModestWhateverLength("Nitro document", document, verify, 13);
}

// All layers of a node, its policy and every row about them.
TEST(VerificationMemoryTest, WholeNodes) {
  for (const char* variant :
       {"qemu-sev-snp", "gcp-sev-snp", "aws-sev-snp", "azure-sev-snp",
        "qemu-tdx", "gcp-tdx", "azure-tdx", "gcp-sev-es", "aws-nitro-tpm"}) {
    const ComposedNode node(variant);
    const Evidence evidence = node.Evidence();
    Profile profile = node.Profile();
    if (profile.snp.has_value()) {
      profile.snp->measurement_covers_image = true;
    }
    const Policy policy = Policy::Create({profile}, {}).value();
    const AppraisalCollateral collateral = node.Collateral();
    ExpectModest(variant, [&] {
      return Appraise(evidence, node.user_data, ClusterState::None(), policy,
                      collateral, kComposedNow)
          .accepted;
    });
  }
}

// A meter that counts nothing would find nothing.
TEST(VerificationMemoryTest, TheMeterCounts) {
  const Cost cost = Measure([] {
    Bytes bytes(100000, 1);
    void* block = OPENSSL_malloc(50000);
    OPENSSL_free(block);
    return bytes.size() == 100000;
  });
  EXPECT_TRUE(cost.accepted);
  EXPECT_GE(cost.peak, 150000);
  EXPECT_LT(cost.peak, 160000);
  EXPECT_GE(cost.largest, 100000);
  EXPECT_GT(Measure([] { return Bytes(kLimit + 1).empty(); }).peak, kLimit);
}

}  // namespace
}  // namespace constellation::attestation
