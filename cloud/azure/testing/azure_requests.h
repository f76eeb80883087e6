// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_TESTING_AZURE_REQUESTS_H_
#define CONSTELLATION_CLOUD_AZURE_TESTING_AZURE_REQUESTS_H_

#include <string>
#include <string_view>

#include "cloud/azure/arm_client.h"
#include "cloud/provider.h"

namespace constellation::cloud::azure::testing {

inline constexpr std::string_view kSubscription =
    "00000000-0000-4000-8000-000000000001";

// A cluster as a small one looks: three control planes, two workers, SEV-SNP.
inline ClusterRequest SmallRequest() {
  const std::string group =
      "/subscriptions/" + std::string(kSubscription) + "/resourceGroups/rg";
  return {
      .identity = {.uid = "0a1b2c3d", .name = "demo", .cloud = "azure"},
      .attestation_variant = "azure-sev-snp",
      .image = group +
               "/providers/Microsoft.Compute/galleries/g/images/os/versions/"
               "2.24.0",
      .groups = {{.name = "control_plane_default",
                  .role = NodeRole::kControlPlane,
                  .zone = "1",
                  .instance_type = "Standard_DC4as_v5",
                  .state_disk_type = "Premium_LRS",
                  .count = 3},
                 {.name = "worker_default",
                  .role = NodeRole::kWorker,
                  .zone = "2",
                  .instance_type = "Standard_DC4as_v5",
                  .state_disk_type = "Premium_LRS",
                  .count = 2}},
      .allowed_sources = {"203.0.113.7/32"},
      .init_secret_sha256 = std::string(64, 'a'),
      .tags = {{"team", "blue"}},
      .settings = AzureSettings{
          .subscription = std::string(kSubscription),
          .tenant = "00000000-0000-4000-8000-000000000002",
          .location = "northeurope",
          .resource_group = "rg",
          .user_assigned_identity =
              group +
              "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
              "nodes"}};
}

// What the wireserver says about a VM.
inline constexpr char kGoal[] =
    "<?xml version=\"1.0\"?><GoalState><Incarnation>3</Incarnation><Container>"
    "<ContainerId>c-1</ContainerId><RoleInstanceList><RoleInstance>"
    "<InstanceId>i_2.x</InstanceId></RoleInstance></RoleInstanceList>"
    "</Container></GoalState>";

// A token that never ends; what was asked of it is counted. Not thread-safe
// for concurrent renewals.
class FixedTokens final : public TokenProvider {
 public:
  explicit FixedTokens(std::string token) : token_(std::move(token)) {}
  absl::StatusOr<std::string> Token() override { return token_; }
  bool Renew(std::string_view claims) override {
    claims_ = claims;
    ++renewals_;
    return std::exchange(renewable_, false);
  }
  // The next refusal is answered with another token.
  void AllowRenewal() { renewable_ = true; }
  int renewals() const { return renewals_; }
  const std::string& claims() const { return claims_; }

 private:
  const std::string token_;
  std::string claims_;
  bool renewable_ = false;
  int renewals_ = 0;
};

}  // namespace constellation::cloud::azure::testing

#endif  // CONSTELLATION_CLOUD_AZURE_TESTING_AZURE_REQUESTS_H_
