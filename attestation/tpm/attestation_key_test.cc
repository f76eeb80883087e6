// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/attestation_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/tpm/testing/quote_signer.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::QuoteSigner;
using ::constellation::testing::SignerKind;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(AttestationKeyTest, EveryFormGivesTheSameSpki) {
  for (const SignerKind kind :
       {SignerKind::kRsassa, SignerKind::kP256, SignerKind::kP384}) {
    const QuoteSigner signer(kind, kTpmAlgSha256);
    ASSERT_OK_AND_ASSIGN(const AttestationKeyUnverified tpmt,
                         ParseAttestationKeyUnverified(signer.Tpmt()));
    ASSERT_OK_AND_ASSIGN(const AttestationKeyUnverified spki,
                         ParseAttestationKeyUnverified(signer.Spki()));
    EXPECT_EQ(tpmt.spki, signer.Spki());
    EXPECT_EQ(spki.spki, signer.Spki());
    EXPECT_TRUE(tpmt.area.has_value());
    EXPECT_TRUE(std::ranges::equal(tpmt.name, *NameOf(signer.Tpmt())));
    EXPECT_FALSE(spki.area.has_value());
    EXPECT_TRUE(spki.name.empty());
    if (kind != SignerKind::kRsassa) {
      ASSERT_OK_AND_ASSIGN(const AttestationKeyUnverified point,
                           ParseAttestationKeyUnverified(signer.Point()));
      EXPECT_EQ(point.spki, signer.Spki());
    }
  }
}

TEST(AttestationKeyTest, PadsShortCoordinates) {
  ASSERT_OK_AND_ASSIGN(const Bytes spki,
                       EncodeEcSpki(crypto::EcCurve::kP256, Bytes{7}, {}));
  EXPECT_EQ(spki.size(), 91U);
  EXPECT_EQ(spki[26], 4);
  EXPECT_EQ(spki[26 + 32], 7);
  EXPECT_EQ(spki[26 + 31], 0);
  EXPECT_THAT(EncodeEcSpki(crypto::EcCurve::kP256, Bytes(33), Bytes(32)),
              StatusIs(kInvalid, HasSubstr("at most 32 octets, got 33")));
  EXPECT_THAT(
      EncodeEcSpki(crypto::EcCurve::kP256, Bytes(32), Bytes(33)),
      StatusIs(kInvalid, HasSubstr("at most 32 octets, got 32 and 33")));
  EXPECT_THAT(
      EncodeEcSpki(crypto::EcCurve::kP384, Bytes(48), Bytes(49)),
      StatusIs(kInvalid, HasSubstr("at most 48 octets, got 48 and 49")));
}

TEST(AttestationKeyTest, PointsHaveTheSizeOfTheirCurve) {
  for (const size_t size :
       {size_t{1}, size_t{2}, size_t{3}, size_t{64}, size_t{66}, size_t{67},
        size_t{96}, size_t{98}, size_t{133}}) {
    EXPECT_THAT(ParseAttestationKeyUnverified(Bytes(size, 4)),
                StatusIs(kInvalid,
                         "attestation key: want a point of 65 or 97 "
                         "octets, got " +
                             std::to_string(size)));
  }
}

TEST(AttestationKeyTest, EncodesRsaExponents) {
  // INTEGER 3 and INTEGER 65537 at the end.
  const Bytes three = EncodeRsaSpki(Bytes(256, 0x90), 3);
  EXPECT_TRUE(std::ranges::equal(std::span(three).last(3), Bytes{2, 1, 3}));
  const Bytes usual = EncodeRsaSpki(Bytes(256, 0x90), 65537);
  EXPECT_TRUE(
      std::ranges::equal(std::span(usual).last(5), Bytes{2, 3, 1, 0, 1}));
}

TEST(AttestationKeyTest, RefusesWhatIsNoKey) {
  const QuoteSigner signer(SignerKind::kP256, kTpmAlgSha256);
  EXPECT_THAT(ParseAttestationKeyUnverified({}),
              StatusIs(kInvalid, "attestation key: it is empty"));
  EXPECT_THAT(ParseAttestationKeyUnverified(Bytes{0x77}),
              StatusIs(kInvalid, HasSubstr("0x77")));
  Bytes point = signer.Point();
  point.pop_back();
  EXPECT_THAT(ParseAttestationKeyUnverified(point),
              StatusIs(kInvalid, HasSubstr("65 or 97 octets, got 64")));
  point = signer.Point();
  point[40] ^= 1U;
  EXPECT_THAT(ParseAttestationKeyUnverified(point), StatusIs(kInvalid));
  Bytes spki = signer.Spki();
  spki.push_back(0);
  EXPECT_THAT(ParseAttestationKeyUnverified(spki), StatusIs(kInvalid));
  Bytes tpmt = signer.Tpmt();
  tpmt.push_back(0);
  EXPECT_THAT(ParseAttestationKeyUnverified(tpmt), StatusIs(kInvalid));
}

// Kinds that no TPM quotes with.
TEST(AttestationKeyTest, RefusesKeysOfOtherKinds) {
  Bytes ed25519 = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                   0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
  ed25519.resize(44, 0x11);
  EXPECT_THAT(ParseAttestationKeyUnverified(ed25519),
              StatusIs(kInvalid, HasSubstr("got another kind")));
}

TEST(AttestationKeyTest, RefusesOtherCurvesAndNames) {
  const QuoteSigner signer(SignerKind::kP256, kTpmAlgSha256);
  ASSERT_OK_AND_ASSIGN(PublicAreaUnverified area,
                       ParsePublicAreaUnverified(signer.Tpmt()));
  area.ecc_curve = 0x0005;  // P-521
  EXPECT_THAT(KeyOfPublicArea(area),
              StatusIs(kInvalid, HasSubstr("P-384 (4), got 5")));
  area.ecc_curve = kTpmEccNistP384;
  EXPECT_THAT(KeyOfPublicArea(area), StatusIs(kInvalid));
  Bytes other_name = signer.Tpmt();
  other_name[3] = 0x0c;  // sha384
  ASSERT_OK_AND_ASSIGN(const AttestationKeyUnverified key,
                       ParseAttestationKeyUnverified(other_name));
  EXPECT_EQ(key.name.size(), 50U);
  EXPECT_EQ(key.name[1], 0x0c);
  other_name[3] = 0x04;
  EXPECT_THAT(ParseAttestationKeyUnverified(other_name),
              StatusIs(kInvalid, HasSubstr("sha512, got sha1")));
}

}  // namespace
}  // namespace constellation::attestation
