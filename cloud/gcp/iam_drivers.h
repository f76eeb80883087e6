// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_IAM_DRIVERS_H_
#define CONSTELLATION_CLOUD_GCP_IAM_DRIVERS_H_

#include <memory>
#include <string>
#include <string_view>

#include "cloud/engine/resource_driver.h"
#include "cloud/gcp/gcp_client.h"

namespace constellation::cloud::gcp {

// Drivers of Google's IAM. Calls are done when they are answered, so nothing is
// waited for. `client` must outlive them. Accounts and roles carry our mark in
// their description; a namesake without it is somebody else's: it is neither
// found nor deleted, and making ours is kNameTaken.

// Service accounts. Desired: {"displayName"}.
std::unique_ptr<ResourceDriver> MakeServiceAccountDriver(
    GcpClient& client, const std::string& project);

// Keys of service accounts. Desired: {"account": email}. The private part comes
// once, in the attribute "privateKeyData" (Base64 of a key file), and is kept
// nowhere; a key whose answer was lost goes with its account.
std::unique_ptr<ResourceDriver> MakeServiceAccountKeyDriver(
    GcpClient& client, const std::string& project);

// Custom roles. Desired: {"title", "includedPermissions"}. Deleted roles keep
// their ids for weeks: they are undeleted, whoever they were of.
std::unique_ptr<ResourceDriver> MakeRoleDriver(GcpClient& client,
                                               const std::string& project);

// "<cluster>-<name>@<project>.iam.gserviceaccount.com".
std::string AccountEmail(const ClusterIdentity& cluster, std::string_view name,
                         std::string_view project);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_IAM_DRIVERS_H_
