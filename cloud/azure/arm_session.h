// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_ARM_SESSION_H_
#define CONSTELLATION_CLOUD_AZURE_ARM_SESSION_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cloud/azure/arm_client.h"
#include "cloud/azure/arm_driver.h"
#include "cloud/azure/arm_kinds.h"
#include "cloud/azure/azure_provider.h"
#include "cloud/azure/credentials.h"
#include "cloud/engine/resource_driver.h"

namespace constellation::cloud::azure {

// Credentials, client and drivers, as providers need them. Thread-safe.
// One for each provider, owned by it. The order of the members matters: the
// client refers to the tokens, the drivers to the client.
class ArmSession final {
 public:
  // A wrong endpoint in the environment is the error of the first call.
  // Keeps `kinds` by reference; what `options` refers to must outlive it as
  // well. No I/O.
  ArmSession(AzureOptions options, ArmScope scope,
             std::span<const ArmKind> kinds);

  // For calls outside of plans: consoles, replacements, uploads, checks.
  ArmClient& client() { return client_; }
  const ArmScope& scope() const { return scope_; }
  const AzureOptions& options() const { return options_; }
  // A driver for each of the kinds, by ArmKind::kind.
  const DriverRegistry& drivers() const { return registry_; }
  // Who gave the token, for people; a failure names every source.
  // UNAUTHENTICATED if nobody has credentials, INVALID_ARGUMENT for credentials
  // or endpoints that are written wrongly.
  absl::StatusOr<std::string> Login();

 private:
  // Tokens of the chain, or the error of a wrong endpoint.
  class Tokens final : public TokenProvider {
   public:
    Tokens(const AzureOptions& options, absl::Status problem);
    absl::StatusOr<std::string> Token() override;
    bool Renew(std::string_view claims) override;
    std::string source() const { return chain_.source(); }

   private:
    const absl::Status problem_;
    CredentialChain chain_;
  };

  const AzureOptions options_;
  const ArmScope scope_;
  const absl::StatusOr<std::string> endpoint_;
  Tokens tokens_;
  ArmClient client_;
  std::vector<std::unique_ptr<ArmDriver>> drivers_;
  DriverRegistry registry_;
};

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_ARM_SESSION_H_
