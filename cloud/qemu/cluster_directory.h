// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_CLUSTER_DIRECTORY_H_
#define CONSTELLATION_CLOUD_QEMU_CLUSTER_DIRECTORY_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/qemu/cluster_spec.h"

namespace constellation::cloud::qemu {

// Where the files of a cluster are. Pure names, except where said.
// `directory` is absolute (AbsoluteDirectory()); the methods only add names.
struct ClusterPaths {
  std::string directory;
  std::string runtime;  // ClusterSpec::runtime_directory

  std::string Spec() const { return directory + "/cluster.json"; }
  std::string EnrolledTpms() const { return directory + "/enrolled-tpms.json"; }
  std::string Lock() const { return directory + "/supervisor.lock"; }
  std::string SupervisorPid() const { return directory + "/supervisor.pid"; }
  std::string SupervisorLog() const { return directory + "/supervisor.log"; }
  std::string TpmCa() const { return directory + "/tpm-ca"; }
  std::string Nodes() const { return directory + "/nodes"; }
  std::string SwitchPid() const { return directory + "/vde_switch.pid"; }
  std::string SwitchLog() const { return directory + "/vde_switch.log"; }
  std::string Switch() const { return runtime + "/vde"; }
  std::string ControlSocket() const { return runtime + "/control"; }
};

// Sockets have short names by index, since their paths are limited to 107
// octets; files have the node's name.
struct NodePaths {
  NodePaths(const ClusterPaths& cluster, const NodeSpec& node);

  std::string directory;
  std::string runtime_prefix;  // <runtime>/n<index>

  std::string Tpm() const { return directory + "/tpm"; }
  std::string TpmPid() const { return directory + "/swtpm.pid"; }
  std::string TpmLog() const { return directory + "/swtpm.log"; }
  std::string QemuPid() const { return directory + "/qemu.pid"; }
  std::string QemuLog() const { return directory + "/qemu.log"; }
  std::string SerialLog() const { return directory + "/serial.log"; }
  std::string BootStatusLog() const { return directory + "/status.jsonl"; }
  std::string FirmwareVariables() const { return directory + "/OVMF_VARS.fd"; }
  std::string StateDisk() const { return directory + "/state.raw"; }
  std::string TpmSocket() const { return runtime_prefix + ".tpm"; }
  // tss2 wants the control socket's name to be the data socket's + ".ctrl".
  std::string EnrollSocket() const { return runtime_prefix + ".tss"; }
  std::string QmpSocket() const { return runtime_prefix + ".qmp"; }
  std::string MetadataSocket() const { return runtime_prefix + ".meta"; }
};

// The absolute form of `directory`; INVALID_ARGUMENT if it holds commas,
// control characters or is longer than 900 octets (both end up on command
// lines).
absl::StatusOr<std::string> AbsoluteDirectory(const std::string& directory);

// The folder for sockets of the cluster in `directory`: <directory>/run if its
// sockets' names fit into the system's limit, else
// $XDG_RUNTIME_DIR/constellation-<hash> or /tmp/constellation-<uid>-<hash>.
std::string ChooseRuntimeDirectory(const std::string& directory);

// Creates the folder for sockets, or accepts an existing one only if it is a
// real folder of this user that nobody else may enter: /tmp is hostile.
// PERMISSION_DENIED otherwise.
// Does not make parents.
absl::Status MakeRuntimeDirectory(const std::string& path);

// Deletes all that a cluster has made, the spec last, so that an interrupted
// removal can be repeated; then the folder itself if nothing else is in it.
absl::Status RemoveClusterFiles(const ClusterPaths& paths);

// Deletes a folder with everything in it; OK if there is none.
// Symbolic links in it are removed, not followed.
absl::Status RemoveTree(const std::string& path);

// The spec of the cluster in `directory` (absolute). NOT_FOUND without one,
// DATA_LOSS if it is damaged, FAILED_PRECONDITION if the folder was moved.
absl::StatusOr<ClusterSpec> ReadClusterSpec(const std::string& directory);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_CLUSTER_DIRECTORY_H_
