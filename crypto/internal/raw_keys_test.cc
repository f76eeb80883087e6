// SPDX-License-Identifier: Apache-2.0
#include "crypto/internal/raw_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <string>

#include "common/testing/status_matchers.h"
#include "crypto/der.h"
#include "crypto/hash.h"
#include "crypto/testing/octets.h"
#include "crypto/testing/test_certificates.h"

namespace constellation::crypto::internal {
namespace {

using testing::Hex;
using testing::TestKey;
using testing::TestScheme;

// A curve's key, its point, and how it signs.
struct EcCase {
  EcCurve curve;
  size_t size;  // of a coordinate
  TestScheme scheme;
};

class RawEcKeyTest : public ::testing::TestWithParam<EcCase> {
 protected:
  RawEcKeyTest() : key_(TestKey::GenerateEc(GetParam().curve)) {
    const Bytes spki = key_.Spki();
    point_.assign(spki.end() - static_cast<ptrdiff_t>(1 + 2 * GetParam().size),
                  spki.end());
    const Bytes der = key_.Sign(GetParam().scheme, kMessage);
    const EcdsaSignature signature = *ParseEcdsaSignature(der);
    r_.assign(signature.r.begin(), signature.r.end());
    s_.assign(signature.s.begin(), signature.s.end());
    if (GetParam().scheme == TestScheme::kEcdsaSha256) {
      const auto digest = Sha256(kMessage);
      digest_.assign(digest.begin(), digest.end());
    } else {
      const auto digest = Sha384(kMessage);
      digest_.assign(digest.begin(), digest.end());
    }
  }
  RawEcKey Raw() const {
    return RawEcKey::FromPoint(GetParam().curve, point_).value();
  }

