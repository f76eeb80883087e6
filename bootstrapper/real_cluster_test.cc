// SPDX-License-Identifier: Apache-2.0
//
// What init and the pod network's agent do to a real Kubernetes API server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <stop_token>
#include <thread>

#include "bootstrapper/cluster_initializer.h"
#include "bootstrapper/kubernetes_api.h"
#include "bootstrapper/pod_network_agent.h"
#include "bootstrapper/testing/node_fixture.h"
#include "kubernetes/client.h"
#include "kubernetes/testing/api_server.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;
using ::constellation::kubernetes::testing::ApiServer;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr char kSystem[] = "/api/v1/namespaces/kube-system";

std::string Key(uint8_t value) {
  return Base64Encode(Bytes(32, value));
}

class RealClusterTest : public testing::NodeFixture {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_API_SERVER();
    auto server = ApiServer::Start();
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
    auto admin = server_->AdminClient();
    ASSERT_THAT(admin, IsOk());
    admin_ = *std::move(admin);
    const char* source = std::getenv("CONSTELLATION_SOURCE_DIR");
    std::filesystem::copy(
        std::string(source == nullptr ? "." : source) + "/deploy/kubernetes",
        paths_.Manifests());
    runner_.On("kubeadm init", [this] {
      EXPECT_THAT(WriteFileAtomically(paths_.AdminKubeconfig(),
                                      server_->AdminKubeconfig().value()),
                  IsOk());
      return CommandResult{};
    });
  }

  void Initialize() {
    ClusterInitializer initializer(MakeNode(), [](const std::string& path) {
      return ConnectWithKubeconfig(path, absl::Seconds(30));
    });
    ASSERT_THAT(initializer.Run(testing::GoodParameters(), Ignore()), IsOk());
  }

  void CreateNode(const std::string& name, const std::string& ip,
                  const std::string& pod_cidr, const std::string& key) {
    Json node = {{"apiVersion", "v1"},
                 {"kind", "Node"},
                 {"metadata", {{"name", name}}},
                 {"spec", {{"podCIDR", pod_cidr}}}};
    if (!key.empty()) {
      node["metadata"]["annotations"][kWireGuardKeyAnnotation] = key;
    }
    ASSERT_THAT(admin_->Create("/api/v1/nodes", node), IsOk());
    const Json status = {{"status",
                          {{"addresses", Json::array({{{"type", "InternalIP"},
                                                       {"address", ip}}})}}}};
    ASSERT_THAT(admin_->Patch("/api/v1/nodes/" + name + "/status",
                              kubernetes::PatchType::kMerge, status),
                IsOk());
  }

  // Waits until `condition` holds.
  static bool Eventually(const std::function<bool()>& condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    while (absl::Now() < deadline) {
      if (condition()) {
        return true;
      }
      absl::SleepFor(absl::Milliseconds(50));
    }
    return false;
  }

  std::unique_ptr<ApiServer> server_;
  std::unique_ptr<kubernetes::Client> admin_;
};

TEST_F(RealClusterTest, InitLeavesServicesSecretsConfiguration) {
  Initialize();
  for (const char* path :
       {"/secrets/constellation-mastersecret", "/configmaps/join-config",
        "/configmaps/constellation-cluster"}) {
    EXPECT_THAT(admin_->Get(std::string(kSystem) + path), IsOk()) << path;
  }
  for (const char* name :
       {"keyservice", "joinservice", "verificationservice"}) {
    EXPECT_THAT(
        admin_->Get(
            std::string("/apis/apps/v1/namespaces/kube-system/daemonsets/") +
            name),
        IsOk())
        << name;
  }
  const Json secret =
      admin_->Get(std::string(kSystem) + "/secrets/constellation-mastersecret")
          .value();
  EXPECT_EQ(secret["data"]["key"], Base64Encode(testing::Filled(2).Expose()));
  EXPECT_EQ(secret["immutable"], true);
}

