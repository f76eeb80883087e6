// SPDX-License-Identifier: Apache-2.0
#include "image/measure/gpt.h"

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "image/measure/testing/builders.h"

namespace constellation::image::measure {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::Bytes;
using testing::FixGptChecksums;
using testing::GuidOf;
using ::testing::HasSubstr;
using testing::MakeGpt;
using testing::PutLe32;
using testing::PutLe64;

constexpr std::string_view kSomeId = "00112233-4455-6677-8899-aabbccddeeff";
constexpr size_t kHeader = kSectorSize;
constexpr size_t kFirstEntry = 2 * kSectorSize;

Bytes Valid() {
  return MakeGpt({{.type = GuidOf(kEspTypeGuid),
                   .id = GuidOf(kSomeId),
                   .first_sector = 2048,
                   .sector_count = 100},
                  {.type = GuidOf(kSomeId),
                   .id = GuidOf(kEspTypeGuid),
                   .first_sector = 4096,
                   .sector_count = 1}});
}

void ExpectRefused(const Bytes& disk, std::string_view why) {
  EXPECT_THAT(ParseGpt(disk), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr(std::string(why))));
}

TEST(GuidTest, TextOrderAndDiskOrderDiffer) {
  const Guid guid = GuidOf(kSomeId);
  EXPECT_EQ(guid.ToString(), kSomeId);
  EXPECT_EQ(guid.bytes[0], 0x33);
  EXPECT_EQ(guid.bytes[15], 0xff);
}

TEST(GptTest, ReadsPartitionsInOrder) {
  ASSERT_OK_AND_ASSIGN(const auto partitions, ParseGpt(Valid()));
  ASSERT_EQ(partitions.size(), 2U);
  EXPECT_EQ(partitions[0].number, 1);
  EXPECT_EQ(partitions[0].type.ToString(), kEspTypeGuid);
  EXPECT_EQ(partitions[0].id.ToString(), kSomeId);
  EXPECT_EQ(partitions[0].first_sector, 2048U);
  EXPECT_EQ(partitions[0].sector_count, 100U);
  EXPECT_EQ(partitions[1].number, 2);
}

TEST(GptTest, NumbersCountUnusedEntries) {
  Bytes disk = Valid();
  std::fill_n(disk.begin() + kFirstEntry, 128, uint8_t{0});
  FixGptChecksums(disk);
  ASSERT_OK_AND_ASSIGN(const auto partitions, ParseGpt(disk));
  ASSERT_EQ(partitions.size(), 1U);
  EXPECT_EQ(partitions[0].number, 2);
}

TEST(GptTest, RejectsTooShort) {
  ExpectRefused(Bytes(1023, 0), "shorter");
  ExpectRefused({}, "shorter");
}

TEST(GptTest, RejectsWrongSignature) {
  Bytes disk = Valid();
  disk[kHeader] = 'X';
  ExpectRefused(disk, "signature");
}

TEST(GptTest, RejectsOtherRevision) {
  Bytes disk = Valid();
  PutLe32(disk, kHeader + 8, 0x00020000);
  FixGptChecksums(disk);
  ExpectRefused(disk, "revision");
}

TEST(GptTest, RejectsHeaderSizesOutOfRange) {
  for (const uint32_t size : {0U, 91U, 513U, 0xFFFFFFFFU}) {
    Bytes disk = Valid();
    PutLe32(disk, kHeader + 12, size);
    ExpectRefused(disk, "header size");
  }
}

TEST(GptTest, RejectsChangedHeader) {
  Bytes disk = Valid();
  disk[kHeader + 56] ^= 1U;  // disk id
  ExpectRefused(disk, "header checksum");
}

TEST(GptTest, RejectsChangedEntry) {
  Bytes disk = Valid();
  disk[kFirstEntry + 56] ^= 1U;  // name
  ExpectRefused(disk, "checksum of the entries");
}

TEST(GptTest, RejectsTooManyEntries) {
  Bytes disk = Valid();
  PutLe32(disk, kHeader + 80, 1025);
  FixGptChecksums(disk);
  ExpectRefused(disk, "1025 entries");
}

TEST(GptTest, RejectsEntrySizesOutOfRange) {
  for (const uint32_t size : {0U, 127U, 4097U}) {
    Bytes disk = Valid();
    PutLe32(disk, kHeader + 84, size);
    FixGptChecksums(disk);
    ExpectRefused(disk, "entry size");
  }
}

TEST(GptTest, RejectsEntriesElsewhere) {
  for (const uint64_t sector : {uint64_t{0}, uint64_t{1}, uint64_t{35},
                                uint64_t{1} << 63U, ~uint64_t{0}}) {
    Bytes disk = Valid();
    PutLe64(disk, kHeader + 72, sector);
    FixGptChecksums(disk);
    ExpectRefused(disk, "entries are not near the start");
  }
}

TEST(GptTest, RejectsEntriesThatExceedTheInput) {
  Bytes disk = Valid();
  PutLe32(disk, kHeader + 80, 129);
  FixGptChecksums(disk);
  ExpectRefused(disk, "entries exceed");
}

TEST(GptTest, RejectsPartitionThatEndsBeforeItStarts) {
  Bytes disk = Valid();
  PutLe64(disk, kFirstEntry + 40, 2047);
  FixGptChecksums(disk);
  ExpectRefused(disk, "partition 1 covers no valid range");
}

TEST(GptTest, RejectsPartitionThatOverflows) {
  Bytes disk = Valid();
  PutLe64(disk, kFirstEntry + 40, ~uint64_t{0});
  FixGptChecksums(disk);
  ExpectRefused(disk, "partition 1 covers no valid range");
}

}  // namespace
}  // namespace constellation::image::measure
