// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/time/clock.h"
#include "cloud/json_fields.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

constexpr size_t kMaxPidFile = 4096;
constexpr size_t kMaxCommandLine = size_t{2} << 20U;
constexpr int kInheritedFd = 3;

// Differs after every boot of the host: start times count from there.
absl::StatusOr<std::string> BootId() {
  ASSIGN_OR_RETURN(std::string id,
                   ReadFile("/proc/sys/kernel/random/boot_id", 128));
  while (!id.empty() && id.back() == '\n') {
    id.pop_back();
  }
  return id;
}

// The C library's <sys/pidfd.h> (2.36) cannot be used from C++.
int OpenPidfd(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

// Everything that the child must not allocate after fork.
struct ChildPlan {
  std::vector<char*> argv;
  int log_fd = -1;
  int input_fd = -1;
  int keep_open_fd = -1;  // other end of the endless input
  int inherit_fd = -1;
  int failure_fd = -1;
};

// A descriptor above those that the child arranges.
int MoveUp(int fd) {
  return fd < 0 ? fd : fcntl(fd, F_DUPFD, 10);
}

// In the child: only async-signal-safe calls.
// A session of its own: Ctrl-C in the terminal of the cli reaches neither QEMU
// nor swtpm.
[[noreturn]] void Exec(const ChildPlan& plan) {
  const int log = MoveUp(plan.log_fd);
  const int input = MoveUp(plan.input_fd);
  const int keep_open = MoveUp(plan.keep_open_fd);
  const int inherit = MoveUp(plan.inherit_fd);
  const int failure = MoveUp(plan.failure_fd);
  fcntl(failure, F_SETFD, FD_CLOEXEC);
  dup2(input, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  if (inherit >= 0) {
    dup2(inherit, kInheritedFd);
    close(inherit);
  }
  close(log);
  close(input);
  (void)keep_open;  // stays open in the program
  setsid();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  execvp(plan.argv[0], plan.argv.data());
  const int error = errno;
  (void)!write(failure, &error, sizeof(error));
  _exit(127);
}

absl::StatusOr<std::array<UniqueFd, 2>> MakePipe() {
  std::array<int, 2> fds{};
  if (pipe2(fds.data(), O_CLOEXEC) != 0) {
    return ErrnoStatus(errno, "create", "pipe");
  }
  return std::array<UniqueFd, 2>{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// Forks and reports a failing exec.
// The pipe closes by itself when exec works; octets in it are the error.
absl::StatusOr<pid_t> Launch(ChildPlan plan, std::string_view program) {
  ASSIGN_OR_RETURN(auto failure, MakePipe());
  plan.failure_fd = failure[1].get();
  const pid_t pid = fork();
  if (pid < 0) {
    return ErrnoStatus(errno, "start", program);
  }
  if (pid == 0) {
    Exec(plan);
  }
  failure[1].Reset();
  int error = 0;
  if (ReadExactly(failure[0].get(),
                  {reinterpret_cast<uint8_t*>(&error), sizeof(error)})
          .ok()) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return ErrnoStatus(error, "start", program);
  }
  return pid;
}

// Shown to people as "last exit".
std::string DescribeExit(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) {
    return fmt::format("exit code {}", info.si_status);
  }
  return fmt::format("signal {}", info.si_status);
}

// argv of `pid`, empty if it is gone.
std::vector<std::string> CommandLine(pid_t pid) {
  const auto text =
      ReadFile(fmt::format("/proc/{}/cmdline", pid), kMaxCommandLine);
  std::vector<std::string> arguments;
  if (!text.ok()) {
    return arguments;
  }
  for (size_t at = 0; at < text->size();) {
    arguments.emplace_back(text->c_str() + at);
    at += arguments.back().size() + 1;
  }
  return arguments;
}

struct ProcessStat {
  std::string name;  // of the program, 15 octets at most
  char state = '?';
  pid_t parent = 0;
  uint64_t start_ticks = 0;
};

// /proc/<pid>/stat, see proc(5). Field 2, the name in parentheses, may hold
// anything, so everything is counted from its end.
absl::StatusOr<ProcessStat> ReadStat(pid_t pid) {
  constexpr size_t kParent = 1;  // fields after the name: 3 is the first
  constexpr size_t kStart = 19;
  ASSIGN_OR_RETURN(const std::string text,
                   ReadFile(fmt::format("/proc/{}/stat", pid), 4096));
  const size_t open = text.find('(');
  const size_t close = text.rfind(") ");
  if (open == std::string::npos || close == std::string::npos || close < open) {
    return Internal("unexpected form of /proc/<pid>/stat");
  }
  ProcessStat stat{.name = text.substr(open + 1, close - open - 1)};
  size_t at = close + 2;
  for (size_t field = 0; field <= kStart && at < text.size(); ++field) {
    const char* const end = text.data() + text.size();
    if (field == 0) {
      stat.state = text[at];
    } else if (field == kParent) {
      std::from_chars(text.data() + at, end, stat.parent);
    } else if (field == kStart) {
      std::from_chars(text.data() + at, end, stat.start_ticks);
    }
    at = std::min(text.find(' ', at), text.size() - 1) + 1;
  }
  return stat;
}

// All pids of /proc, at some moment.
std::vector<pid_t> AllPids() {
  std::vector<pid_t> pids;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr ==
        name.data() + name.size()) {
      pids.push_back(pid);
    }
  }
  return pids;
}

