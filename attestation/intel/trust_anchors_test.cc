// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/trust_anchors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "attestation/testing/intel_signer.h"
#include "common/testing/status_matchers.h"
#include "crypto/testing/test_certificates.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IntelSigner;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using crypto::Certificate;
using ::testing::HasSubstr;

Certificate Parse(const Bytes& der) {
  return *Certificate::FromDer(der);
}

IntelTrustAnchors AnchorsWith(const IntelSigner& signer) {
  return *IntelTrustAnchors::Create(std::vector{Parse(signer.root())});
}

TEST(TrustAnchorsTest, IntelsRootIsAlwaysFirst) {
  ASSERT_OK_AND_ASSIGN(const IntelTrustAnchors intel,
                       IntelTrustAnchors::Create());
  ASSERT_EQ(intel.roots().size(), 1U);
  EXPECT_TRUE(intel.roots()[0].is_intel);
  EXPECT_EQ(intel.roots()[0].spki_fingerprint, kIntelRootSpkiFingerprint);
  const IntelTrustAnchors more = AnchorsWith(IntelSigner::Get());
  ASSERT_EQ(more.roots().size(), 2U);
  EXPECT_TRUE(more.roots()[0].is_intel);
  EXPECT_FALSE(more.roots()[1].is_intel);
  EXPECT_EQ(more.roots()[1].spki_fingerprint,
            IntelSigner::Get().RootSpkiSha256());
}

TEST(TrustAnchorsTest, EverySetHasAnIdOfItsOwn) {
  const IntelSigner other;
  const auto intel = *IntelTrustAnchors::Create();
  EXPECT_EQ(intel.id(), IntelTrustAnchors::Create()->id());
  EXPECT_NE(intel.id(), AnchorsWith(other).id());
  EXPECT_NE(AnchorsWith(IntelSigner::Get()).id(), AnchorsWith(other).id());
}

TEST(TrustAnchorsTest, RootsAreCertificateAuthoritiesThatSignedThemselves) {
  const IntelSigner& signer = IntelSigner::Get();
  for (const Bytes& der : {signer.tcb_signing(), signer.pck_ca(true)}) {
    EXPECT_THAT(IntelTrustAnchors::Create(std::vector{Parse(der)}),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  Bytes forged = signer.root();
  forged.back() ^= 1U;
  EXPECT_THAT(IntelTrustAnchors::Create(std::vector{Parse(forged)}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("did not sign itself")));
}

// Intel's keys are of P-256; all else here counts on that.
TEST(TrustAnchorsTest, RootsHaveKeysOfP256) {
  using crypto::testing::Der;
  using crypto::testing::DerSequence;
  using crypto::testing::TestKey;
  const auto root_of = [](const TestKey& key,
                          crypto::testing::TestScheme scheme) {
    crypto::testing::TestCertificate fields;
    fields.subject = fields.issuer = "root";
    fields.extensions = {{.oid = {0x55, 0x1d, 0x13},
                          .critical = true,
                          .value = DerSequence({Der(0x01, Bytes{0xff})})}};
    return IntelTrustAnchors::Create(
        std::vector{Parse(MakeCertificate(fields, key, key, scheme))});
  };
  EXPECT_THAT(root_of(TestKey::GenerateEc(crypto::EcCurve::kP256),
                      crypto::testing::TestScheme::kEcdsaSha256),
              IsOk());
  EXPECT_THAT(root_of(TestKey::GenerateEc(crypto::EcCurve::kP384),
                      crypto::testing::TestScheme::kEcdsaSha384),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want a P-256 key")));
  EXPECT_THAT(root_of(TestKey::GenerateRsa(),
                      crypto::testing::TestScheme::kPkcs1Sha256),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want a P-256 key")));
}

TEST(TrustAnchorsTest, IssuersAreFoundBySignatureNotByName) {
  const IntelSigner& signer = IntelSigner::Get();
  const IntelSigner impostor;  // the same names, other keys
  const IntelTrustAnchors anchors = AnchorsWith(signer);
  ASSERT_OK_AND_ASSIGN(const IntelRoot* root,
                       anchors.IssuerOf(Parse(signer.pck_ca(true))));
  EXPECT_EQ(root, &anchors.roots()[1]);
  EXPECT_THAT(anchors.IssuerOf(Parse(impostor.pck_ca(true))),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("not signed by the trusted root")));
  EXPECT_THAT(IntelTrustAnchors::Create()->IssuerOf(Parse(signer.pck_ca(true))),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("no trusted root")));
}

TEST(TrustAnchorsTest, TheEndOfAChainMustBeARoot) {
  const IntelSigner& signer = IntelSigner::Get();
  const IntelSigner impostor;
  const IntelTrustAnchors anchors = AnchorsWith(signer);
  EXPECT_THAT(anchors.CheckIsRoot(Parse(signer.root())), IsOk());
  EXPECT_THAT(anchors.CheckIsRoot(Parse(impostor.root())),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("is not trusted")));
  EXPECT_FALSE(anchors.CheckIsRoot(Parse(signer.pck_ca(true))).ok());
  // The same key in a certificate that nobody signed.
  Bytes forged = signer.root();
  forged.back() ^= 1U;
  EXPECT_FALSE(anchors.CheckIsRoot(Parse(forged)).ok());
}

}  // namespace
}  // namespace constellation::attestation
