// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tpm_structures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>

#include "attestation/testing/software_tpm.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::MarshalAttest;
using ::constellation::testing::QuoteParts;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TpmWriter;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Bytes GoodAttest() {
  QuoteParts parts;
  parts.extra_data = Bytes(32, 1);
  parts.selections = {{.hash_algorithm = kTpmAlgSha256, .pcrs = {0, 7, 15}}};
  parts.pcr_digest = Bytes(32, 2);
  return MarshalAttest(parts);
}

Bytes GoodSignature() {
  return TpmWriter()
      .U16(kTpmAlgEcdsa)
      .U16(kTpmAlgSha256)
      .Sized(Bytes(32, 1))
      .Sized(Bytes(32, 2))
      .Take();
}

TpmWriter EccUpToCurve() {
  TpmWriter writer;
  writer.U16(kTpmAlgEcc).U16(kTpmAlgSha256).U32(0x50072).Sized({});
  writer.U16(kTpmAlgNull).U16(kTpmAlgEcdsa).U16(kTpmAlgSha256);
  return writer;
}

Bytes GoodEcc() {
  return EccUpToCurve()
      .U16(kTpmEccNistP256)
      .U16(kTpmAlgNull)
      .Sized(Bytes(32, 1))
      .Sized(Bytes(32, 2))
      .Take();
}

Bytes GoodRsa(uint16_t bits = 2048) {
  return TpmWriter()
      .U16(kTpmAlgRsa)
      .U16(kTpmAlgSha256)
      .U32(0x300b2)
      .Sized(Bytes(32, 9))
      .U16(kTpmAlgAes)
      .U16(128)
      .U16(0x43)
      .U16(kTpmAlgNull)
      .U16(bits)
      .U32(0)
      .Sized(Bytes(256, 0xff))
      .Take();
}

// Every proper prefix and one more octet must be refused, without a crash.
template <typename Parse>
void ExpectExactLength(const Bytes& good, Parse parse) {
  ASSERT_THAT(parse(good), IsOk());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_THAT(parse(std::span(good).first(size)), StatusIs(kInvalid))
        << "prefix of " << size;
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_THAT(parse(longer), StatusIs(kInvalid, HasSubstr("1 more bytes")));
}

TEST(ParseAttestTest, ReadsEveryField) {
  ASSERT_OK_AND_ASSIGN(const AttestUnverified attest,
                       ParseAttestUnverified(GoodAttest()));
  EXPECT_EQ(attest.magic, kTpmGeneratedValue);
  EXPECT_EQ(attest.type, kTpmStAttestQuote);
  EXPECT_EQ(attest.extra_data, Bytes(32, 1));
  EXPECT_EQ(attest.clock, 1U);
  EXPECT_TRUE(attest.safe);
  ASSERT_TRUE(attest.quote.has_value());
  ASSERT_EQ(attest.quote->selections.size(), 1U);
  EXPECT_EQ(attest.quote->selections[0].hash_algorithm, kTpmAlgSha256);
  EXPECT_THAT(attest.quote->selections[0].pcrs, ElementsAre(0, 7, 15));
  EXPECT_EQ(attest.quote->pcr_digest, Bytes(32, 2));
}

TEST(ParseAttestTest, RefusesEveryOtherLength) {
  ExpectExactLength(GoodAttest(), ParseAttestUnverified);
}

TEST(ParseAttestTest, LeavesOtherTypesUnread) {
  QuoteParts parts;
  parts.type = 0x8017;
  ASSERT_OK_AND_ASSIGN(const AttestUnverified attest,
                       ParseAttestUnverified(MarshalAttest(parts)));
  EXPECT_EQ(attest.type, 0x8017);
  EXPECT_FALSE(attest.quote.has_value());
}

TEST(ParseAttestTest, RefusesTooManySelections) {
  QuoteParts parts;
  parts.selections.resize(17);
  EXPECT_THAT(
      ParseAttestUnverified(MarshalAttest(parts)),
      StatusIs(kInvalid, HasSubstr("pcrSelect.count: want at most 16")));
}

TEST(ParseAttestTest, RefusesBooleanThatIsNone) {
  Bytes attest = GoodAttest();
  // magic, type, empty signer, 32 octets of data, clock, two counters.
  attest[4 + 2 + 2 + 2 + 32 + 8 + 4 + 4] = 2;
  EXPECT_THAT(ParseAttestUnverified(attest),
              StatusIs(kInvalid, HasSubstr("safe: want 0 or 1, got 2")));
}

TEST(ParseAttestTest, RefusesOversizedFields) {
  QuoteParts parts;
  parts.extra_data = Bytes(67);
  EXPECT_THAT(ParseAttestUnverified(MarshalAttest(parts)),
              StatusIs(kInvalid, HasSubstr("extraData")));
  parts.extra_data.clear();
  parts.pcr_digest = Bytes(65);
  EXPECT_THAT(ParseAttestUnverified(MarshalAttest(parts)),
              StatusIs(kInvalid, HasSubstr("pcrDigest")));
}

TEST(ParseSignatureTest, ReadsEcdsaAndRsa) {
  ASSERT_OK_AND_ASSIGN(const SignatureUnverified ecdsa,
                       ParseSignatureUnverified(GoodSignature()));
  EXPECT_EQ(ecdsa.r, Bytes(32, 1));
  EXPECT_EQ(ecdsa.s, Bytes(32, 2));
  const Bytes rsa = TpmWriter()
                        .U16(kTpmAlgRsapss)
                        .U16(kTpmAlgSha256)
                        .Sized(Bytes(256, 3))
                        .Take();
  ASSERT_OK_AND_ASSIGN(const SignatureUnverified pss,
                       ParseSignatureUnverified(rsa));
  EXPECT_EQ(pss.scheme, kTpmAlgRsapss);
  EXPECT_EQ(pss.rsa, Bytes(256, 3));
}

