// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_NETWORK_SWITCH_H_
#define CONSTELLATION_CLOUD_QEMU_NETWORK_SWITCH_H_

#include <sys/types.h>

#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "cloud/qemu/cluster_directory.h"
#include "cloud/qemu/process.h"

namespace constellation::cloud::qemu {

// The Ethernet switch between the nodes of one cluster: a vde_switch process.
// Left running when the object goes away. Thread-safe.
class NetworkSwitch final {
 public:
  // Takes over what an earlier supervisor left running.
  explicit NetworkSwitch(const ClusterPaths& paths);

  // Starts it unless it runs. VMs started before a switch died stay without
  // network between nodes until they are started again.
  // UNAVAILABLE with the end of its log if it does not start within 20 seconds.
  absl::Status EnsureRunning();
  // Within five seconds; OK if it does not run.
  void End();
  pid_t pid() const;  // 0 unless running

 private:
  const ClusterPaths paths_;
  mutable absl::Mutex mutex_;
  std::optional<Process> process_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_NETWORK_SWITCH_H_
