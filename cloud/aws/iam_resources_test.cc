// SPDX-License-Identifier: Apache-2.0
// IamResources() of desired.h.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cloud/aws/desired.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using Json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

const Resource& Named(const std::vector<Resource>& resources,
                      std::string_view name) {
  static const Resource none;
  const auto found = std::ranges::find(resources, name, &Resource::name);
  EXPECT_NE(found, resources.end()) << name;
  return found == resources.end() ? none : *found;
}

TEST(IamResourcesTest, AreNarrow) {
  const ClusterIdentity identity{.uid = "0a1b2c3d", .name = "demo"};
  const auto resources = IamResources(identity, "eu-west-1", {});
  ASSERT_THAT(resources, IsOk());
  EXPECT_THAT(DependencyOrder(*resources), IsOk());
  const auto& worker = Named(*resources, "role-worker").desired;
  EXPECT_EQ(worker.at("Policies").size(), 1U);
  EXPECT_THAT(worker.at("Policies").dump(), Not(HasSubstr(":*")));
  // Inline policies of a role: 10,240 characters (IAM quotas).
  EXPECT_LT(Named(*resources, "role-control-plane")
                .desired.at("Policies")
                .dump()
                .size(),
            10'240U);
  EXPECT_THAT(IamResources(identity, "eu-west-1", {{"x", "y"}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(IamResources({.uid = "", .name = "x"}, "eu-west-1", {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(IamResources(identity, "", {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(IamResourcesTest, AreOneRoleAndOneProfileForEachKindOfNode) {
  const auto resources =
      IamResources({.uid = "0a1b2c3d", .name = "demo"}, "eu-west-1", {});
  ASSERT_THAT(resources, IsOk());
  ASSERT_EQ(resources->size(), 4U);
  EXPECT_EQ(Named(*resources, "instance-profile-worker").desired,
            Json({{"InstanceProfileName", "demo-0a1b2c3d-worker"},
                  {"Path", "/constellation/0a1b2c3d/"},
                  {"RoleName", "${role-worker}"}}));
  const Json& role = Named(*resources, "role-worker").desired;
  EXPECT_EQ(
      Json::parse(
          role.at("AssumeRolePolicyDocument").get_ref<const std::string&>()),
      Json({{"Version", "2012-10-17"},
            {"Statement",
             Json::array(
                 {{{"Effect", "Allow"},
                   {"Action", "sts:AssumeRole"},
                   {"Principal", {{"Service", "ec2.amazonaws.com"}}}}})}}));
  EXPECT_EQ(
      role.at("Policies").at("node").at("Statement"),
      Json::array(
          {{{"Effect", "Allow"},
            {"Action", Json::array({"ec2:DescribeInstances"})},
            {"Resource", "*"},
            {"Condition",
             {{"StringEquals", {{"aws:RequestedRegion", "eu-west-1"}}}}}}}));
  EXPECT_TRUE(Named(*resources, "role-control-plane")
                  .desired.at("Policies")
                  .contains("cloud-controller"));
}

TEST(IamResourcesTest, KnowChina) {
  const auto resources =
      IamResources({.uid = "0a1b2c3d", .name = "demo"}, "cn-north-1", {});
  ASSERT_THAT(resources, IsOk());
  const std::string role = Named(*resources, "role-worker").desired.dump();
  EXPECT_THAT(role, HasSubstr("ec2.amazonaws.com.cn"));
  EXPECT_THAT(role, HasSubstr("arn:aws-cn:iam::aws:policy/"));
}

TEST(IamResourcesTest, RefuseNamesThatAwsRefuses) {
  for (const std::string& name :
       {std::string("Demo"), std::string("a/b"), std::string(40, 'a')}) {
    EXPECT_THAT(
        IamResources({.uid = "0a1b2c3d", .name = name}, "eu-west-1", {}),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr("at most 48 characters")))
        << name;
  }
}

}  // namespace
}  // namespace constellation::cloud::aws
