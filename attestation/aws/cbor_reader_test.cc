// SPDX-License-Identifier: Apache-2.0
#include "attestation/aws/cbor_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<CborItem> Decode(std::string_view hex) {
  static Bytes& bytes = *new Bytes();  // outlives the item
  bytes = *HexDecode(hex);
  return DecodeCbor(bytes);
}

struct Number {
  const char* hex;
  CborKind kind;
  uint64_t number;
};

class CborNumberTest : public ::testing::TestWithParam<Number> {};

TEST_P(CborNumberTest, IsRead) {
  ASSERT_OK_AND_ASSIGN(const CborItem item, Decode(GetParam().hex));
  EXPECT_EQ(item.kind, GetParam().kind);
  EXPECT_EQ(item.number, GetParam().number);
}

// RFC 8949 appendix A.
INSTANTIATE_TEST_SUITE_P(
    AppendixA, CborNumberTest,
    ::testing::Values(
        Number{"00", CborKind::kUnsigned, 0},
        Number{"17", CborKind::kUnsigned, 23},
        Number{"1818", CborKind::kUnsigned, 24},
        Number{"1903e8", CborKind::kUnsigned, 1000},
        Number{"1a000f4240", CborKind::kUnsigned, 1000000},
        Number{"1b000000e8d4a51000", CborKind::kUnsigned, 1000000000000},
        Number{"1bffffffffffffffff", CborKind::kUnsigned, UINT64_MAX},
        Number{"20", CborKind::kNegative, 0},
        Number{"3822", CborKind::kNegative, 34},
        Number{"3903e7", CborKind::kNegative, 999}));

TEST(CborReaderTest, ReadsStringsContainersAndSimples) {
  ASSERT_OK_AND_ASSIGN(const CborItem map, Decode("a5"
                                                  "6161"
                                                  "4401020304"
                                                  "6162"
                                                  "83f4f5f6"
                                                  "07"
                                                  "60"
                                                  "6163"
                                                  "80"
                                                  "6164"
                                                  "a0"));
  EXPECT_EQ(map.kind, CborKind::kMap);
  EXPECT_EQ(map.items.size(), 10U);
  ASSERT_NE(map.Find("a"), nullptr);
  EXPECT_EQ(HexEncode(map.Find("a")->octets), "01020304");
  ASSERT_NE(map.Find("b"), nullptr);
  ASSERT_EQ(map.Find("b")->items.size(), 3U);
  EXPECT_FALSE(map.Find("b")->items[0].flag);
  EXPECT_TRUE(map.Find("b")->items[1].flag);
  EXPECT_TRUE(map.Find("b")->items[2].IsNull());
  ASSERT_NE(map.Find(uint64_t{7}), nullptr);
  EXPECT_EQ(map.Find(uint64_t{7})->text(), "");
  EXPECT_EQ(map.Find("e"), nullptr);
  EXPECT_EQ(map.Find(uint64_t{8}), nullptr);
}

TEST(CborReaderTest, ReadsIndefiniteContainers) {
  ASSERT_OK_AND_ASSIGN(const CborItem map, Decode("bf61619f0102ff6162f6ff"));
  EXPECT_EQ(map.Find("a")->items.size(), 2U);
  EXPECT_TRUE(map.Find("b")->IsNull());
  ASSERT_OK_AND_ASSIGN(const CborItem empty, Decode("9fff"));
  EXPECT_TRUE(empty.items.empty());
}

struct Bad {
  const char* hex;
  const char* message;
};

class BadCborTest : public ::testing::TestWithParam<Bad> {};

TEST_P(BadCborTest, IsRefused) {
  EXPECT_THAT(Decode(GetParam().hex),
              StatusIs(kInvalid, HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Items, BadCborTest,
    ::testing::Values(
        Bad{"", "want 1 bytes, got 0"}, Bad{"0000", "CBOR: want the end"},
        Bad{"1817", "shortest form"}, Bad{"1900ff", "shortest form"},
        Bad{"1a0000ffff", "shortest form"},
        Bad{"1b00000000ffffffff", "shortest form"},
        Bad{"581700", "shortest form"}, Bad{"18", "CBOR argument"},
        Bad{"1c", "definite, known length"}, Bad{"1f", "definite"},
        Bad{"5f4101ff", "definite"}, Bad{"7f6161ff", "definite"},
        Bad{"4401", "CBOR string at offset 1: want 4 bytes, got 1"},
        Bad{"5b7fffffffffffffff", "CBOR string"},
        Bad{"9b7fffffffffffffff", "want 1 bytes, got 0"},
        Bad{"bb7fffffffffffffff", "want 1 bytes, got 0"},
        Bad{"82"
            "01",
            "want 1 bytes, got 0"},
        Bad{"9f01", "want 1 bytes"}, Bad{"bf6161ff", "no other simple value"},
        Bad{"ff", "simple value"}, Bad{"c001", "an item without tag"},
        Bad{"d28443a10126a0", "without tag"}, Bad{"f90000", "simple value"},
        Bad{"f7", "simple value"}, Bad{"f8ff", "simple value"},
        Bad{"a2616101616102", "offset 4: want a map key that was not there"},
        Bad{"a207010702", "not there before"},
        Bad{"bf616101616102ff", "not there before"},
        Bad{"a1410101", "a map key that is a number or text"},
        Bad{"a1f601", "a map key"}, Bad{"a1800a", "a map key"},
        Bad{"81818181818181818100", "nesting of at most 8"}));

TEST(CborReaderTest, NumberAndTextKeysDiffer) {
  // 1, -2 and "\x01" are different keys.
  EXPECT_TRUE(Decode("a301f621f66101f6").ok());
}

TEST(CborReaderTest, BoundsItemsAndSize) {
  Bytes many(1 + 1024, 0);
  many[0] = 0x9f;
  many.back() = 0xff;  // 1 array and 1023 items
  EXPECT_TRUE(DecodeCbor(many).ok());
  many.back() = 0;
  many.push_back(0xff);
  EXPECT_THAT(DecodeCbor(many), StatusIs(kInvalid, HasSubstr("1024 items")));
  EXPECT_THAT(DecodeCbor(Bytes(65537, 0)),
              StatusIs(kInvalid, HasSubstr("at most 65536 bytes")));
}

}  // namespace
}  // namespace constellation::attestation
