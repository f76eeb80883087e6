// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/aws_provider.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "cloud/aws/credential_chain.h"
#include "cloud/aws/desired.h"
#include "cloud/aws/desired_checks.h"
#include "cloud/aws/drivers.h"
#include "cloud/aws/image_upload.h"
#include "cloud/aws/inventory.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

// Keys and client of one provider.
// Shared by both providers; members are in the order in which they need each
// other.
class Access final {
 public:
  explicit Access(const AwsOptions& options)
      : chain_({.environment = options.environment,
                .transport = options.transport,
                .clock = options.clock,
                .runner = options.runner,
                .region = options.settings.region,
                .profile = options.profile}),
        client_({.region = options.settings.region,
                 .environment = options.environment,
                 .transport = options.transport,
                 .clock = options.clock,
                 .random = options.random,
                 .credentials = chain_}) {}

  AwsClient& client() { return client_; }

 private:
  CredentialChain chain_;
  AwsClient client_;
};

// The cluster's side of AWS. Everything is delegated; only the endpoints are
// put together here.
class AwsProvider final : public Provider {
 public:
  explicit AwsProvider(const AwsOptions& options) : access_(options) {
    AddClusterDrivers(access_.client(), drivers_);
  }

  std::string_view Name() const override { return "aws"; }

  // "account/region". The account comes from STS, so this is the first call
  // that proves the keys.
  absl::StatusOr<std::string> Scope() override {
    ASSIGN_OR_RETURN(const XmlDocument answer,
                     access_.client().Call(kSts, "GetCallerIdentity",
                                           nlohmann::json::object()));
    return fmt::format("{}/{}", answer.result().Text("Account"),
                       access_.client().region());
  }

  absl::Status CheckOnline(const ClusterRequest& request) override {
    return CheckRequestOnline(access_.client(), request);
  }

  absl::StatusOr<std::vector<Resource>> Desired(
      const ClusterRequest& request) override {
    return ClusterResources(request);
  }

  const DriverRegistry& Drivers() override { return drivers_.registry(); }

  // The balancer's DNS name is where the cluster is reached. Its fixed
  // addresses go into the certificate, too: people use them when DNS fails.
  // FAILED_PRECONDITION until the balancer has a name.
  absl::StatusOr<ClusterInfrastructure> Infrastructure(
      const ClusterRequest& request,
      const std::map<std::string, Observed>& outputs) override {
    ASSIGN_OR_RETURN(const NetworkPlan network,
                     PlanNetwork(request.node_cidr, ZonesOf(request)));
    const auto balancer = outputs.find(std::string(kBalancerName));
    const std::string dns =
        balancer == outputs.end()
            ? ""
            : balancer->second.attributes.value("DNSName", "");
    if (dns.empty()) {
      return FailedPrecondition(
          "the load balancer is not there yet: run the same command again");
    }
    ClusterInfrastructure infrastructure{
        .cluster_endpoint =
            request.custom_endpoint.empty() ? dns : request.custom_endpoint,
        .in_cluster_endpoint =
            request.custom_endpoint.empty() ? dns : request.custom_endpoint,
        .api_server_cert_sans = {dns},
        .ip_cidr_node = network.nodes_cidr};
    if (!request.custom_endpoint.empty()) {
      infrastructure.api_server_cert_sans.push_back(request.custom_endpoint);
    }
    for (const auto& [name, observed] : outputs) {
      const std::string address = observed.attributes.value("PublicIp", "");
      if (name.starts_with("address-balancer-") && !address.empty()) {
        infrastructure.api_server_cert_sans.push_back(address);
      }
    }
    if (const auto vpc = outputs.find("vpc"); vpc != outputs.end()) {
      infrastructure.details["vpcID"] = vpc->second.id;
    }
    return infrastructure;
  }

  absl::StatusOr<std::vector<ClusterInstance>> Instances(
      const ClusterIdentity& cluster) override {
    return ListInstances(access_.client(), cluster.uid, /*only_running=*/false);
  }

  absl::Status ReplaceInstance(const ClusterIdentity& cluster,
                               std::string_view instance_id) override {
    return ReplaceMachine(access_.client(), cluster, instance_id);
  }

  absl::StatusOr<std::string> ConsoleLog(
      const ClusterIdentity& cluster, std::string_view instance_id) override {
    return ReadConsole(access_.client(), cluster, instance_id);
  }

  absl::StatusOr<std::string> UploadImage(
      const ImageUpload& upload, const ProviderProgress& progress) override {
    return UploadToEbs(access_.client(), upload, progress);
  }

 private:
  Access access_;
  OwnedRegistry drivers_;
};

// Roles and instance profiles of the nodes; needs other rights than the cluster
// does.
class AwsIamProvider final : public IamProvider {
 public:
  explicit AwsIamProvider(const AwsOptions& options)
      : region_(options.settings.region), access_(options) {
    AddIamDrivers(access_.client(), drivers_);
  }

  absl::StatusOr<std::vector<Resource>> Desired(
      const ClusterIdentity& identity,
      const std::map<std::string, std::string>& options) override {
    return IamResources(identity, region_, options);
  }

  const DriverRegistry& Drivers() override { return drivers_.registry(); }

  // The config's two profile names. FAILED_PRECONDITION until both exist.
  absl::StatusOr<std::map<std::string, std::string>> ConfigValues(
      const std::map<std::string, Observed>& outputs) override {
    std::map<std::string, std::string> values;
    for (const auto& [key, name] :
         {std::pair("provider.aws.iamProfileControlPlane",
                    kControlPlaneProfile),
          std::pair("provider.aws.iamProfileWorkerNodes", kWorkerProfile)}) {
      const auto profile = outputs.find(std::string(name));
      if (profile == outputs.end()) {
        return FailedPrecondition(fmt::format("{} is not there yet", name));
      }
      values[key] = profile->second.id;
    }
    return values;
  }

  // Machines get their keys from the instance role: there is no file to keep.
  absl::StatusOr<std::map<std::string, std::string>> KeyFiles(
      const std::map<std::string, Observed>& /*outputs*/) override {
    return std::map<std::string, std::string>();
  }

 private:
  const std::string region_;
  Access access_;
  OwnedRegistry drivers_;
};

}  // namespace

std::unique_ptr<Provider> MakeAwsProvider(AwsOptions options) {
  return std::make_unique<AwsProvider>(options);
}

std::unique_ptr<IamProvider> MakeAwsIamProvider(AwsOptions options) {
  return std::make_unique<AwsIamProvider>(options);
}

}  // namespace constellation::cloud::aws
