// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_INVENTORY_H_
#define CONSTELLATION_CLOUD_AWS_INVENTORY_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/aws/client.h"
#include "cloud/aws/xml.h"
#include "cloud/provider.h"

namespace constellation::cloud::aws {

// One machine as DescribeInstances shows it. INVALID_ARGUMENT, naming the
// field, if it is not what a machine of a cluster looks like (hostile tags).
absl::StatusOr<ClusterInstance> ParseInstance(XmlElement item);

// Every machine of the cluster that is not terminated, by tag, all pages; those
// that do not parse are left out. `only_running`: those pending or running.
absl::StatusOr<std::vector<ClusterInstance>> ListInstances(AwsClient& client,
                                                           std::string_view uid,
                                                           bool only_running);

// The end of the serial console, at most 64 KiB. NOT_FOUND unless the machine
// has the cluster's uid. Empty in the first minutes.
absl::StatusOr<std::string> ReadConsole(AwsClient& client,
                                        const ClusterIdentity& cluster,
                                        std::string_view instance_id);

// Deletes one machine; its group makes a new one from the default version of
// its template. NOT_FOUND unless it has the cluster's uid.
absl::Status ReplaceMachine(AwsClient& client, const ClusterIdentity& cluster,
                            std::string_view instance_id);

// Asks AWS whether the request can work: zones, instance types and what they
// can do, where they are offered, the image's boot mode and TPM, the instance
// profiles. INVALID_ARGUMENT lists all findings. Not asked: quotas (they need a
// permission of their own; a machine that exceeds one says so).
absl::Status CheckRequestOnline(AwsClient& client,
                                const ClusterRequest& request);

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_INVENTORY_H_
