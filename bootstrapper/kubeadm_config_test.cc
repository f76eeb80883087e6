// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/kubeadm_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <nlohmann/json.hpp>

#include "bootstrapper/testing/init_fixtures.h"
#include "bootstrapper/testing/kubeadm_program.h"
#include "common/command.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;
using ::constellation::testing::IsOk;
using ::testing::HasSubstr;

constexpr char kAuditPolicy[] = "/etc/kubernetes/audit-policy.yaml";
constexpr char kAuditLogs[] = "/run/state/constellation/audit";

// The documents of the init configuration by kind.
std::map<std::string, Json> InitDocuments(
    const InitParameters& parameters,
    const NodeIdentity& self = testing::ControlPlaneNode()) {
  const std::string text =
      MakeInitConfig(parameters, self, kAuditPolicy, kAuditLogs);
  std::map<std::string, Json> documents;
  size_t start = 0;
  while (start < text.size()) {
    size_t end = text.find("\n---\n", start);
    end = end == std::string::npos ? text.size() : end;
    const Json document = Json::parse(text.substr(start, end - start));
    documents[document["kind"]] = document;
    start = end + 5;
  }
  return documents;
}

TEST(KubeadmConfigTest, TheLoadBalancerOfACloudIsTheEndpoint) {
  NodeIdentity self = testing::ControlPlaneNode();
  self.api_server_endpoint = "lb.example.com:6443";
  auto documents = InitDocuments(testing::GoodParameters(), self);
  EXPECT_EQ(documents["ClusterConfiguration"]["controlPlaneEndpoint"],
            "lb.example.com:6443");
  EXPECT_EQ(
      documents["InitConfiguration"]["localAPIEndpoint"]["advertiseAddress"],
      "10.42.0.11");
}

TEST(KubeadmConfigTest, SaysWhoTheNodeIs) {
  auto documents = InitDocuments(testing::GoodParameters());
  EXPECT_EQ(documents.size(), 4U);
  const Json& init = documents["InitConfiguration"];
  EXPECT_EQ(init["nodeRegistration"]["name"], "control-plane-0");
  EXPECT_EQ(init["nodeRegistration"]["kubeletExtraArgs"]["node-ip"],
            "10.42.0.11");
  EXPECT_EQ(init["localAPIEndpoint"]["advertiseAddress"], "10.42.0.11");
  const Json& cluster = documents["ClusterConfiguration"];
  EXPECT_EQ(cluster["controlPlaneEndpoint"], "10.42.0.11:6443");
  EXPECT_EQ(cluster["networking"]["podSubnet"], "10.244.0.0/16");
  EXPECT_EQ(cluster["networking"]["serviceSubnet"], "10.96.0.0/16");
  EXPECT_EQ(cluster["apiServer"]["extraArgs"]["service-node-port-range"],
            "30100-32767");
  EXPECT_THAT(cluster["apiServer"]["certSANs"].get<std::vector<std::string>>(),
              ::testing::ElementsAre("127.0.0.1", "localhost", "10.42.0.11",
                                     "api.example.com", "192.0.2.7"));
  EXPECT_EQ(documents["KubeProxyConfiguration"]["clusterCIDR"],
            "10.244.0.0/16");
  EXPECT_THAT(documents["KubeletConfiguration"]["clusterDNS"]
                  .get<std::vector<std::string>>(),
              ::testing::ElementsAre(kClusterDnsAddress));
}

TEST(KubeadmConfigTest, SaysWhereTheNodeIs) {
  NodeIdentity self = testing::ControlPlaneNode();
  const auto arguments = [&self] {
    return InitDocuments(
        testing::GoodParameters(),
        self)["InitConfiguration"]["nodeRegistration"]["kubeletExtraArgs"];
  };
  EXPECT_FALSE(arguments().contains("node-labels"));
  self.region = "eu-west-1";
  self.zone = "eu-west-1a";
  EXPECT_EQ(arguments()["node-labels"],
            "topology.kubernetes.io/region=eu-west-1,"
            "topology.kubernetes.io/zone=eu-west-1a");
}

