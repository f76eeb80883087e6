// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_SUPERVISOR_H_
#define CONSTELLATION_CLOUD_QEMU_SUPERVISOR_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cloud/qemu/accelerator.h"
#include "cloud/qemu/cluster_directory.h"
#include "cloud/qemu/cluster_spec.h"
#include "cloud/qemu/http_server.h"
#include "cloud/qemu/metadata_service.h"
#include "cloud/qemu/network_switch.h"
#include "cloud/qemu/supervisor_client.h"
#include "cloud/qemu/virtual_machine.h"
#include "common/command.h"
#include "common/unique_fd.h"

namespace constellation::cloud::qemu {

// The owner of all processes and files of one cluster. At most one exists per
// directory, over all processes. Destroying it leaves VMs running; the next one
// adopts them. Thread-safe.
class Supervisor final {
 public:
  // Takes over the cluster in `directory`: adopts its processes, ends strays,
  // serves metadata. ALREADY_EXISTS if another process is its supervisor; codes
  // of ReadClusterSpec().
  static absl::StatusOr<std::unique_ptr<Supervisor>> Create(
      const std::string& directory);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // UNAVAILABLE once Shutdown() has begun: who asks should wait for the next
  // supervisor.
  absl::StatusOr<ClusterStatus> Status() const;
  // As in SupervisorClient.
  absl::Status StartNode(std::string_view name);
  absl::Status StopNode(std::string_view name, StopMode mode,
                        absl::Duration graceful_limit);
  absl::Status ResetNode(std::string_view name);
  absl::Status KillNode(std::string_view name);
  absl::StatusOr<NodeSpec> AddNode(const NodeSpec& node);
  absl::Status RemoveNode(std::string_view name);
  absl::Status SetNodeImage(std::string_view name,
                            const std::string& image_path);
  absl::StatusOr<std::string> OpenTpm(std::string_view name);
  absl::Status CloseTpm(std::string_view name);
  absl::Status SetEnrolledTpms(const std::string& json);
  absl::Status SetInitSecretHash(const std::string& sha256_hex);

  // Stops everything; with `remove`, deletes everything. From its beginning on
  // all other operations are FAILED_PRECONDITION. If something could not be
  // deleted, the next supervisor of the directory can try again.
  absl::Status Shutdown(bool remove, StopMode mode,
                        absl::Duration graceful_limit);
  bool stopped() const;  // whether Shutdown() has returned

  // To be called about twice a second: notices what ended by itself.
  void Poll();

  const ClusterPaths& paths() const { return paths_; }

 private:
  struct Node {
    std::unique_ptr<VirtualMachine> vm;
    std::unique_ptr<HttpServer> metadata;  // destroyed first: it uses `vm`
  };

  Supervisor(ClusterPaths paths, ClusterSpec spec, UniqueFd lock);

  absl::Status TakeOver();
  absl::StatusOr<std::shared_ptr<Node>> MakeNode(const NodeSpec& spec);
  absl::StatusOr<std::shared_ptr<Node>> FindNode(std::string_view name) const;
  absl::Status WriteSpec(const ClusterSpec& spec)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends processes of this cluster that nobody owns: left by a supervisor that
  // died between starting one and noting its pid.
  void EndStrays();
  // Collects what QEMU (relays) and swtpm_setup (a swtpm) left to us.
  void ReapLeftovers();
  // Pids of all processes that have an owner here.
  std::set<pid_t> OwnedPids() const;
  MetadataView View() const;

  const ClusterPaths paths_;
  const UniqueFd lock_;  // flock: one supervisor per directory
  ProcessRunner runner_;
  absl::Mutex ca_mutex_;
  NetworkSwitch switch_;
  absl::StatusOr<AcceleratorChoice> accelerator_;

  absl::Mutex shutdown_mutex_;  // one Shutdown() at a time
  mutable absl::Mutex mutex_;
  ClusterSpec spec_ ABSL_GUARDED_BY(mutex_);
  std::string enrolled_tpms_ ABSL_GUARDED_BY(mutex_) = "[]";
  bool shutting_down_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t polls_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  // Shared with operations that run while a node is removed.
  std::map<std::string, std::shared_ptr<Node>, std::less<>> nodes_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_SUPERVISOR_H_
