// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/gcp_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "cloud/gcp/testing/gcp_request.h"
#include "cloud/gcp/testing/gcp_script.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using testing::GcpScript;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::SmallRequest;

class GcpProviderTest : public ::testing::Test {
 protected:
  std::unique_ptr<Provider> Make() {
    return MakeGcpProvider(
        {.settings = std::get<GcpSettings>(request_.settings),
         .environment = environment_,
         .transport = gcp_,
         .clock = gcp_.clock(),
         .random = [] { return 0.0; }});
  }

  GcpScript gcp_;
  Environment environment_ =
      [](std::string_view name) -> std::optional<std::string> {
    return name == "GOOGLE_OAUTH_ACCESS_TOKEN" ? std::optional("ya29.x")
                                               : std::nullopt;
  };
  ClusterRequest request_ = SmallRequest();
};

TEST_F(GcpProviderTest, SaysWhoItIs) {
  const auto provider = Make();
  EXPECT_EQ(provider->Name(), "gcp");
  EXPECT_THAT(provider->Scope(),
              IsOkAndHolds("project demo-project, region europe-west3"));
  EXPECT_THAT(gcp_.calls(), IsEmpty());
}

// Sweeps go the other way.
TEST_F(GcpProviderTest, DrivesKindsInTheOrderOfMaking) {
  const auto provider = Make();
  EXPECT_THAT(
      provider->Drivers().kinds(),
      ElementsAre("gcp.network", "gcp.subnetwork", "gcp.address", "gcp.router",
                  "gcp.firewall", "gcp.route", "gcp.health-check",
                  "gcp.instance-template", "gcp.security-policy",
                  "gcp.instance-group", "gcp.setting", "gcp.backend-service",
                  "gcp.target-tcp-proxy", "gcp.forwarding-rule", "gcp.disk",
                  "gcp.kubernetes-balancer"));
  const auto desired = provider->Desired(request_);
  ASSERT_THAT(desired, IsOk());
  for (const Resource& resource : *desired) {
    EXPECT_NE(provider->Drivers().Get(resource.kind), nullptr) << resource.kind;
  }
}

TEST_F(GcpProviderTest, ChecksTheRequestBeforeItAsks) {
  request_.image = "x";
  EXPECT_THAT(Make()->CheckOnline(request_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("image")));
  EXPECT_THAT(gcp_.calls(), IsEmpty());
}

TEST_F(GcpProviderTest, OffersTheBalancersAddress) {
  const auto provider = Make();
  std::map<std::string, Observed> outputs;
  EXPECT_THAT(provider->Infrastructure(request_, outputs),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  outputs["address"].attributes = {{"address", 7}};
  EXPECT_THAT(provider->Infrastructure(request_, outputs),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  outputs["address"].attributes = {{"address", "192.0.2.1"}};
  auto made = provider->Infrastructure(request_, outputs);
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->cluster_endpoint, "192.0.2.1");
  EXPECT_EQ(made->ip_cidr_node, "192.168.178.0/24");
  EXPECT_THAT(made->details, ElementsAre(Pair("ipCidrPod", "10.10.0.0/16"),
                                         Pair("projectID", "demo-project")));
  request_.custom_endpoint = "k8s.example.com";
  made = provider->Infrastructure(request_, outputs);
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->cluster_endpoint, "k8s.example.com");
  EXPECT_EQ(made->in_cluster_endpoint, "192.0.2.1");
  EXPECT_THAT(made->api_server_cert_sans,
              ElementsAre("192.0.2.1", "k8s.example.com"));
}

TEST_F(GcpProviderTest, RefusesImagesOfOtherClouds) {
  EXPECT_THAT(Make()->UploadImage({.settings = AwsSettings{}}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace constellation::cloud::gcp
