// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_VIRTUAL_MACHINE_H_
#define CONSTELLATION_CLOUD_QEMU_VIRTUAL_MACHINE_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cloud/qemu/cluster_directory.h"
#include "cloud/qemu/cluster_spec.h"
#include "cloud/qemu/process.h"
#include "cloud/qemu/supervisor_client.h"
#include "common/command.h"

namespace constellation::cloud::qemu {

// One node of the local platform: QEMU, its swtpm, their files. Processes are
// left running when the object goes away, for the next supervisor to adopt.
// Thread-safe; operations wait for each other, status calls wait for nobody.
class VirtualMachine final {
 public:
  // Takes over what an earlier supervisor left running; ends a TPM without its
  // VM. `ca_mutex` guards the TPM authority of the cluster; both references
  // must outlive the object.
  VirtualMachine(const ClusterPaths& cluster_paths, NodeSpec spec,
                 CommandRunner& runner, absl::Mutex& ca_mutex);
  VirtualMachine(const VirtualMachine&) = delete;
  VirtualMachine& operator=(const VirtualMachine&) = delete;

  // As in SupervisorClient; `accelerator` is not kAuto.
  absl::Status Start(const ClusterSpec& cluster, Accelerator accelerator);
  absl::Status Stop(StopMode mode, absl::Duration graceful_limit);
  absl::Status Reset();
  absl::Status Kill();
  absl::Status SetImage(const std::string& image_path);
  absl::StatusOr<std::string> OpenTpm(const ClusterSpec& cluster);
  absl::Status CloseTpm();
  // Stops for good: every later operation is FAILED_PRECONDITION.
  void Retire(StopMode mode, absl::Duration graceful_limit);
  // Retires by a power cut and deletes the files.
  absl::Status Destroy();

  // Notices that QEMU has ended by itself and keeps logs within bounds. Does
  // nothing while an operation runs.
  void Poll();

  // Keeps a boot status that the node has reported (one JSON object).
  void AddBootStatus(std::string_view json);

  // As of the last Poll() or operation.
  NodeStatus Status() const;
  NodeSpec spec() const;
  // Pids of the processes that belong to this VM now.
  std::vector<pid_t> Pids() const;

 private:
  // FAILED_PRECONDITION once retired.
  absl::Status CheckUsable() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(operation_);
  // Makes disk, firmware variables and TPM where they are missing.
  absl::Status Prepare(const ClusterSpec& cluster)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(operation_);
  absl::Status StartTpm() ABSL_EXCLUSIVE_LOCKS_REQUIRED(operation_);
  absl::Status StartQemu(const ClusterSpec& cluster, Accelerator accelerator)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(operation_);
  // Until QEMU answers; FAILED_PRECONDITION with the end of its log if it
  // ended.
  absl::Status AwaitQmp(size_t log_offset)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(operation_);
  void StopLocked(StopMode mode, absl::Duration graceful_limit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(operation_);
  // FAILED_PRECONDITION if QEMU does not run.
  absl::Status Execute(std::string_view qmp_command)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(operation_);
  bool QemuRunning();
  // Waits until QEMU has ended; whether it has.
  bool AwaitExit(absl::Duration limit);
  // Clears up after a QEMU that has ended: its TPM, its sockets.
  void CollectExit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(operation_);
  void EndTpm() ABSL_EXCLUSIVE_LOCKS_REQUIRED(operation_);
  void EndEnrollment() ABSL_EXCLUSIVE_LOCKS_REQUIRED(operation_);
  void TrimLogs();

  const ClusterPaths cluster_paths_;
  const NodePaths paths_;
  CommandRunner& runner_;
  absl::Mutex& ca_mutex_;

  absl::Mutex operation_;  // held by whoever changes the power state
  bool retired_ ABSL_GUARDED_BY(operation_) = false;

  mutable absl::Mutex mutex_;  // guards what Status() reads; never held long
  NodeSpec spec_ ABSL_GUARDED_BY(mutex_);
  std::optional<Process> qemu_ ABSL_GUARDED_BY(mutex_);
  std::optional<Process> tpm_ ABSL_GUARDED_BY(mutex_);
  std::optional<Process> enrollment_ ABSL_GUARDED_BY(mutex_);
  std::string last_exit_ ABSL_GUARDED_BY(mutex_);
  std::string boot_status_ ABSL_GUARDED_BY(mutex_);
  absl::Time boot_status_time_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_VIRTUAL_MACHINE_H_
