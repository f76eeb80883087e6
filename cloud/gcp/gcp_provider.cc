// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/gcp_provider.h"

#include <fmt/format.h>

#include <utility>

#include "cloud/engine/cloud_error.h"
#include "cloud/gcp/collection_driver.h"
#include "cloud/gcp/compute.h"
#include "cloud/gcp/credentials.h"
#include "cloud/gcp/desired.h"
#include "cloud/gcp/gcp_client.h"
#include "cloud/gcp/group_driver.h"
#include "cloud/gcp/image_upload.h"
#include "cloud/gcp/instances.h"
#include "cloud/gcp/kubernetes_balancer_driver.h"
#include "cloud/gcp/online_check.h"
#include "cloud/gcp/setting_driver.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

// Drivers of all kinds in the order of making, which sweeps reverse. Members
// stand in the order in which they need each other.
class GcpProvider final : public Provider {
 public:
  explicit GcpProvider(GcpOptions options)
      : settings_(std::move(options.settings)),
        client_({.transport = &options.transport,
                 .clock = &options.clock,
                 .environment = options.environment,
                 .random = options.random,
                 .login = FindLogin({.transport = &options.transport,
                                     .clock = &options.clock,
                                     .environment = options.environment,
                                     .random = options.random})}),
        compute_(client_, options.clock),
        groups_(compute_, settings_.project),
        policies_(compute_, settings_.project),
        kubernetes_balancers_(compute_, settings_.project),
        setting_(compute_) {
    std::vector<CollectionKind> kinds = CollectionKinds();
    for (CollectionKind& kind : kinds) {
      const std::string name(kind.kind);
      // In the order of making; sweeps go the other way.
      if (name == "gcp.backend-service") {
        drivers_.Add("gcp.security-policy", policies_);
        drivers_.Add("gcp.instance-group", groups_);
        drivers_.Add("gcp.setting", setting_);
      }
      collections_.push_back(std::make_unique<CollectionDriver>(
          compute_, settings_.project, std::move(kind)));
      drivers_.Add(name, *collections_.back());
    }
    drivers_.Add("gcp.kubernetes-balancer", kubernetes_balancers_);
  }

  std::string_view Name() const override { return "gcp"; }

  absl::StatusOr<std::string> Scope() override {
    ASSIGN_OR_RETURN(const Identity identity, client_.Whoami());
    return fmt::format(
        "project {}, region {}{}{}", settings_.project, settings_.region,
        identity.account.empty() ? "" : ", as ", identity.account);
  }

  // Names and sizes first: asking is slow.
  absl::Status CheckOnline(const ClusterRequest& request) override {
    RETURN_IF_ERROR(DesiredResources(request).status());
    return CheckRequestOnline(client_, request);
  }

  absl::StatusOr<std::vector<Resource>> Desired(
      const ClusterRequest& request) override {
    return DesiredResources(request);
  }

  const DriverRegistry& Drivers() override { return drivers_; }

  // Nodes always use the address; people may use a name in front of it.
  // FAILED_PRECONDITION until there is an address.
  absl::StatusOr<ClusterInfrastructure> Infrastructure(
      const ClusterRequest& request,
      const std::map<std::string, Observed>& outputs) override {
    const auto address = outputs.find("address");
    const std::string ip = address == outputs.end()
                               ? std::string()
                               : TextOf(address->second.attributes, "address");
    if (ip.empty()) {
      return FailedPrecondition("the load balancer has no address yet");
    }
    ClusterInfrastructure made{
        .cluster_endpoint =
            request.custom_endpoint.empty() ? ip : request.custom_endpoint,
        .in_cluster_endpoint = ip,
        .api_server_cert_sans = {ip},
        .ip_cidr_node = request.node_cidr,
        .details = {{"projectID", settings_.project},
                    {"ipCidrPod", std::string(kPodCidr)}}};
    if (!request.custom_endpoint.empty()) {
      made.api_server_cert_sans.push_back(request.custom_endpoint);
    }
    return made;
  }

  absl::StatusOr<std::vector<ClusterInstance>> Instances(
      const ClusterIdentity& cluster) override {
    return ListInstances(client_, settings_.project, cluster);
  }

  absl::Status ReplaceInstance(const ClusterIdentity& cluster,
                               std::string_view instance_id) override {
    return RecreateInstance(compute_, settings_.project, cluster, instance_id);
  }

  absl::StatusOr<std::string> ConsoleLog(
      const ClusterIdentity& cluster, std::string_view instance_id) override {
    return SerialConsole(client_, settings_.project, cluster, instance_id);
  }

  absl::StatusOr<std::string> UploadImage(
      const ImageUpload& upload, const ProviderProgress& progress) override;

 private:
  const GcpSettings settings_;
  GcpClient client_;
  Compute compute_;
  std::vector<std::unique_ptr<CollectionDriver>> collections_;
  GroupDriver groups_;
  SecurityPolicyDriver policies_;
  KubernetesBalancerDriver kubernetes_balancers_;
  SettingDriver setting_;
  DriverRegistry drivers_;
};

absl::StatusOr<std::string> GcpProvider::UploadImage(
    const ImageUpload& upload, const ProviderProgress& progress) {
  return UploadGcpImage(compute_, upload, progress);
}

}  // namespace

std::unique_ptr<Provider> MakeGcpProvider(GcpOptions options) {
  return std::make_unique<GcpProvider>(std::move(options));
}

}  // namespace constellation::cloud::gcp