TEST(KubeadmConfigTest, StretchesTimeOutsButNotLeasesForEver) {
  InitParameters parameters = testing::GoodParameters();
  parameters.time_scale = 1;
  auto fast = InitDocuments(parameters)["ClusterConfiguration"];
  EXPECT_EQ(fast["apiServer"]["timeoutForControlPlane"], "300s");
  EXPECT_EQ(fast["scheduler"]["extraArgs"]["leader-elect-lease-duration"],
            "15s");
  EXPECT_EQ(fast["etcd"]["local"]["extraArgs"]["heartbeat-interval"], "100");
  parameters.time_scale = 20;
  auto slow = InitDocuments(parameters)["ClusterConfiguration"];
  EXPECT_EQ(slow["apiServer"]["timeoutForControlPlane"], "6000s");
  EXPECT_EQ(slow["scheduler"]["extraArgs"]["leader-elect-lease-duration"],
            "150s");
  EXPECT_EQ(slow["controllerManager"]["extraArgs"]["node-monitor-grace-period"],
            "800s");
  EXPECT_EQ(slow["etcd"]["local"]["extraArgs"]["heartbeat-interval"], "1000");
  EXPECT_EQ(slow["etcd"]["local"]["extraArgs"]["election-timeout"], "10000");
}

TEST(KubeadmConfigTest, ValuesCannotLeaveTheirPlace) {
  InitParameters parameters = testing::GoodParameters();
  // Validation refuses these; the format would hold them anyway.
  parameters.cluster_name = "a\"\n---\nkind: Secret";
  auto documents = InitDocuments(parameters);
  EXPECT_EQ(documents.size(), 4U);
  EXPECT_EQ(documents["ClusterConfiguration"]["clusterName"],
            parameters.cluster_name);
}

TEST(KubeadmConfigTest, JoinConfigurationHoldsTheToken) {
  ControlPlaneJoin join;
  join.api_server_endpoint = "10.42.0.11:6443";
  join.bootstrap_token = SecretBytes(AsBytes("abcdef.0123456789abcdef"));
  join.ca_cert_hash = "sha256:" + std::string(64, 'a');
  const SecretBytes config = MakeJoinConfig(join, testing::ControlPlaneNode());
  const Json document = Json::parse(AsText(config.Expose()));
  EXPECT_EQ(document["kind"], "JoinConfiguration");
  const Json& discovery = document["discovery"]["bootstrapToken"];
  EXPECT_EQ(discovery["token"], "abcdef.0123456789abcdef");
  EXPECT_EQ(discovery["caCertHashes"][0], join.ca_cert_hash);
  EXPECT_EQ(document["controlPlane"]["localAPIEndpoint"]["bindPort"], 6443);
}

TEST(KubeadmConfigTest, ScaledIsBounded) {
  EXPECT_EQ(Scaled(absl::Seconds(10), 0), absl::Seconds(10));
  EXPECT_EQ(Scaled(absl::Seconds(10), 3), absl::Seconds(30));
  EXPECT_EQ(Scaled(absl::Seconds(10), 1000), absl::Seconds(200));
  EXPECT_EQ(Scaled(absl::Seconds(10), 20, 4), absl::Seconds(40));
}

TEST(KubeadmConfigTest, RealKubeadmAcceptsIt) {
  const std::string kubeadm = testing::FindKubeadm();
  if (kubeadm.empty()) {
    GTEST_SKIP() << "no kubeadm: build the node image, or set "
                    "CONSTELLATION_KUBEADM";
  }
  const constellation::testing::TempDir folder;
  auto documents = InitDocuments(testing::GoodParameters());
  documents["ClusterConfiguration"]["certificatesDir"] = folder.Join("pki");
  std::string config;
  for (const auto& [kind, document] : documents) {
    config += "---\n" + document.dump() + "\n";
  }
  ASSERT_THAT(WriteFileAtomically(folder.Join("kubeadm.yaml"), config), IsOk());
  ProcessRunner runner;
  ASSERT_OK_AND_ASSIGN(const CommandResult result,
                       runner.Run({kubeadm, "init", "phase", "certs", "all",
                                   "--config", folder.Join("kubeadm.yaml")},
                                  {}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, ::testing::Not(HasSubstr("unknown field")));
  EXPECT_THAT(result.out, HasSubstr("192.0.2.7"));
  ASSERT_OK_AND_ASSIGN(const std::string key,
                       ReadFile(folder.Join("pki/ca.key")));
  EXPECT_THAT(key, HasSubstr("EC PRIVATE KEY"));
}

TEST(AuditPolicyTest, IsYamlThatNeverLogsContents) {
  const std::string_view yaml = AuditPolicyYaml();
  EXPECT_THAT(std::string(yaml), ::testing::Not(HasSubstr("level: Request")));
  EXPECT_THAT(std::string(yaml), HasSubstr("level: Metadata"));
  EXPECT_NO_THROW(YAML::Load(std::string(yaml)));
}

}  // namespace
}  // namespace constellation::bootstrapper
