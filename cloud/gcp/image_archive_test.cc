// SPDX-License-Identifier: Apache-2.0
// Whole archives, a GiB each, are packed in tests/integration/gcp.
#include "cloud/gcp/image_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

// RFC 3720 appendix B.4.
TEST(ImageArchiveTest, ComputesCrc32c) {
  EXPECT_EQ(Crc32c(0, Bytes(32, 0)), 0x8a9136aaU);
  EXPECT_EQ(Crc32c(0, Bytes(32, 0xff)), 0x62a8ab43U);
  Bytes counting(32);
  for (size_t i = 0; i < counting.size(); ++i) {
    counting[i] = static_cast<uint8_t>(i);
  }
  EXPECT_EQ(Crc32c(0, counting), 0x46dd794eU);
  EXPECT_EQ(Crc32c(Crc32c(0, std::span(counting).first(5)),
                   std::span(counting).subspan(5)),
            0x46dd794eU);
}

TEST(ImageArchiveTest, WritesBigSizesInBase256) {
  const std::string small = TarHeader("disk.raw", (uint64_t{1} << 33U) - 1);
  EXPECT_EQ(small.size(), 512U);
  EXPECT_EQ(small.substr(124, 11), "77777777777");
  EXPECT_EQ(small.substr(257, 8), std::string("ustar  \0", 8));
  const std::string big = TarHeader("disk.raw", uint64_t{10} << 30U);
  EXPECT_EQ(big[124], static_cast<char>(0x80));
  EXPECT_EQ(HexEncode(AsBytes(big.substr(128, 8))), "0000000280000000");
}

TEST(ImageArchiveTest, HeadersSumUp) {
  const std::string header = TarHeader("disk.raw", 3000);
  EXPECT_EQ(header.substr(0, 9), std::string("disk.raw\0", 9));
  EXPECT_EQ(header.substr(124, 11), "00000005670");
  // The sum is taken with blanks in its place, and ends in NUL and a blank.
  std::string blank = header;
  blank.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char c : blank) {
    sum += static_cast<unsigned char>(c);
  }
  EXPECT_EQ(std::stoul(header.substr(148, 6), nullptr, 8), sum);
  EXPECT_EQ(header.substr(154, 2), std::string("\0 ", 2));
  // Names that are too long are cut, never written over what follows.
  EXPECT_EQ(TarHeader(std::string(200, 'n'), 1).substr(99, 8),
            std::string("\0"
                        "0000644",
                        8));
}

TEST(ImageArchiveTest, RefusesFilesThatAreNoImages) {
  const ::constellation::testing::TempDir folder;
  const auto pack = [&](const std::string& image) {
    return PackImage(folder.Join(image), folder.Join("a.tar.gz"),
                     [](double) {});
  };
  EXPECT_THAT(pack("none"), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_THAT(WriteFileAtomically(folder.Join("empty"), ""), IsOk());
  EXPECT_THAT(pack("empty"), StatusIs(absl::StatusCode::kInvalidArgument,
                                      HasSubstr("got 0 octets")));
  EXPECT_FALSE(FileExists(folder.Join("a.tar.gz")));
}

}  // namespace
}  // namespace constellation::cloud::gcp
