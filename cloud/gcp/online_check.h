// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_ONLINE_CHECK_H_
#define CONSTELLATION_CLOUD_GCP_ONLINE_CHECK_H_

#include "absl/status/status.h"
#include "cloud/gcp/gcp_client.h"
#include "cloud/provider.h"

namespace constellation::cloud::gcp {

// Asks Compute Engine whether `request`, which CheckRequest() accepted, can
// work: region and zones are there and up, every machine type is in its zone,
// the image is ready and made for the wanted technology, the quotas of
// processors of the region and of the project as a whole suffice.
// INVALID_ARGUMENT lists every finding, one per line; a failure to ask is a
// cloud error. Capacity at this moment is not known to anybody.
absl::Status CheckRequestOnline(GcpClient& client,
                                const ClusterRequest& request);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_ONLINE_CHECK_H_
