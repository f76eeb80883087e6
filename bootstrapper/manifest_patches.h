// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_MANIFEST_PATCHES_H_
#define CONSTELLATION_BOOTSTRAPPER_MANIFEST_PATCHES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace constellation::bootstrapper {

// A patch for one static pod of the control plane, in a file named as `kubeadm
// --experimental-patches` (1.20) wants it.
struct ManifestPatch {
  std::string file_name;  // "<pod>[number]+<kind of patch>.json"
  std::string json;
};

// Patches that stretch the probes with which kubelet watches etcd, API server,
// controller manager and scheduler: kubeadm's 15 s for an answer, and 10 s
// between two questions to a running program, times `time_scale`, at most ten
// times, as leases are. Else kubelet kills programs that are merely slow. How
// long a program may take to start is scaled elsewhere
// (timeoutForControlPlane).
std::vector<ManifestPatch> MakeProbePatches(uint32_t time_scale);

// Writes MakeProbePatches() to `folder`, which is made; overwrites what an
// earlier try left there. Errors: as WriteFileAtomically().
absl::Status WriteProbePatches(const std::string& folder, uint32_t time_scale);

// A patch that makes the etcd of a first node, as `kubeadm init phase etcd
// local` writes it, one that joins: `initial_cluster` are the members in the
// form of etcd's flag. Of two flags etcd takes the last one.
ManifestPatch MakeInitialClusterPatch(const std::string& initial_cluster);

// Writes MakeInitialClusterPatch() to `folder`, which must be there.
absl::Status WriteInitialClusterPatch(const std::string& folder,
                                      const std::string& initial_cluster);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_MANIFEST_PATCHES_H_
