// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_REQUEST_CHECK_H_
#define CONSTELLATION_CLOUD_GCP_REQUEST_CHECK_H_

#include <string_view>

#include "absl/status/status.h"
#include "cloud/provider.h"

namespace constellation::cloud::gcp {

// INVALID_ARGUMENT lists, one per line, every field of `request` that Compute
// Engine would refuse: names, labels, places, machine types, ranges. Pure; that
// zones and types exist is asked online.
absl::Status CheckRequest(const ClusterRequest& request);

// "europe-west3-b" is a zone of "europe-west3".
bool IsZoneOf(std::string_view zone, std::string_view region);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_REQUEST_CHECK_H_
