// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_ONLINE_CHECK_H_
#define CONSTELLATION_CLOUD_AZURE_ONLINE_CHECK_H_

#include "absl/status/status.h"
#include "cloud/azure/arm_client.h"
#include "cloud/provider.h"

namespace constellation::cloud::azure {

// Asks Azure whether `request` can work, before anything is made:
//  * the resource group, the identity and the image exist (an image of one's
//    own gallery: and its definition allows the wanted security type);
//  * the subscription has Microsoft.Network and Microsoft.Compute registered;
//  * every instance type is offered in the location, in the group's zone, to
//    this subscription, and does what the attestation variant needs;
//  * the quotas of cores, of each family and of all, suffice for the VMs that
//    the cluster does not have yet.
// INVALID_ARGUMENT lists every finding; errors of ArmClient. Images of shared
// and community galleries and of the marketplace are not looked at. The request
// has passed CheckRequest().
absl::Status CheckRequestOnline(ArmClient& client,
                                const ClusterRequest& request);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_ONLINE_CHECK_H_
