// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_CHECK_ONLINE_H_
#define CONSTELLATION_CLOUD_OPENSTACK_CHECK_ONLINE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "cloud/openstack/client.h"
#include "cloud/openstack/compute_drivers.h"
#include "cloud/provider.h"

namespace constellation::cloud::openstack {

// The technology that a flavor's extra specs (or an image's properties) ask
// for: "amd-sev", "amd-sev-es", "amd-sev-snp", "intel-tdx"; "memory-encryption"
// if they do not say which; empty if they ask for none, or are not shown. Keys:
// hw:mem_encryption(_model), trait:HW_CPU_X86_AMD_SEV..., trait:HW_CPU_X86_
// INTEL_TDX, CUSTOM_ traits of the same ending, resources:MEM_ENCRYPTION_
// CONTEXT (nova's "extra specs" reference).
std::string ConfidentialTechnology(const nlohmann::json& extra_specs);

// Provider::CheckOnline(): flavors and what they contradict, image and its
// firmware, external network, zones, volume types, and the quotas of servers
// and volumes for what the cluster does not have yet. What a policy hides (403)
// is not checked.
// INVALID_ARGUMENT lists every finding; errors of Client end it early. Makes
// and changes nothing.
absl::Status CheckOnline(Client& client, Catalogue& catalogue,
                         const ClusterRequest& request);

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_CHECK_ONLINE_H_
