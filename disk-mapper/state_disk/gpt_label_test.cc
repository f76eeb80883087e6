// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/gpt_label.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "common/testing/status_matchers.h"

namespace constellation::disk_mapper {
namespace {

using constellation::testing::IsOk;
using constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr uint64_t kSize = 8 * 1024 * kMebibyte;
constexpr std::string_view kUuid = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

void Put(std::vector<uint8_t>& area, size_t sector,
         const std::array<uint8_t, kSectorSize>& bytes) {
  std::copy(bytes.begin(), bytes.end(),
            area.begin() + static_cast<ptrdiff_t>(sector * kSectorSize));
}

std::vector<uint8_t> LabelledArea() {
  std::vector<uint8_t> area(kLabelAreaSize);
  const GptLabel label = *BuildGptLabel(kUuid, kSize);
  Put(area, 0, label.protective_mbr);
  Put(area, 1, label.header);
  Put(area, 2, label.first_entries);
  return area;
}

TEST(GptLabelTest, RecognisesItsOwnLabel) {
  const LabelInspection found = InspectLabelArea(LabelledArea(), kSize);
  EXPECT_EQ(found.kind, LabelKind::kOurs) << found.reason;
  EXPECT_EQ(found.disk_uuid, kUuid);
}

TEST(GptLabelTest, IsAGptAsOthersReadIt) {
  const std::vector<uint8_t> area = LabelledArea();
  EXPECT_EQ(std::memcmp(area.data() + 512, "EFI PART\0\0\1\0\x5c\0\0\0", 16),
            0);
  EXPECT_EQ(area[450], 0xEE);  // protective partition
  EXPECT_EQ(area[510], 0x55);
  // Type GUID aa977c54-741f-4bc4-...: first three fields little-endian.
  EXPECT_EQ(std::memcmp(area.data() + 1024,
                        "\x54\x7c\x97\xaa\x1f\x74\xc4\x4b\x9a\x44", 10),
            0);
  uint64_t first = 0;
  std::memcpy(&first, area.data() + 1024 + 32, 8);
  EXPECT_EQ(first, 2048U);
}

TEST(GptLabelTest, TakesZerosForBlank) {
  const std::vector<uint8_t> area(kLabelAreaSize);
  EXPECT_EQ(InspectLabelArea(area, kSize).kind, LabelKind::kBlank);
}

TEST(GptLabelTest, TakesAnUnfinishedLabelForBlank) {
  for (const bool with_mbr : {false, true}) {
    for (const bool with_entries : {false, true}) {
      std::vector<uint8_t> area(kLabelAreaSize);
      const GptLabel label = *BuildGptLabel(kUuid, kSize);
      if (with_mbr) {
        Put(area, 0, label.protective_mbr);
      }
      if (with_entries) {
        Put(area, 2, label.first_entries);
      }
      EXPECT_EQ(InspectLabelArea(area, kSize).kind, LabelKind::kBlank)
          << with_mbr << with_entries;
    }
  }
}

// Every single octet counts: the three sectors and what must be zero.
TEST(GptLabelTest, RefusesAnyChangedOctet) {
  for (size_t at = 0; at < 4 * kSectorSize; ++at) {
    if (at >= 1024 + 16 && at < 1024 + 32) {
      continue;  // the id itself, see below
    }
    std::vector<uint8_t> area = LabelledArea();
    area[at] ^= 0x10U;
    EXPECT_EQ(InspectLabelArea(area, kSize).kind, LabelKind::kForeign) << at;
  }
  std::vector<uint8_t> area = LabelledArea();
  area[kLabelAreaSize - 1] = 1;
  EXPECT_EQ(InspectLabelArea(area, kSize).kind, LabelKind::kForeign);
}

TEST(GptLabelTest, RefusesAnotherIdWithoutItsChecksum) {
  std::vector<uint8_t> area = LabelledArea();
  area[1024 + 20] ^= 1U;
  EXPECT_EQ(InspectLabelArea(area, kSize).kind, LabelKind::kForeign);
}

TEST(GptLabelTest, RefusesOurLabelOnAnotherSize) {
  const LabelInspection found =
      InspectLabelArea(LabelledArea(), kSize + kMebibyte);
  EXPECT_EQ(found.kind, LabelKind::kForeign);
  EXPECT_THAT(found.reason, HasSubstr("does not fit"));
}

TEST(GptLabelTest, NamesWhatElseIsOnTheDisk) {
  struct Case {
    size_t offset;
    std::string octets;
    std::string reason;
  };
  for (const Case& c :
       {Case{512, "EFI PART", "GPT"}, Case{1080, "\x53\xEF", "ext file system"},
        Case{0, "LUKS", "LUKS"}, Case{510, "\x55\xAA", "boot sector"},
        Case{100'000, "x", "another kind"}}) {
    std::vector<uint8_t> area(kLabelAreaSize);
    std::copy(c.octets.begin(), c.octets.end(),
              area.begin() + static_cast<ptrdiff_t>(c.offset));
    const LabelInspection found = InspectLabelArea(area, kSize);
    EXPECT_EQ(found.kind, LabelKind::kForeign);
    EXPECT_THAT(found.reason, HasSubstr(c.reason));
  }
}

TEST(GptLabelTest, RefusesAShortArea) {
  EXPECT_EQ(InspectLabelArea(std::vector<uint8_t>(4096), kSize).kind,
            LabelKind::kForeign);
}

TEST(GptLabelTest, RefusesWhatIsNoUuid) {
  for (const std::string_view uuid :
       {"", "6BA7B810-9DAD-41D1-80B4-00C04FD430C8", "6ba7b810",
        "6ba7b810-9dad-41d1-80b4-00c04fd430c8 "}) {
    EXPECT_THAT(BuildGptLabel(uuid, kSize),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(GptLabelTest, RefusesSizesOutOfRange) {
  EXPECT_THAT(BuildGptLabel(kUuid, kMinDiskSize), IsOk());
  EXPECT_THAT(BuildGptLabel(kUuid, kMaxDiskSize), IsOk());
  for (const uint64_t size : {uint64_t{0}, kMinDiskSize - kBlockSize,
                              kMinDiskSize + 1, kMaxDiskSize + kBlockSize}) {
    EXPECT_THAT(BuildGptLabel(kUuid, size),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got")));
  }
}

}  // namespace
}  // namespace constellation::disk_mapper