TEST_F(RealClusterTest, KubeletsMayReadWhatTheAgentNeedsNotSecrets) {
  Initialize();
  ASSERT_OK_AND_ASSIGN(
      const std::string kubeconfig,
      server_->KubeconfigOf("system:node:worker-0", "system:nodes"));
  ASSERT_OK_AND_ASSIGN(const auto kubelet,
                       kubernetes::Client::FromKubeconfig(kubeconfig));
  EXPECT_THAT(kubelet->List("/api/v1/services"), IsOk());
  EXPECT_THAT(kubelet->List("/api/v1/endpoints"), IsOk());
  EXPECT_THAT(kubelet->List("/api/v1/nodes"), IsOk());
  EXPECT_THAT(
      kubelet->Get(std::string(kSystem) + "/configmaps/constellation-cluster"),
      IsOk());
  EXPECT_THAT(kubelet->Get(std::string(kSystem) + "/configmaps/join-config"),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(kubelet->Get(std::string(kSystem) +
                           "/secrets/constellation-mastersecret"),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(RealClusterTest, TheAgentFollowsNodesAndServices) {
  Initialize();
  CreateNode("control-plane-0", "10.42.0.11", "10.244.0.0/24", "");
  CreateNode("worker-0", "10.42.0.21", "10.244.1.0/24", Key(2));
  ASSERT_OK_AND_ASSIGN(
      const std::string kubeconfig,
      server_->KubeconfigOf("system:node:control-plane-0", "system:nodes"));
  ASSERT_THAT(WriteFileAtomically(paths_.KubeletKubeconfig(), kubeconfig),
              IsOk());
  runner_.OnOutput("wg show wg0 public-key", Key(1) + "\n");
  PodNetworkAgent agent(runner_, paths_, status_, Clock::System());
  std::jthread thread([&agent](const std::stop_token& stop) {
    EXPECT_THAT(agent.Run(stop), IsOk());
  });

  EXPECT_TRUE(Eventually([this] {
    return FactsOfNode(admin_->Get("/api/v1/nodes/control-plane-0").value())
               .wireguard_key == Key(1);
  })) << "publishes its key";
  EXPECT_TRUE(Eventually([this] {
    return runner_.Ran("wg set wg0 peer " + Key(2));
  })) << "takes the worker for a peer";
  EXPECT_TRUE(FileExists(paths_.CniConfig()));
  const std::string hosts = paths_.root + "/run/constellation-dns/hosts";
  EXPECT_TRUE(Eventually([&hosts] {
    return ReadFile(hosts).value_or("").find(
               "10.96.0.1 kubernetes.default.svc.cluster.local") !=
           std::string::npos;
  })) << "names the API server";

  CreateNode("worker-1", "10.42.0.22", "10.244.2.0/24", Key(3));
  EXPECT_TRUE(Eventually([this] {
    return runner_.Ran("ip route replace 10.244.2.0/24 dev wg0");
  })) << "sees a new node";
  runner_.OnOutput("wg show wg0 peers", Key(2) + "\n" + Key(3) + "\n");
  ASSERT_THAT(admin_->Delete("/api/v1/nodes/worker-1"), IsOk());
  EXPECT_TRUE(Eventually([this] {
    return runner_.Ran("wg set wg0 peer " + Key(3) + " remove");
  })) << "forgets a node that went";
  const Json service = {
      {"apiVersion", "v1"},
      {"kind", "Service"},
      {"metadata", {{"name", "web"}, {"namespace", "default"}}},
      {"spec", {{"ports", Json::array({{{"port", 80}}})}}}};
  ASSERT_THAT(admin_->Create("/api/v1/namespaces/default/services", service),
              IsOk());
  EXPECT_TRUE(Eventually([&hosts] {
    return ReadFile(hosts).value_or("").find("web.default.svc.cluster.local") !=
           std::string::npos;
  })) << "names a new Service";
  EXPECT_TRUE(Eventually([this] {
    return runner_.Ran("systemctl kill --signal=SIGHUP");
  })) << "tells the DNS server";
}

}  // namespace
}  // namespace constellation::bootstrapper
