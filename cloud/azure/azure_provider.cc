// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/azure_provider.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "cloud/azure/arm_session.h"
#include "cloud/azure/desired.h"
#include "cloud/azure/image_upload.h"
#include "cloud/azure/inventory.h"
#include "cloud/azure/online_check.h"
#include "cloud/engine/cloud_error.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;

constexpr size_t kMaxConsole = size_t{1} << 20U;
constexpr absl::Duration kReplaceTimeout = absl::Minutes(15);

// Keeps no state of clusters: everything is asked anew. Thread-safe as its
// session.
class AzureProvider final : public Provider {
 public:
  explicit AzureProvider(AzureOptions options)
      : session_(options,
                 {.subscription = options.settings.subscription,
                  .resource_group = options.settings.resource_group},
                 ClusterKinds()) {}

  std::string_view Name() const override { return "azure"; }

  absl::StatusOr<std::string> Scope() override {
    RETURN_IF_ERROR(session_.Login().status());
    const AzureSettings& settings = session_.options().settings;
    return fmt::format("{}/{}/{}", settings.subscription,
                       settings.resource_group, settings.location);
  }

  absl::Status CheckOnline(const ClusterRequest& request) override {
    RETURN_IF_ERROR(CheckSettings(request));
    return CheckRequestOnline(session_.client(), request);
  }

  absl::StatusOr<std::vector<Resource>> Desired(
      const ClusterRequest& request) override {
    RETURN_IF_ERROR(CheckSettings(request));
    return DesiredCluster(request);
  }

  const DriverRegistry& Drivers() override { return session_.drivers(); }

  absl::StatusOr<ClusterInfrastructure> Infrastructure(
      const ClusterRequest& request,
      const std::map<std::string, Observed>& outputs) override {
    return InfrastructureOf(request, outputs);
  }

  absl::StatusOr<std::vector<ClusterInstance>> Instances(
      const ClusterIdentity& cluster) override {
    ASSIGN_OR_RETURN(
        std::vector<ScaleSetInstance> found,
        ListInstances(session_.client(), session_.scope(), cluster.uid));
    std::vector<ClusterInstance> instances;
    for (ScaleSetInstance& one : found) {
      instances.push_back({.id = std::move(one.id),
                           .group = std::move(one.group),
                           .metadata = std::move(one.metadata),
                           .state = std::move(one.state)});
    }
    return instances;
  }

  absl::Status ReplaceInstance(const ClusterIdentity& cluster,
                               std::string_view instance_id) override;
  absl::StatusOr<std::string> ConsoleLog(const ClusterIdentity& cluster,
                                         std::string_view instance_id) override;

  absl::StatusOr<std::string> UploadImage(
      const ImageUpload& upload, const ProviderProgress& progress) override {
    return UploadAzureImage(session_.client(), session_.options().transport,
                            upload, progress);
  }

 private:
  // The drivers work where the settings say; a request for elsewhere would be
  // refused id by id.
  absl::Status CheckSettings(const ClusterRequest& request) const {
    RETURN_IF_ERROR(CheckRequest(request));
    const auto& settings = std::get<AzureSettings>(request.settings);
    if (settings.subscription != session_.scope().subscription ||
        settings.resource_group != session_.scope().resource_group) {
      return InvalidArgument(
          "provider.azure: the request is for another subscription or resource "
          "group than the provider");
    }
    return absl::OkStatus();
  }

  // The scale set of an instance, if both belong to the cluster.
  absl::StatusOr<json> ScaleSetOf(const ClusterIdentity& cluster,
                                  std::string_view instance_id,
                                  std::string& set_id);

  ArmSession session_;
};

