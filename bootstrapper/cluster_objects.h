// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_CLUSTER_OBJECTS_H_
#define CONSTELLATION_BOOTSTRAPPER_CLUSTER_OBJECTS_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bootstrapper/init_parameters.h"

namespace constellation::bootstrapper {

// The Kubernetes objects that a new cluster gets beside the manifests.
//
// Secret kube-system/constellation-mastersecret. Wipe it with WipeStrings().
nlohmann::json MasterSecretObject(const InitParameters& parameters);
// ConfigMap kube-system/join-config: policy and measurement salt.
nlohmann::json JoinConfigObject(const InitParameters& parameters);
// ConfigMap kube-system/constellation-cluster: what joining nodes and agents
// need to know, nothing secret.
nlohmann::json ClusterInfoObject(const InitParameters& parameters,
                                 const NodeIdentity& self);
// What kubelets may do beyond what Kubernetes lets them: read Services and
// Endpoints for the node's own DNS server.
std::vector<nlohmann::json> NodeAgentAccessObjects();

// Overwrites every string inside `json`.
void WipeStrings(nlohmann::json& json);

// All objects of the *.yaml files in `folder`, in the order of the file names.
// INVALID_ARGUMENT names the file that holds anything else.
absl::StatusOr<std::vector<nlohmann::json>> ReadManifests(
    const std::string& folder);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_CLUSTER_OBJECTS_H_