TEST(ParseSignatureTest, RefusesEveryOtherLength) {
  ExpectExactLength(GoodSignature(), ParseSignatureUnverified);
}

TEST(ParseSignatureTest, RefusesUnknownScheme) {
  const Bytes hmac = TpmWriter().U16(0x0005).U16(kTpmAlgSha256).Take();
  EXPECT_THAT(ParseSignatureUnverified(hmac),
              StatusIs(kInvalid, HasSubstr("want rsassa, rsapss or ecdsa")));
}

TEST(ParsePublicAreaTest, ReadsEccKey) {
  ASSERT_OK_AND_ASSIGN(const PublicAreaUnverified area,
                       ParsePublicAreaUnverified(GoodEcc()));
  EXPECT_EQ(area.attributes, 0x50072U);
  EXPECT_EQ(area.scheme, kTpmAlgEcdsa);
  EXPECT_EQ(area.scheme_hash, kTpmAlgSha256);
  EXPECT_EQ(area.ecc_curve, kTpmEccNistP256);
  EXPECT_EQ(area.ecc_x, Bytes(32, 1));
}

TEST(ParsePublicAreaTest, ReadsRsaStorageKey) {
  ASSERT_OK_AND_ASSIGN(const PublicAreaUnverified area,
                       ParsePublicAreaUnverified(GoodRsa()));
  EXPECT_EQ(area.symmetric, kTpmAlgAes);
  EXPECT_EQ(area.scheme, kTpmAlgNull);
  EXPECT_EQ(area.rsa_exponent, 65537U);
  EXPECT_EQ(area.rsa_modulus.size(), 256U);
}

TEST(ParsePublicAreaTest, RefusesEveryOtherLength) {
  ExpectExactLength(GoodEcc(), ParsePublicAreaUnverified);
  ExpectExactLength(GoodRsa(), ParsePublicAreaUnverified);
}

// What follows a scheme or a derivation depends on which it is.
TEST(ParsePublicAreaTest, ReadsDetailsOfSchemes) {
  TpmWriter head;
  head.U16(kTpmAlgEcc).U16(kTpmAlgSha256).U32(0x50072).Sized({});
  const Bytes ecdaa = head.U16(kTpmAlgNull)
                          .U16(kTpmAlgEcdaa)
                          .U16(kTpmAlgSha256)
                          .U16(1)  // count
                          .U16(kTpmEccNistP256)
                          .U16(kTpmAlgNull)
                          .Sized(Bytes(32, 1))
                          .Sized(Bytes(32, 2))
                          .Take();
  ExpectExactLength(ecdaa, ParsePublicAreaUnverified);
  ASSERT_OK_AND_ASSIGN(PublicAreaUnverified area,
                       ParsePublicAreaUnverified(ecdaa));
  EXPECT_EQ(area.ecc_curve, kTpmEccNistP256);
  const Bytes derived = EccUpToCurve()
                            .U16(kTpmEccNistP256)
                            .U16(0x0020)  // TPM_ALG_KDF1_SP800_56A
                            .U16(kTpmAlgSha256)
                            .Sized(Bytes(32, 1))
                            .Sized(Bytes(32, 2))
                            .Take();
  ExpectExactLength(derived, ParsePublicAreaUnverified);
  ASSERT_OK_AND_ASSIGN(area, ParsePublicAreaUnverified(derived));
  EXPECT_EQ(area.ecc_y, Bytes(32, 2));
}

TEST(ParsePublicAreaTest, RefusesModulusOfAnotherSize) {
  EXPECT_THAT(ParsePublicAreaUnverified(GoodRsa(3072)),
              StatusIs(kInvalid, HasSubstr("modulus: want 3072 bits")));
}

TEST(ParsePublicAreaTest, RefusesOversizedCoordinate) {
  const Bytes area = EccUpToCurve()
                         .U16(kTpmEccNistP256)
                         .U16(kTpmAlgNull)
                         .Sized(Bytes(67))
                         .Sized(Bytes(32))
                         .Take();
  EXPECT_THAT(ParsePublicAreaUnverified(area),
              StatusIs(kInvalid, HasSubstr("x at offset")));
}

TEST(ParsePublicAreaTest, RefusesOtherKindsOfObject) {
  const Bytes keyed_hash =
      TpmWriter().U16(0x0008).U16(kTpmAlgSha256).U32(0).Sized({}).Take();
  EXPECT_THAT(ParsePublicAreaUnverified(keyed_hash),
              StatusIs(kInvalid, HasSubstr("want rsa or ecc, got 0x0008")));
}

TEST(NameOfTest, IsAlgorithmThenDigest) {
  const Bytes area = GoodEcc();
  ASSERT_OK_AND_ASSIGN(const TpmName name, NameOf(area));
  const crypto::Sha256Digest digest = crypto::Sha256(area);
  EXPECT_EQ(name[0], 0x00);
  EXPECT_EQ(name[1], 0x0b);
  EXPECT_TRUE(std::equal(digest.begin(), digest.end(), name.begin() + 2));
}

TEST(NameOfTest, RefusesOtherNameAlgorithm) {
  Bytes area = GoodEcc();
  area[3] = 0x0c;
  EXPECT_THAT(
      NameOf(area),
      StatusIs(kInvalid, HasSubstr("nameAlg: want sha256, got sha384")));
}

TEST(AlgorithmNameTest, KnowsNames) {
  EXPECT_EQ(AlgorithmName(kTpmAlgSha256), "sha256");
  EXPECT_EQ(AlgorithmName(0x7777), "0x7777");
}

}  // namespace
}  // namespace constellation::attestation
