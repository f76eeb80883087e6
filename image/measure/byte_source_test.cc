// SPDX-License-Identifier: Apache-2.0
#include "image/measure/byte_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::image::measure {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();
const std::vector<uint8_t> kFive = {10, 11, 12, 13, 14};

TEST(MemorySourceTest, ReadsAnyRange) {
  const MemorySource source(kFive);
  EXPECT_EQ(source.size(), 5U);
  EXPECT_THAT(ReadRange(source, 0, 5),
              IsOkAndHolds(ElementsAre(10, 11, 12, 13, 14)));
  EXPECT_THAT(ReadRange(source, 3, 2), IsOkAndHolds(ElementsAre(13, 14)));
  EXPECT_THAT(ReadRange(source, 5, 0), IsOkAndHolds(IsEmpty()));
}

TEST(MemorySourceTest, RefusesWhatIsNotThere) {
  const MemorySource source(kFive);
  EXPECT_THAT(ReadRange(source, 3, 3),
              StatusIs(kInvalid, "wanted 3 octets at 3, but there are only 5"));
  EXPECT_THAT(ReadRange(source, 6, 0), StatusIs(kInvalid));
  EXPECT_THAT(ReadRange(source, kHuge, 2), StatusIs(kInvalid));  // wraps
}

// Refused before memory is asked for.
TEST(ReadRangeTest, HostileSizesAllocateNothing) {
  const MemorySource source(kFive);
  EXPECT_THAT(ReadRange(source, 0, std::numeric_limits<size_t>::max()),
              StatusIs(kInvalid));
}

TEST(RangeSourceTest, ShiftsAndBounds) {
  const MemorySource whole(kFive);
  ASSERT_OK_AND_ASSIGN(const RangeSource range,
                       RangeSource::Create(whole, 1, 3));
  EXPECT_EQ(range.size(), 3U);
  EXPECT_THAT(ReadRange(range, 0, 3), IsOkAndHolds(ElementsAre(11, 12, 13)));
  EXPECT_THAT(ReadRange(range, 2, 1), IsOkAndHolds(ElementsAre(13)));
  // What lies behind the range is there, but not the range's.
  EXPECT_THAT(ReadRange(range, 2, 2), StatusIs(kInvalid));
  EXPECT_THAT(ReadRange(range, kHuge, 1), StatusIs(kInvalid));
}

TEST(RangeSourceTest, RefusesRangesBeyondTheWhole) {
  const MemorySource whole(kFive);
  EXPECT_THAT(RangeSource::Create(whole, 3, 3), StatusIs(kInvalid));
  EXPECT_THAT(RangeSource::Create(whole, kHuge, 2), StatusIs(kInvalid));
  EXPECT_THAT(RangeSource::Create(whole, 1, kHuge), StatusIs(kInvalid));
  EXPECT_THAT(RangeSource::Create(whole, 5, 0), IsOk());
}

class FileSourceTest : public ::testing::Test {
 protected:
  const constellation::testing::TempDir folder_;
  const std::string path_ = folder_.Join("disk.raw");
};

TEST_F(FileSourceTest, ReadsAFile) {
  ASSERT_THAT(WriteFileAtomically(path_, "hello"), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto source, FileSource::Open(path_));
  EXPECT_EQ(source->size(), 5U);
  EXPECT_THAT(ReadRange(*source, 1, 3),
              IsOkAndHolds(ElementsAre('e', 'l', 'l')));
  EXPECT_THAT(ReadRange(*source, 3, 3), StatusIs(kInvalid));
}

TEST_F(FileSourceTest, MissingFileIsNamed) {
  EXPECT_THAT(FileSource::Open(path_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(path_)));
}

// A device or pipe could give other octets at the second look.
TEST_F(FileSourceTest, OnlyRegularFiles) {
  EXPECT_THAT(FileSource::Open("/dev/zero"),
              StatusIs(kInvalid, "/dev/zero: not a regular file"));
  EXPECT_THAT(FileSource::Open(folder_.path()), StatusIs(kInvalid));
}

TEST_F(FileSourceTest, ShrinkingFileIsDataLoss) {
  ASSERT_THAT(WriteFileAtomically(path_, "hello"), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto source, FileSource::Open(path_));
  ASSERT_EQ(truncate(path_.c_str(), 2), 0);
  EXPECT_THAT(ReadRange(*source, 0, 5),
              StatusIs(absl::StatusCode::kDataLoss,
                       path_ + ": shrank while being read"));
}

}  // namespace
}  // namespace constellation::image::measure
