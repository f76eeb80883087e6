// SPDX-License-Identifier: Apache-2.0
#include "crypto/hkdf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "crypto/testing/octets.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::StatusIs;
using testing::Counting;
using ::testing::HasSubstr;
using testing::Hex;
using testing::Secret;

std::string Text(const Bytes& octets) {
  return std::string(AsText(octets));
}

std::string Derive(const Bytes& key, const Bytes& salt, const Bytes& info,
                   size_t length) {
  return HexEncode(
      HkdfSha256(Secret(key), salt, Text(info), length).value().Expose());
}

// RFC 5869 appendix A.1.
TEST(HkdfSha256Test, MatchesBasicCase) {
  EXPECT_EQ(Derive(Bytes(22, 0x0b), Counting(0, 13), Counting(0xf0, 10), 42),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
            "34007208d5b887185865");
}

// RFC 5869 appendix A.2.
TEST(HkdfSha256Test, MatchesCaseWithLongInputs) {
  EXPECT_EQ(Derive(Counting(0, 80), Counting(0x60, 80), Counting(0xb0, 80), 82),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
            "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
            "cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

// RFC 5869 appendix A.3.
TEST(HkdfSha256Test, MatchesCaseWithoutSaltAndInfo) {
  EXPECT_EQ(Derive(Bytes(22, 0x0b), {}, {}, 42),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
            "9d201395faa4b61a96c8");
}

TEST(HkdfSha256Test, ShorterOutputIsAPrefix) {
  const std::string whole =
      Derive(Bytes(32, 1), Bytes(32, 2), Counting(3, 4), 64);
  for (const size_t length : {1U, 31U, 32U, 33U, 63U}) {
    EXPECT_EQ(Derive(Bytes(32, 1), Bytes(32, 2), Counting(3, 4), length),
              whole.substr(0, 2 * length));
  }
}

TEST(HkdfSha256Test, DependsOnKeySaltAndInfo) {
  const Bytes key(32, 1);
  const Bytes salt(32, 2);
  const Bytes info(8, 3);
  const std::string derived = Derive(key, salt, info, 32);
  EXPECT_NE(Derive(testing::WithBitFlipped(key, 31), salt, info, 32), derived);
  EXPECT_NE(Derive(key, testing::WithBitFlipped(salt, 31), info, 32), derived);
  EXPECT_NE(Derive(key, salt, testing::WithBitFlipped(info, 7), 32), derived);
}

TEST(HkdfSha256Test, InfoMayHoldNul) {
  const Bytes key(32, 1);
  EXPECT_NE(Derive(key, {}, Hex("610062"), 32), Derive(key, {}, Hex("61"), 32));
}

TEST(HkdfSha256Test, GivesTheLongestOutput) {
  EXPECT_EQ(HkdfSha256(Secret(Bytes(32, 1)), {}, "", 8160).value().size(),
            8160U);
}

TEST(HkdfSha256Test, RejectsMoreThanTheLongestOutput) {
  EXPECT_THAT(HkdfSha256(Secret(Bytes(32, 1)), {}, "", 8161),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want 1 to 8160 octets, got 8161")));
}

TEST(HkdfSha256Test, RejectsNoOutput) {
  EXPECT_THAT(HkdfSha256(Secret(Bytes(32, 1)), {}, "", 0),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got 0")));
}

TEST(HkdfSha256Test, RejectsNoKey) {
  EXPECT_THAT(
      HkdfSha256(SecretBytes(), {}, "info", 32),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want a key")));
}

}  // namespace
}  // namespace constellation::crypto
