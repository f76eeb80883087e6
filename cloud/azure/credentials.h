// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_CREDENTIALS_H_
#define CONSTELLATION_CLOUD_AZURE_CREDENTIALS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cloud/azure/access_token.h"
#include "cloud/azure/arm_client.h"
#include "cloud/http/environment.h"
#include "cloud/http/http_transport.h"
#include "common/clock.h"
#include "common/command.h"

namespace constellation::cloud::azure {

// What the search for credentials depends on. Everything must outlive it.
struct CredentialOptions {
  const Environment& environment;
  HttpTransport& transport;  // repeats nothing
  Clock& clock;
  CommandRunner& runner;  // for `az`
  // From the config; empty: AZURE_TENANT_ID (or ARM_TENANT_ID) and whatever
  // subscription `az` has chosen.
  std::string tenant = {};
  std::string subscription = {};
};

// Tokens for ARM from the sources that Azure's own tools use
// (DefaultAzureCredential), in their order; the first one that is configured
// wins, and its failure is final:
//  1. environment: tenant, client id and secret or certificate, by AZURE_* or
//     Terraform's ARM_* names;
//  2. workload identity: AZURE_FEDERATED_TOKEN_FILE (ARM_OIDC_TOKEN_FILE_PATH,
//     ARM_OIDC_TOKEN), read again for every token;
//  3. managed identity: IDENTITY_ENDPOINT, else the metadata service, which is
//     passed over if nobody answers within a second;
//  4. `az account get-access-token`.
// AZURE_TOKEN_CREDENTIALS narrows them as it does there. Tokens stay in memory.
// Thread-safe.
class CredentialChain final : public TokenProvider {
 public:
  // Asks nobody yet: the first Token() does.
  explicit CredentialChain(CredentialOptions options);

  // UNAUTHENTICATED names every source that was tried and why it was not it.
  absl::StatusOr<std::string> Token() override { return token_.Get(); }
  bool Renew(std::string_view claims) override { return token_.Renew(claims); }

  // Which source gave the last token; empty before.
  std::string source() const;

 private:
  // Goes through the sources. NOT_FOUND of one means "not configured".
  absl::StatusOr<AccessToken> Fetch(std::string_view claims);
  absl::StatusOr<AccessToken> Try(std::string_view source,
                                  std::string_view claims);
  absl::StatusOr<AccessToken> FromEnvironment(std::string_view claims);
  absl::StatusOr<AccessToken> FromWorkloadIdentity(std::string_view claims);
  absl::StatusOr<AccessToken> FromManagedIdentity();
  absl::StatusOr<AccessToken> FromAzureCli();
  // The client credentials grant (RFC 6749, 4.4) with what `form` adds.
  absl::StatusOr<AccessToken> AskEntra(std::string_view tenant,
                                       std::string form,
                                       std::string_view claims);
  // INVALID_ARGUMENT for a tenant that could not stand in a path.
  absl::StatusOr<std::string> TokenUrl(std::string_view tenant) const;
  // The first of `names` that is set and not empty.
  std::optional<std::string> Variable(
      std::initializer_list<std::string_view> names) const;
  std::string Tenant() const;

  const CredentialOptions options_;
  mutable absl::Mutex mutex_;
  std::string source_ ABSL_GUARDED_BY(mutex_);
  CachedToken token_;
};

// The audience of ARM's tokens in the cloud that `endpoint` belongs to:
// "https://management.azure.com", or that of a sovereign cloud.
std::string ArmAudience(std::string_view endpoint);

// The subscription that `az` has chosen, from ~/.azure/azureProfile.json
// (AZURE_CONFIG_DIR); ARM_SUBSCRIPTION_ID and AZURE_SUBSCRIPTION_ID come first.
// NOT_FOUND if nobody has chosen one.
absl::StatusOr<std::string> DefaultSubscription(const Environment& environment);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_CREDENTIALS_H_
