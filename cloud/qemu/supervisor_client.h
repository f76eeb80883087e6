// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_SUPERVISOR_CLIENT_H_
#define CONSTELLATION_CLOUD_QEMU_SUPERVISOR_CLIENT_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cloud/qemu/cluster_spec.h"

namespace constellation::cloud::qemu {

// The hidden commands of this library. A program that calls
// SupervisorClient::Start() with its own path must do this first thing in
// main():
//   if (auto code = RunHiddenCommand(argc, argv)) return *code;
// Handles `qemu-supervisor --directory DIR` and `qemu-relay SOCKET`; nullopt
// for anything else.
std::optional<int> RunHiddenCommand(int argc, const char* const* argv);

// Runs the supervisor of the cluster in `directory` in this process until it
// is told to stop. Returns the exit code. Logs to standard error.
int RunSupervisor(const std::string& directory);

enum class PowerState {
  kStopped,
  kRunning,
  kTpmOnly,  // no VM, but its TPM is open for enrolment
};
std::string_view PowerStateName(PowerState state);  // stopped, running, tpm

struct NodeStatus {
  NodeSpec spec = {};  // with addresses and forwarded ports
  PowerState state = PowerState::kStopped;
  pid_t pid = 0;                                 // of QEMU; 0 unless running
  absl::Duration uptime = absl::ZeroDuration();  // of the QEMU process
  // The last line the node reported, a JSON object written by the node: show
  // it, do not believe it. Empty if none.
  std::string boot_status = {};
  absl::Time boot_status_time = absl::InfinitePast();
  std::string last_exit =
      {};  // why QEMU ended last time, for people; may be empty
  std::string serial_log = {};       // path
  std::string boot_status_log = {};  // path, JSON lines, oldest first
};

struct ClusterStatus {
  std::string name = {};
  std::string uid = {};
  pid_t supervisor_pid = 0;
  Accelerator accelerator = Accelerator::kEmulation;
  unsigned time_scale = 10;
  std::string accelerator_sentence = {};
  std::vector<NodeStatus> nodes = {};

  const NodeStatus* FindNode(std::string_view node_name) const;
};

enum class StopMode {
  kGraceful,  // ACPI power button; after the time limit as kHard
  kHard,      // power cut; the host's page cache reaches the disk
};

class SupervisorClient;

// A node's TPM, running without its VM. Stops when destroyed.
class SwtpmSession final {
 public:
  SwtpmSession(SwtpmSession&& other) noexcept;
  SwtpmSession& operator=(SwtpmSession&&) = delete;
  ~SwtpmSession();

  // For tss2's TCTI loader: "swtpm:path=...". TPM2_Startup has been done.
  const std::string& tcti() const { return tcti_; }
  // Stops the TPM now and reports how it went.
  absl::Status Close();

 private:
  friend class SupervisorClient;
  SwtpmSession(std::string directory, std::string node, std::string tcti);

  std::string directory_;  // empty once closed or moved from
  std::string node_;
  std::string tcti_;
};

// Talks to the supervisor of one cluster over a Unix socket that only the same
// user can open. Every call opens a connection of its own; thread-safe.
//
// Codes of all calls: UNAVAILABLE if the supervisor does not answer (see
// StartExisting), NOT_FOUND for an unknown node, FAILED_PRECONDITION if the
// node is in the wrong state, INVALID_ARGUMENT for arguments out of range.
class SupervisorClient final {
 public:
  // Whether `directory` holds a cluster (running or not).
  static bool Exists(const std::string& directory);

  // Creates the cluster: writes <directory>/cluster.json with all assigned
  // fields and starts `program qemu-supervisor --directory DIR` detached (own
  // session; Ctrl-C does not reach it; output in supervisor.log). Returns when
  // it answers. All nodes are created stopped. ALREADY_EXISTS if `directory`
  // holds a cluster, NOT_FOUND if the image or a program that is needed (QEMU,
  // OVMF, swtpm, vde_switch) is missing, with the package's name.
  static absl::StatusOr<SupervisorClient> Start(const std::string& program,
                                                const std::string& directory,
                                                ClusterSpec spec);

  // Connects to the cluster in `directory`; if its supervisor does not run
  // (host rebooted, process killed), starts it again: VMs that still run are
  // adopted, leftovers of dead ones are cleaned away. Does not start VMs.
  // NOT_FOUND if there is no cluster, DATA_LOSS if cluster.json is damaged.
  static absl::StatusOr<SupervisorClient> StartExisting(
      const std::string& program, const std::string& directory);

  // Connects; UNAVAILABLE if no supervisor runs, NOT_FOUND without a cluster.
  static absl::StatusOr<SupervisorClient> Connect(const std::string& directory);

  absl::StatusOr<ClusterStatus> Status() const;

  // Makes the node's disk and TPM if it is the first time, then starts the VM.
  // Returns once QEMU runs; the guest still has to boot. OK if it runs
  // already.
  absl::Status StartNode(std::string_view node) const;
  // Returns when the VM is off. OK if it was off.
  absl::Status StopNode(std::string_view node, StopMode mode,
                        absl::Duration graceful_limit = absl::Minutes(2)) const;
  // The reset button: same QEMU, same TPM, which is reset as well.
  absl::Status ResetNode(std::string_view node) const;
  // SIGKILL to QEMU: what a crash of the host does, for tests.
  absl::Status KillNode(std::string_view node) const;

  // Adds a stopped node and returns it with all fields assigned.
  // ALREADY_EXISTS if the name is taken.
  absl::StatusOr<NodeSpec> AddNode(const NodeSpec& node) const;
  // Cuts the node's power and deletes its disk, TPM and logs.
  absl::Status RemoveNode(std::string_view node) const;
  // Gives a stopped node another image (empty: the cluster's).
  absl::Status SetNodeImage(std::string_view node,
                            const std::string& image_path) const;

  // Starts the TPM of a stopped node, creating it if it is the first time.
  // The VM cannot start until the session is closed.
  absl::StatusOr<SwtpmSession> OpenTpmForEnrollment(
      std::string_view node) const;
  // What nodes get from MetadataClient::EnrolledTpms(): a JSON array.
  absl::Status SetEnrolledTpms(const std::string& json) const;
  // Hex SHA-256 of a new init secret, or empty.
  absl::Status SetInitSecretHash(std::string_view sha256_hex) const;

  // Stops all VMs and the supervisor, and waits until the process is gone.
  // With `remove`, deletes the cluster: afterwards nothing of it is left,
  // neither the directory nor sockets elsewhere.
  absl::Status Shutdown(bool remove, StopMode mode = StopMode::kHard) const;

 private:
  SupervisorClient(std::string directory, std::string socket)
      : directory_(std::move(directory)), socket_(std::move(socket)) {}

  std::string directory_;
  std::string socket_;
};

// One sentence for the user about how VMs will run here and how long a cluster
// takes; runs the KVM probe (up to 10 s the first time after a boot).
std::string AcceleratorSentence();

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_SUPERVISOR_CLIENT_H_
