// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_CLUSTER_SPEC_H_
#define CONSTELLATION_CLOUD_QEMU_CLUSTER_SPEC_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/metadata.h"

namespace constellation::cloud::qemu {

// Guest ports that the owner reaches on 127.0.0.1.
inline constexpr uint16_t kApiServerPort = 6443;
inline constexpr uint16_t kInitServicePort = 9000;
inline constexpr uint16_t kRecoveryPort = 9999;
inline constexpr uint16_t kVerificationPort = 30081;

// Node indices are 1 to this one: the network has no more addresses to spare.
inline constexpr uint32_t kMaxNodeIndex = 200;

// What runs the guests' instructions. kAuto is decided by a probe that runs a
// guest (accelerator.h) each time a VM starts.
enum class Accelerator { kAuto, kKvm, kEmulation };

std::string_view AcceleratorName(Accelerator accelerator);  // auto, kvm, tcg
absl::StatusOr<Accelerator> ParseAccelerator(std::string_view name);

// One VM. Fill in name and role; the rest is assigned by Start() and AddNode()
// where it is zero or empty, and then never changes.
// Addresses follow from `index`, so they need no storage.
struct NodeSpec {
  std::string name = {};
  NodeRole role = NodeRole::kWorker;
  uint32_t index = 0;           // 1-200, unique; gives addresses
  std::string machine_id = {};  // the VM's SMBIOS UUID
  // Guest port -> port on the host's 127.0.0.1.
  std::map<uint16_t, uint16_t> forwards = {};
  // Boots this image instead of the cluster's, if not empty (tests, upgrades).
  std::string image_path = {};

  std::string ClusterIp() const;   // 10.42.0.<10 + index>
  std::string UserMac() const;     // of the first interface
  std::string ClusterMac() const;  // of the second interface
};

// Everything a supervisor must know; kept in <directory>/cluster.json (0600).
struct ClusterSpec {
  std::string name = {};        // IsNodeName()
  std::string uid = {};         // assigned if empty: 8 hex digits
  std::string image_path = {};  // the raw node image; never written to
  uint32_t memory_mib = 3072;   // per VM, 64-1,048,576
  uint32_t vcpus = 2;           // per VM, 1-128
  // Size of the sparse state disk of a VM, a multiple of 1 MiB up to 64 TiB.
  uint64_t state_disk_bytes = uint64_t{8} << 30U;
  Accelerator accelerator = Accelerator::kAuto;
  // Whether guests may open connections to the outside (and to the host's
  // loopback, which user-mode networking includes). Forwards and metadata work
  // without it.
  bool outbound_network = false;
  std::string init_secret_sha256 = {};  // lower-case hex; may be empty
  std::vector<NodeSpec> nodes = {};     // at most 50

  // Folder of the Unix sockets; assigned by Start(). Inside the directory, or a
  // short private one elsewhere if the directory's path is too long for
  // sockets.
  std::string runtime_directory = {};
  // The program whose `qemu-relay` command connects a guest to its metadata;
  // assigned by Start().
  std::string relay_program = {};

  const NodeSpec* FindNode(std::string_view node_name) const;
};

// Checks every field that the caller fills in; INVALID_ARGUMENT names the
// field, what it must be and what it is. Does not look at files.
absl::Status ValidateClusterSpec(const ClusterSpec& spec);

// The JSON form (README.md), strict: unknown keys, wrong
// types and values out of range are INVALID_ARGUMENT.
std::string ClusterSpecToJson(const ClusterSpec& spec);
absl::StatusOr<ClusterSpec> ParseClusterSpec(std::string_view json);

// The same for one node.
// Reading validates the node alone; whether it fits to others is
// ValidateClusterSpec()'s.
std::string NodeSpecToJson(const NodeSpec& node);
absl::StatusOr<NodeSpec> ParseNodeSpec(std::string_view json);

// Fills in what is unset: uid, indices, machine ids, and a free port on
// 127.0.0.1 for each forward that has none (6443, 9000, 9999, 30081).
// RESOURCE_EXHAUSTED if no port or index is left.
// Ports are only chosen, not reserved: another program may take one before the
// VM starts, which Start() then tells.
absl::Status AssignUnsetFields(ClusterSpec& spec);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_CLUSTER_SPEC_H_
