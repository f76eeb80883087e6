// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_NODE_PATHS_H_
#define CONSTELLATION_DISK_MAPPER_NODE_PATHS_H_

#include <string>

namespace constellation::disk_mapper {

// Where things are on a node. `root` is empty there; tests put all of it below
// a folder of their own.
struct NodePaths {
  std::string root;

  // tmpfs
  std::string Runtime() const { return root + "/run/constellation"; }
  std::string BootStatus() const { return Runtime() + "/boot-status.json"; }
  std::string OpenedDisk() const { return Runtime() + "/state-disk.json"; }
  std::string CollateralCache() const { return Runtime() + "/collateral"; }
  std::string ClusterNetwork() const {
    return root + "/run/systemd/network/20-cluster.network";
  }
  std::string Console() const { return root + "/dev/console"; }
  std::string Blocks() const { return root + "/sys/block"; }
  std::string Devices() const { return root + "/dev"; }
  // state disk
  std::string State() const { return root + "/run/state"; }
  std::string NodeState() const {
    return State() + "/constellation/node_state.json";
  }
};

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_NODE_PATHS_H_
