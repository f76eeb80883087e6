// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/node_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/time/clock.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::TempDir;

TEST(CreateNodeFiles, DiskIsSparseAndKept) {
  const TempDir dir;
  const ClusterPaths cluster{dir.path(), dir.Join("run")};
  const NodePaths paths(cluster, {.name = "a", .index = 1});
  constexpr uint64_t kSize = uint64_t{800} << 30U;
  const absl::Status made = CreateNodeFiles(paths, kSize);
  if (absl::IsNotFound(made)) {
    GTEST_SKIP() << "no OVMF on this machine: " << made;
  }
  ASSERT_THAT(made, IsOk());
  struct stat info {};
  ASSERT_EQ(stat(paths.StateDisk().c_str(), &info), 0);
  EXPECT_EQ(static_cast<uint64_t>(info.st_size), kSize);
  EXPECT_LT(info.st_blocks, 1000);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ASSERT_THAT(CreateNodeFiles(paths, kSize / 2), IsOk());
  EXPECT_EQ(FileSize(paths.StateDisk()), kSize) << "never touched again";
}

TEST(LogTail, ReturnsTheEnd) {
  const TempDir dir;
  const std::string file = dir.Join("log");
  EXPECT_EQ(LogTail(file, 0), "");
  ASSERT_THAT(WriteFileAtomically(file, "old\nnew\n\n"), IsOk());
  EXPECT_EQ(LogTail(file, 0), "old\nnew");
  EXPECT_EQ(LogTail(file, 4), "new");
  EXPECT_EQ(LogTail(file, 100), "");
  ASSERT_THAT(WriteFileAtomically(file, std::string(5000, 'x')), IsOk());
  EXPECT_EQ(LogTail(file, 0).size(), 2000U);
}

TEST(BootStatusLog, LastLineIsFoundAgain) {
  const TempDir dir;
  const std::string file = dir.Join("status.jsonl");
  EXPECT_FALSE(LastBootStatus(file).has_value());
  const absl::Time time = absl::FromUnixSeconds(1700000000);
  AppendBootStatus(file, {time - absl::Seconds(1), R"({"phase":"one"})"});
  AppendBootStatus(file, {time, R"({"phase":"two"})"});
  const auto last = LastBootStatus(file);
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->json, R"({"phase":"two"})");
  EXPECT_EQ(last->time, time);
}

TEST(BootStatusLog, IsBounded) {
  const TempDir dir;
  const std::string file = dir.Join("status.jsonl");
  const std::string big = "{\"m\":\"" + std::string(8000, 'a') + "\"}";
  for (int i = 0; i < 1200; ++i) {
    AppendBootStatus(file, {absl::Now(), big});
  }
  EXPECT_LT(FileSize(file), size_t{5} << 20U);
  EXPECT_LT(FileSize(file + ".1"), size_t{5} << 20U);
  EXPECT_GT(FileSize(file + ".1"), size_t{1} << 20U);
}

TEST(BootStatusLog, DamagedLinesAreNoStatus) {
  const TempDir dir;
  const std::string file = dir.Join("status.jsonl");
  for (const char* bad :
       {"", "{", "[]", "{\"time\":1,\"status\":{}}",
        "{\"time\":\"x\",\"status\":{}}", "{\"time\":\"\"}"}) {
    ASSERT_THAT(WriteFileAtomically(file, bad), IsOk());
    EXPECT_FALSE(LastBootStatus(file).has_value()) << bad;
  }
}

TEST(BoundSerialLog, KeepsTheEnd) {
  const TempDir dir;
  const std::string file = dir.Join("serial.log");
  ASSERT_THAT(WriteFileAtomically(file, "0123456789"), IsOk());
  BoundSerialLog(file, 10);
  EXPECT_THAT(ReadFile(file), IsOkAndHolds("0123456789"));
  BoundSerialLog(file, 4);
  EXPECT_THAT(ReadFile(file), IsOkAndHolds(""));
  EXPECT_THAT(ReadFile(file + ".1"), IsOkAndHolds("6789"));
}

}  // namespace
}  // namespace constellation::cloud::qemu
