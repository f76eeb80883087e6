// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_NODE_COMMANDS_H_
#define CONSTELLATION_BOOTSTRAPPER_NODE_COMMANDS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/command.h"
#include "common/secret_bytes.h"

namespace constellation::bootstrapper {

inline constexpr char kContainerdUnit[] = "containerd.service";
inline constexpr char kKubeletUnit[] = "kubelet.service";
inline constexpr char kPodNetworkUnit[] = "constellation-pod-network.service";

// The programs of the node that do the work: disk-mapper, systemd, kubeadm.
// Secrets go to their standard input. Every program has a time-out, stretched
// by the time scale. `runner` must outlive it. Thread-safe if `runner` is.
class NodeCommands final {
 public:
  explicit NodeCommands(CommandRunner& runner) : runner_(runner) {}

  // How much slower than real hardware this machine is; 1 at first. Call it
  // before other threads use this object.
  void set_time_scale(uint32_t time_scale) { time_scale_ = time_scale; }

  // Formats the state disk with its final key, opens and mounts it.
  absl::Status FormatStateDisk(std::string_view disk_uuid,
                               const SecretBytes& key);
  // Makes the disk ours for good. / Makes sure that it is not.
  absl::Status CommitStateDisk();
  absl::Status ResetStateDisk();

  // Starts a unit and waits until systemd calls it active. / Only asks for it.
  absl::Status StartUnit(const std::string& unit);
  absl::Status BeginStartingUnit(const std::string& unit);
  // Returns at once; the machine goes down soon after.
  absl::Status Reboot();

  // The version of Kubernetes inside the node image, like "v1.20.2".
  absl::StatusOr<std::string> KubernetesVersion();
  // Runs kubeadm. A failure carries the end of kubeadm's and of kubelet's
  // output, at most a few kilobytes.
  absl::Status Kubeadm(const std::vector<std::string>& arguments,
                       std::span<const uint8_t> input, absl::Duration timeout);

  // The last lines that `unit` logged, bounded; empty if they cannot be had.
  std::string LogTail(const std::string& unit);

 private:
  absl::Status Run(const std::vector<std::string>& argv, absl::Duration timeout,
                   std::span<const uint8_t> input = {});

  CommandRunner& runner_;
  uint32_t time_scale_ = 1;
};

// The last `max_size` octets of `text`, cut at the beginning of a line where
// that is possible; control characters but line feeds become blanks.
std::string Tail(std::string_view text, size_t max_size);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_NODE_COMMANDS_H_
