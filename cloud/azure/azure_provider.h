// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_AZURE_PROVIDER_H_
#define CONSTELLATION_CLOUD_AZURE_AZURE_PROVIDER_H_

#include <memory>

#include "cloud/http/backoff.h"
#include "cloud/http/environment.h"
#include "cloud/http/http_transport.h"
#include "cloud/http/retrying_transport.h"
#include "cloud/provider.h"
#include "common/clock.h"
#include "common/command.h"

namespace constellation::cloud::azure {

// What a provider works with. Everything referred to must outlive it.
struct AzureOptions {
  AzureSettings settings = {};
  const Environment& environment;
  HttpTransport& transport;  // repeats nothing
  Clock& clock;
  CommandRunner& runner;  // for `az`
  RandomSource random = SystemRandom();
  RetryOptions retry = {};
};

// Clusters in Azure: Azure Resource Manager by REST (docs/clouds/azure.md). The
// variables AZURE_RESOURCE_MANAGER_ENDPOINT, AZURE_AUTHORITY_HOST and
// AZURE_POD_IDENTITY_AUTHORITY_HOST move its services elsewhere. No I/O here.
std::unique_ptr<Provider> MakeAzureProvider(AzureOptions options);

// Identities for clusters: a resource group, a user-assigned identity, a role
// of exactly the permissions that nodes need, its assignment. Where they are
// made says `options.settings` (subscription, resource group, location); option
// "identity" of Desired() names the identity, default "<name>-nodes".
std::unique_ptr<IamProvider> MakeAzureIamProvider(AzureOptions options);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_AZURE_PROVIDER_H_
