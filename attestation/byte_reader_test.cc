// SPDX-License-Identifier: Apache-2.0
#include "attestation/byte_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
const Bytes kBytes = {1, 2, 3, 4, 5, 6, 7, 8};

TEST(ByteReaderTest, ReadsBothOrders) {
  BigEndianReader big(kBytes);
  EXPECT_THAT(big.Read<uint8_t>("a"), IsOkAndHolds(0x01));
  EXPECT_THAT(big.Read<uint16_t>("b"), IsOkAndHolds(0x0203));
  EXPECT_THAT(big.Read<uint32_t>("c"), IsOkAndHolds(0x04050607U));
  EXPECT_EQ(big.offset(), 7U);
  EXPECT_EQ(big.remaining(), 1U);
  LittleEndianReader little(kBytes);
  EXPECT_THAT(little.Read<uint16_t>("a"), IsOkAndHolds(0x0201));
  EXPECT_THAT(little.Read<uint32_t>("b"), IsOkAndHolds(0x06050403U));
  BigEndianReader whole(kBytes);
  EXPECT_THAT(whole.Read<uint64_t>("a"), IsOkAndHolds(0x0102030405060708ULL));
  EXPECT_THAT(whole.ExpectEnd("x"), IsOk());
}

TEST(ByteReaderTest, NamesFieldAndOffsetAtTheEnd) {
  BigEndianReader reader(kBytes);
  ASSERT_THAT(reader.Take(6, "head").status(), IsOk());
  EXPECT_THAT(
      reader.Read<uint32_t>("clock"),
      StatusIs(kInvalid, HasSubstr("clock at offset 6: want 4 bytes, got 2")));
  // A failed read takes nothing.
  EXPECT_EQ(reader.offset(), 6U);
  EXPECT_THAT(reader.Read<uint16_t>("tail"), IsOkAndHolds(0x0708));
}

TEST(ByteReaderTest, TakesWhatALengthSays) {
  const Bytes bytes = {0, 2, 0xaa, 0xbb, 0, 9, 1};
  BigEndianReader reader(bytes);
  ASSERT_OK_AND_ASSIGN(const auto first, reader.TakeSized<uint16_t>(2, "f"));
  EXPECT_THAT(first, ElementsAre(0xaa, 0xbb));
  EXPECT_THAT(reader.TakeSized<uint16_t>(100, "g").status(),
              StatusIs(kInvalid, HasSubstr("want 9 bytes, got 1")));
}

TEST(ByteReaderTest, LimitsLengths) {
  const Bytes bytes = {0xff, 0xff, 0xff, 0xff, 1};
  BigEndianReader reader(bytes);
  EXPECT_THAT(
      reader.TakeSized<uint32_t>(64, "f").status(),
      StatusIs(kInvalid, HasSubstr("want at most 64 bytes, got 4294967295")));
}

TEST(ByteReaderTest, NoLengthOverflows) {
  BigEndianReader reader(kBytes);
  ASSERT_THAT(reader.Take(4, "head").status(), IsOk());
  EXPECT_THAT(reader.Take(SIZE_MAX, "f").status(), StatusIs(kInvalid));
  EXPECT_THAT(reader.Take(SIZE_MAX - 3, "f").status(), StatusIs(kInvalid));
}

TEST(ByteReaderTest, SaysWhatIsLeftOver) {
  BigEndianReader reader(kBytes);
  ASSERT_THAT(reader.Take(5, "head").status(), IsOk());
  EXPECT_THAT(reader.ExpectEnd("TPMS_X"),
              StatusIs(kInvalid, HasSubstr("TPMS_X: want the end at offset 5, "
                                           "got 3 more bytes")));
}

TEST(ByteReaderTest, ReadsNothingFromNothing) {
  LittleEndianReader reader({});
  EXPECT_THAT(reader.ExpectEnd("x"), IsOk());
  EXPECT_THAT(reader.Take(0, "x").status(), IsOk());
  EXPECT_THAT(reader.Read<uint8_t>("x"), StatusIs(kInvalid));
}

}  // namespace
}  // namespace constellation::attestation
