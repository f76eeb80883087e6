// SPDX-License-Identifier: Apache-2.0
#include "common/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/time/clock.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace constellation {
namespace {

// Both ends close on exec; the child keeps what it dup2()ed.
struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

absl::StatusOr<Pipe> MakePipe() {
  std::array<int, 2> fds{};
  if (pipe2(fds.data(), O_CLOEXEC) != 0) {
    return ErrnoStatus(errno, "create", "pipe");
  }
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// As execve() wants them: writable and ended by a null pointer.
std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& text : strings) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

// In the child: only async-signal-safe calls.
[[noreturn]] void Exec(const std::vector<char*>& argv,
                       const std::vector<char*>& environment, const Pipe& in,
                       const Pipe& out, const Pipe& err, const Pipe& failure) {
  dup2(in.read.get(), STDIN_FILENO);
  dup2(out.write.get(), STDOUT_FILENO);
  dup2(err.write.get(), STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  execvpe(argv[0], argv.data(), environment.data());
  const int error = errno;
  (void)!write(failure.write.get(), &error, sizeof(error));
  _exit(127);
}

// Moves bytes between the child's three streams and ours until both outputs are
// closed.
class Pump final {
 public:
  Pump(UniqueFd in, UniqueFd out, UniqueFd err, const CommandOptions& options,
       CommandResult& result)
      : in_(std::move(in)),
        out_(std::move(out)),
        err_(std::move(err)),
        options_(options),
        result_(result),
        input_(options.input) {
    fcntl(in_.get(), F_SETFL, O_NONBLOCK);
  }

  // Whether all output was seen before `deadline`.
  bool Run(absl::Time deadline) {
    while (out_.valid() || err_.valid()) {
      if (input_.empty()) {
        in_.Reset();
      }
      std::array<pollfd, 3> polls{{{out_.get(), POLLIN, 0},
                                   {err_.get(), POLLIN, 0},
                                   {in_.get(), POLLOUT, 0}}};
      const absl::Duration left = deadline - absl::Now();
      if (left <= absl::ZeroDuration()) {
        return false;
      }
      const auto wait_ms = static_cast<int>(std::clamp<int64_t>(
          absl::ToInt64Milliseconds(std::min(left, absl::Seconds(60))), 1,
          60000));
      if (poll(polls.data(), polls.size(), wait_ms) < 0 && errno != EINTR) {
        return false;
      }
      if (polls[0].revents != 0) {
        Drain(out_, result_.out);
      }
      if (polls[1].revents != 0) {
        Drain(err_, result_.err);
      }
      if (polls[2].revents != 0) {
        Feed();
      }
    }
    return true;
  }

 private:
  // Goes on reading beyond the limit, so that the program never blocks on a
  // full pipe.
  void Drain(UniqueFd& fd, std::string& sink) {
    std::array<char, 16384> buffer{};
    const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
    if (got > 0) {
      const size_t room =
          options_.max_output - std::min(options_.max_output, sink.size());
      sink.append(buffer.data(), std::min(room, static_cast<size_t>(got)));
    } else if (got == 0 || errno != EINTR) {
      fd.Reset();
    }
  }

  // The descriptor does not block: a program that does not read must not hold
  // us up.
  void Feed() {
    const ssize_t put = write(in_.get(), input_.data(), input_.size());
    if (put > 0) {
      input_ = input_.subspan(static_cast<size_t>(put));
    } else if (errno != EINTR && errno != EAGAIN) {
      input_ = {};  // the program does not want it
    }
  }

  UniqueFd in_;
  UniqueFd out_;
  UniqueFd err_;
  const CommandOptions& options_;
  CommandResult& result_;
  std::span<const uint8_t> input_;
};

// As shells count: 128 plus the signal that ended it.
int WaitFor(pid_t pid) {
  int state = 0;
  while (waitpid(pid, &state, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

}  // namespace

// The fourth pipe tells a program that could not be started from one that
// failed: exec closes it, and only a failed exec writes to it.
absl::StatusOr<CommandResult> ProcessRunner::Run(
    const std::vector<std::string>& argv, const CommandOptions& options) {
  if (argv.empty()) {
    return InvalidArgument("command: want a program, got nothing");
  }
  ASSIGN_OR_RETURN(Pipe in, MakePipe());
  ASSIGN_OR_RETURN(Pipe out, MakePipe());
  ASSIGN_OR_RETURN(Pipe err, MakePipe());
  ASSIGN_OR_RETURN(Pipe failure, MakePipe());
  std::vector<std::string> arguments = argv;
  std::vector<std::string> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr;
       ++variable) {
    variables.emplace_back(*variable);
  }
  variables.insert(variables.end(), options.environment.begin(),
                   options.environment.end());
  const std::vector<char*> argument_pointers = Pointers(arguments);
  const std::vector<char*> variable_pointers = Pointers(variables);
  signal(SIGPIPE, SIG_IGN);
  const pid_t pid = fork();
  if (pid < 0) {
    return ErrnoStatus(errno, "fork for", argv[0]);
  }
  if (pid == 0) {
    Exec(argument_pointers, variable_pointers, in, out, err, failure);
  }
  in.read.Reset();
  out.write.Reset();
  err.write.Reset();
  failure.write.Reset();
  int error = 0;
  if (read(failure.read.get(), &error, sizeof(error)) == sizeof(error)) {
    WaitFor(pid);
    return ErrnoStatus(error, "run", argv[0]);
  }
  CommandResult result;
  const bool finished = Pump(std::move(in.write), std::move(out.read),
                             std::move(err.read), options, result)
                            .Run(absl::Now() + options.timeout);
  if (!finished) {
    kill(pid, SIGKILL);
    WaitFor(pid);
    return DeadlineExceeded(fmt::format("{}: not finished after {}", argv[0],
                                        absl::FormatDuration(options.timeout)));
  }
  result.exit_code = WaitFor(pid);
  return result;
}

absl::StatusOr<std::string> RunChecked(CommandRunner& runner,
                                       const std::vector<std::string>& argv,
                                       const CommandOptions& options) {
  ASSIGN_OR_RETURN(CommandResult result, runner.Run(argv, options));
  if (result.exit_code == 0) {
    return std::move(result.out);
  }
  std::string_view end = result.err.empty() ? result.out : result.err;
  constexpr size_t kShown = 2000;
  if (end.size() > kShown) {
    end.remove_prefix(end.size() - kShown);
  }
  return Internal(fmt::format("{}: exit code {}: {}", fmt::join(argv, " "),
                              result.exit_code, end));
}

}  // namespace constellation
