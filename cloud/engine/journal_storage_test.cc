// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/journal_storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

class JournalStorageTest : public ::testing::Test {
 protected:
  constellation::testing::TempDir folder_;
  const std::string path_ = folder_.Join("journal");
  FileJournalStorage storage_{path_};
};

TEST_F(JournalStorageTest, NothingIsNotFound) {
  EXPECT_THAT(storage_.Read(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(JournalStorageTest, AppendsBehindWhatIsThere) {
  ASSERT_THAT(storage_.Replace("one\n"), IsOk());
  ASSERT_THAT(storage_.Append("two\n"), IsOk());
  ASSERT_THAT(storage_.Append("three\n"), IsOk());
  EXPECT_THAT(storage_.Read(), IsOkAndHolds("one\ntwo\nthree\n"));
  FileJournalStorage next_run(path_);
  ASSERT_THAT(next_run.Append("four\n"), IsOk());
  EXPECT_THAT(next_run.Read(), IsOkAndHolds("one\ntwo\nthree\nfour\n"));
}

// The open file of an earlier Append() must not be written to any more.
TEST_F(JournalStorageTest, AppendsToTheNewFileAfterReplace) {
  ASSERT_THAT(storage_.Replace("old\n"), IsOk());
  ASSERT_THAT(storage_.Append("lost\n"), IsOk());
  ASSERT_THAT(storage_.Replace("new\n"), IsOk());
  ASSERT_THAT(storage_.Append("kept\n"), IsOk());
  EXPECT_THAT(storage_.Read(), IsOkAndHolds("new\nkept\n"));
}

// A journal that vanished is not started anew in silence.
TEST_F(JournalStorageTest, AppendMakesNoFile) {
  EXPECT_THAT(storage_.Append("x\n"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(path_)));
  EXPECT_FALSE(FileExists(path_));
}

TEST_F(JournalStorageTest, NobodyElseMayRead) {
  ASSERT_THAT(storage_.Replace("x"), IsOk());
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(JournalStorageTest, RemovesOnceOrMoreOften) {
  ASSERT_THAT(storage_.Replace("x"), IsOk());
  EXPECT_THAT(storage_.Remove(), IsOk());
  EXPECT_FALSE(FileExists(path_));
  EXPECT_THAT(storage_.Remove(), IsOk());
  EXPECT_THAT(storage_.Append("x\n"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(JournalStorageTest, FailuresNameTheFile) {
  FileJournalStorage nowhere(folder_.Join("absent/journal"));
  EXPECT_THAT(nowhere.Replace("x"), ::testing::Not(IsOk()));
  std::filesystem::create_directory(path_);
  EXPECT_THAT(storage_.Remove(), ::testing::Not(IsOk()));
  EXPECT_THAT(storage_.Append("x"),
              StatusIs(storage_.Append("x").code(), HasSubstr(path_)));
}

TEST_F(JournalStorageTest, FullDiskIsTold) {
  FileJournalStorage full("/dev/full");
  EXPECT_THAT(full.Append("x\n"),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace constellation::cloud
