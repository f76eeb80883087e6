// SPDX-License-Identifier: Apache-2.0
#include "image/measure/pe.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/testing/status_matchers.h"
#include "image/measure/testing/builders.h"

namespace constellation::image::measure {
namespace {

using ::constellation::testing::StatusIs;
using testing::Bytes;
using ::testing::HasSubstr;
using testing::kPeCertificateEntry;
using testing::kPeChecksum;
using testing::kPeOffset;
using testing::kPeOptional;
using testing::kPeSections;
using testing::MakePe;
using testing::PutLe16;
using testing::PutLe32;
using testing::ToBytes;

Bytes Valid(size_t certificates = 0) {
  return MakePe({{".text", ToBytes("code")}, {".data", ToBytes("numbers")}},
                certificates);
}

void ExpectRefused(const Bytes& file, std::string_view why) {
  EXPECT_THAT(PeFile::Parse(file), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr(std::string(why))));
}

crypto::Sha256Digest HashOf(const Bytes& file) {
  const auto parsed = PeFile::Parse(file);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed->AuthenticodeSha256();
}

TEST(PeTest, GivesSectionsWithoutPadding) {
  const Bytes file = Valid();
  ASSERT_OK_AND_ASSIGN(const PeFile parsed, PeFile::Parse(file));
  ASSERT_EQ(parsed.sections().size(), 2U);
  const auto data = parsed.SectionData(".data");
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ(Bytes(data->begin(), data->end()), ToBytes("numbers"));
  EXPECT_FALSE(parsed.SectionData(".none").has_value());
}

TEST(PeTest, SectionGivenTwiceIsNone) {
  const Bytes file = MakePe({{".a", ToBytes("1")}, {".a", ToBytes("2")}});
  ASSERT_OK_AND_ASSIGN(const PeFile parsed, PeFile::Parse(file));
  EXPECT_FALSE(parsed.SectionData(".a").has_value());
}

TEST(PeTest, SectionLargerInMemoryIsNone) {
  Bytes file = Valid();
  PutLe32(file, kPeSections + 8, 513);
  ASSERT_OK_AND_ASSIGN(const PeFile parsed, PeFile::Parse(file));
  EXPECT_FALSE(parsed.SectionData(".text").has_value());
}

TEST(PeTest, HashLeavesOutChecksumAndCertificates) {
  const Bytes plain = Valid();
  Bytes other_checksum = plain;
  other_checksum[kPeChecksum] ^= 1U;
  EXPECT_EQ(HashOf(other_checksum), HashOf(plain));
  // Adding certificates is what signing does.
  EXPECT_EQ(HashOf(Valid(64)), HashOf(plain));
}

TEST(PeTest, HashCoversEverythingElse) {
  const Bytes plain = Valid();
  for (size_t i = 0; i < plain.size(); ++i) {
    const bool left_out =
        (i >= kPeChecksum && i < kPeChecksum + 4) ||
        (i >= kPeCertificateEntry && i < kPeCertificateEntry + 8);
    Bytes changed = plain;
    changed[i] ^= 0x80U;
    const auto parsed = PeFile::Parse(changed);
    if (!parsed.ok() || left_out) {
      continue;  // refused is as good
    }
    EXPECT_NE(parsed->AuthenticodeSha256(), HashOf(plain)) << "octet " << i;
  }
}

TEST(PeTest, HashCoversDataBehindSections) {
  Bytes longer = Valid();
  longer.push_back(1);
  EXPECT_NE(HashOf(longer), HashOf(Valid()));
}

TEST(PeTest, HashIsThatOfTheSpecification) {
  const Bytes file = Valid(64);
  crypto::Sha256Hasher hasher;
  const std::span<const uint8_t> bytes(file);
  hasher.Update(bytes.first(kPeChecksum));
  hasher.Update(
      bytes.subspan(kPeChecksum + 4, kPeCertificateEntry - kPeChecksum - 4));
  hasher.Update(bytes.subspan(kPeCertificateEntry + 8,
                              file.size() - 64 - kPeCertificateEntry - 8));
  EXPECT_EQ(HashOf(file), hasher.Finish());
}

TEST(PeTest, RejectsEveryTruncation) {
  const Bytes file = Valid(64);
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(PeFile::Parse(std::span(file).first(size)).ok()) << size;
  }
}

TEST(PeTest, RejectsOtherMagics) {
  Bytes file = Valid();
  file[1] = 'X';
  ExpectRefused(file, "DOS");
  file = Valid();
  file[kPeOffset] = 'X';
  ExpectRefused(file, "no PE header");
  file = Valid();
  PutLe16(file, kPeOptional, 0x10B);
  ExpectRefused(file, "PE32+");
}

TEST(PeTest, RejectsHeaderBeyondTheFile) {
  Bytes file = Valid();
  PutLe32(file, 0x3C, 0xFFFFFFFF);
  ExpectRefused(file, "no PE header");
}

TEST(PeTest, RejectsOptionalHeaderSizes) {
  Bytes file = Valid();
  PutLe16(file, kPeOffset + 20, 239);
  ExpectRefused(file, "optional header");
  file = Valid();
  PutLe32(file, kPeOptional + 108, 17);
  ExpectRefused(file, "optional header");
}

TEST(PeTest, RejectsHeaderSizes) {
  for (const uint32_t size : {0U, 300U, 1U << 20U}) {
    Bytes file = Valid();
    PutLe32(file, kPeOptional + 60, size);
    ExpectRefused(file, "size of the headers");
  }
}

TEST(PeTest, RejectsNumberOfSections) {
  for (const uint16_t count : std::initializer_list<uint16_t>{0, 97, 0xFFFF}) {
    Bytes file = Valid();
    PutLe16(file, kPeOffset + 6, count);
    ExpectRefused(file, "size of the headers");
  }
}

TEST(PeTest, RejectsSectionBeyondTheFile) {
  Bytes file = Valid();
  PutLe32(file, kPeSections + 16, 0xFFFFFFFF);
  ExpectRefused(file, "section 0 leaves the file");
}

TEST(PeTest, RejectsSectionInTheHeaders) {
  Bytes file = Valid();
  PutLe32(file, kPeSections + 20, 512);
  ExpectRefused(file, "section 0 leaves the file");
}

TEST(PeTest, RejectsOverlappingSections) {
  Bytes file = Valid();
  PutLe32(file, kPeSections + 40 + 20, 1024);  // where the first one is
  ExpectRefused(file, "overlap");
}

TEST(PeTest, RejectsCertificatesElsewhere) {
  Bytes file = Valid(64);
  PutLe32(file, kPeCertificateEntry, 1024);
  ExpectRefused(file, "certificates");
  file = Valid(64);
  file.push_back(0);
  ExpectRefused(file, "certificates");
}

}  // namespace
}  // namespace constellation::image::measure
