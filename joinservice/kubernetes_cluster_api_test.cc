// SPDX-License-Identifier: Apache-2.0
#include "joinservice/kubernetes_cluster_api.h"

#include <string>

#include "common/testing/status_matchers.h"
#include "kubernetes/testing/fake_transport.h"

namespace constellation::joinservice {
namespace {

using ::constellation::testing::StatusIs;
using kubernetes::Json;
using ::testing::HasSubstr;

Json Cluster() {
  return {{"metadata", {{"name", "constellation-cluster"}}},
          {"data",
           {{"apiServerEndpoint", "10.0.0.2:6443"},
            {"kubernetesVersion", "v1.20.2"},
            {"timeScale", "4"}}}};
}

class KubernetesClusterApiTest : public ::testing::Test {
 protected:
  KubernetesClusterApiTest() {
    auto transport = std::make_unique<kubernetes::testing::FakeTransport>();
    transport_ = transport.get();
    client_ = std::make_unique<kubernetes::Client>(std::move(transport));
    api_ = std::make_unique<KubernetesClusterApi>(*client_, clock_);
  }
  absl::StatusOr<ClusterFacts> FactsOf(const Json& cluster) {
    transport_->Answer(200, cluster.dump());
    transport_->Answer(200, R"({"data":{"ca.crt":"PEM"}})");
    transport_->Answer(200, R"({"data":{"kubelet":"YAML"}})");
    return api_->Facts();
  }

  FakeClock clock_{absl::UnixEpoch()};
  kubernetes::testing::FakeTransport* transport_;
  std::unique_ptr<kubernetes::Client> client_;
  std::unique_ptr<KubernetesClusterApi> api_;
};

TEST_F(KubernetesClusterApiTest, GathersFacts) {
  ASSERT_OK_AND_ASSIGN(const ClusterFacts facts, FactsOf(Cluster()));
  EXPECT_EQ(facts.api_server_endpoint, "10.0.0.2:6443");
  EXPECT_EQ(facts.kubernetes_version, "v1.20.2");
  EXPECT_EQ(facts.time_scale, 4U);
  EXPECT_EQ(facts.cluster_ca_pem, "PEM");
  EXPECT_EQ(facts.kubelet_config, "YAML");
  EXPECT_THAT(transport_->requests().back().target,
              ::testing::EndsWith("/kubelet-config-1.20"));
}

TEST_F(KubernetesClusterApiTest, NewerVersionsNameTheirKubeletConfigPlainly) {
  Json cluster = Cluster();
  cluster["data"]["kubernetesVersion"] = "v1.31.4";
  EXPECT_THAT(FactsOf(cluster), ::constellation::testing::IsOk());
  EXPECT_THAT(transport_->requests().back().target,
              ::testing::EndsWith("/kubelet-config"));
}

TEST_F(KubernetesClusterApiTest, NamesWhatIsMissing) {
  for (const char* key :
       {"apiServerEndpoint", "kubernetesVersion", "timeScale"}) {
    Json cluster = Cluster();
    cluster["data"].erase(key);
    EXPECT_THAT(
        FactsOf(cluster),
        StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(key)));
    while (api_->Facts().status().code() != absl::StatusCode::kUnavailable) {
    }
  }
}

TEST_F(KubernetesClusterApiTest, RefusesTimeScalesOutOfRange) {
  for (const char* scale : {"0", "21", "-1", "2x", "1.5", ""}) {
    Json cluster = Cluster();
    cluster["data"]["timeScale"] = scale;
    EXPECT_THAT(FactsOf(cluster),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("timeScale")));
    while (api_->Facts().status().code() != absl::StatusCode::kUnavailable) {
    }
  }
}

TEST_F(KubernetesClusterApiTest, RefusesVersionsThatCouldLeaveThePath) {
  for (const char* version : {"1.20.2", "v1", "v../../x.y", "v1.x.2", "v.."}) {
    Json cluster = Cluster();
    cluster["data"]["kubernetesVersion"] = version;
    EXPECT_THAT(FactsOf(cluster),
                StatusIs(absl::StatusCode::kFailedPrecondition))
        << version;
    while (api_->Facts().status().code() != absl::StatusCode::kUnavailable) {
    }
  }
}

}  // namespace
}  // namespace constellation::joinservice
