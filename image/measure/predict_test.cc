// SPDX-License-Identifier: Apache-2.0
#include "image/measure/predict.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "image/measure/gpt.h"
#include "image/measure/pe.h"
#include "image/measure/testing/builders.h"

namespace constellation::image::measure {
namespace {

using ::constellation::testing::StatusIs;
using testing::Bytes;
using testing::FatKind;
using testing::GuidOf;
using ::testing::HasSubstr;
using testing::MakeFat;
using testing::MakeGpt;
using testing::MakePe;
using testing::Sections;
using testing::ToBytes;
using testing::UkiSections;

constexpr std::string_view kOtherType = "0fc63daf-8483-4772-8e79-3d69d8477de4";
constexpr uint64_t kEspSector = 2048;

Bytes& SectionOf(Sections& sections, std::string_view name) {
  return std::find_if(
             sections.begin(), sections.end(),
             [&](const auto& section) { return section.first == name; })
      ->second;
}

void Drop(Sections& sections, std::string_view name) {
  std::erase_if(sections,
                [&](const auto& section) { return section.first == name; });
}

PredictedPcrs PredictOrDie(const Sections& sections) {
  auto predicted = PredictPcrsOfUki(MakePe(sections));
  EXPECT_TRUE(predicted.ok()) << predicted.status();
  return predicted.ok() ? *predicted : PredictedPcrs();
}

// Extends a PCR that starts at zero, written down a second time on purpose.
crypto::Sha256Digest Replay(const std::vector<crypto::Sha256Digest>& digests) {
  crypto::Sha256Digest value{};
  for (const auto& digest : digests) {
    crypto::Sha256Hasher hasher;
    hasher.Update(value);
    hasher.Update(digest);
    value = hasher.Finish();
  }
  return value;
}

Bytes DiskWith(const std::vector<std::string_view>& types) {
  const Bytes esp = MakeFat(FatKind::k32, MakePe(UkiSections()));
  std::vector<Partition> partitions;
  uint64_t sector = kEspSector;
  for (const std::string_view type : types) {
    partitions.push_back({.type = GuidOf(type),
                          .id = GuidOf(kOtherType),
                          .first_sector = sector,
                          .sector_count = esp.size() / kSectorSize});
    sector += esp.size() / kSectorSize;
  }
  Bytes disk = MakeGpt(partitions);
  disk.resize(sector * kSectorSize);
  std::copy(esp.begin(), esp.end(), disk.begin() + kEspSector * kSectorSize);
  return disk;
}

TEST(PredictTest, Pcr4IsActionSeparatorUkiKernel) {
  const Bytes uki = MakePe(UkiSections());
  Sections sections = UkiSections();
  const Bytes kernel = SectionOf(sections, ".linux");
  ASSERT_OK_AND_ASSIGN(const auto predicted, PredictPcrsOfUki(uki));
  EXPECT_EQ(predicted.values.at(4),
            Replay({crypto::Sha256(
                        ToBytes("Calling EFI Application from Boot Option")),
                    crypto::Sha256(Bytes(4, 0)),
                    PeFile::Parse(uki)->AuthenticodeSha256(),
                    PeFile::Parse(kernel)->AuthenticodeSha256()}));
}

TEST(PredictTest, Pcr9IsWideCommandLineThenInitrd) {
  Bytes wide;
  for (const char c : std::string("console=ttyS0 roothash=00")) {
    wide.insert(wide.end(), {static_cast<uint8_t>(c), 0});
  }
  wide.insert(wide.end(), {0, 0});
  EXPECT_EQ(
      PredictOrDie(UkiSections()).values.at(9),
      Replay({crypto::Sha256(wide), crypto::Sha256(ToBytes("an initrd"))}));
}

TEST(PredictTest, Pcr11IsNamesAndContentsInOrder) {
  std::vector<crypto::Sha256Digest> digests;
  Sections sections = UkiSections();
  for (const std::string name : {".linux", ".osrel", ".cmdline", ".initrd"}) {
    digests.push_back(crypto::Sha256(ToBytes(name + std::string(1, '\0'))));
    digests.push_back(crypto::Sha256(SectionOf(sections, name)));
  }
  EXPECT_EQ(PredictOrDie(UkiSections()).values.at(11), Replay(digests));
}

TEST(PredictTest, OtherPcrsStayZero) {
  const PredictedPcrs predicted = PredictOrDie(UkiSections());
  EXPECT_EQ(predicted.values.size(), 8U);
  for (const uint32_t index : {8U, 12U, 13U, 14U, 15U}) {
    EXPECT_EQ(predicted.values.at(index), crypto::Sha256Digest{});
  }
  EXPECT_EQ(predicted.command_line, "console=ttyS0 roothash=00");
}

TEST(PredictTest, ChangedCommandLineChangesAllThree) {
  Sections changed = UkiSections();
  SectionOf(changed, ".cmdline").back() = '1';
  const PredictedPcrs before = PredictOrDie(UkiSections());
  const PredictedPcrs after = PredictOrDie(changed);
  for (const uint32_t index : {4U, 9U, 11U}) {
    EXPECT_NE(before.values.at(index), after.values.at(index)) << index;
  }
}

TEST(PredictTest, OrderOfSectionsInTheFileDoesNotMatterToPcr11) {
  Sections reordered = UkiSections();
  std::reverse(reordered.begin(), reordered.end());
  EXPECT_EQ(PredictOrDie(reordered).values.at(11),
            PredictOrDie(UkiSections()).values.at(11));
}

TEST(PredictTest, RejectsMissingSection) {
  for (const std::string_view name :
       {".linux", ".osrel", ".cmdline", ".initrd"}) {
    Sections sections = UkiSections();
    Drop(sections, name);
    EXPECT_THAT(PredictPcrsOfUki(MakePe(sections)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(std::string(name))));
  }
}

TEST(PredictTest, RejectsUnknownSection) {
  Sections sections = UkiSections();
  sections.emplace_back(".ucode", ToBytes("microcode"));
  EXPECT_THAT(PredictPcrsOfUki(MakePe(sections)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("unknown section \".ucode\"")));
}

TEST(PredictTest, RejectsOtherStubs) {
  for (const std::string_view magic :
       {"#### LoaderInfo: systemd-stub 251.1 ####",
        "#### LoaderInfo: systemd-stub 254.1 ####",
        "#### LoaderInfo: systemd-stub x ####", "something else"}) {
    Sections sections = UkiSections();
    SectionOf(sections, ".sdmagic") = ToBytes(magic);
    EXPECT_THAT(PredictPcrsOfUki(MakePe(sections)),
                StatusIs(absl::StatusCode::kFailedPrecondition));
  }
}

TEST(PredictTest, RejectsCommandLineThatIsNotPlain) {
  Sections sections = UkiSections();
  SectionOf(sections, ".cmdline").push_back('\n');
  EXPECT_THAT(PredictPcrsOfUki(MakePe(sections)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("ASCII")));
}

TEST(PredictTest, RejectsKernelThatIsNoProgram) {
  Sections sections = UkiSections();
  SectionOf(sections, ".linux") = ToBytes("not a program");
  EXPECT_THAT(PredictPcrsOfUki(MakePe(sections)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PredictDiskTest, FindsTheUkiOnTheEsp) {
  const Bytes disk = DiskWith({kEspTypeGuid, kOtherType});
  ASSERT_OK_AND_ASSIGN(const auto predicted,
                       PredictPcrsOfDisk(MemorySource(disk)));
  EXPECT_EQ(predicted.values, PredictOrDie(UkiSections()).values);
}

TEST(PredictDiskTest, ReadsAFile) {
  const constellation::testing::TempDir folder;
  const Bytes disk = DiskWith({kEspTypeGuid});
  const std::string path = folder.Join("disk.raw");
  ASSERT_TRUE(
      WriteFileAtomically(
          path, {reinterpret_cast<const char*>(disk.data()), disk.size()})
          .ok());
  ASSERT_OK_AND_ASSIGN(const auto predicted, PredictPcrs(path));
  EXPECT_EQ(predicted.values, PredictOrDie(UkiSections()).values);
}

TEST(PredictDiskTest, RejectsAbsentFile) {
  EXPECT_THAT(PredictPcrs("/nonexistent/disk.raw"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(PredictDiskTest, RejectsFolder) {
  const constellation::testing::TempDir folder;
  EXPECT_THAT(PredictPcrs(folder.path()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("not a regular file")));
}

TEST(PredictDiskTest, RejectsDiskWithoutEsp) {
  const Bytes disk = DiskWith({kOtherType});
  EXPECT_THAT(PredictPcrsOfDisk(MemorySource(disk)),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(PredictDiskTest, RejectsTwoEsps) {
  const Bytes disk = DiskWith({kEspTypeGuid, kEspTypeGuid});
  EXPECT_THAT(PredictPcrsOfDisk(MemorySource(disk)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("two")));
}

TEST(PredictDiskTest, RejectsTruncatedDisk) {
  Bytes disk = DiskWith({kEspTypeGuid});
  disk.resize(disk.size() - 1);
  EXPECT_THAT(PredictPcrsOfDisk(MemorySource(disk)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  disk.resize(100);
  EXPECT_THAT(PredictPcrsOfDisk(MemorySource(disk)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace constellation::image::measure
