// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/openstack_provider.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/openstack/balancer_drivers.h"
#include "cloud/openstack/check_online.h"
#include "cloud/openstack/client.h"
#include "cloud/openstack/compute_drivers.h"
#include "cloud/openstack/desired.h"
#include "cloud/openstack/image_upload.h"
#include "cloud/openstack/json_access.h"
#include "cloud/openstack/names.h"
#include "cloud/openstack/network_drivers.h"
#include "common/ipv4.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;

constexpr size_t kMaxConsole = size_t{1} << 20U;

// In the order in which things are made; strays go in the reverse order.
constexpr std::array<std::string_view, 15> kKinds = {
    kKindNetwork,         kKindSubnet,        kKindRouter,
    kKindVolume,          kKindSecurityGroup, kKindSecurityRules,
    kKindRouterInterface, kKindServerGroup,   kKindPort,
    kKindServer,          kKindLoadBalancer,  kKindListeners,
    kKindFloatingIp,      kKindAssociation,   kKindDirectory};

// The config's region wins over that of clouds.yaml.
absl::StatusOr<CloudEntry> Credentials(const OpenStackOptions& options) {
  ASSIGN_OR_RETURN(ChosenCloud chosen,
                   ChooseCloud({.cloud = options.settings.cloud,
                                .path = options.settings.clouds_yaml_path,
                                .environment = options.environment,
                                .read = options.read_file}));
  if (!options.settings.region_name.empty()) {
    chosen.entry["region_name"] = options.settings.region_name;
  }
  return std::move(chosen.entry);
}

// YAML's spellings. What is not recognised leaves verification on.
bool IsFalse(const CloudEntry& entry, std::string_view key) {
  const auto found = entry.find(key);
  return found != entry.end() &&
         (found->second == "false" || found->second == "False" ||
          found->second == "no");
}

// Thread-safe: the client and the catalogue have their own locks, and `mutex_`
// guards what Scope() learns.
class OpenStackProvider final : public Provider {
 public:
  explicit OpenStackProvider(OpenStackOptions options)
      : options_(std::move(options)),
        client_(options_.transport, options_.clock, options_.environment,
                [this] { return Credentials(options_); }),
        catalogue_(client_) {
    for (const std::string_view kind : kKinds) {
      auto driver = MakeNetworkDriver(kind, client_);
      if (driver == nullptr) {
        driver = MakeComputeDriver(kind, client_, catalogue_);
      }
      if (driver == nullptr) {
        driver = MakeBalancerDriver(kind, client_);
      }
      registry_.Add(kind, *driver);
      drivers_.push_back(std::move(driver));
    }
  }

  std::string_view Name() const override { return "openstack"; }

  absl::StatusOr<std::string> Scope() override {
    ASSIGN_OR_RETURN(const Login login, client_.CurrentLogin());
    const absl::MutexLock lock(&mutex_);
    octavia_ = login.endpoints.contains(kLoadBalancer);
    return fmt::format("{}@{}", login.project_id, login.region);
  }

  absl::Status CheckOnline(const ClusterRequest& request) override {
    RETURN_IF_ERROR(Scope().status());
    return openstack::CheckOnline(client_, catalogue_, request);
  }

  absl::StatusOr<std::vector<Resource>> Desired(
      const ClusterRequest& request) override {
    const absl::MutexLock lock(&mutex_);
    return DesiredResources(request, octavia_.value_or(true));
  }

  const DriverRegistry& Drivers() override { return registry_; }

  // The address comes from the cloud and goes into certificates: it must be
  // IPv4.
  absl::StatusOr<ClusterInfrastructure> Infrastructure(
      const ClusterRequest& request,
      const std::map<std::string, Observed>& outputs) override {
    const auto attribute = [&](std::string_view name, const char* key) {
      const auto found = outputs.find(std::string(name));
      return found == outputs.end() ? ""
                                    : TextOf(found->second.attributes, key);
    };
    const auto id = [&](std::string_view name) {
      const auto found = outputs.find(std::string(name));
      return found == outputs.end() ? "" : found->second.id;
    };
    const std::string internal = EndpointAddress(request.node_cidr);
    const std::string address = request.internal_load_balancer
                                    ? internal
                                    : attribute(kAddressName, "address");
    if (!ParseIpv4(address)) {
      return FailedPrecondition(fmt::format(
          "{}: want an IPv4 address, got \"{:.40}\"", kAddressName, address));
    }
    ClusterInfrastructure made{.cluster_endpoint = address,
                               .in_cluster_endpoint = internal,
                               .ip_cidr_node = request.node_cidr};
    if (address != internal) {
      made.api_server_cert_sans.push_back(address);
    }
    made.api_server_cert_sans.push_back(internal);
    if (!request.custom_endpoint.empty()) {
      made.cluster_endpoint = request.custom_endpoint;
      made.api_server_cert_sans.push_back(request.custom_endpoint);
    }
    made.details = {{"networkID", id(kNetworkName)},
                    {"subnetID", id(kSubnetName)}};
    return made;
  }

