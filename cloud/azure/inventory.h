// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_INVENTORY_H_
#define CONSTELLATION_CLOUD_AZURE_INVENTORY_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cloud/azure/arm_client.h"
#include "cloud/azure/arm_names.h"
#include "cloud/metadata.h"

namespace constellation::cloud::azure {

// A VM of a scale set.
struct ScaleSetInstance {
  std::string id = {};     // ARM id
  std::string group = {};  // tag of the scale set
  std::string state = {};  // "running", "deallocated", "Creating", ...
  InstanceMetadata metadata = {};
};

// "azure://" + id: what kubelet and the cloud controller manager call a node.
std::string ProviderId(std::string_view instance_id);

// The host name in Kubernetes: lower case of Azure's (which counts in base 36
// with capital letters).
std::string NodeNameOf(std::string_view computer_name);

// The metadata of one VM out of ARM's answers. INVALID_ARGUMENT names the field
// that is not what it must be.
// `tags` are those of its scale set, which says role and group; `nics` are the
// VM's interfaces. The init secret's hash and the length of the network's
// prefix are not among it.
absl::StatusOr<ScaleSetInstance> ParseInstance(const nlohmann::json& vm,
                                               const nlohmann::json& tags,
                                               const nlohmann::json& nics);

// Every VM of every scale set with tag `uid` in the group, at most 1,000. A VM
// without an interface yet (being made) or being deleted is left out. Errors of
// ArmClient, or of ParseInstance() as kInvalid.
absl::StatusOr<std::vector<ScaleSetInstance>> ListInstances(
    ArmClient& client, const ArmScope& scope, std::string_view uid);

// The address of the load balancer with tag `uid`: public, else private.
// NOT_FOUND (kNotFound) while there is none.
absl::StatusOr<std::string> BalancerAddress(ArmClient& client,
                                            const ArmScope& scope,
                                            std::string_view uid);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_INVENTORY_H_
