// SPDX-License-Identifier: Apache-2.0
#include "crypto/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "crypto/key_hierarchy.h"

namespace constellation::crypto {
namespace {

TEST(RandomTest, GivesTheWantedLength) {
  for (const size_t size : {0U, 1U, 31U, 32U, 33U, 4096U}) {
    EXPECT_EQ(RandomBytes(size).size(), size);
    EXPECT_EQ(RandomSecret(size).size(), size);
  }
}

TEST(RandomTest, DoesNotRepeat) {
  std::set<Bytes> seen;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(seen.insert(RandomBytes(16)).second);
  }
}

TEST(RandomTest, SecretsDoNotRepeat) {
  EXPECT_FALSE(RandomSecret(32).EqualsConstantTime(RandomSecret(32)));
}

// Not a test of quality: that the buffer is filled to its end.
TEST(RandomTest, EveryOctetVaries) {
  Bytes seen(64);
  for (int i = 0; i < 64; ++i) {
    const Bytes bytes = RandomBytes(seen.size());
    std::ranges::transform(seen, bytes, seen.begin(), [](uint8_t a, uint8_t b) {
      return static_cast<uint8_t>(a | b);
    });
  }
  EXPECT_TRUE(std::ranges::all_of(seen, [](uint8_t o) { return o == 0xff; }));
}

TEST(RandomUuidTest, HasTheAcceptedForm) {
  for (int i = 0; i < 100; ++i) {
    const std::string uuid = RandomUuid();
    EXPECT_TRUE(IsUuid(uuid)) << uuid;
  }
}

// RFC 4122 section 4.4.
TEST(RandomUuidTest, SaysItIsRandom) {
  for (int i = 0; i < 100; ++i) {
    const std::string uuid = RandomUuid();
    EXPECT_EQ(uuid.at(14), '4') << uuid;
    EXPECT_NE(std::string_view("89ab").find(uuid.at(19)),
              std::string_view::npos)
        << uuid;
  }
}

TEST(RandomUuidTest, DoesNotRepeat) {
  EXPECT_NE(RandomUuid(), RandomUuid());
}

}  // namespace
}  // namespace constellation::crypto
