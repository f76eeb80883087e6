// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;

class ProcessTest : public ::testing::Test {
 protected:
  absl::StatusOr<Process> Spawn(const std::vector<std::string>& argv,
                                int inherit_fd = -1, bool endless = false) {
    return Process::Spawn(argv, {.log_file = Log(),
                                 .pid_file = PidFile(),
                                 .inherit_fd = inherit_fd,
                                 .endless_input = endless});
  }
  std::string Log() { return dir_.Join("log"); }
  std::string PidFile() { return dir_.Join("pid"); }

  TempDir dir_;
};

TEST_F(ProcessTest, ReportsHowItEnded) {
  ASSERT_OK_AND_ASSIGN(Process process,
                       Spawn({"sh", "-c", "sleep 0.1; exit 7"}));
  EXPECT_TRUE(FileExists(PidFile()));
  EXPECT_TRUE(process.WaitFor(absl::Seconds(10)));
  EXPECT_EQ(process.exit_reason(), "exit code 7");
  EXPECT_FALSE(FileExists(PidFile()));
}

TEST_F(ProcessTest, CollectsOutput) {
  ASSERT_OK_AND_ASSIGN(
      Process process,
      Spawn({"sh", "-c", "echo one; echo two >&2; sleep 0.1"}));
  EXPECT_TRUE(process.WaitFor(absl::Seconds(10)));
  EXPECT_THAT(ReadFile(Log()), testing::IsOkAndHolds("one\ntwo\n"));
}

TEST_F(ProcessTest, NamesMissingPrograms) {
  EXPECT_THAT(Spawn({"no-such-program-here"}),
              StatusIs(absl::StatusCode::kNotFound,
                       ::testing::HasSubstr("no-such-program-here")));
}

TEST_F(ProcessTest, EndsWhatIgnoresTermination) {
  ASSERT_OK_AND_ASSIGN(
      Process process,
      Spawn({"sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"}));
  absl::SleepFor(absl::Milliseconds(200));
  process.End(absl::Milliseconds(300));
  EXPECT_FALSE(process.Running());
  EXPECT_EQ(process.exit_reason(), "signal 9");
}

TEST_F(ProcessTest, WaitForGivesUp) {
  ASSERT_OK_AND_ASSIGN(Process process, Spawn({"sleep", "60"}));
  EXPECT_FALSE(process.WaitFor(absl::Milliseconds(50)));
  EXPECT_TRUE(process.Running());
  process.End(absl::Seconds(5));
  EXPECT_EQ(process.exit_reason(), "signal 15");
}

TEST_F(ProcessTest, HandsOverADescriptorAsNumberThree) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  ASSERT_OK_AND_ASSIGN(Process process,
                       Spawn({"sh", "-c", "echo hi >&3"}, fds[1]));
  close(fds[1]);
  char buffer[8] = {};
  EXPECT_EQ(read(fds[0], buffer, sizeof(buffer)), 3);
  close(fds[0]);
  process.End(absl::Seconds(5));
}

TEST_F(ProcessTest, EndlessInputNeverEnds) {
  ASSERT_OK_AND_ASSIGN(Process endless, Spawn({"cat"}, -1, /*endless=*/true));
  EXPECT_FALSE(endless.WaitFor(absl::Milliseconds(200)));
  endless.End(absl::Seconds(5));
  ASSERT_OK_AND_ASSIGN(Process normal, Spawn({"sh", "-c", "sleep 0.1; cat"}));
  EXPECT_TRUE(normal.WaitFor(absl::Seconds(10)));
}

TEST_F(ProcessTest, RunsInASessionOfItsOwn) {
  ASSERT_OK_AND_ASSIGN(Process process, Spawn({"sleep", "60"}));
  EXPECT_EQ(getsid(process.pid()), process.pid());
  process.End(absl::Seconds(5));
}

TEST_F(ProcessTest, AdoptsWhatThePidFileNames) {
  ASSERT_OK_AND_ASSIGN(Process process, Spawn({"sleep", "60"}));
  auto adopted = Process::Adopt(PidFile(), "sleep");
  ASSERT_TRUE(adopted.has_value());
  EXPECT_EQ(adopted->pid(), process.pid());
  EXPECT_LT(adopted->Uptime(), absl::Seconds(30));
  adopted->End(absl::Seconds(5));
  EXPECT_FALSE(adopted->Running());
  EXPECT_EQ(adopted->exit_reason(), "ended, exit code unknown");
  EXPECT_FALSE(process.Running());
}

