// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/tcb_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/intel/testing/synthetic.h"
#include "common/testing/status_matchers.h"
#include "crypto/p256.h"
#include "crypto/testing/test_certificates.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IntelSigner;
using ::constellation::testing::IsOk;
using ::constellation::testing::kSyntheticNow;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SyntheticAnchors;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Pem(const Bytes& der) {
  return crypto::PemEncode("CERTIFICATE", der);
}

absl::StatusOr<TcbSigner> Find(const std::string& chain) {
  return FindTcbSigner(chain, SyntheticAnchors(), kSyntheticNow);
}

TEST(TcbSignerTest, IsFoundInAnyOrderWithOrWithoutTheRoot) {
  const IntelSigner& signer = IntelSigner::Get();
  const std::string leaf = Pem(signer.tcb_signing());
  const std::string root = Pem(signer.root());
  for (const std::string& chain : {leaf, leaf + root, root + leaf}) {
    ASSERT_OK_AND_ASSIGN(const TcbSigner found, Find(chain));
    EXPECT_EQ(found.certificate.der(), signer.tcb_signing());
    EXPECT_FALSE(found.root->is_intel);
  }
}

TEST(TcbSignerTest, RefusesOtherChains) {
  const IntelSigner& signer = IntelSigner::Get();
  const IntelSigner impostor;
  const std::string leaf = Pem(signer.tcb_signing());
  for (const std::string& chain :
       {Pem(signer.root()), Pem(impostor.tcb_signing()),
        leaf + Pem(impostor.root()), leaf + Pem(signer.pck_ca(true)),
        Pem(signer.MakePck()) + Pem(signer.root())}) {
    EXPECT_THAT(Find(chain), StatusIs(absl::StatusCode::kUnauthenticated));
  }
  EXPECT_THAT(Find("no chain"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(FindTcbSigner(leaf, *IntelTrustAnchors::Create(), kSyntheticNow),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

// A certificate of the right name whose key may do other things only.
TEST(TcbSignerTest, RefusesSignersThatMayNotSign) {
  using crypto::testing::Der;
  const IntelSigner& signer = IntelSigner::Get();
  const auto chain_with = [&](uint8_t usage) {
    const auto root = crypto::Certificate::FromDer(signer.root()).value();
    crypto::testing::TestCertificate fields;
    fields.subject = "Intel SGX TCB Signing";
    fields.issuer = root.SubjectCommonName().value();
    fields.extensions = {{.oid = {0x55, 0x1d, 0x0f},
                          .critical = true,
                          .value = Der(0x03, Bytes{0, usage})}};
    return Pem(MakeCertificate(fields, signer.pck_key(), signer.root_key(),
                               crypto::testing::TestScheme::kEcdsaSha256));
  };
  EXPECT_THAT(Find(chain_with(0x80)), IsOk());
  for (const uint8_t usage : Bytes{0x40, 0x06, 0x7f}) {
    EXPECT_THAT(Find(chain_with(usage)),
                StatusIs(absl::StatusCode::kUnauthenticated,
                         HasSubstr("may not sign documents")));
  }
}

TEST(TcbSignerTest, TheSignatureIsOverTheExactText) {
  const IntelSigner& signer = IntelSigner::Get();
  const std::string text = signer.SignCollateral("tcbInfo", R"({"a":1})");
  ASSERT_OK_AND_ASSIGN(const SignedJsonUnverified document,
                       ParseSignedJsonUnverified(text, "tcbInfo"));
  ASSERT_OK_AND_ASSIGN(const TcbSigner found, Find(Pem(signer.tcb_signing())));
  EXPECT_THAT(VerifySignedJson(document, found.certificate), IsOk());
  SignedJsonUnverified other = document;
  other.body = R"({"a": 1})";
  EXPECT_THAT(VerifySignedJson(other, found.certificate),
              StatusIs(absl::StatusCode::kUnauthenticated));
  for (const size_t i : {0U, 31U, 32U, 63U}) {
    other = document;
    other.signature[i] ^= 1U;
    EXPECT_FALSE(VerifySignedJson(other, found.certificate).ok()) << i;
  }
  EXPECT_FALSE(
      VerifySignedJson(document, *crypto::Certificate::FromDer(signer.root()))
          .ok());
}

TEST(TcbSignerTest, DatesIncludeBothEnds) {
  const absl::Time from = absl::FromUnixSeconds(1000);
  const absl::Time to = absl::FromUnixSeconds(2000);
  const auto check = [&](int64_t now, absl::Duration grace) {
    return CheckDateWindow("list", from, to, absl::FromUnixSeconds(now), grace);
  };
  EXPECT_THAT(check(1000, {}), IsOk());
  EXPECT_THAT(check(2000, {}), IsOk());
  EXPECT_THAT(check(2010, absl::Seconds(10)), IsOk());
  EXPECT_FALSE(check(999, absl::Hours(1)).ok()) << "grace is for old ones";
  EXPECT_FALSE(check(2011, absl::Seconds(10)).ok());
  EXPECT_THAT(
      check(2001, {}),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("list"), HasSubstr("1970-01-01T00:16:40Z"),
                     HasSubstr("1970-01-01T00:33:20Z"),
                     HasSubstr("1970-01-01T00:33:21Z"))));
}

}  // namespace
}  // namespace constellation::attestation
