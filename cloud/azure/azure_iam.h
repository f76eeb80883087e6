// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_AZURE_IAM_H_
#define CONSTELLATION_CLOUD_AZURE_AZURE_IAM_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cloud/azure/arm_names.h"
#include "cloud/provider.h"

namespace constellation::cloud::azure {

// What the identity of nodes may do in the cluster's resource group: find
// itself, its peers and the load balancer, and what the cloud controller
// manager and the disk driver of Kubernetes do.
// No key, secret or role can be read or given with them.
std::vector<std::string> NodePermissions();

// What whoever runs `apply`, `upgrade`, `status` and `terminate` needs in the
// resource group: read, write and delete of every kind that we drive, and the
// links between them. Made from the table of kinds, so it cannot lag behind.
std::vector<std::string> OperatorPermissions();

// The resources of `iam create azure`. `options`: see MakeAzureIamProvider().
// INVALID_ARGUMENT lists the settings that are wrong.
absl::StatusOr<std::vector<Resource>> DesiredIam(
    const ClusterIdentity& identity, const AzureSettings& settings,
    const std::map<std::string, std::string>& options);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_AZURE_IAM_H_
