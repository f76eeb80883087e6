// SPDX-License-Identifier: Apache-2.0
#include "crypto/public_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <string_view>
#include <tuple>
#include <utility>

#include "common/testing/status_matchers.h"
#include "crypto/der.h"
#include "crypto/internal/openssl.h"
#include "crypto/testing/octets.h"
#include "crypto/testing/test_certificates.h"
#include "crypto/testing/vectors.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using testing::Hex;
using testing::WithBitFlipped;

struct EcVector {
  EcCurve curve;
  HashAlgorithm hash;
  Bytes x, y, r, s;
};

// RFC 6979 appendix A.2.5 and A.2.6, message "sample".
const EcVector kP256{
    EcCurve::kP256,
    HashAlgorithm::kSha256,
    Hex("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"),
    Hex("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"),
    Hex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"),
    Hex("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8")};
const EcVector kP384{EcCurve::kP384,
                     HashAlgorithm::kSha384,
                     Hex("ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e"
                         "06aae5286b300c64def8f0ea9055866064a254515480bc13"),
                     Hex("8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9"
                         "f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720"),
                     Hex("94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa7"
                         "3d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"),
                     Hex("99ef4aeb15f178cea1fe40db2603138f130e740a19624526"
                         "203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8")};

const Bytes kSample = Hex("73616d706c65");  // "sample"

PublicKey KeyOf(const EcVector& vector) {
  return PublicKey::FromEcPoint(vector.curve, vector.x, vector.y).value();
}

// Each curve's vector, with the key as it is and prepared.
class EcdsaTest
    : public ::testing::TestWithParam<std::tuple<const EcVector*, bool>> {
 protected:
  const EcVector& v_ = *std::get<0>(GetParam());
  const PublicKey key_ =
      std::get<1>(GetParam()) ? KeyOf(v_).Prepared() : KeyOf(v_);
};

TEST_P(EcdsaTest, AcceptsThePublishedSignature) {
  EXPECT_THAT(key_.VerifyEcdsa(v_.hash, kSample, v_.r, v_.s), IsOk());
}

TEST_P(EcdsaTest, AcceptsLeadingZeros) {
  Bytes r = v_.r;
  r.insert(r.begin(), 0);
  EXPECT_THAT(key_.VerifyEcdsa(v_.hash, kSample, r, v_.s), IsOk());
}

TEST_P(EcdsaTest, RejectsAnotherMessage) {
  EXPECT_THAT(key_.VerifyEcdsa(v_.hash, WithBitFlipped(kSample, 5), v_.r, v_.s),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("does not verify")));
}

TEST_P(EcdsaTest, RejectsEveryFlippedOctetOfR) {
  for (size_t i = 0; i < v_.r.size(); ++i) {
    EXPECT_THAT(
        key_.VerifyEcdsa(v_.hash, kSample, WithBitFlipped(v_.r, i), v_.s),
        StatusIs(absl::StatusCode::kUnauthenticated))
        << i;
  }
}

TEST_P(EcdsaTest, RejectsEveryFlippedOctetOfS) {
  for (size_t i = 0; i < v_.s.size(); ++i) {
    EXPECT_THAT(
        key_.VerifyEcdsa(v_.hash, kSample, v_.r, WithBitFlipped(v_.s, i)),
        StatusIs(absl::StatusCode::kUnauthenticated))
        << i;
  }
}

TEST_P(EcdsaTest, RejectsZeroScalars) {
  for (const Bytes& zero : {Bytes(), Bytes(1), Bytes(v_.r.size())}) {
    EXPECT_THAT(key_.VerifyEcdsa(v_.hash, kSample, zero, v_.s),
                StatusIs(absl::StatusCode::kUnauthenticated));
    EXPECT_THAT(key_.VerifyEcdsa(v_.hash, kSample, v_.r, zero),
                StatusIs(absl::StatusCode::kUnauthenticated));
    EXPECT_THAT(key_.VerifyEcdsa(v_.hash, kSample, zero, zero),
                StatusIs(absl::StatusCode::kUnauthenticated));
  }
}

