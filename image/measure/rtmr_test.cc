// SPDX-License-Identifier: Apache-2.0
#include "image/measure/rtmr.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "common/testing/status_matchers.h"
#include "image/measure/gpt.h"
#include "image/measure/pe.h"
#include "image/measure/testing/builders.h"

namespace constellation::image::measure {
namespace {

using ::constellation::testing::StatusIs;
using testing::Bytes;
using ::testing::HasSubstr;
using testing::MakeGpt;
using testing::MakePe;
using testing::Sections;
using testing::ToBytes;
using testing::UkiSections;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr std::string_view kOtherType = "0fc63daf-8483-4772-8e79-3d69d8477de4";

// A program with a setup header that names `release`; the builder's headers
// leave its place free.
Bytes KernelOf(std::string_view release) {
  Bytes kernel = MakePe({{".text", Bytes(0x200, 0x90)}});
  const Bytes magic = ToBytes("HdrS");
  std::copy(magic.begin(), magic.end(), kernel.begin() + 0x202);
  kernel[0x20e] = 0x80;
  const Bytes name = ToBytes(release);
  std::copy(name.begin(), name.end(), kernel.begin() + 0x280);
  return kernel;
}

Sections UkiOf(std::string_view release) {
  Sections sections = UkiSections();
  for (auto& [name, data] : sections) {
    if (name == ".linux") {
      data = KernelOf(release);
    }
  }
  return sections;
}

Bytes TableOf(size_t count) {
  std::vector<Partition> partitions;
  for (size_t i = 0; i < count; ++i) {
    partitions.push_back({.type = testing::GuidOf(kOtherType),
                          .id = testing::GuidOf(kEspTypeGuid),
                          .first_sector = 2048 * (i + 1),
                          .sector_count = 2048});
  }
  Bytes start = MakeGpt(partitions);
  start.resize(kGptBytes);
  return start;
}

BootDisk DiskOf(std::string_view release) {
  return {.start = TableOf(2), .uki = MakePe(UkiOf(release))};
}

crypto::Sha384Digest Replay(const std::vector<crypto::Sha384Digest>& digests) {
  crypto::Sha384Digest value{};
  for (const auto& digest : digests) {
    Bytes both(value.begin(), value.end());
    both.insert(both.end(), digest.begin(), digest.end());
    value = crypto::Sha384(both);
  }
  return value;
}

crypto::Sha384Digest TextDigest(std::string_view text) {
  return crypto::Sha384(ToBytes(text));
}

constexpr std::string_view kOld = "6.1.0-40-cloud-amd64 (builder) #1";
constexpr std::string_view kNew = "6.12.5 x";

TEST(RtmrTest, Rtmr1IsActionTableUkiKernelExit) {
  const BootDisk boot = DiskOf(kOld);
  ASSERT_OK_AND_ASSIGN(const auto predicted, PredictRtmrs(boot, {}));
  ASSERT_OK_AND_ASSIGN(const auto table, GptEventData(boot.start));
  const Bytes kernel = KernelOf(kOld);
  std::vector<crypto::Sha384Digest> events = {
      TextDigest("Calling EFI Application from Boot Option"),
      crypto::Sha384(table),
      PeFile::Parse(boot.uki)->AuthenticodeSha384(),
      PeFile::Parse(kernel)->AuthenticodeSha384(),
      TextDigest("Exit Boot Services Invocation"),
      TextDigest("Exit Boot Services Returned with Success")};
  EXPECT_EQ(predicted.rtmr1, Replay(events));
  EXPECT_EQ(predicted.kernel_release, "6.1.0-40-cloud-amd64");
  // Where the separator goes is the firmware's choice.
  events.insert(events.begin() + 1, crypto::Sha384(Bytes(4)));
  ASSERT_OK_AND_ASSIGN(const auto separated,
                       PredictRtmrs(boot, {.separator_in_rtmr1 = true}));
  EXPECT_EQ(separated.rtmr1, Replay(events));
}

// Logs of real machines have these digests for the constant events.
TEST(RtmrTest, ConstantEventsHaveTheDigestsOfRealLogs) {
  const auto begins = [](std::string_view text, uint8_t a, uint8_t b) {
    const auto digest = TextDigest(text);
    return digest[0] == a && digest[1] == b;
  };
  EXPECT_TRUE(begins("Calling EFI Application from Boot Option", 0x77, 0xa0));
  EXPECT_TRUE(begins("Exit Boot Services Invocation", 0x21, 0x4b));
  EXPECT_TRUE(begins("Exit Boot Services Returned with Success", 0x0a, 0x2e));
}

TEST(RtmrTest, Rtmr2IsZeroBeforeLinux69) {
  for (const std::string_view release : {"6.1.0 x", "6.8.12 x"}) {
    ASSERT_OK_AND_ASSIGN(const auto predicted,
                         PredictRtmrs(DiskOf(release), {}));
    EXPECT_EQ(predicted.rtmr2, crypto::Sha384Digest{}) << release;
  }
}

TEST(RtmrTest, Rtmr2IsLoadOptionsThenInitrdSinceLinux69) {
  Bytes wide;
  for (const char c : std::string("console=ttyS0 roothash=00")) {
    wide.insert(wide.end(), {static_cast<uint8_t>(c), 0});
  }
  wide.insert(wide.end(), {0, 0});
  for (const std::string_view release : {"6.9.0 x", "6.12.5 x", "6.18.1 x"}) {
    ASSERT_OK_AND_ASSIGN(const auto predicted,
                         PredictRtmrs(DiskOf(release), {}));
    EXPECT_EQ(predicted.rtmr2,
              Replay({crypto::Sha384(wide), TextDigest("an initrd")}))
        << release;
  }
}

TEST(RtmrTest, RefusesKernelsItDoesNotKnow) {
  for (const std::string_view release :
       {"5.10.1 x", "6.0.9 x", "6.19.0 x", "7.0.0 x"}) {
    EXPECT_THAT(PredictRtmrs(DiskOf(release), {}),
                StatusIs(kPrecondition, HasSubstr("6.1 to 6.18")))
        << release;
  }
  for (const std::string_view release : {"linux x", "6 x", "6.x x", "6. x"}) {
    EXPECT_THAT(PredictRtmrs(DiskOf(release), {}), StatusIs(kInvalid))
        << release;
  }
}

TEST(RtmrTest, RefusesStubsThatPcrPredictionRefuses) {
  Sections sections = UkiOf(kOld);
  sections.emplace_back(".ucode", ToBytes("microcode"));
  EXPECT_THAT(PredictRtmrs({.start = TableOf(1), .uki = MakePe(sections)}, {}),
              StatusIs(kPrecondition, HasSubstr("unknown section")));
}

TEST(RtmrTest, EveryPartOfTheDiskCounts) {
  ASSERT_OK_AND_ASSIGN(const auto genuine, PredictRtmrs(DiskOf(kNew), {}));
  BootDisk other = DiskOf(kNew);
  other.start = TableOf(3);
  ASSERT_OK_AND_ASSIGN(const auto table, PredictRtmrs(other, {}));
  EXPECT_NE(table.rtmr1, genuine.rtmr1);
  EXPECT_EQ(table.rtmr2, genuine.rtmr2);
  for (const std::string name : {".cmdline", ".initrd", ".osrel", ".linux"}) {
    Sections sections = UkiOf(kNew);
    for (auto& [section, data] : sections) {
      if (section == name) {
        data.back() ^= 1U;
      }
    }
    ASSERT_OK_AND_ASSIGN(
        const auto changed,
        PredictRtmrs({.start = TableOf(2), .uki = MakePe(sections)}, {}));
    EXPECT_NE(changed.rtmr1, genuine.rtmr1) << name;
    EXPECT_EQ(changed.rtmr2 == genuine.rtmr2,
              name == ".osrel" || name == ".linux")
        << name;
  }
}

TEST(GptEventTest, HoldsHeaderCountAndUsedEntries) {
  const Bytes start = TableOf(3);
  ASSERT_OK_AND_ASSIGN(const auto event, GptEventData(start));
  ASSERT_EQ(event.size(), 92 + 8 + 3 * 128);
  EXPECT_TRUE(std::equal(event.begin(), event.begin() + 92,
                         start.begin() + kSectorSize));
  EXPECT_EQ(event[92], 3);
  EXPECT_TRUE(std::equal(event.begin() + 100, event.end(),
                         start.begin() + 2 * kSectorSize));
}

TEST(GptEventTest, LeavesOutUnusedEntries) {
  Bytes start = TableOf(3);
  // The second entry becomes unused.
  std::fill_n(start.begin() + 2 * kSectorSize + 128, 16, uint8_t{0});
  testing::FixGptChecksums(start);
  ASSERT_OK_AND_ASSIGN(const auto event, GptEventData(start));
  ASSERT_EQ(event.size(), 92 + 8 + 2 * 128);
  EXPECT_TRUE(std::equal(event.begin() + 100 + 128, event.end(),
                         start.begin() + 2 * kSectorSize + 256));
}

TEST(GptEventTest, RefusesADamagedTable) {
  Bytes start = TableOf(1);
  start[kSectorSize + 30] ^= 1U;
  EXPECT_THAT(GptEventData(start), StatusIs(kInvalid));
}

TEST(GptEventTest, RefusesEntriesOfAnotherSize) {
  Bytes start = TableOf(1);
  testing::PutLe32(start, kSectorSize + 80, 64);
  testing::PutLe32(start, kSectorSize + 84, 256);
  testing::FixGptChecksums(start);
  EXPECT_THAT(GptEventData(start), StatusIs(kInvalid, HasSubstr("256 bytes")));
}

TEST(KernelReleaseTest, EndsAtTheFirstSpace) {
  ASSERT_OK_AND_ASSIGN(const std::string release,
                       KernelRelease(KernelOf("6.1.0-40-amd64 (x@y) #1")));
  EXPECT_EQ(release, "6.1.0-40-amd64");
}

TEST(KernelReleaseTest, RefusesHeadersWithoutOne) {
  EXPECT_THAT(KernelRelease({}), StatusIs(kInvalid));
  EXPECT_THAT(KernelRelease(Bytes(0x20f)), StatusIs(kInvalid));
  const Bytes good = KernelOf("6.1.0 x");
  Bytes wrong = good;
  wrong[0x202] = 'h';
  EXPECT_THAT(KernelRelease(wrong), StatusIs(kInvalid, HasSubstr("setup")));
  wrong = good;
  wrong[0x20e] = 0;
  EXPECT_THAT(KernelRelease(wrong), StatusIs(kInvalid));
  wrong = good;
  wrong[0x20f] = 0xff;  // beyond the file
  EXPECT_THAT(KernelRelease(wrong), StatusIs(kInvalid));
  EXPECT_THAT(KernelRelease(KernelOf("")), StatusIs(kInvalid));
  EXPECT_THAT(KernelRelease(KernelOf("6.1\n x")), StatusIs(kInvalid));
  EXPECT_THAT(KernelRelease(KernelOf(std::string(64, '6'))),
              StatusIs(kInvalid));
}

}  // namespace
}  // namespace constellation::image::measure
