// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/bundle_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/collateral/vendor_items.h"
#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/snp/snp_certificates.h"
#include "attestation/snp/testing/test_platform.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::attestation::testing::MakeEvidence;
using ::constellation::attestation::testing::TestSnpEvidence;
using ::constellation::attestation::testing::TestSnpPlatform;
using ::constellation::testing::FindIntelCollateral;
using ::constellation::testing::IsOk;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::Middle;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorsFolder;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const absl::Time kNow = absl::FromUnixSeconds(1767225600);  // 2026-01-01

std::string Pem(const Bytes& der) {
  return "-----BEGIN CERTIFICATE-----\n" + Base64Encode(der) +
         "\n-----END CERTIFICATE-----\n";
}

Bytes ToBytes(std::string_view text) {
  return {text.begin(), text.end()};
}

// A bundle with all that one test chip needs.
class AmdBundleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto signer = crypto::Certificate::FromDer(evidence_.signer);
    ASSERT_THAT(signer, IsOk());
    const auto facts = SnpSignerFactsUnverified::From(*signer);
    ASSERT_THAT(facts, IsOk());
    const auto item = VcekItem({}, SnpProduct::kMilan, *facts->hardware_id,
                               DecodeSnpTcb(facts->tcb, SnpProduct::kMilan));
    ASSERT_THAT(item, IsOk());
    vcek_key_ = item->key;
    Add(vcek_key_, evidence_.signer);
    Add(chain_key_, ToBytes(Pem(evidence_.intermediate) + Pem(evidence_.root)));
    Add(crl_key_, evidence_.crl);
  }
  void Add(const std::string& key, const Bytes& content) {
    ASSERT_THAT(bundle_.Add(key, {.content = content, .fetched_at = kNow}),
                IsOk());
  }
  absl::Status StatusOf(const std::string& key, absl::Time now = kNow) {
    for (const BundleEntryResult& result : VerifyBundle(bundle_, trust_, now)) {
      if (result.key == key) {
        return result.status;
      }
    }
    return absl::NotFoundError("not in the results");
  }

  const TestSnpEvidence evidence_ =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kMilan));
  CollateralTrust trust_{.intel = *IntelTrustAnchors::Create(),
                         .more_snp_roots = evidence_.roots};
  CollateralBundle bundle_{kNow};
  std::string vcek_key_;
  const std::string chain_key_ = "amd/vcek/v1/Milan/cert_chain";
  const std::string crl_key_ = "amd/vcek/v1/Milan/crl";
};

TEST_F(AmdBundleTest, GoodBundlePasses) {
  const auto results = VerifyBundle(bundle_, trust_, kNow);
  EXPECT_THAT(results, SizeIs(3));
  for (const BundleEntryResult& result : results) {
    EXPECT_THAT(result.status, IsOk()) << result.key;
    EXPECT_GT(result.not_after, kNow) << result.key;
  }
}

TEST_F(AmdBundleTest, RootMustBeTrusted) {
  trust_.more_snp_roots.clear();
  for (const std::string& key : {vcek_key_, chain_key_, crl_key_}) {
    EXPECT_THAT(StatusOf(key), StatusIs(absl::StatusCode::kUnauthenticated))
        << key;
  }
}

TEST_F(AmdBundleTest, ForgedEntryIsNamed) {
  Bytes forged = evidence_.signer;
  forged[forged.size() - 5] ^= 1U;
  Add(vcek_key_, forged);
  EXPECT_THAT(StatusOf(vcek_key_),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(StatusOf(chain_key_), IsOk());
  EXPECT_THAT(StatusOf(crl_key_), IsOk());
}

TEST_F(AmdBundleTest, ContentMustBeWhatItsKeySays) {
  std::string other = vcek_key_;
  other[other.rfind('=') + 1] = other.back() == '9' ? '8' : '9';
  Add(other, evidence_.signer);
  EXPECT_FALSE(StatusOf(other).ok());
}

TEST_F(AmdBundleTest, ExpiryIsSaid) {
  EXPECT_THAT(StatusOf(crl_key_, kNow + absl::Hours(24 * 365 * 40)),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(AmdBundleTest, MissingChainIsNamed) {
  CollateralBundle lonely(kNow);
  ASSERT_THAT(
      lonely.Add(crl_key_, {.content = evidence_.crl, .fetched_at = kNow}),
      IsOk());
  const auto results = VerifyBundle(lonely, trust_, kNow);
  ASSERT_THAT(results, SizeIs(1));
  EXPECT_THAT(results[0].status,
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("needs amd/vcek/v1/Milan/cert_chain")));
}

TEST_F(AmdBundleTest, UnknownKeysAreRefused) {
  for (const std::string& key :
       {std::string("other/thing"), std::string("amd/"),
        std::string("amd/vcek/v1/Rome/crl"),
        std::string("amd/vxek/v1/Milan/crl"),
        std::string("amd/vcek/v2/Milan/crl"),
        std::string("amd/vcek/v1/Milan/zz?blSPL=1"), vcek_key_ + "&x=1",
        vcek_key_ + "&blSPL=1", std::string("intel/"),
        std::string("intel/sgx/certification/v4/tcb?fmspc=00"),
        std::string("intel/xyz/certification/v4/tcb?fmspc=00906ea10000"),
        std::string("intel/root-ca-crl/x")}) {
    EXPECT_THAT(CheckForKey(key, bundle_, trust_, kNow),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("no collateral has this key")))
        << key;
  }
}

TEST_F(AmdBundleTest, IssuerCertificatesAreLeftOut) {
  Add("aia/http://pki.example/a.crt", {1});
  EXPECT_THAT(VerifyBundle(bundle_, trust_, kNow), SizeIs(3));
}

TEST(IntelBundleTest, GenuineDocumentsPass) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  const auto set = FindIntelCollateral("tdx/collateral/50806f-2026-03");
  ASSERT_TRUE(set.has_value());
  const absl::Time now = Middle(*set->window);
  const IntelCollateral& all = set->collateral;
  CollateralBundle bundle(now);
  const std::string tcb_key =
      "intel/tdx/certification/v4/tcb?fmspc=50806f000000";
  const auto add = [&](const std::string& key, std::string_view content) {
    ASSERT_THAT(bundle.Add(key, {.content = ToBytes(content),
                                 .issuer_chain = all.tcb_signing_chain,
                                 .fetched_at = now}),
                IsOk());
  };
  add(tcb_key, all.tcb_info);
  add("intel/tdx/certification/v4/qe/identity", all.enclave_identity);
  add("intel/root-ca-crl", AsText(all.root_crl));
  const CollateralTrust trust{.intel = *IntelTrustAnchors::Create()};
  const auto results = VerifyBundle(bundle, trust, now);
  EXPECT_THAT(results, SizeIs(3));
  for (const BundleEntryResult& result : results) {
    EXPECT_THAT(result.status, IsOk()) << result.key;
  }
  for (const BundleEntryResult& result :
       VerifyBundle(bundle, trust, now + absl::Hours(24 * 365))) {
    EXPECT_THAT(result.status, StatusIs(absl::StatusCode::kFailedPrecondition))
        << result.key;
  }
  // Under the name of another platform it is refused.
  add("intel/tdx/certification/v4/tcb?fmspc=90c06f000000", all.tcb_info);
  EXPECT_THAT(VerifyBundle(bundle, trust, now).back().status,
              StatusIs(absl::StatusCode::kUnauthenticated));
}

}  // namespace
}  // namespace constellation::attestation
