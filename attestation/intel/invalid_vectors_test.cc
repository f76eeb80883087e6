// SPDX-License-Identifier: Apache-2.0
// Evidence of the vectors that must be refused, and why; and Intel's samples,
// which are good under a test root only.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/intel/quote_verifier.h"
#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/intel/testing/synthetic.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::AnchorsWith;
using ::constellation::testing::FailedChecks;
using ::constellation::testing::FindIntelCollateral;
using ::constellation::testing::GotOf;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::Middle;
using ::constellation::testing::ProductionAnchors;
using ::constellation::testing::ReadTextVector;
using ::constellation::testing::ReadVector;
using ::constellation::testing::VectorEntries;
using ::constellation::testing::VectorEntry;
using ::constellation::testing::VectorsFolder;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using Id = IntelCheckId;

class InvalidVectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
  }
};

// Whatever the manifest calls an invalid quote.
TEST_F(InvalidVectorsTest, InvalidQuotesAreRefused) {
  const auto set = FindIntelCollateral("tdx/collateral/b0c06f-2025-06").value();
  const absl::Time now = Middle(*set.window);
  const auto collateral =
      CheckIntelCollateral(set.collateral, ProductionAnchors(), now)
          .collateral.value();
  int tried = 0;
  for (const auto& entry : VectorEntries("tdx/derived-")) {
    const auto verdict = entry["verdict"].get<std::string>();
    if (!verdict.starts_with("INVALID")) {
      continue;
    }
    SCOPED_TRACE(entry["path"].get<std::string>());
    const auto result =
        CheckIntelQuote(ReadVector(entry["path"].get<std::string>()),
                        collateral, ProductionAnchors(), {.now = now});
    EXPECT_FALSE(result.quote.has_value());
    if (verdict.find("quote signature") != std::string::npos) {
      EXPECT_THAT(FailedChecks(result.checks),
                  ElementsAre(Id::kQuoteSignature));
    }
    if (verdict.find("does not bind") != std::string::npos) {
      EXPECT_THAT(FailedChecks(result.checks), ElementsAre(Id::kQeBinding));
    }
    ++tried;
  }
  EXPECT_GT(tried, 0);
}

// An Open Enclave report: the quote lies behind a header of 16 bytes.
TEST_F(InvalidVectorsTest, DamagedChainIsRefusedAlthoughTheRestIsGood) {
  const auto entry = VectorEntry("sgx/oe-report-bad.bin");
  const Bytes file = ReadVector("sgx/oe-report-bad.bin");
  const auto offset = entry["expect"]["quote_offset"].get<ptrdiff_t>();
  const Bytes quote(file.begin() + offset, file.end());
  const auto result = CheckIntelQuoteChain(
      quote, ProductionAnchors(), {.now = absl::FromUnixSeconds(1600000000)});
  EXPECT_FALSE(result.quote.has_value());
  const auto failed = FailedChecks(result.checks);
  EXPECT_THAT(failed, Contains(Id::kPckChain));
  EXPECT_THAT(failed, Not(Contains(Id::kQuoteSignature)));
  EXPECT_THAT(failed, Not(Contains(Id::kQeBinding)));
  // With its header it is no quote at all.
  EXPECT_THAT(FailedChecks(CheckIntelQuoteChain(
                               file, ProductionAnchors(),
                               {.now = absl::FromUnixSeconds(1600000000)})
                               .checks),
              Contains(Id::kQuoteFormat));
}

TEST_F(InvalidVectorsTest, OtherFilesAreNoQuotes) {
  for (const char* const name :
       {"sgx/oe-sgx-cert-ec-bad.der", "tdx/tdreport-coco.bin",
        "tdx/tdreport-not-a-report.bin", "tdx/intel-sgx-root-ca.pem"}) {
    EXPECT_FALSE(ParseIntelQuoteUnverified(ReadVector(name)).ok()) << name;
  }
}

