// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/aws_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/aws/testing/aws_request.h"
#include "cloud/aws/testing/aws_script.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using testing::AwsScript;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::TwoZoneRequest;

class AwsProviderTest : public ::testing::Test {
 protected:
  AwsOptions Options() {
    return {.settings = std::get<AwsSettings>(request_.settings),
            .environment = aws_.environment(),
            .transport = aws_.transport(),
            .clock = aws_.clock(),
            .runner = runner_,
            .random = [] { return 0.0; }};
  }

  AwsScript aws_;
  ProcessRunner runner_;  // never used
  ClusterRequest request_ = TwoZoneRequest();
  std::map<std::string, Observed> outputs_ = {
      {"vpc", {.id = "vpc-1"}},
      {"load-balancer",
       {.id = "arn", .attributes = {{"DNSName", "demo.elb.example"}}}},
      {"address-balancer-a",
       {.id = "eip-1", .attributes = {{"PublicIp", "192.0.2.1"}}}},
      {"address-nat-a",
       {.id = "eip-2", .attributes = {{"PublicIp", "192.0.2.2"}}}}};
};

TEST_F(AwsProviderTest, SaysWhoItIs) {
  aws_.Answer("GetCallerIdentity",
              "<R><GetCallerIdentityResult><Account>123456789012</Account>"
              "</GetCallerIdentityResult></R>");
  const auto provider = MakeAwsProvider(Options());
  EXPECT_THAT(aws_.calls(), IsEmpty());  // nothing before the first question
  EXPECT_EQ(provider->Name(), "aws");
  EXPECT_THAT(provider->Scope(), IsOkAndHolds("123456789012/eu-west-1"));
}

TEST_F(AwsProviderTest, OffersTheBalancersNameAndAddresses) {
  const auto provider = MakeAwsProvider(Options());
  auto made = provider->Infrastructure(request_, outputs_);
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->cluster_endpoint, "demo.elb.example");
  EXPECT_EQ(made->in_cluster_endpoint, "demo.elb.example");
  EXPECT_THAT(made->api_server_cert_sans,
              ElementsAre("demo.elb.example", "192.0.2.1"));
  EXPECT_EQ(made->ip_cidr_node, "192.168.176.0/20");
  EXPECT_THAT(made->details, ElementsAre(Pair("vpcID", "vpc-1")));

  request_.custom_endpoint = "k8s.example.com";
  made = provider->Infrastructure(request_, outputs_);
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->cluster_endpoint, "k8s.example.com");
  EXPECT_THAT(made->api_server_cert_sans,
              ElementsAre("demo.elb.example", "k8s.example.com", "192.0.2.1"));
}

TEST_F(AwsProviderTest, OffersNothingWithoutABalancer) {
  const auto provider = MakeAwsProvider(Options());
  outputs_["load-balancer"].attributes.clear();
  EXPECT_THAT(provider->Infrastructure(request_, outputs_),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  outputs_.erase("load-balancer");
  EXPECT_THAT(provider->Infrastructure(request_, outputs_),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(AwsProviderTest, DrivesEveryKindOfItsPlan) {
  const auto provider = MakeAwsProvider(Options());
  const auto desired = provider->Desired(request_);
  ASSERT_THAT(desired, IsOk());
  for (const Resource& resource : *desired) {
    EXPECT_NE(provider->Drivers().Get(resource.kind), nullptr) << resource.kind;
  }
  request_.image = "x";
  EXPECT_THAT(provider->Desired(request_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("image")));
  EXPECT_THAT(aws_.calls(), IsEmpty());
}

TEST_F(AwsProviderTest, WritesProfilesIntoTheConfig) {
  const auto iam = MakeAwsIamProvider(Options());
  const auto desired = iam->Desired(request_.identity, {});
  ASSERT_THAT(desired, IsOk());
  for (const Resource& resource : *desired) {
    EXPECT_NE(iam->Drivers().Get(resource.kind), nullptr) << resource.kind;
  }
  outputs_ = {{"instance-profile-control-plane", {.id = "cp"}}};
  EXPECT_THAT(iam->ConfigValues(outputs_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("instance-profile-worker")));
  outputs_["instance-profile-worker"].id = "w";
  EXPECT_THAT(iam->ConfigValues(outputs_),
              IsOkAndHolds(ElementsAre(
                  Pair("provider.aws.iamProfileControlPlane", "cp"),
                  Pair("provider.aws.iamProfileWorkerNodes", "w"))));
  EXPECT_THAT(iam->KeyFiles(outputs_), IsOkAndHolds(IsEmpty()));
}

}  // namespace
}  // namespace constellation::cloud::aws
