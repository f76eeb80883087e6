// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_GCP_IAM_H_
#define CONSTELLATION_CLOUD_GCP_GCP_IAM_H_

#include <memory>
#include <span>
#include <string_view>

#include "cloud/gcp/gcp_provider.h"
#include "cloud/provider.h"

namespace constellation::cloud::gcp {

// What the VMs' service account may do: what GcpMetadataClient asks for.
std::span<const std::string_view> VmPermissions();
// Roles of the account that the cluster's own services (cloud controller, CSI
// driver) use.
std::span<const std::string_view> ClusterRoles();

// Two service accounts in GcpOptions::settings.project: "<name>-cluster" with
// ClusterRoles() and a key, "<name>-vm" with a custom role of VmPermissions();
// <name> is ClusterIdentity::name, 3 to 22 characters of [a-z0-9-], the first
// one a letter.
//
// Options of Desired(): "zone" (for --update-config; may be absent). Config
// values name the key file "gcpServiceAccountKey.json", which KeyFiles() gives
// only in the run that made the key: Google shows it once.
std::unique_ptr<IamProvider> MakeGcpIamProvider(GcpOptions options);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_GCP_IAM_H_
