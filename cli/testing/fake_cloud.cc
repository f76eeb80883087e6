// SPDX-License-Identifier: Apache-2.0
#include "cli/testing/fake_cloud.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "attestation/policy/appraisal.h"
#include "cli/cluster/policy_builder.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli::testing {

using cloud::ClusterIdentity;
using cloud::ClusterInfrastructure;
using cloud::ClusterInstance;
using cloud::ClusterRequest;
using cloud::DriverRegistry;
using cloud::NodeGroupRequest;
using cloud::Observed;
using cloud::Resource;

class FakeCloud::FakeProvider final : public cloud::Provider {
 public:
  explicit FakeProvider(FakeCloud& owner) : owner_(owner) {}

  std::string_view Name() const override { return "aws"; }
  absl::StatusOr<std::string> Scope() override {
    owner_.calls.emplace_back("scope");
    RETURN_IF_ERROR(owner_.scope_status);
    return owner_.scope;
  }
  absl::Status CheckOnline(const ClusterRequest& /*request*/) override {
    owner_.calls.emplace_back("check");
    return owner_.check_status;
  }
  absl::StatusOr<std::vector<Resource>> Desired(
      const ClusterRequest& wanted) override {
    owner_.calls.emplace_back("desired");
    owner_.request = wanted;
    owner_.world_.init_secret_hash = wanted.init_secret_sha256;
    std::vector<Resource> resources = {
        {.kind = "network", .name = "net"},
        {.kind = "balancer", .name = "balancer", .depends_on = {"net"}}};
    for (const NodeGroupRequest& group : wanted.groups) {
      std::string name = group.name;
      std::ranges::replace(name, '_', '-');
      resources.push_back({.kind = "group",
                           .name = name,
                           .desired = {{"size", group.count},
                                       {"image", wanted.image},
                                       {"fixed-zone", group.zone}},
                           .depends_on = {"net", "balancer"}});
    }
    return resources;
  }
  const DriverRegistry& Drivers() override { return owner_.memory.drivers(); }
  absl::StatusOr<ClusterInfrastructure> Infrastructure(
      const ClusterRequest& wanted,
      const std::map<std::string, Observed>& outputs) override {
    if (!outputs.contains("balancer")) {
      return Internal("no balancer among the outputs");
    }
    owner_.StartMachines(wanted);
    return ClusterInfrastructure{.cluster_endpoint = "127.0.0.1",
                                 .in_cluster_endpoint = "LB.Inside.example",
                                 .api_server_cert_sans = {"lb.example"},
                                 .ip_cidr_node = "192.168.178.0/24",
                                 .details = {{"vpc", outputs.at("net").id}}};
  }
  absl::StatusOr<std::vector<ClusterInstance>> Instances(
      const ClusterIdentity& /*cluster*/) override {
    std::vector<ClusterInstance> instances;
    for (const auto& [name, node] : owner_.world_.nodes_) {
      ClusterInstance instance;
      instance.id = "i-" + name;
      instance.group = node->spec.role == cloud::NodeRole::kControlPlane
                           ? "control_plane_default"
                           : "worker_default";
      instance.metadata.name = name;
      instance.metadata.role = node->spec.role;
      instance.metadata.zone = "eu-west-1a";
      instance.metadata.cluster_ip = "192.168.178.5";
      instance.state = "running";
      instances.push_back(std::move(instance));
    }
    return instances;
  }
  absl::Status ReplaceInstance(const ClusterIdentity& /*cluster*/,
                               std::string_view /*instance_id*/) override {
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> ConsoleLog(
      const ClusterIdentity& /*cluster*/,
      std::string_view instance_id) override {
    owner_.calls.push_back(fmt::format("console {}", instance_id));
    return owner_.console;
  }
  absl::StatusOr<std::string> UploadImage(
      const cloud::ImageUpload& upload,
      const cloud::ProviderProgress& progress) override {
    owner_.uploaded = upload;
    progress("uploading", 0.5);
    return owner_.upload_reference;
  }

 private:
  FakeCloud& owner_;
};

class FakeCloud::FakeIam final : public cloud::IamProvider {
 public:
  explicit FakeIam(FakeCloud& owner) : owner_(owner) {}
  absl::StatusOr<std::vector<Resource>> Desired(
      const ClusterIdentity& /*identity*/,
      const std::map<std::string, std::string>& options) override {
    owner_.iam_options = options;
    return std::vector<Resource>{{.kind = "role", .name = "control-plane"},
                                 {.kind = "role", .name = "worker"}};
  }
  absl::Status CheckDestroy(const ClusterIdentity& /*identity*/) override {
    return owner_.destroy_status;
  }
  const DriverRegistry& Drivers() override { return owner_.memory.drivers(); }
  absl::StatusOr<std::map<std::string, std::string>> ConfigValues(
      const std::map<std::string, Observed>& outputs) override {
    return std::map<std::string, std::string>{
        {"provider.aws.iamProfileControlPlane", outputs.at("control-plane").id},
        {"provider.aws.iamProfileWorkerNodes", outputs.at("worker").id}};
  }
  absl::StatusOr<std::map<std::string, std::string>> KeyFiles(
      const std::map<std::string, Observed>& /*outputs*/) override {
    return owner_.key_files;
  }

