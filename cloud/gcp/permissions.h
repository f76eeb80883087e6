// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_PERMISSIONS_H_
#define CONSTELLATION_CLOUD_GCP_PERMISSIONS_H_

#include <span>
#include <string_view>

namespace constellation::cloud::gcp {

// What whoever runs `apply`, `status`, `upgrade` and `terminate` has to be
// allowed to do in the project: one permission for every call that the drivers
// make, and those that Compute Engine asks for because of what a body refers
// to. Sorted. A test runs a whole life with exactly these.
std::span<const std::string_view> ProviderPermissions();

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_PERMISSIONS_H_
