// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_POLICY_DRIVER_H_
#define CONSTELLATION_CLOUD_GCP_POLICY_DRIVER_H_

#include <memory>
#include <string>

#include "cloud/engine/resource_driver.h"
#include "cloud/gcp/gcp_client.h"

namespace constellation::cloud::gcp {

// Roles of one member in the project's policy, changed under its etag. Desired:
// {"account": email, "roles"}. Other members and conditional bindings stay as
// they are. `client` must outlive it.
std::unique_ptr<ResourceDriver> MakePolicyDriver(GcpClient& client,
                                                 const std::string& project);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_POLICY_DRIVER_H_
