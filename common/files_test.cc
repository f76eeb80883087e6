// SPDX-License-Identifier: Apache-2.0
#include "common/files.h"

#include <sys/stat.h>

#include <filesystem>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;

size_t EntriesIn(const std::string& directory) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    count += entry.exists() ? 1 : 0;
  }
  return count;
}

TEST(FilesTest, WritesPrivateFilesAndReadsThemBack) {
  const TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.Join("a"), "text"), IsOk());
  EXPECT_THAT(ReadFile(dir.Join("a")), IsOkAndHolds("text"));
  struct stat info {};
  ASSERT_EQ(stat(dir.Join("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(EntriesIn(dir.path()), 1U);
}

TEST(FilesTest, ExclusiveCreationKeepsWhatExists) {
  const TempDir dir;
  ASSERT_THAT(CreateFileExclusively(dir.Join("a"), "first"), IsOk());
  EXPECT_THAT(CreateFileExclusively(dir.Join("a"), "second"),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(ReadFile(dir.Join("a")), IsOkAndHolds("first"));
  EXPECT_EQ(EntriesIn(dir.path()), 1U);
}

TEST(FilesTest, RefusesAFileThatIsTooLarge) {
  const TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.Join("a"), "12345"), IsOk());
  EXPECT_THAT(ReadFile(dir.Join("a"), 5), IsOk());
  EXPECT_THAT(ReadFile(dir.Join("a"), 4),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(FilesTest, NamesTheMissingFile) {
  EXPECT_THAT(ReadFile("/nonexistent/file"),
              StatusIs(absl::StatusCode::kNotFound,
                       ::testing::HasSubstr("/nonexistent/file")));
}

TEST(FilesTest, MakesParents) {
  const TempDir dir;
  ASSERT_THAT(MakeDirectories(dir.Join("a/b/c")), IsOk());
  EXPECT_TRUE(FileExists(dir.Join("a/b/c")));
  ASSERT_THAT(WriteFileAtomically(dir.Join("f"), ""), IsOk());
  EXPECT_FALSE(MakeDirectories(dir.Join("f/x")).ok());
}

}  // namespace
}  // namespace constellation
