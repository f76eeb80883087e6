// SPDX-License-Identifier: Apache-2.0
#include "image/measure/boot_disk.h"

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

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using testing::Bytes;
using ::testing::ElementsAre;
using testing::GuidOf;
using ::testing::HasSubstr;
using testing::MakePe;
using testing::Sections;
using testing::ToBytes;
using testing::UkiSections;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kFailed = absl::StatusCode::kFailedPrecondition;
constexpr std::string_view kOtherType = "0fc63daf-8483-4772-8e79-3d69d8477de4";
constexpr uint64_t kEspSector = 2048;

class BootDiskTest : public ::testing::Test {
 protected:
  // A disk whose partitions are `partitions`, with a file system at
  // kEspSector.
  Bytes Disk(const std::vector<Partition>& partitions) const {
    Bytes disk = testing::MakeGpt(partitions);
    disk.resize(kEspSector * kSectorSize);
    disk.insert(disk.end(), esp_.begin(), esp_.end());
    return disk;
  }
  Partition Esp() const {
    return {.type = GuidOf(kEspTypeGuid),
            .id = GuidOf(kOtherType),
            .first_sector = kEspSector,
            .sector_count = esp_.size() / kSectorSize};
  }

  const Bytes loader_ = ToBytes("the loader");
  const Bytes esp_ = testing::MakeFat(testing::FatKind::k32, loader_);
};

TEST_F(BootDiskTest, FindsTheLoader) {
  Partition other = Esp();
  other.type = GuidOf(kOtherType);
  const Bytes disk = Disk({other, Esp()});
  ASSERT_OK_AND_ASSIGN(const BootDisk boot, ReadBootDisk(MemorySource(disk)));
  EXPECT_EQ(boot.uki, loader_);
  EXPECT_EQ(boot.start, Bytes(disk.begin(), disk.begin() + kGptBytes));
}

TEST_F(BootDiskTest, RefusesShortDisks) {
  const Bytes disk(kGptBytes - 1, 0);
  EXPECT_THAT(ReadBootDisk(MemorySource(disk)),
              StatusIs(kInvalid, "disk image: too short"));
}

TEST_F(BootDiskTest, NeedsOneEfiSystemPartition) {
  const Bytes none = Disk({});
  EXPECT_THAT(ReadBootDisk(MemorySource(none)),
              StatusIs(absl::StatusCode::kNotFound,
                       "disk image: no EFI system partition"));
  const Bytes two = Disk({Esp(), Esp()});
  EXPECT_THAT(ReadBootDisk(MemorySource(two)),
              StatusIs(kInvalid, "disk image: two EFI system partitions"));
}

TEST_F(BootDiskTest, RefusesPartitionBeyondTheDisk) {
  Partition esp = Esp();
  esp.sector_count += 1;
  const Bytes disk = Disk({esp});
  EXPECT_THAT(ReadBootDisk(MemorySource(disk)),
              StatusIs(kInvalid, HasSubstr("there are only")));
}

// 2^55 sectors are 2^64 octets: the product must not come out as a small one.
TEST_F(BootDiskTest, RefusesPositionsThatDoNotFit) {
  Partition esp = Esp();
  esp.first_sector += uint64_t{1} << 55U;
  const Bytes far_away = Disk({esp});
  EXPECT_THAT(ReadBootDisk(MemorySource(far_away)), StatusIs(kInvalid));
  esp = Esp();
  esp.sector_count += uint64_t{1} << 55U;
  const Bytes long_one = Disk({esp});
  EXPECT_THAT(ReadBootDisk(MemorySource(long_one)), StatusIs(kInvalid));
}

TEST_F(BootDiskTest, RefusesDamagedTable) {
  Bytes disk = Disk({Esp()});
  disk[kSectorSize] ^= 1;
  EXPECT_THAT(ReadBootDisk(MemorySource(disk)), StatusIs(kInvalid));
}

// CheckUkiIsKnown() of an image with these sections.
absl::Status Check(const Sections& sections) {
  const Bytes file = MakePe(sections);
  const auto pe = PeFile::Parse(file);
  EXPECT_THAT(pe, IsOk());
  return CheckUkiIsKnown(*pe);
}

Sections WithMagic(const std::string& magic) {
  Sections sections = UkiSections();
  for (auto& [name, contents] : sections) {
    if (name == ".sdmagic") {
      contents = ToBytes(magic);
    }
  }
  return sections;
}

TEST(UkiTest, KnowsTwoStubs) {
  EXPECT_THAT(Check(UkiSections()), IsOk());
  EXPECT_THAT(Check(WithMagic("#### LoaderInfo: systemd-stub 252.39-1 ####")),
              IsOk());
  EXPECT_THAT(Check(WithMagic("#### LoaderInfo: systemd-stub 253 ####")),
              IsOk());
}

// Another version may measure other things: a prediction would be a guess.
TEST(UkiTest, RefusesOtherStubs) {
  for (const char* version : {"251", "254", "2520", "25"}) {
    EXPECT_THAT(
        Check(WithMagic(std::string("#### LoaderInfo: systemd-stub ") +
                        version + " ####")),
        StatusIs(kFailed, HasSubstr(std::string("systemd-stub ") + version)));
  }
  for (const char* magic :
       {"", "#### LoaderInfo: systemd-boot 252 ####",
        "#### LoaderInfo: systemd-stub x ####",
        "#### LoaderInfo: systemd-stub 99999999999999 ####"}) {
    EXPECT_THAT(Check(WithMagic(magic)),
                StatusIs(kFailed, "unified kernel image: not by systemd-stub"))
        << magic;
  }
}

TEST(UkiTest, RefusesUnknownSections) {
  Sections sections = UkiSections();
  sections.emplace_back(".ucode", ToBytes("x"));
  EXPECT_THAT(
      Check(sections),
      StatusIs(kFailed, "unified kernel image: unknown section \".ucode\""));
}

TEST(UkiTest, NeedsItsSections) {
  for (const char* name : {".linux", ".osrel", ".cmdline", ".initrd"}) {
    Sections sections = UkiSections();
    std::erase_if(sections,
                  [&](const auto& section) { return section.first == name; });
    EXPECT_THAT(
        Check(sections),
        StatusIs(kInvalid, "unified kernel image: section " +
                               std::string(name) + " missing or damaged"));
  }
}

TEST(StubLoadOptionsTest, WidensWithAnEndMark) {
  EXPECT_THAT(StubLoadOptions("a~"),
              IsOkAndHolds(ElementsAre('a', 0, '~', 0, 0, 0)));
  EXPECT_THAT(StubLoadOptions(""), IsOkAndHolds(ElementsAre(0, 0)));
}

TEST(StubLoadOptionsTest, RefusesWhatIsNotPlainAscii) {
  for (const std::string& bad :
       {std::string("a\n"), std::string("\0", 1), std::string("\x7f"),
        std::string("\xc3\xbc"), std::string("\t")}) {
    EXPECT_THAT(StubLoadOptions(bad),
                StatusIs(kInvalid,
                         "unified kernel image: command line is not plain "
                         "ASCII"));
  }
}

}  // namespace
}  // namespace constellation::image::measure