TEST_F(ProcessTest, AdoptsNeitherOtherProgramsNorOtherStartTimes) {
  ASSERT_OK_AND_ASSIGN(Process process, Spawn({"sleep", "60"}));
  ASSERT_OK_AND_ASSIGN(const std::string file, ReadFile(PidFile()));
  ASSERT_OK_AND_ASSIGN(const ProcessIdentity identity,
                       ParseProcessIdentity(file));
  EXPECT_TRUE(IsAlive(identity));
  EXPECT_FALSE(Process::Adopt(PidFile(), "qemu").has_value());
  EXPECT_FALSE(FileExists(PidFile())) << "a stale file goes away";

  ProcessIdentity other = identity;
  ++other.start_ticks;
  EXPECT_FALSE(IsAlive(other));
  ASSERT_THAT(WriteFileAtomically(PidFile(), ProcessIdentityToJson(other)),
              IsOk());
  EXPECT_FALSE(Process::Adopt(PidFile(), "sleep").has_value());

  other = identity;
  other.boot_id[0] = other.boot_id[0] == 'a' ? 'b' : 'a';
  EXPECT_FALSE(IsAlive(other)) << "the host has booted since";

  ASSERT_THAT(WriteFileAtomically(PidFile(), "4711"), IsOk());
  EXPECT_FALSE(Process::Adopt(PidFile(), "sleep").has_value());
  EXPECT_FALSE(Process::Adopt(dir_.Join("none"), "sleep").has_value());
  process.End(absl::Seconds(5));
}

TEST_F(ProcessTest, ZombiesAreNotAlive) {
  const pid_t pid = fork();
  if (pid == 0) {
    _exit(0);
  }
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  EXPECT_THAT(IdentifyProcess(pid), StatusIs(absl::StatusCode::kNotFound));
  waitpid(pid, nullptr, 0);
  EXPECT_THAT(IdentifyProcess(pid), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ProcessTest, FindsByProgramAndArgument) {
  const std::string marker = dir_.path() + "/marker";
  ASSERT_OK_AND_ASSIGN(Process process,
                       Spawn({"tail", "-f", "/dev/null", marker}));
  const auto found = FindProcesses({"tail", "other"}, dir_.path() + "/");
  EXPECT_EQ(found, std::vector<pid_t>{process.pid()});
  EXPECT_TRUE(FindProcesses({"other"}, dir_.path()).empty());
  EXPECT_TRUE(FindProcesses({"tail"}, dir_.path() + "/x").empty());
  process.End(absl::Seconds(5));
}

TEST_F(ProcessTest, ReapsOnlyNamedOrphans) {
  const auto zombie = [] {
    const pid_t pid = fork();
    if (pid == 0) {
      _exit(0);
    }
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
    return pid;
  };
  const std::string self =
      "/somewhere/" + std::string(program_invocation_short_name);
  const pid_t pid = zombie();
  ReapOrphans({"/usr/bin/other-program"}, {});
  ReapOrphans({self}, {pid});
  EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), pid) << "must still be there";
  const pid_t second = zombie();
  ReapOrphans({"other", self}, {});
  EXPECT_EQ(waitpid(second, nullptr, WNOHANG), -1) << "must be collected";
}

TEST(ProcessIdentityJson, IsStrict) {
  ASSERT_OK_AND_ASSIGN(const ProcessIdentity self, IdentifyProcess(getpid()));
  EXPECT_GT(self.start_ticks, 0U);
  EXPECT_THAT(ParseProcessIdentity(ProcessIdentityToJson(self)), IsOk());
  for (const char* bad :
       {"", "1", "{}", R"({"pid":1,"startTicks":1,"bootID":"x"})",
        R"({"pid":-5,"startTicks":1,"bootID":"x"})",
        R"({"pid":5,"startTicks":1,"bootID":"x","more":1})"}) {
    EXPECT_THAT(ParseProcessIdentity(bad),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << bad;
  }
}

}  // namespace
}  // namespace constellation::cloud::qemu