  const Bytes kMessage = {1, 2, 3};
  const TestKey key_;
  Bytes point_;  // uncompressed
  Bytes r_;
  Bytes s_;
  Bytes digest_;
};

TEST_P(RawEcKeyTest, PointReadsBackTheSame) {
  EXPECT_EQ(Raw().UncompressedPoint(), point_);
  EXPECT_EQ(Raw().curve(), GetParam().curve);
}

TEST_P(RawEcKeyTest, TakesCompressedPoints) {
  Bytes compressed(point_.begin(), point_.begin() + static_cast<ptrdiff_t>(
                                                        1 + GetParam().size));
  compressed[0] = static_cast<uint8_t>(2 + (point_.back() & 1));
  const auto key = RawEcKey::FromPoint(GetParam().curve, compressed);
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->UncompressedPoint(), point_);
}

TEST_P(RawEcKeyTest, RefusesWhatIsNoPoint) {
  Bytes off_curve = point_;
  off_curve.back() ^= 1;
  Bytes cut(point_.begin(), point_.end() - 1);
  Bytes longer = point_;
  longer.push_back(0);
  for (const Bytes& bad :
       {off_curve, cut, longer, Bytes(), Bytes{0},  // 0: infinity
        Bytes(point_.size(), 0xff), Bytes(point_.size(), 0)}) {
    EXPECT_FALSE(RawEcKey::FromPoint(GetParam().curve, bad).has_value());
  }
}

TEST_P(RawEcKeyTest, PointOfTheOtherCurveIsRefused) {
  const EcCurve other =
      GetParam().curve == EcCurve::kP256 ? EcCurve::kP384 : EcCurve::kP256;
  EXPECT_FALSE(RawEcKey::FromPoint(other, point_).has_value());
}

// Against OpenSSL's own signer, with many different scalars; a digest of zeros
// leaves only the key's product.
TEST_P(RawEcKeyTest, AgreesWithTheSigner) {
  const RawEcKey key = Raw();
  const RawEcKey prepared = key.Prepared();
  for (uint8_t i = 0; i < 40; ++i) {
    const Bytes message = {i};
    const Bytes der = key_.Sign(GetParam().scheme, message);
    const EcdsaSignature signature = *ParseEcdsaSignature(der);
    const auto sha256 = Sha256(message);
    const auto sha384 = Sha384(message);
    const std::span<const uint8_t> digest =
        GetParam().curve == EcCurve::kP256 ? std::span<const uint8_t>(sha256)
                                           : std::span<const uint8_t>(sha384);
    EXPECT_TRUE(key.Verify(digest, signature.r, signature.s)) << int{i};
    EXPECT_TRUE(prepared.Verify(digest, signature.r, signature.s)) << int{i};
    const Bytes zeros(digest.size(), 0);
    EXPECT_FALSE(key.Verify(zeros, signature.r, signature.s)) << int{i};
    EXPECT_FALSE(prepared.Verify(zeros, signature.r, signature.s)) << int{i};
  }
}

// Both ways of verifying must agree in everything.
TEST_P(RawEcKeyTest, VerifiesAndRefuses) {
  for (const RawEcKey& key : {Raw(), Raw().Prepared()}) {
    EXPECT_TRUE(key.Verify(digest_, r_, s_));
    Bytes other = digest_;
    other[0] ^= 1;
    EXPECT_FALSE(key.Verify(other, r_, s_));
    Bytes spoilt = r_;
    spoilt.back() ^= 1;
    EXPECT_FALSE(key.Verify(digest_, spoilt, s_));
    spoilt = s_;
    spoilt.back() ^= 1;
    EXPECT_FALSE(key.Verify(digest_, r_, spoilt));
    EXPECT_FALSE(key.Verify(digest_, s_, r_));
  }
}

// FIPS 186-4, 6.4.2: r and s are from 1 to n - 1.
TEST_P(RawEcKeyTest, RefusesNumbersOutOfRange) {
  const Bytes zero(GetParam().size, 0);
  const Bytes huge(GetParam().size, 0xff);
  for (const RawEcKey& key : {Raw(), Raw().Prepared()}) {
    EXPECT_FALSE(key.Verify(digest_, zero, s_));
    EXPECT_FALSE(key.Verify(digest_, r_, zero));
    EXPECT_FALSE(key.Verify(digest_, huge, s_));
    EXPECT_FALSE(key.Verify(digest_, r_, huge));
    EXPECT_FALSE(key.Verify(digest_, {}, {}));
    EXPECT_FALSE(key.Verify(digest_, Bytes(4096, 0xff), s_));
  }
}

TEST_P(RawEcKeyTest, OtherKeyRefuses) {
  const TestKey other = TestKey::GenerateEc(GetParam().curve);
  const Bytes spki = other.Spki();
  const Bytes point(spki.end() - static_cast<ptrdiff_t>(point_.size()),
                    spki.end());
  const auto key = RawEcKey::FromPoint(GetParam().curve, point);
  ASSERT_TRUE(key.has_value());
  EXPECT_FALSE(key->Verify(digest_, r_, s_));
  EXPECT_FALSE(key->Prepared().Verify(digest_, r_, s_));
}

INSTANTIATE_TEST_SUITE_P(
    Curves, RawEcKeyTest,
    ::testing::Values(EcCase{EcCurve::kP256, 32, TestScheme::kEcdsaSha256},
                      EcCase{EcCurve::kP384, 48, TestScheme::kEcdsaSha384}));

RawEcKey P384Key(std::string_view x, std::string_view y) {
  const Bytes point = Hex("04" + std::string(x) + std::string(y));
  return RawEcKey::FromPoint(EcCurve::kP384, point).value();
}

// The order n of P-384 without its last octet, 0x73.
const std::string kOrder =
    "ffffffffffffffffffffffffffffffffffffffffffffffff"
    "c7634d81f4372ddf581a0db248b0a77aecec196accc529";

// SEC 1 section 4.1.4 step 8: v is the x-coordinate modulo the order. Of random
// signatures none in 2^190 has a coordinate above the order; this one was made
// with n + 2 (its key chosen to fit).
TEST(RawEcKeyP384Test, TakesTheCoordinateModuloTheOrder) {
  const RawEcKey key = P384Key(
      "38d719ca2460bd64751ba9e8482ab0a43b43a47bf9c6039b"
      "9cc6e9cb444af4c07c2dcbcfb609a745976d36a103c5188d",
      "8fb2964ac897294122eea6cac54457be1fe668d906e69ed4"
      "e824865835bc48e6c873713636cf600a75dcabce93dccc40");
  const Bytes digest(48, 7);
  for (const RawEcKey& way : {key, key.Prepared()}) {
    EXPECT_TRUE(way.Verify(digest, Bytes{2}, Bytes{5}));
    EXPECT_FALSE(way.Verify(digest, Bytes{3}, Bytes{5}));
    EXPECT_FALSE(way.Verify(digest, Bytes{2}, Bytes{6}));
    // Congruent numbers, n + 2 and n + 5, are others (FIPS 186-4, 6.4.2).
    EXPECT_FALSE(way.Verify(digest, Hex(kOrder + "75"), Bytes{5}));
    EXPECT_FALSE(way.Verify(digest, Bytes{2}, Hex(kOrder + "78")));
  }
}

// The key is 3 G and the digest -27: with r = 9 both products cancel out for
// every s, and infinity has no coordinate that could be anything's.
TEST(RawEcKeyP384Test, RefusesASumAtInfinity) {
  const RawEcKey key = P384Key(
      "077a41d4606ffa1464793c7e5fdc7d98cb9d3910202dcd06"
      "bea4f240d3566da6b408bbae5026580d02d7e5c70500c831",
      "c995f7ca0b0c42837d0bbe9602a9fc998520b41c85115aa5"
      "f7684c0edc111eacc24abd6be4b5d298b65f28600a2f1df1");
  const Bytes digest =
      Hex("ffffffffffffffffffffffffffffffffffffffffffffffff"
          "c7634d81f4372ddf581a0db248b0a77aecec196accc52958");
  for (const RawEcKey& way : {key, key.Prepared()}) {
    EXPECT_FALSE(way.Verify(Bytes(48, 0), Bytes{0}, Bytes{5}));  // 0 G + 0 Q
    for (const uint8_t s : Bytes{1, 2, 9, 200}) {
      EXPECT_FALSE(way.Verify(digest, Bytes{9}, Bytes{s})) << int{s};
    }
  }
}

TEST(DigestOfTest, HasTheRightSizes) {
  EXPECT_EQ(EVP_MD_get_size(DigestOf(HashAlgorithm::kSha1)), 20);
  EXPECT_EQ(EVP_MD_get_size(DigestOf(HashAlgorithm::kSha256)), 32);
  EXPECT_EQ(EVP_MD_get_size(DigestOf(HashAlgorithm::kSha384)), 48);
  EXPECT_EQ(EVP_MD_get_size(DigestOf(HashAlgorithm::kSha512)), 64);
}

TEST(RawRsaKeyTest, VerifiesWhatTheExponentAndModulusSay) {
  const TestKey key = TestKey::GenerateRsa();
  // SubjectPublicKeyInfo ends in a BIT STRING with SEQUENCE { n, e }.
  const Bytes spki = key.Spki();
  DerReader outer(spki);
  DerReader info(*outer.Read(kDerSequence, "spki"));
  ASSERT_TRUE(info.Read(kDerSequence, "algorithm").ok());
  DerReader numbers_outer(
      *DerBitOctets(*info.Read(kDerBitString, "key"), "key"));
  DerReader numbers(*numbers_outer.Read(kDerSequence, "numbers"));
  const auto modulus = *numbers.Read(kDerInteger, "n");
  const auto raw = RawRsaKey::FromNumbers(modulus, 65537);
  ASSERT_TRUE(raw.has_value());
  EXPECT_EQ(raw->bits(), 2048);
  EXPECT_NE(raw->ToPkey(), nullptr);

  const Bytes message = {1, 2, 3};
  const auto digest = Sha256(message);
  Bytes signature = key.Sign(TestScheme::kPkcs1Sha256, message);
  EXPECT_TRUE(raw->VerifyPkcs1(HashAlgorithm::kSha256, digest, signature));
  EXPECT_FALSE(
      raw->VerifyPkcs1(HashAlgorithm::kSha384, Sha384(message), signature));
  signature[0] ^= 1;
  EXPECT_FALSE(raw->VerifyPkcs1(HashAlgorithm::kSha256, digest, signature));
  EXPECT_FALSE(raw->VerifyPkcs1(HashAlgorithm::kSha256, digest, {}));

  Bytes pss = key.Sign(TestScheme::kPssSha256, message);
  EXPECT_TRUE(raw->VerifyPss(HashAlgorithm::kSha256, digest, pss, 32));
  EXPECT_TRUE(raw->VerifyPss(HashAlgorithm::kSha256, digest, pss, {}));
  EXPECT_FALSE(raw->VerifyPss(HashAlgorithm::kSha256, digest, pss, 20));
  EXPECT_FALSE(raw->VerifyPkcs1(HashAlgorithm::kSha256, digest, pss));
  pss.pop_back();
  EXPECT_FALSE(raw->VerifyPss(HashAlgorithm::kSha256, digest, pss, 32));

  const auto other = RawRsaKey::FromNumbers(modulus, 3);
  ASSERT_TRUE(other.has_value());
  EXPECT_FALSE(other->VerifyPss(HashAlgorithm::kSha256, digest,
                                key.Sign(TestScheme::kPssSha256, message), 32));
}

}  // namespace
}  // namespace constellation::crypto::internal
