// SPDX-License-Identifier: Apache-2.0
#include "crypto/ed25519.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>
#include <type_traits>

#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "crypto/testing/octets.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using testing::Hex;
using testing::Secret;

static_assert(!std::is_copy_constructible_v<Ed25519Signer>);

struct Vector {
  std::string_view seed;
  std::string_view public_key;
  std::string_view message;
  std::string_view signature;
};

// RFC 8032 section 7.1, tests 1 to 3.
constexpr Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

Ed25519Signer Signer(const Vector& vector) {
  return Ed25519Signer::FromSeed(Secret(Hex(vector.seed))).value();
}

TEST(Ed25519Test, DerivesPublicKeysOfRfc8032) {
  for (const Vector& vector : kVectors) {
    EXPECT_EQ(HexEncode(Signer(vector).public_key()), vector.public_key);
  }
}

TEST(Ed25519Test, SignsAsRfc8032) {
  for (const Vector& vector : kVectors) {
    ASSERT_OK_AND_ASSIGN(const Ed25519Signature signature,
                         Signer(vector).Sign(Hex(vector.message)));
    EXPECT_EQ(HexEncode(signature), vector.signature);
  }
}

TEST(Ed25519Test, VerifiesSignaturesOfRfc8032) {
  for (const Vector& vector : kVectors) {
    EXPECT_THAT(VerifyEd25519(Signer(vector).public_key(), Hex(vector.message),
                              Hex(vector.signature)),
                IsOk());
  }
}

class Ed25519NegativeTest : public ::testing::Test {
 protected:
  const Bytes message_ = Hex(kVectors[2].message);
  const Bytes signature_ = Hex(kVectors[2].signature);
  const Ed25519PublicKey key_ = Signer(kVectors[2]).public_key();
};

TEST_F(Ed25519NegativeTest, RejectsEveryFlippedOctetOfTheSignature) {
  for (size_t i = 0; i < signature_.size(); ++i) {
    EXPECT_THAT(
        VerifyEd25519(key_, message_, testing::WithBitFlipped(signature_, i)),
        StatusIs(absl::StatusCode::kUnauthenticated))
        << i;
  }
}

TEST_F(Ed25519NegativeTest, RejectsAnotherMessage) {
  EXPECT_THAT(
      VerifyEd25519(key_, testing::WithBitFlipped(message_, 0), signature_),
      StatusIs(absl::StatusCode::kUnauthenticated,
               HasSubstr("Ed25519 signature")));
}

TEST_F(Ed25519NegativeTest, RejectsAnotherKey) {
  EXPECT_THAT(
      VerifyEd25519(Signer(kVectors[1]).public_key(), message_, signature_),
      StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(Ed25519NegativeTest, RejectsSignaturesOfOtherLengths) {
  Bytes longer = signature_;
  longer.push_back(0);
  EXPECT_THAT(VerifyEd25519(key_, message_, longer),
              StatusIs(absl::StatusCode::kUnauthenticated));
  const std::span<const uint8_t> all(signature_);
  EXPECT_THAT(VerifyEd25519(key_, message_, all.first(63)),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(VerifyEd25519(key_, message_, {}),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Ed25519SignerTest, RejectsSeedsOfOtherLengths) {
  for (const size_t size : {0U, 31U, 33U, 64U}) {
    EXPECT_THAT(Ed25519Signer::FromSeed(SecretBytes(size)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("want 32 octets")))
        << size;
  }
}

}  // namespace
}  // namespace constellation::crypto