// The id comes from a command line. Rebuilding it from its parts refuses what
// is elsewhere; the tag refuses what is another cluster's.
absl::StatusOr<json> AzureProvider::ScaleSetOf(const ClusterIdentity& cluster,
                                               std::string_view instance_id,
                                               std::string& set_id) {
  const std::string name =
      SegmentBehind(instance_id, "virtualMachineScaleSets");
  const std::string number = SegmentBehind(instance_id, "virtualMachines");
  set_id = ResourceId(session_.scope(), kScaleSetType, name);
  if (!IsArmId(instance_id) || number.empty() ||
      !SameId(instance_id,
              fmt::format("{}/virtualMachines/{}", set_id, number))) {
    return InvalidArgument(fmt::format(
        "want the id of a VM of a scale set in {}, got \"{}\"",
        ResourceGroupId(session_.scope()), instance_id.substr(0, 300)));
  }
  ASSIGN_OR_RETURN(
      ArmAnswer answer,
      session_.client().Send(
          {.path = set_id, .api_version = std::string(kComputeApi)}));
  const json::json_pointer tag(fmt::format("/tags/{}", kUidTag));
  if (!answer.body.contains(tag) || answer.body.at(tag) != cluster.uid) {
    return PermissionDenied(
        fmt::format("{} does not belong to cluster {}", name, cluster.uid));
  }
  return std::move(answer.body);
}

// Deleting lowers the capacity with it; raising it again makes a VM from the
// present model. If we die in between, the next plan shows the difference.
absl::Status AzureProvider::ReplaceInstance(const ClusterIdentity& cluster,
                                            std::string_view instance_id) {
  std::string set_id;
  ASSIGN_OR_RETURN(const json set, ScaleSetOf(cluster, instance_id, set_id));
  const json sku = set.value("sku", json());
  ArmClient& client = session_.client();
  const auto finish = [&](const ArmAnswer& answer) -> absl::Status {
    ASSIGN_OR_RETURN(const auto operation, client.OperationOf(answer));
    return operation ? client.Await(*operation, kReplaceTimeout, {}).status()
                     : absl::OkStatus();
  };
  ASSIGN_OR_RETURN(
      const ArmAnswer deleted,
      client.Send({.method = "POST",
                   .path = set_id + "/delete",
                   .api_version = std::string(kComputeApi),
                   .query = "&forceDeletion=true",
                   .body = json{{"instanceIds",
                                 json::array({SegmentBehind(
                                     instance_id, "virtualMachines")})}}}));
  RETURN_IF_ERROR(finish(deleted));
  ASSIGN_OR_RETURN(const ArmAnswer raised,
                   client.Send({.method = "PATCH",
                                .path = set_id,
                                .api_version = std::string(kComputeApi),
                                .body = json{{"sku", sku}}}));
  return finish(raised);
}

// The last MiB of it. The log is written by the host: nothing in it is trusted.
absl::StatusOr<std::string> AzureProvider::ConsoleLog(
    const ClusterIdentity& cluster, std::string_view instance_id) {
  std::string set_id;
  RETURN_IF_ERROR(ScaleSetOf(cluster, instance_id, set_id).status());
  ASSIGN_OR_RETURN(
      const ArmAnswer answer,
      session_.client().Send(
          {.method = "POST",
           .path = fmt::format("{}/virtualMachines/{}/"
                               "retrieveBootDiagnosticsData",
                               set_id,
                               SegmentBehind(instance_id, "virtualMachines")),
           .api_version = std::string(kComputeApi),
           .query = "&sasUriExpirationTimeInMinutes=5"}));
  const json url = answer.body.is_object()
                       ? answer.body.value("serialConsoleLogBlobUri", json())
                       : json();
  if (!url.is_string()) {
    return NotFound("Azure has no serial log of this instance yet");
  }
  // The address carries its own signature; the token is not for it.
  const HttpRequest request{.url = url.get<std::string>(),
                            .max_answer_size = 8 * kMaxConsole};
  ASSIGN_OR_RETURN(HttpResponse response,
                   session_.options().transport.Send(request));
  if (response.status == 404) {
    return NotFound("Azure has no serial log of this instance yet");
  }
  if (response.status != 200) {
    return Unavailable(fmt::format("the serial log: HTTP status {} from {}",
                                   response.status,
                                   UrlForMessages(request.url)));
  }
  if (response.body.size() > kMaxConsole) {
    response.body.erase(0, response.body.size() - kMaxConsole);
  }
  return std::move(response.body);
}

}  // namespace

std::unique_ptr<Provider> MakeAzureProvider(AzureOptions options) {
  return std::make_unique<AzureProvider>(std::move(options));
}

}  // namespace constellation::cloud::azure
