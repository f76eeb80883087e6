// SPDX-License-Identifier: Apache-2.0
#include "common/secret_bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <string>
#include <type_traits>

namespace constellation {
namespace {

static_assert(!std::is_copy_constructible_v<SecretBytes>);
static_assert(!std::is_copy_assignable_v<SecretBytes>);

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};
template <typename T>
concept Comparable = requires(const T& a, const T& b) {
  a == b;
};
static_assert(!Printable<SecretBytes>);
static_assert(!Comparable<SecretBytes>);

constexpr std::array<uint8_t, 3> kOctets{1, 2, 3};

TEST(WipeTest, LeavesZeros) {
  std::string text = "secret";
  Wipe(text);
  EXPECT_EQ(text, std::string(6, '\0'));
}

TEST(SecretBytesTest, HoldsACopy) {
  const SecretBytes secret{std::span<const uint8_t>(kOctets)};
  ASSERT_EQ(secret.size(), 3U);
  EXPECT_EQ(secret.Expose()[2], 3);
  EXPECT_NE(secret.Expose().data(), kOctets.data());
}

TEST(SecretBytesTest, ComparesContents) {
  const SecretBytes secret{std::span<const uint8_t>(kOctets)};
  SecretBytes other = secret.Clone();
  EXPECT_TRUE(secret.EqualsConstantTime(other));
  other.ExposeMutable()[1] ^= 1;
  EXPECT_FALSE(secret.EqualsConstantTime(other));
  EXPECT_FALSE(secret.EqualsConstantTime(SecretBytes(2)));
}

TEST(SecretBytesTest, MoveLeavesNothingBehind) {
  SecretBytes secret{std::span<const uint8_t>(kOctets)};
  const SecretBytes moved = std::move(secret);
  EXPECT_TRUE(
      secret
          .empty());  // NOLINT(bugprone-use-after-move): the point of the test
  EXPECT_EQ(moved.size(), 3U);
}

TEST(SecretBytesTest, WipeZeroes) {
  std::array<uint8_t, 4> octets{9, 9, 9, 9};
  Wipe(octets);
  EXPECT_EQ(octets, (std::array<uint8_t, 4>{}));
}

}  // namespace
}  // namespace constellation
