// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_TESTING_CHILD_PROCESS_H_
#define CONSTELLATION_KUBERNETES_TESTING_CHILD_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace constellation::kubernetes::testing {

// A program in the background that ends with this object, or with this process
// if that dies first.
class ChildProcess final {
 public:
  // Starts `argv` (argv[0] looked up in PATH); its output is appended to the
  // file `log_path`.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(
      const std::vector<std::string>& argv, const std::string& log_path);

  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  bool IsRunning();
  // Sends `signal` and waits for the end; SIGKILL after five seconds.
  void Stop(int signal);

 private:
  pid_t pid_;
};

// A port of 127.0.0.1 on which nobody listens at this moment.
absl::StatusOr<int> FreePort();

}  // namespace constellation::kubernetes::testing

#endif  // CONSTELLATION_KUBERNETES_TESTING_CHILD_PROCESS_H_