  // Servers whose metadata do not fit are passed over: the tag alone can be set
  // by anybody who may write tags.
  absl::StatusOr<std::vector<ClusterInstance>> Instances(
      const ClusterIdentity& cluster) override {
    ASSIGN_OR_RETURN(
        const std::vector<json> servers,
        client_.List(kServers, "tags=" + Escaped(UidMarker(cluster))));
    std::vector<ClusterInstance> instances;
    for (const json& server : servers) {
      const json metadata = ObjectOf(server, "metadata");
      const auto role = ParseNodeRole(TextOf(metadata, kMetaRole));
      if (TextOf(metadata, kMetaUid) != cluster.uid || !role.ok()) {
        continue;
      }
      instances.push_back(
          {.id = TextOf(server, "id"),
           .group = TextOf(metadata, kMetaGroup),
           .metadata = {.name = TextOf(server, "name"),
                        .role = *role,
                        .uid = cluster.uid,
                        .provider_id = "openstack:///" + TextOf(server, "id"),
                        .zone = TextOf(server, "OS-EXT-AZ:availability_zone"),
                        .cluster_ip = TextOf(metadata, kMetaAddress)},
           .state = TextOf(server, "status")});
    }
    return instances;
  }

  absl::Status ReplaceInstance(const ClusterIdentity& cluster,
                               std::string_view instance_id) override {
    RETURN_IF_ERROR(CheckOurs(cluster, instance_id));
    return client_
        .Send({.method = "DELETE", .path = "/servers/" + Escaped(instance_id)})
        .status();
  }

  // The last MiB; written by the host, so nothing in it is trusted.
  absl::StatusOr<std::string> ConsoleLog(
      const ClusterIdentity& cluster, std::string_view instance_id) override {
    RETURN_IF_ERROR(CheckOurs(cluster, instance_id));
    ASSIGN_OR_RETURN(
        const json answer,
        client_.Send(
            {.method = "POST",
             .path = fmt::format("/servers/{}/action", Escaped(instance_id)),
             .body = {{"os-getConsoleOutput", json::object()}},
             .repeatable = true}));
    std::string output = TextOf(answer, "output");
    if (output.size() > kMaxConsole) {
      output.erase(0, output.size() - kMaxConsole);
    }
    return output;
  }

  absl::StatusOr<std::string> UploadImage(
      const ImageUpload& upload, const ProviderProgress& progress) override {
    return openstack::UploadImage(client_, options_.clock, upload, progress);
  }

 private:
  // Somebody else's servers are not to be touched by a mistyped id.
  absl::Status CheckOurs(const ClusterIdentity& cluster,
                         std::string_view instance_id) {
    ASSIGN_OR_RETURN(const json server, client_.Get(kServers, instance_id));
    if (TextOf(ObjectOf(server, "metadata"), kMetaUid) == cluster.uid) {
      return absl::OkStatus();
    }
    return PermissionDenied(
        fmt::format("server {} does not belong to this cluster", instance_id));
  }

  const OpenStackOptions options_;
  Client client_;
  Catalogue catalogue_;
  std::vector<std::unique_ptr<ResourceDriver>> drivers_;
  DriverRegistry registry_;
  absl::Mutex mutex_;
  std::optional<bool> octavia_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Provider> MakeOpenStackProvider(OpenStackOptions options) {
  return std::make_unique<OpenStackProvider>(std::move(options));
}

absl::StatusOr<std::string> OpenStackCaFile(const OpenStackSettings& settings,
                                            const Environment& environment) {
  ASSIGN_OR_RETURN(const ChosenCloud chosen,
                   ChooseCloud({.cloud = settings.cloud,
                                .path = settings.clouds_yaml_path,
                                .environment = environment}));
  const auto insecure = chosen.entry.find("insecure");
  if (IsFalse(chosen.entry, "verify") ||
      (insecure != chosen.entry.end() && !IsFalse(chosen.entry, "insecure"))) {
    return InvalidArgument(fmt::format(
        "{}: verification of certificates cannot be switched off: set `cacert` "
        "to the file with the cloud's authority",
        chosen.source));
  }
  const auto file = chosen.entry.find("cacert");
  return file == chosen.entry.end() ? "" : file->second;
}

}  // namespace constellation::cloud::openstack
