// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/testing/child_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/status.h"
#include "common/unique_fd.h"

namespace constellation::kubernetes::testing {
namespace {

constexpr absl::Duration kGrace = absl::Seconds(5);
constexpr absl::Duration kPoll = absl::Milliseconds(10);
constexpr int kExecFailed = 127;

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const std::vector<std::string>& argv, const std::string& log_path) {
  const UniqueFd log(::open(log_path.c_str(),
                            O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log.valid()) return ErrnoStatus(errno, "open", log_path);
  std::vector<char*> arguments;
  for (const std::string& argument : argv) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return ErrnoStatus(errno, "fork", argv[0]);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(log.get(), STDOUT_FILENO);
    ::dup2(log.get(), STDERR_FILENO);
    ::execvp(arguments[0], arguments.data());
    ::_exit(kExecFailed);
  }
  return std::make_unique<ChildProcess>(pid);
}

ChildProcess::~ChildProcess() {
  Stop(SIGKILL);
}

bool ChildProcess::IsRunning() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

void ChildProcess::Stop(int signal) {
  if (!IsRunning()) return;
  ::kill(pid_, signal);
  for (absl::Duration waited; waited < kGrace; waited += kPoll) {
    if (!IsRunning()) return;
    absl::SleepFor(kPoll);
  }
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

absl::StatusOr<int> FreePort() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "socket", "127.0.0.1");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), any, length) != 0 ||
      ::getsockname(fd.get(), any, &length) != 0) {
    return ErrnoStatus(errno, "bind", "127.0.0.1");
  }
  return ntohs(address.sin_port);
}

}  // namespace constellation::kubernetes::testing
