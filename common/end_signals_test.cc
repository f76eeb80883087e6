// SPDX-License-Identifier: Apache-2.0
#include "common/end_signals.h"

#include <gtest/gtest.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace constellation {
namespace {

// In a child, because what it does to the process is never undone.
int ExitCodeOf(int (*child)()) {
  const pid_t pid = fork();
  if (pid == 0) _exit(child());
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(EndSignalsTest, ReturnsTheSignalThatCameBeforeTheWait) {
  EXPECT_EQ(ExitCodeOf([] {
              const EndSignals signals;
              kill(getpid(), SIGINT);
              return signals.Wait() == SIGINT ? 0 : 1;
            }),
            0);
}

TEST(EndSignalsTest, OtherThreadsAreNotInterrupted) {
  EXPECT_EQ(ExitCodeOf([] {
              const EndSignals signals;
              std::thread sender([] {
                for (int i = 0; i < 20; ++i) kill(getpid(), SIGTERM);
              });
              sender.join();
              return signals.Wait() == SIGTERM ? 0 : 1;
            }),
            0);
}

TEST(EndSignalsTest, OtherSignalsStillEndTheProcess) {
  EXPECT_EQ(ExitCodeOf([] {
              const EndSignals signals;
              kill(getpid(), SIGKILL);
              return signals.Wait();
            }),
            128 + SIGKILL);
}

}  // namespace
}  // namespace constellation
