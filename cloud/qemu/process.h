// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_PROCESS_H_
#define CONSTELLATION_CLOUD_QEMU_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/unique_fd.h"

namespace constellation::cloud::qemu {

// Names one process for as long as this host runs: a pid may be used again,
// the same pid with the same start time may not.
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // /proc/<pid>/stat, field 22
  std::string boot_id = {};  // of the kernel
};

// Identity of the running process `pid`; NOT_FOUND if there is none or it is
// a zombie.
absl::StatusOr<ProcessIdentity> IdentifyProcess(pid_t pid);
// Whether the very same process still runs.
bool IsAlive(const ProcessIdentity& identity);

// What a pid file holds. Pids below 2 are refused: nobody may end init by a
// file.
std::string ProcessIdentityToJson(const ProcessIdentity& identity);
absl::StatusOr<ProcessIdentity> ParseProcessIdentity(std::string_view json);

// Files are made if they are not there.
struct SpawnOptions {
  std::string log_file = {};  // receives both outputs, appended; mode 0600
  std::string pid_file = {};  // receives the identity; may be empty
  // Handed to the program as descriptor 3, if valid.
  int inherit_fd = -1;
  // Standard input that never ends nor says anything, instead of /dev/null.
  bool endless_input = false;
};

// A program that runs by itself: a child in a session of its own, or one that
// an earlier supervisor left behind. Destroying the object does not end it.
// Not thread-safe.
class Process final {
 public:
  // Starts `argv` (looked up in PATH). NOT_FOUND if there is no such program.
  // A program that ends at once is no error here: ask Running().
  static absl::StatusOr<Process> Spawn(const std::vector<std::string>& argv,
                                       const SpawnOptions& options);
  // The process named in `pid_file` if it is alive and its program's file name
  // is `program`. Removes a stale file.
  static std::optional<Process> Adopt(const std::string& pid_file,
                                      std::string_view program);

  pid_t pid() const { return identity_.pid; }
  // Whether it still runs; collects its exit status and removes its pid file
  // if not.
  bool Running();
  // How it ended, for people; empty while it runs.
  const std::string& exit_reason() const { return exit_reason_; }
  // Zero once it has ended.
  absl::Duration Uptime() const;
  // Nothing if it has ended; never hits another process.
  void Signal(int signal);
  // Waits until it has ended. Returns whether it has.
  bool WaitFor(absl::Duration limit);
  // SIGTERM, then SIGKILL after `patience`; returns when it has ended.
  void End(absl::Duration patience);

 private:
  Process() = default;

  ProcessIdentity identity_;
  UniqueFd pidfd_;
  std::string pid_file_;
  bool is_child_ = false;
  bool running_ = true;
  std::string exit_reason_;
};

// Pids of processes of this user whose program (argv[0]'s file name) is one of
// `programs` and one of whose arguments contains `fragment`.
std::vector<pid_t> FindProcesses(const std::vector<std::string>& programs,
                                 std::string_view fragment);

// Collects children of this process that have ended, whose name in the process
// table is that of one of the files `programs` and that are not in `owned`. For
// processes that were not started by this one, but were left to it as their
// subreaper.
void ReapOrphans(const std::vector<std::string>& programs,
                 const std::set<pid_t>& owned);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_PROCESS_H_
