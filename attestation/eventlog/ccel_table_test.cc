// SPDX-License-Identifier: Apache-2.0
#include "attestation/eventlog/ccel_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/testing/vectors.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::kNoVectors;
using ::constellation::testing::ReadVector;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorEntry;
using ::constellation::testing::VectorsFolder;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// Sets the checksum, octet 9.
Bytes Summed(Bytes table) {
  table[9] = 0;
  uint8_t sum = 0;
  for (const uint8_t octet : table) {
    sum = static_cast<uint8_t>(sum + octet);
  }
  table[9] = static_cast<uint8_t>(-sum);
  return table;
}

Bytes Good() {
  Bytes table(56, 0);
  std::ranges::copy(AsBytes("CCEL"), table.begin());
  table[4] = 56;
  table[36] = 2;
  table[41] = 0x80;  // 32 KiB
  table[51] = 0x7f;
  return Summed(table);
}

TEST(CcelTableTest, ReadsItsFields) {
  ASSERT_OK_AND_ASSIGN(const CcelTableUnverified table,
                       ParseCcelTableUnverified(Good()));
  EXPECT_EQ(table.cc_type, 2);
  EXPECT_EQ(table.cc_subtype, 0);
  EXPECT_EQ(table.log_size, 0x8000U);
  EXPECT_EQ(table.log_address, 0x7f000000U);
}

TEST(CcelTableTest, RefusesEveryOtherLength) {
  Bytes table = Good();
  for (size_t size = 0; size < table.size(); ++size) {
    EXPECT_THAT(ParseCcelTableUnverified(std::span(table).first(size)),
                StatusIs(kInvalid));
  }
  table.push_back(0);
  EXPECT_THAT(ParseCcelTableUnverified(table),
              StatusIs(kInvalid, HasSubstr("got 4343454c, length 56 and 57")));
  Bytes other = Good();
  other[4] = 57;
  EXPECT_THAT(ParseCcelTableUnverified(Summed(other)),
              StatusIs(kInvalid, HasSubstr("length 57")));
}

TEST(CcelTableTest, RefusesSignatureSumAndSize) {
  Bytes table = Good();
  table[0] = 'X';
  EXPECT_THAT(ParseCcelTableUnverified(Summed(table)), StatusIs(kInvalid));
  table = Good();
  table[20] = 1;
  EXPECT_THAT(ParseCcelTableUnverified(table),
              StatusIs(kInvalid, HasSubstr("want a sum of 0, got 1")));
  table = Good();
  table[43] = 1;
  table[40] = 1;
  EXPECT_THAT(ParseCcelTableUnverified(Summed(table)),
              StatusIs(kInvalid, HasSubstr("log size: want at most 16777216")));
}

TEST(CcelTableTest, RegistersFollowTheDesignGuide) {
  const uint32_t want[16] = {0, 1, 2, 2, 2, 2, 2, 1, 3, 3, 3, 3, 3, 3, 3, 3};
  for (uint32_t pcr = 0; pcr < 16; ++pcr) {
    EXPECT_EQ(CcRegisterOfPcr(pcr), want[pcr]) << pcr;
  }
  EXPECT_EQ(CcRegisterOfPcr(16), std::nullopt);
}

TEST(CcelTableVectorsTest, ShippedTableIsRead) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  constexpr char kPath[] = "eventlog/ccel-gcp-cos113-acpi-table.bin";
  ASSERT_OK_AND_ASSIGN(const CcelTableUnverified table,
                       ParseCcelTableUnverified(ReadVector(kPath)));
  const auto want = VectorEntry(kPath)["expect"];
  EXPECT_EQ(table.cc_type, want["cc_type"]);
  EXPECT_EQ(table.log_size, want["laml"]);
}

}  // namespace
}  // namespace constellation::attestation