 private:
  FakeCloud& owner_;
};

class FakeCloud::Connection final : public CloudConnection {
 public:
  explicit Connection(FakeCloud& owner) : provider_(owner) {}
  cloud::Provider& provider() override { return provider_; }

 private:
  FakeProvider provider_;
};

class FakeCloud::IamLink final : public IamConnection {
 public:
  explicit IamLink(FakeCloud& owner) : iam_(owner) {}
  cloud::IamProvider& iam() override { return iam_; }

 private:
  FakeIam iam_;
};

FakeCloud::FakeCloud(FakeWorld& world)
    : memory(clock, kill, /*seed=*/1), world_(world) {
  memory.AddKind({.kind = "network"});
  memory.AddKind({.kind = "balancer",
                  .ready_after = absl::Seconds(5),
                  .gone_after = absl::Seconds(5)});
  memory.AddKind({.kind = "group", .ready_after = absl::Seconds(5)});
  memory.AddKind({.kind = "role"});
}

FakeCloud::~FakeCloud() = default;

void FakeCloud::StartMachines(const ClusterRequest& made) {
  for (const NodeGroupRequest& group : made.groups) {
    for (int i = 0; i < group.count; ++i) {
      cloud::qemu::NodeSpec spec;
      spec.name = fmt::format("{}-{}-{}", made.identity.name,
                              cloud::NodeRoleName(group.role), i);
      spec.role = group.role;
      world_.StartMachine(spec);
    }
  }
}

std::vector<std::string> FakeCloud::Inventory(const std::string& uid) {
  return memory.Inventory(uid);
}

std::vector<std::string> FakeCloud::WholeInventory() {
  return {"balancer/balancer", "group/control-plane-default",
          "group/worker-default", "network/net"};
}

CloudTools FakeCloud::Tools() {
  CloudTools tools;
  tools.connect = [this](const cloud::ProviderSettings& /*settings*/) {
    return std::make_unique<Connection>(*this);
  };
  tools.connect_iam = [this](const cloud::ProviderSettings& /*settings*/) {
    return std::make_unique<IamLink>(*this);
  };
  // The machines' TPMs are swtpm's whatever the config says: the registers are
  // compared with those of the image, PCR15 with what is expected.
  tools.appraise = [this](
                       const attestation::Evidence& evidence,
                       std::span<const uint8_t> user_data,
                       const attestation::ClusterState& expected,
                       const attestation::Policy& /*policy*/) -> absl::Status {
    std::vector<attestation::EnrolledNode> enrolled;
    for (const auto& [name, node] : world_.nodes_) {
      enrolled.push_back(
          {.node_name = name,
           .role = std::string(cloud::NodeRoleName(node->spec.role)),
           .tpm = node->tpm->enrolled()});
    }
    ASSIGN_OR_RETURN(const attestation::Policy policy,
                     attestation::Policy::Create({FakeWorld::ImageProfile()},
                                                 std::move(enrolled)));
    return attestation::ToStatus(attestation::Appraise(
        evidence, user_data, expected, policy, clock.Now()));
  };
  tools.approve = [this](const cloud::Plan& /*plan*/) {
    ++plans_shown;
    while_asking();
    return approval;
  };
  tools.engine = engine;
  tools.random = [this] {
    return std::uniform_real_distribution<double>(0, 1)(random_);
  };
  return tools;
}

}  // namespace constellation::cli::testing
