// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/network_switch.h"

#include <fmt/format.h>

#include "absl/time/clock.h"
#include "cloud/qemu/node_files.h"
#include "cloud/qemu/qemu_command.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

constexpr absl::Duration kSwitchStartLimit = absl::Seconds(20);

}  // namespace

NetworkSwitch::NetworkSwitch(const ClusterPaths& paths)
    : paths_(paths),
      process_(Process::Adopt(paths.SwitchPid(), kSwitchProgram)) {}

// Its control socket is the sign that it serves; VMs that connect before fail.
absl::Status NetworkSwitch::EnsureRunning() {
  const absl::MutexLock lock(&mutex_);
  if (process_.has_value() && process_->Running()) {
    return absl::OkStatus();
  }
  process_.reset();
  RETURN_IF_ERROR(RemoveTree(paths_.Switch()));  // sockets of a dead one
  // Without a console on its standard input it would stop at once.
  ASSIGN_OR_RETURN(
      Process process,
      Process::Spawn(SwitchCommand(paths_), {.log_file = paths_.SwitchLog(),
                                             .pid_file = paths_.SwitchPid(),
                                             .endless_input = true}));
  const absl::Time deadline = absl::Now() + kSwitchStartLimit;
  while (!FileExists(paths_.Switch() + "/ctl")) {
    if (!process.Running() || absl::Now() > deadline) {
      process.End(absl::ZeroDuration());
      return Unavailable(fmt::format("vde_switch did not start: {}",
                                     LogTail(paths_.SwitchLog(), 0)));
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
  process_ = std::move(process);
  return absl::OkStatus();
}

void NetworkSwitch::End() {
  const absl::MutexLock lock(&mutex_);
  if (process_.has_value()) {
    process_->End(absl::Seconds(5));
    process_.reset();
  }
}

pid_t NetworkSwitch::pid() const {
  const absl::MutexLock lock(&mutex_);
  return process_.has_value() ? process_->pid() : 0;
}

}  // namespace constellation::cloud::qemu
