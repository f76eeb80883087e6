// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/gcp_iam.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "cloud/gcp/compute.h"
#include "cloud/gcp/credentials.h"
#include "cloud/gcp/gcp_client.h"
#include "cloud/gcp/iam_drivers.h"
#include "cloud/gcp/policy_driver.h"
#include "cloud/json_fields.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

// What nodes ask for: their peers. They change nothing.
constexpr std::array<std::string_view, 1> kVmPermissions = {
    "compute.instances.list"};
// What Kubernetes' controllers need: disks, routes, firewalls, balancers, and
// the right to start machines as the VMs' account.
constexpr std::array<std::string_view, 5> kClusterRoles = {
    "roles/compute.instanceAdmin.v1", "roles/compute.networkAdmin",
    "roles/compute.securityAdmin", "roles/compute.storageAdmin",
    "roles/iam.serviceAccountUser"};
// As written into the config; relative to the workspace.
constexpr std::string_view kKeyFile = "gcpServiceAccountKey.json";

// Accounts, roles and the services' key. Members are in the order in which they
// need each other. Desired() keeps the zone for ConfigValues(), so one thread
// uses it at a time.
class GcpIamProvider final : public IamProvider {
 public:
  explicit GcpIamProvider(GcpOptions options)
      : project_(options.settings.project),
        client_({.transport = &options.transport,
                 .clock = &options.clock,
                 .environment = options.environment,
                 .random = options.random,
                 .login = FindLogin({.transport = &options.transport,
                                     .clock = &options.clock,
                                     .environment = options.environment,
                                     .random = options.random})}),
        accounts_(MakeServiceAccountDriver(client_, project_)),
        keys_(MakeServiceAccountKeyDriver(client_, project_)),
        roles_(MakeRoleDriver(client_, project_)),
        policy_(MakePolicyDriver(client_, project_)) {
    drivers_.Add("gcp.service-account", *accounts_);
    drivers_.Add("gcp.role", *roles_);
    drivers_.Add("gcp.policy", *policy_);
    drivers_.Add("gcp.service-account-key", *keys_);
  }

  // Two accounts: one for Kubernetes' services, which has a key, and one for
  // VMs, which has none and may hardly do anything.
  absl::StatusOr<std::vector<Resource>> Desired(
      const ClusterIdentity& identity,
      const std::map<std::string, std::string>& options) override {
    // Account ids have 6 to 30 characters.
    if (!IsResourceName(identity.name, 22) || identity.name.size() < 3) {
      return InvalidArgument(
          fmt::format("prefix: want 3 to 22 characters of [a-z0-9-] that start "
                      "with a letter, got \"{}\"",
                      identity.name));
    }
    if (project_.empty()) {
      return InvalidArgument("project: missing");
    }
    const auto zone = options.find("zone");
    zone_ = zone == options.end() ? std::string() : zone->second;
    if (!zone_.empty() && (!IsResourceName(zone_) || zone_.size() < 3 ||
                           zone_[zone_.size() - 2] != '-')) {
      return InvalidArgument(fmt::format(
          "zone: want one such as europe-west3-b, got \"{}\"", zone_));
    }
    const std::string cluster = AccountEmail(identity, "cluster", project_);
    const std::string vm = AccountEmail(identity, "vm", project_);
    // Ids of roles have no hyphens.
    std::string role_id = fmt::format("{}_{}", identity.name, "vm-role");
    for (char& c : role_id) {
      c = c == '-' ? '_' : c;
    }
    const std::string role =
        fmt::format("projects/{}/roles/{}", project_, role_id);
    return std::vector<Resource>{
        {.kind = "gcp.service-account",
         .name = "cluster",
         .desired = {{"displayName", "services of " + identity.name}}},
        {.kind = "gcp.service-account",
         .name = "vm",
         .desired = {{"displayName", "nodes of " + identity.name}}},
        {.kind = "gcp.role",
         .name = "vm-role",
         .desired = {{"title", "nodes of " + identity.name},
                     {"includedPermissions", kVmPermissions}}},
        {.kind = "gcp.policy",
         .name = "cluster-roles",
         .desired = {{"account", cluster}, {"roles", kClusterRoles}},
         .depends_on = {"cluster"}},
        {.kind = "gcp.policy",
         .name = "vm-roles",
         .desired = {{"account", vm}, {"roles", nlohmann::json::array({role})}},
         .depends_on = {"vm", "vm-role"}},
        {.kind = "gcp.service-account-key",
         .name = "cluster-key",
         .desired = {{"account", cluster}},
         .depends_on = {"cluster"}}};
  }

  const DriverRegistry& Drivers() override { return drivers_; }

  // The zone was checked by Desired(): its region is what stands before the
  // last hyphen.
  absl::StatusOr<std::map<std::string, std::string>> ConfigValues(
      const std::map<std::string, Observed>& outputs) override {
    const auto vm = outputs.find("vm");
    const std::string email = vm == outputs.end()
                                  ? std::string()
                                  : std::string(LastPart(vm->second.id));
    if (email.empty()) {
      return FailedPrecondition("the VMs' service account is not there yet");
    }
    std::map<std::string, std::string> values = {
        {"provider.gcp.project", project_},
        {"provider.gcp.serviceAccountKeyPath", std::string(kKeyFile)},
        {"provider.gcp.IAMServiceAccountVM", email}};
    if (!zone_.empty()) {
      values["provider.gcp.zone"] = zone_;
      values["provider.gcp.region"] = zone_.substr(0, zone_.size() - 2);
    }
    return values;
  }

  // The key is shown once, when it is made; what comes has to be JSON before it
  // is written where other programs read it.
  absl::StatusOr<std::map<std::string, std::string>> KeyFiles(
      const std::map<std::string, Observed>& outputs) override {
    std::map<std::string, std::string> files;
    const auto key = outputs.find("cluster-key");
    const std::string data =
        key == outputs.end() ? std::string()
                             : TextOf(key->second.attributes, "privateKeyData");
    if (data.empty()) {
      return files;  // made by an earlier run
    }
    ASSIGN_OR_RETURN(const Bytes contents, Base64Decode(data));
    RETURN_IF_ERROR(
        ParseJsonObject(AsText(contents), "the new key", 65536).status());
    files.emplace(kKeyFile, AsText(contents));
    return files;
  }

 private:
  const std::string project_;
  std::string zone_;
  GcpClient client_;
  const std::unique_ptr<ResourceDriver> accounts_;
  const std::unique_ptr<ResourceDriver> keys_;
  const std::unique_ptr<ResourceDriver> roles_;
  const std::unique_ptr<ResourceDriver> policy_;
  DriverRegistry drivers_;
};

}  // namespace

std::span<const std::string_view> VmPermissions() {
  return kVmPermissions;
}

std::span<const std::string_view> ClusterRoles() {
  return kClusterRoles;
}

std::unique_ptr<IamProvider> MakeGcpIamProvider(GcpOptions options) {
  return std::make_unique<GcpIamProvider>(std::move(options));
}

}  // namespace constellation::cloud::gcp
