// SPDX-License-Identifier: Apache-2.0
#include "attestation/testing/swtpm_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/command.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/testing/temp_dir.h"
#include "common/unique_fd.h"

namespace constellation::testing {
namespace {

constexpr char kStateFile[] = "/state/tpm2-00.permall";
constexpr absl::Duration kStartTimeout = absl::Seconds(30);
constexpr absl::Duration kPollInterval = absl::Milliseconds(5);

// Configuration of swtpm_setup and its certificate tool, all inside `dir`.
absl::Status WriteConfiguration(const std::string& dir) {
  RETURN_IF_ERROR(MakeDirectories(dir + "/ca"));
  RETURN_IF_ERROR(WriteFileAtomically(
      dir + "/setup.conf",
      fmt::format("create_certs_tool = /usr/bin/swtpm_localca\n"
                  "create_certs_tool_config = {0}/localca.conf\n"
                  "create_certs_tool_options = {0}/localca.options\n",
                  dir)));
  RETURN_IF_ERROR(WriteFileAtomically(
      dir + "/localca.conf", fmt::format("statedir = {0}/ca\n"
                                         "signingkey = {0}/ca/key.pem\n"
                                         "issuercert = {0}/ca/cert.pem\n"
                                         "certserial = {0}/ca/serial\n",
                                         dir)));
  return WriteFileAtomically(
      dir + "/localca.options",
      "--platform-manufacturer test\n--platform-version 1\n"
      "--platform-model test\n");
}

absl::Status MakeTpm(const std::string& dir, const SwtpmOptions& options) {
  RETURN_IF_ERROR(WriteConfiguration(dir));
  RETURN_IF_ERROR(MakeDirectories(dir + "/state"));
  ProcessRunner runner;
  return RunChecked(runner,
                    {"swtpm_setup", "--tpm2", "--tpmstate", dir + "/state",
                     "--pcr-banks", options.pcr_banks, "--create-ek-cert",
                     "--config", dir + "/setup.conf"},
                    {.timeout = absl::Minutes(2)})
      .status();
}

// The state of a new TPM.
absl::StatusOr<std::string> MakeTemplateTpm() {
  const TempDir dir;
  RETURN_IF_ERROR(MakeTpm(dir.path(), {}));
  return ReadFile(dir.path() + kStateFile);
}

bool Listens(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return false;
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                 sizeof(address)) == 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SwtpmProcess>> SwtpmProcess::Start(
    const std::string& dir, const SwtpmOptions& options) {
  if (!FileExists(dir + kStateFile)) {
    RETURN_IF_ERROR(Annotate(MakeTpm(dir, options), "swtpm_setup"));
  }
  std::unique_ptr<SwtpmProcess> process(
      new SwtpmProcess(dir, dir + "/swtpm.sock"));
  RETURN_IF_ERROR(process->Launch());
  return process;
}

absl::StatusOr<std::unique_ptr<SwtpmProcess>> SwtpmProcess::StartCopy(
    const std::string& dir) {
  static const absl::StatusOr<std::string> contents = MakeTemplateTpm();
  RETURN_IF_ERROR(contents.status());
  RETURN_IF_ERROR(MakeDirectories(dir + "/state"));
  RETURN_IF_ERROR(WriteFileAtomically(dir + kStateFile, *contents));
  return Start(dir);
}

SwtpmProcess::SwtpmProcess(std::string dir, std::string socket)
    : dir_(std::move(dir)), socket_(std::move(socket)) {}

SwtpmProcess::~SwtpmProcess() {
  Kill();
}

absl::Status SwtpmProcess::Launch() {
  unlink(socket_.c_str());
  const std::string state = "dir=" + dir_ + "/state";
  const std::string server = "type=unixio,path=" + socket_;
  const std::string log = "file=" + dir_ + "/swtpm.log";
  std::vector<std::string> words = {"swtpm",
                                    "socket",
                                    "--tpm2",
                                    "--flags",
                                    "not-need-init,startup-clear",
                                    "--tpmstate",
                                    state,
                                    "--server",
                                    server,
                                    "--log",
                                    log};
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) {
    return ErrnoStatus(errno, "fork for", "swtpm");
  }
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a crashed test leaves nothing behind
    execvp(argv[0], argv.data());
    _exit(127);
  }
  return AwaitSocket();
}

absl::Status SwtpmProcess::AwaitSocket() {
  const absl::Time deadline = absl::Now() + kStartTimeout;
  while (!Listens(socket_)) {
    int wait_status = 0;
    if (waitpid(pid_, &wait_status, WNOHANG) == pid_) {
      pid_ = -1;
      return NotFound("swtpm: it ended at once; is it installed?");
    }
    if (absl::Now() > deadline) {
      Kill();
      return DeadlineExceeded("swtpm: no socket after 30 s");
    }
    absl::SleepFor(kPollInterval);
  }
  return absl::OkStatus();
}

void SwtpmProcess::Kill() {
  if (pid_ <= 0) {
    return;
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

absl::Status SwtpmProcess::Reset() {
  Kill();
  return Launch();
}

}  // namespace constellation::testing