// The whole text if there is no slash.
std::string FileName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

absl::StatusOr<ProcessIdentity> IdentifyProcess(pid_t pid) {
  ASSIGN_OR_RETURN(const ProcessStat stat, ReadStat(pid));
  if (stat.state == 'Z' || stat.state == 'X') {
    return NotFound(fmt::format("process {} has ended", pid));
  }
  ProcessIdentity identity{.pid = pid, .start_ticks = stat.start_ticks};
  ASSIGN_OR_RETURN(identity.boot_id, BootId());
  return identity;
}

// Three values together: a pid is used again, the same pid at the same tick of
// the same boot is not.
bool IsAlive(const ProcessIdentity& identity) {
  const auto now = IdentifyProcess(identity.pid);
  return now.ok() && now->start_ticks == identity.start_ticks &&
         now->boot_id == identity.boot_id;
}

std::string ProcessIdentityToJson(const ProcessIdentity& identity) {
  return nlohmann::json({{"pid", identity.pid},
                         {"startTicks", identity.start_ticks},
                         {"bootID", identity.boot_id}})
      .dump();
}

absl::StatusOr<ProcessIdentity> ParseProcessIdentity(std::string_view text) {
  ASSIGN_OR_RETURN(const nlohmann::json object,
                   ParseJsonObject(text, "pid file", kMaxPidFile));
  JsonFields fields(object, "pid file");
  ProcessIdentity identity;
  identity.pid = static_cast<pid_t>(fields.Unsigned("pid", 2, INT32_MAX));
  identity.start_ticks = fields.Unsigned("startTicks", 0, UINT64_MAX);
  identity.boot_id = fields.String("bootID", 64);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/false));
  return identity;
}

// A pid file that cannot be written would leave a process that nobody finds
// again, so that one is ended at once.
absl::StatusOr<Process> Process::Spawn(const std::vector<std::string>& argv,
                                       const SpawnOptions& options) {
  std::vector<std::string> copy = argv;
  ChildPlan plan;
  for (std::string& argument : copy) {
    plan.argv.push_back(argument.data());
  }
  plan.argv.push_back(nullptr);
  const UniqueFd log(open(options.log_file.c_str(),
                          O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                          kPrivateFileMode));
  if (!log.valid()) {
    return ErrnoStatus(errno, "open", options.log_file);
  }
  plan.log_fd = log.get();
  plan.inherit_fd = options.inherit_fd;
  UniqueFd null_input(open("/dev/null", O_RDONLY | O_CLOEXEC));
  plan.input_fd = null_input.get();
  std::array<UniqueFd, 2> endless;
  if (options.endless_input) {
    // A pipe whose writing end the program itself holds.
    ASSIGN_OR_RETURN(endless, MakePipe());
    plan.input_fd = endless[0].get();
    plan.keep_open_fd = endless[1].get();
  }
  ASSIGN_OR_RETURN(const pid_t pid, Launch(plan, argv[0]));
  Process process;
  process.is_child_ = true;
  process.identity_.pid = pid;
  process.pidfd_ = UniqueFd(OpenPidfd(pid));
  if (!process.pidfd_.valid()) {
    return ErrnoStatus(errno, "watch", argv[0]);
  }
  const auto identity = IdentifyProcess(pid);
  if (!identity.ok()) {
    process.WaitFor(absl::Seconds(10));  // a zombie already
    return process;
  }
  process.identity_ = *identity;
  if (!options.pid_file.empty()) {
    const absl::Status status = WriteFileAtomically(
        options.pid_file, ProcessIdentityToJson(process.identity_));
    if (!status.ok()) {
      process.End(absl::ZeroDuration());
      return status;
    }
    process.pid_file_ = options.pid_file;
  }
  return process;
}