// Intel's samples: one folder per TEE.
class SampleTest : public InvalidVectorsTest,
                   public ::testing::WithParamInterface<const char*> {
 protected:
  std::string File(const std::string& name) const {
    return std::string(GetParam()) + "/intel-qvl-sample/" + name;
  }
  // The PCK may stand beside the quote instead of in it.
  IntelCollateral Parts() const {
    IntelCollateral parts;
    parts.tcb_info = ReadTextVector(File("tcbinfo.json"));
    parts.enclave_identity = ReadTextVector(File("qe-identity.json"));
    parts.tcb_signing_chain = ReadTextVector(File("tcb-signing-chain.pem"));
    parts.pck_crl = ReadVector(File("pck-crl.der"));
    parts.root_crl = ReadVector(File("root-ca-crl.der"));
    parts.pck_crl_issuer_chain = ReadVector(File("pck-sign-chain.pem"));
    const std::string chain = ReadTextVector(File("pck-cert.pem")) + "\n" +
                              ReadTextVector(File("pck-sign-chain.pem"));
    parts.pck_chain = Bytes(chain.begin(), chain.end());
    return parts;
  }
  // Inside the dates of all of its parts.
  static constexpr absl::Time kNow = absl::FromUnixSeconds(1640000000);
};

TEST_P(SampleTest, IsAuthenticUnderItsTestRootOnly) {
  const Bytes quote = ReadVector(File("quote.bin"));
  const IntelCollateral parts = Parts();
  const auto anchors = AnchorsWith(File("test-root-ca.pem"));
  const IntelVerificationOptions options = {.now = kNow,
                                            .pck_chain = parts.pck_chain};
  const auto accepted = CheckIntelQuoteChain(quote, anchors, options);
  ASSERT_TRUE(accepted.quote.has_value())
      << FirstFailure(accepted.checks, "sample").ToString();
  EXPECT_FALSE(accepted.quote->root().is_intel);
  const auto want = VectorEntry(File("quote.bin"))["expect"];
  EXPECT_EQ(HexEncode(accepted.quote->pck().fmspc), want["fmspc"]);
  EXPECT_EQ(HexEncode(accepted.quote->pck().ppid), want["pck"]["ppid"]);
  EXPECT_EQ(accepted.quote->pck().pce_svn, want["pck"]["tcb"]["pcesvn"]);
  const auto refused =
      CheckIntelQuoteChain(quote, ProductionAnchors(), options);
  EXPECT_FALSE(refused.quote.has_value());
  EXPECT_THAT(FailedChecks(refused.checks), Contains(Id::kPckChain));
}

TEST_P(SampleTest, CollateralVerifiesUnderItsTestRootOnly) {
  const auto anchors = AnchorsWith(File("test-root-ca.pem"));
  const auto accepted = CheckIntelCollateral(Parts(), anchors, kNow);
  EXPECT_TRUE(accepted.collateral.has_value())
      << FirstFailure(accepted.checks, "sample").ToString();
  const auto refused = CheckIntelCollateral(Parts(), ProductionAnchors(), kNow);
  EXPECT_FALSE(refused.collateral.has_value());
  EXPECT_THAT(FailedChecks(refused.checks), Contains(Id::kTcbSigningChain));
}

TEST_P(SampleTest, EveryCheckRuns) {
  const auto anchors = AnchorsWith(File("test-root-ca.pem"));
  const auto collateral =
      CheckIntelCollateral(Parts(), anchors, kNow).collateral.value();
  const auto result = CheckIntelQuote(ReadVector(File("quote.bin")), collateral,
                                      anchors, {.now = kNow});
  // Made-up numbers in the reports may miss the identities; signatures,
  // revocation and dates must not.
  for (const IntelCheck& row : result.checks) {
    if (row.id < Id::kTeeMatch) {
      EXPECT_TRUE(row.passed) << ToString(row.id) << ": " << row.got;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tees, SampleTest, ::testing::Values("tdx", "sgx"));

}  // namespace
}  // namespace constellation::attestation