TEST_P(EcdsaTest, RejectsSwappedScalars) {
  EXPECT_THAT(key_.VerifyEcdsa(v_.hash, kSample, v_.s, v_.r),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_P(EcdsaTest, RejectsScalarsThatAreTooLong) {
  EXPECT_THAT(key_.VerifyEcdsa(v_.hash, kSample, Bytes(73, 1), v_.s),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("r or s is too long")));
  EXPECT_THAT(key_.VerifyEcdsa(v_.hash, kSample, v_.r, Bytes(73, 1)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("r or s is too long")));
}

TEST_P(EcdsaTest, RejectsAnotherHash) {
  EXPECT_THAT(key_.VerifyEcdsa(HashAlgorithm::kSha512, kSample, v_.r, v_.s),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(key_.VerifyEcdsa(HashAlgorithm::kSha1, kSample, v_.r, v_.s),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_P(EcdsaTest, RsaMethodsRefuseAnEcKey) {
  EXPECT_THAT(key_.VerifyRsaPkcs1(v_.hash, kSample, v_.r),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("not an RSA key")));
  EXPECT_THAT(key_.VerifyRsaPss(v_.hash, kSample, v_.r),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("not an RSA key")));
  EXPECT_THAT(key_.EncryptOaep(v_.hash, {}, kSample),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_P(EcdsaTest, KnowsItself) {
  EXPECT_EQ(key_.type(), KeyType::kEc);
  EXPECT_EQ(key_.bits(), v_.curve == EcCurve::kP256 ? 256 : 384);
}

TEST_P(EcdsaTest, SpkiRoundTrip) {
  ASSERT_OK_AND_ASSIGN(const PublicKey again,
                       PublicKey::FromSpki(key_.ToSpki()));
  EXPECT_EQ(again.ToSpki(), key_.ToSpki());
  EXPECT_THAT(again.VerifyEcdsa(v_.hash, kSample, v_.r, v_.s), IsOk());
}

TEST_P(EcdsaTest, RejectsAPointOffTheCurve) {
  EXPECT_THAT(PublicKey::FromEcPoint(v_.curve, v_.x, WithBitFlipped(v_.y, 3)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("not a point of the curve")));
  EXPECT_THAT(PublicKey::FromEcPoint(v_.curve, WithBitFlipped(v_.x, 3), v_.y),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_P(EcdsaTest, RejectsTheZeroPoint) {
  EXPECT_THAT(PublicKey::FromEcPoint(v_.curve, {}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_P(EcdsaTest, RejectsLongCoordinates) {
  Bytes x = v_.x;
  x.insert(x.begin(), 0);
  EXPECT_THAT(PublicKey::FromEcPoint(v_.curve, x, v_.y),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("longer than the curve's size")));
  Bytes y = v_.y;
  y.insert(y.begin(), 0);
  EXPECT_THAT(PublicKey::FromEcPoint(v_.curve, v_.x, y),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("longer than the curve's size")));
}

INSTANTIATE_TEST_SUITE_P(Curves, EcdsaTest,
                         ::testing::Combine(::testing::Values(&kP256, &kP384),
                                            ::testing::Bool()));

TEST_P(EcdsaTest, ScalarsMustBeBelowTheOrder) {
  const Bytes order =
      v_.curve == EcCurve::kP256
          ? Hex("ffffffff00000000ffffffffffffffff"
                "bce6faada7179e84f3b9cac2fc632551")
          : Hex("ffffffffffffffffffffffffffffffffffffffffffffffff"
                "c7634d81f4372ddf581a0db248b0a77aecec196accc52973");
  for (const Bytes& large : {order, Bytes(order.size(), 0xff)}) {
    EXPECT_THAT(key_.VerifyEcdsa(v_.hash, kSample, large, v_.s),
                StatusIs(absl::StatusCode::kUnauthenticated));
    EXPECT_THAT(key_.VerifyEcdsa(v_.hash, kSample, v_.r, large),
                StatusIs(absl::StatusCode::kUnauthenticated));
  }
}

// Both ways of verifying agree, on good and on spoilt signatures of every hash,
// also one that is longer or shorter than the order.
TEST(PreparedKeyTest, AgreesWithTheKeyItself) {
  using testing::TestScheme;
  const std::pair<TestScheme, HashAlgorithm> schemes[] = {
      {TestScheme::kEcdsaSha256, HashAlgorithm::kSha256},
      {TestScheme::kEcdsaSha384, HashAlgorithm::kSha384},
      {TestScheme::kEcdsaSha512, HashAlgorithm::kSha512}};
  for (int round = 0; round < 25; ++round) {
    const auto made = testing::TestKey::GenerateEc(EcCurve::kP384);
    const PublicKey key = made.Public();
    const PublicKey prepared = key.Prepared();
    EXPECT_EQ(prepared.ToSpki(), key.ToSpki());
    for (const auto& [scheme, hash] : schemes) {
      Bytes message(static_cast<size_t>(round), 3);
      const Bytes der = made.Sign(scheme, message);
      const EcdsaSignature signature = ParseEcdsaSignature(der).value();
      EXPECT_THAT(key.VerifyEcdsa(hash, message, signature.r, signature.s),
                  IsOk());
      EXPECT_THAT(prepared.VerifyEcdsa(hash, message, signature.r, signature.s),
                  IsOk());
      message.push_back(0);
      EXPECT_THAT(prepared.VerifyEcdsa(hash, message, signature.r, signature.s),
                  StatusIs(absl::StatusCode::kUnauthenticated));
    }
  }
}

// Keys whose point, or 2^192 times it, meets the generator's in the sum: k G
// for k = 1, -1, 2^192.
TEST(PreparedKeyTest, SumsOfEqualAndOppositePoints) {
  const Bytes gx =
      Hex("aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b98"
          "59f741e082542a385502f25dbf55296c3a545e3872760ab7");
  const Bytes gy =
      Hex("3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147c"
          "e9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f");
  const PublicKey key = PublicKey::FromEcPoint(EcCurve::kP384, gx, gy).value();
  const PublicKey prepared = key.Prepared();
  // Any (r, s): u1 and u2 differ, yet every product is of G or of 2^192 G.
  for (uint8_t r = 1; r < 40; ++r) {
    for (uint8_t s = 1; s < 4; ++s) {
      const Bytes r_number = {r};
      const Bytes s_number = {s};
      EXPECT_EQ(
          key.VerifyEcdsa(HashAlgorithm::kSha384, {}, r_number, s_number).ok(),
          prepared.VerifyEcdsa(HashAlgorithm::kSha384, {}, r_number, s_number)
              .ok());
    }
  }
}

TEST(PreparedKeyTest, OthersAreGivenBack) {
  const PublicKey rsa =
      PublicKey::FromRsa(Hex(testing::kRsaModulusHex), 65537).value();
  EXPECT_EQ(rsa.Prepared().ToSpki(), rsa.ToSpki());
}

TEST(PublicKeyTest, RejectsAPointOfAnotherCurve) {
  EXPECT_THAT(PublicKey::FromEcPoint(EcCurve::kP384, kP256.x, kP256.y),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// 379 * G, whose x begins with a zero octet.
TEST(PublicKeyTest, CoordinatesMayLackLeadingZeros) {
  const Bytes x =
      Hex("005543894af3d00ed7d740abdbd75c96b06877b787db5f70eea78b90a8d7c00a");
  const Bytes y =
      Hex("bb4c85a3d8ea29efaafa24406912dd84d5b14dc32bf656ef6c6bd58a5d943f92");
  ASSERT_OK_AND_ASSIGN(const PublicKey padded,
                       PublicKey::FromEcPoint(EcCurve::kP256, x, y));
  ASSERT_OK_AND_ASSIGN(
      const PublicKey bare,
      PublicKey::FromEcPoint(EcCurve::kP256, std::span(x).subspan(1), y));
  EXPECT_EQ(padded.ToSpki(), bare.ToSpki());
}

class RsaTest : public ::testing::Test {
 protected:
  const Bytes modulus_ = Hex(testing::kRsaModulusHex);
  const PublicKey key_ = PublicKey::FromRsa(modulus_, 65537).value();
  const Bytes message_ =
      Bytes{'c', 'o', 'n', 's', 't', 'e', 'l', 'l', 'a', 't', 'i', 'o', 'n'};
  const Bytes pkcs1_ = Hex(testing::kRsaPkcs1Hex);
  const Bytes pss32_ = Hex(testing::kRsaPss32Hex);
  const Bytes pss222_ = Hex(testing::kRsaPss222Hex);
};

TEST_F(RsaTest, AcceptsGoodSignatures) {
  EXPECT_THAT(key_.VerifyRsaPkcs1(HashAlgorithm::kSha256, message_, pkcs1_),
              IsOk());
  EXPECT_THAT(key_.VerifyRsaPss(HashAlgorithm::kSha256, message_, pss32_),
              IsOk());
}

TEST_F(RsaTest, AcceptsAnySaltLength) {
  EXPECT_THAT(key_.VerifyRsaPss(HashAlgorithm::kSha256, message_, pss222_),
              IsOk());
}

TEST_F(RsaTest, RejectsTheOtherScheme) {
  EXPECT_THAT(key_.VerifyRsaPkcs1(HashAlgorithm::kSha256, message_, pss32_),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(key_.VerifyRsaPss(HashAlgorithm::kSha256, message_, pkcs1_),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(RsaTest, RejectsAnotherMessage) {
  const Bytes other = WithBitFlipped(message_, 0);
  EXPECT_THAT(key_.VerifyRsaPkcs1(HashAlgorithm::kSha256, other, pkcs1_),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(key_.VerifyRsaPss(HashAlgorithm::kSha256, other, pss32_),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(RsaTest, RejectsEveryFlippedOctetOfTheSignature) {
  for (size_t i = 0; i < pkcs1_.size(); i += 5) {
    EXPECT_THAT(key_.VerifyRsaPkcs1(HashAlgorithm::kSha256, message_,
                                    WithBitFlipped(pkcs1_, i)),
                StatusIs(absl::StatusCode::kUnauthenticated))
        << i;
    EXPECT_THAT(key_.VerifyRsaPss(HashAlgorithm::kSha256, message_,
                                  WithBitFlipped(pss32_, i)),
                StatusIs(absl::StatusCode::kUnauthenticated))
        << i;
  }
}

TEST_F(RsaTest, RejectsSignaturesOfOtherLengths) {
  const std::span<const uint8_t> all(pkcs1_);
  for (const size_t size : {0U, 1U, 255U}) {
    EXPECT_THAT(
        key_.VerifyRsaPkcs1(HashAlgorithm::kSha256, message_, all.first(size)),
        StatusIs(absl::StatusCode::kUnauthenticated))
        << size;
  }
  Bytes longer = pkcs1_;
  longer.push_back(0);
  EXPECT_THAT(key_.VerifyRsaPkcs1(HashAlgorithm::kSha256, message_, longer),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(RsaTest, RejectsAnotherHash) {
  EXPECT_THAT(key_.VerifyRsaPkcs1(HashAlgorithm::kSha384, message_, pkcs1_),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(key_.VerifyRsaPss(HashAlgorithm::kSha384, message_, pss32_),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(RsaTest, RejectsAnotherExponent) {
  ASSERT_OK_AND_ASSIGN(const PublicKey other, PublicKey::FromRsa(modulus_, 3));
  EXPECT_THAT(other.VerifyRsaPkcs1(HashAlgorithm::kSha256, message_, pkcs1_),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(RsaTest, EcdsaRefusesAnRsaKey) {
  EXPECT_THAT(
      key_.VerifyEcdsa(HashAlgorithm::kSha256, message_, Bytes(32, 1),
                       Bytes(32, 1)),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not an EC key")));
}

TEST_F(RsaTest, KnowsItself) {
  EXPECT_EQ(key_.type(), KeyType::kRsa);
  EXPECT_EQ(key_.bits(), 2048);
}

TEST_F(RsaTest, SpkiRoundTrip) {
  ASSERT_OK_AND_ASSIGN(const PublicKey again,
                       PublicKey::FromSpki(key_.ToSpki()));
  EXPECT_THAT(again.VerifyRsaPkcs1(HashAlgorithm::kSha256, message_, pkcs1_),
              IsOk());
}

TEST_F(RsaTest, RejectsModuliOfOtherLengths) {
  EXPECT_THAT(PublicKey::FromRsa(Bytes(255, 0xff), 65537),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("got 255 octets")));
  EXPECT_THAT(PublicKey::FromRsa(Bytes(513, 0xff), 65537),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("got 513 octets")));
  EXPECT_THAT(PublicKey::FromRsa({}, 65537),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(RsaTest, RejectsALeadingZero) {
  Bytes modulus = modulus_;
  modulus[0] = 0;
  EXPECT_THAT(PublicKey::FromRsa(modulus, 65537),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("without leading zero")));
}

TEST_F(RsaTest, RejectsBadExponents) {
  for (const uint32_t exponent : {0U, 1U, 2U, 4U, 65536U}) {
    EXPECT_THAT(
        PublicKey::FromRsa(modulus_, exponent),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("odd exponent")))
        << exponent;
  }
}

// The other half of OAEP, with the test's private key.
absl::StatusOr<Bytes> DecryptOaep(std::string_view label, const Bytes& cipher) {
  const internal::UniqueBio bio =
      internal::ReadBio(AsBytes(testing::kRsaPrivateKeyPem));
  const internal::UniquePkey key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  const internal::UniquePkeyContext context(
      EVP_PKEY_CTX_new(key.get(), nullptr));
  EVP_PKEY_decrypt_init(context.get());
  EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING);
  EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), EVP_sha256());
  EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), EVP_sha256());
  EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(),
                                   OPENSSL_memdup(label.data(), label.size()),
                                   static_cast<int>(label.size()));
  Bytes plain(256);
  size_t size = plain.size();
  if (EVP_PKEY_decrypt(context.get(), plain.data(), &size, cipher.data(),
                       cipher.size()) != 1) {
    return internal::OpenSslError(absl::StatusCode::kUnauthenticated, "oaep");
  }
  plain.resize(size);
  return plain;
}

constexpr std::string_view kLabel("IDENTITY\0", 9);

TEST_F(RsaTest, OaepRoundTrip) {
  ASSERT_OK_AND_ASSIGN(
      const Bytes cipher,
      key_.EncryptOaep(HashAlgorithm::kSha256, AsBytes(kLabel), message_));
  EXPECT_EQ(cipher.size(), 256U);
  ASSERT_OK_AND_ASSIGN(const Bytes plain, DecryptOaep(kLabel, cipher));
  EXPECT_EQ(plain, message_);
}

TEST_F(RsaTest, OaepLabelIncludesItsNul) {
  ASSERT_OK_AND_ASSIGN(
      const Bytes cipher,
      key_.EncryptOaep(HashAlgorithm::kSha256, AsBytes(kLabel), message_));
  EXPECT_THAT(DecryptOaep(kLabel.substr(0, 8), cipher),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(RsaTest, OaepIsRandomised) {
  EXPECT_NE(key_.EncryptOaep(HashAlgorithm::kSha256, {}, message_).value(),
            key_.EncryptOaep(HashAlgorithm::kSha256, {}, message_).value());
}

TEST_F(RsaTest, OaepRejectsWhatDoesNotFit) {
  // RFC 8017 section 7.1.1: at most k - 2 hLen - 2 = 190 octets.
  EXPECT_THAT(key_.EncryptOaep(HashAlgorithm::kSha256, {}, Bytes(190)), IsOk());
  EXPECT_THAT(
      key_.EncryptOaep(HashAlgorithm::kSha256, {}, Bytes(191)),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("RSA-OAEP")));
}

TEST(SpkiTest, ReadsAKeyMadeElsewhere) {
  ASSERT_OK_AND_ASSIGN(const PublicKey key,
                       PublicKey::FromSpki(Hex(testing::kLeafSpkiHex)));
  EXPECT_EQ(key.type(), KeyType::kEc);
  EXPECT_EQ(HexEncode(key.ToSpki()), testing::kLeafSpkiHex);
}

TEST(SpkiTest, RejectsTrailingOctets) {
  Bytes der = Hex(testing::kLeafSpkiHex);
  der.push_back(0);
  EXPECT_THAT(PublicKey::FromSpki(der),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(SpkiTest, RejectsEveryTruncation) {
  const Bytes der = Hex(testing::kLeafSpkiHex);
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_THAT(PublicKey::FromSpki(std::span(der).first(size)),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << size;
  }
}

using testing::Der;
using testing::DerNumber;
using testing::DerSequence;

// An RSA key's SubjectPublicKeyInfo from its parts.
Bytes RsaSpki(const Bytes& modulus, const Bytes& exponent,
              const Bytes& parameters) {
  const Bytes key =
      DerSequence({Der(kDerInteger, modulus), Der(kDerInteger, exponent)});
  return DerSequence({DerSequence({Hex("06092a864886f70d010101"), parameters}),
                      Der(kDerBitString, testing::Join({Bytes{0}, key}))});
}

TEST(SpkiTest, RsaKeysHaveTheirLimits) {
  const Bytes null = Hex("0500");
  Bytes modulus = Hex(testing::kRsaModulusHex);
  modulus.insert(modulus.begin(), 0);
  EXPECT_THAT(PublicKey::FromSpki(RsaSpki(modulus, {1, 0, 1}, null)), IsOk());
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument);
  // Parameters other than NULL, a negative modulus, a short one, exponents.
  EXPECT_THAT(PublicKey::FromSpki(RsaSpki(modulus, {1, 0, 1}, {})), refused);
  EXPECT_THAT(PublicKey::FromSpki(RsaSpki(modulus, {1, 0, 1}, DerNumber(0))),
              refused);
  EXPECT_THAT(PublicKey::FromSpki(
                  RsaSpki(Hex(testing::kRsaModulusHex), {1, 0, 1}, null)),
              refused);
  EXPECT_THAT(PublicKey::FromSpki(RsaSpki(Bytes(128, 0x7f), {1, 0, 1}, null)),
              refused);
  EXPECT_THAT(PublicKey::FromSpki(RsaSpki(modulus, {1}, null)), refused);
  EXPECT_THAT(PublicKey::FromSpki(RsaSpki(modulus, {1, 0, 0, 0, 1}, null)),
              refused);
  EXPECT_THAT(PublicKey::FromSpki(RsaSpki(modulus, {0x81}, null)), refused);
}

TEST(SpkiTest, PointsMayBeCompressedButNotHybrid) {
  const Bytes whole = Hex(testing::kLeafSpkiHex);
  const Bytes head = Hex("301306072a8648ce3d020106082a8648ce3d030107");
  const auto spki = [&](uint8_t form, size_t size) {
    Bytes bits = {0, form};
    bits.insert(bits.end(), whole.begin() + 27,
                whole.begin() + 27 + static_cast<ptrdiff_t>(size));
    return DerSequence({head, Der(kDerBitString, bits)});
  };
  const auto parity = static_cast<uint8_t>(whole.back() & 1U);
  ASSERT_OK_AND_ASSIGN(
      const PublicKey key,
      PublicKey::FromSpki(spki(static_cast<uint8_t>(2 + parity), 32)));
  EXPECT_EQ(key.ToSpki(), whole);
  EXPECT_EQ(spki(4, 64), whole);
  for (const Bytes& bad :
       {spki(static_cast<uint8_t>(6 + parity), 64), spki(0, 0), spki(4, 63),
        spki(4, 32), spki(2, 31), spki(5, 64)}) {
    EXPECT_THAT(PublicKey::FromSpki(bad),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(SpkiTest, OtherKeysAreCarried) {
  // Ed25519, RFC 8410 section 10.1.
  const Bytes spki =
      Hex("302a300506032b657003210019bf44096984cdfe8541bac167dc3b96"
          "c85086aa30b6b6cb0c5c38ad703166e1");
  ASSERT_OK_AND_ASSIGN(const PublicKey key, PublicKey::FromSpki(spki));
  EXPECT_EQ(key.type(), KeyType::kOther);
  EXPECT_EQ(key.curve(), std::nullopt);
  EXPECT_EQ(key.ToSpki(), spki);
  EXPECT_THAT(key.VerifyEcdsa(HashAlgorithm::kSha256, {}, {}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(SpkiTest, RejectsMoreThanItsLimit) {
  EXPECT_THAT(PublicKey::FromSpki(Bytes(8193)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("at most 8192 octets, got 8193")));
}

}  // namespace
}  // namespace constellation::crypto