std::optional<Process> Process::Adopt(const std::string& pid_file,
                                      std::string_view program) {
  const auto text = ReadFile(pid_file, kMaxPidFile);
  if (!text.ok()) {
    return std::nullopt;
  }
  const auto identity = ParseProcessIdentity(*text);
  Process process;
  if (identity.ok()) {
    // The descriptor first, the check second: it cannot change owner between.
    process.pidfd_ = UniqueFd(OpenPidfd(identity->pid));
    const std::vector<std::string> argv = CommandLine(identity->pid);
    if (process.pidfd_.valid() && IsAlive(*identity) && !argv.empty() &&
        FileName(argv[0]) == program) {
      process.identity_ = *identity;
      process.pid_file_ = pid_file;
      return process;
    }
  }
  unlink(pid_file.c_str());
  return std::nullopt;
}

// A pidfd becomes readable when its process ends; an adopted process is no
// child, so its exit code is init's to know.
bool Process::Running() {
  if (!running_) {
    return false;
  }
  pollfd poller{pidfd_.get(), POLLIN, 0};
  if (poll(&poller, 1, 0) <= 0) {
    return true;
  }
  running_ = false;
  siginfo_t info{};
  if (is_child_ && waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info,
                          WEXITED | WNOHANG) == 0) {
    exit_reason_ = DescribeExit(info);
  } else {
    exit_reason_ = "ended, exit code unknown";
  }
  if (!pid_file_.empty()) {
    unlink(pid_file_.c_str());
  }
  return false;
}

// Both clocks are the kernel's since boot: a change of the wall clock has no
// part in it.
absl::Duration Process::Uptime() const {
  const auto uptime = ReadFile("/proc/uptime", 128);
  if (!running_ || !uptime.ok()) {
    return absl::ZeroDuration();
  }
  const double since_boot = std::strtod(uptime->c_str(), nullptr);
  const double started = static_cast<double>(identity_.start_ticks) /
                         static_cast<double>(sysconf(_SC_CLK_TCK));
  return absl::Seconds(std::max(0.0, since_boot - started));
}

void Process::Signal(int signal) {
  if (running_) {
    syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0);
  }
}

// poll() takes milliseconds as an int: long waits are made of several.
bool Process::WaitFor(absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  while (Running()) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) {
      return false;
    }
    pollfd poller{pidfd_.get(), POLLIN, 0};
    poll(&poller, 1,
         static_cast<int>(absl::ToInt64Milliseconds(
             std::min(left, absl::Seconds(10)) + absl::Milliseconds(1))));
  }
  return true;
}

// Zero patience goes straight to SIGKILL. A minute for that one is for a
// process that hangs in the kernel.
void Process::End(absl::Duration patience) {
  if (patience > absl::ZeroDuration()) {
    Signal(SIGTERM);
    if (WaitFor(patience)) {
      return;
    }
  }
  Signal(SIGKILL);
  WaitFor(absl::Minutes(1));
}

// By command line, since whoever started them left no note. Only this user's.
std::vector<pid_t> FindProcesses(const std::vector<std::string>& programs,
                                 std::string_view fragment) {
  std::vector<pid_t> found;
  for (const pid_t pid : AllPids()) {
    struct stat owner {};
    if (stat(fmt::format("/proc/{}", pid).c_str(), &owner) != 0 ||
        owner.st_uid != geteuid()) {
      continue;
    }
    const std::vector<std::string> argv = CommandLine(pid);
    if (argv.empty() || std::find(programs.begin(), programs.end(),
                                  FileName(argv[0])) == programs.end()) {
      continue;
    }
    if (std::any_of(argv.begin() + 1, argv.end(), [&](const std::string& word) {
          return word.find(fragment) != std::string::npos;
        })) {
      found.push_back(pid);
    }
  }
  return found;
}

// Known names only: other children belong to code that waits for them.
void ReapOrphans(const std::vector<std::string>& programs,
                 const std::set<pid_t>& owned) {
  std::set<std::string> names;
  for (const std::string& program : programs) {
    names.insert(FileName(program).substr(0, 15));
  }
  for (const pid_t pid : AllPids()) {
    const auto stat = ReadStat(pid);
    if (stat.ok() && stat->state == 'Z' && stat->parent == getpid() &&
        names.contains(stat->name) && !owned.contains(pid)) {
      waitpid(pid, nullptr, WNOHANG);
    }
  }
}

}  // namespace constellation::cloud::qemu
