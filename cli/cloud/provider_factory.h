// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLOUD_PROVIDER_FACTORY_H_
#define CONSTELLATION_CLI_CLOUD_PROVIDER_FACTORY_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cli/cloud/cloud_tools.h"
#include "cloud/provider_settings.h"

namespace constellation::cli {

// The real clouds: the cloud of `settings` over libcurl, with the process's
// environment (credentials, proxies, endpoints) and the system's clock. The
// only file that names the providers. Asks nobody yet. UNIMPLEMENTED, naming
// the cloud, for one that is not part of this build.
absl::StatusOr<std::unique_ptr<CloudConnection>> ConnectRealCloud(
    const cloud::ProviderSettings& settings);

// Likewise for identities. UNIMPLEMENTED for OpenStack, too: it has none.
absl::StatusOr<std::unique_ptr<IamConnection>> ConnectRealIam(
    const cloud::ProviderSettings& settings);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLOUD_PROVIDER_FACTORY_H_
