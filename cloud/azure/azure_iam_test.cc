// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/azure_iam.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/azure/testing/azure_requests.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(IamTest, FormsAPlanWithTheLeastPermissions) {
  const ClusterIdentity identity{.uid = "0a1b2c3d", .name = "demo"};
  const auto settings =
      std::get<AzureSettings>(testing::SmallRequest().settings);
  ASSERT_OK_AND_ASSIGN(const auto all, DesiredIam(identity, settings, {}));
  ASSERT_THAT(all, SizeIs(4));
  EXPECT_THAT(DependencyOrder(all), IsOk());
  const json role = all[2].desired["body"]["properties"];
  const json actions = role["permissions"][0]["actions"];
  for (const json& action : actions) {
    EXPECT_THAT(action.get<std::string>(), ::testing::Not(HasSubstr("*")));
    EXPECT_THAT(action.get<std::string>(),
                ::testing::Not(HasSubstr("Authorization")));
  }
  EXPECT_THAT(actions, Contains("Microsoft.Network/loadBalancers/read"));
  EXPECT_EQ(role["assignableScopes"].size(), 1);
  EXPECT_EQ(all[3].desired["body"]["properties"]["principalId"],
            "@{node-identity:/properties/principalId}");
  ASSERT_OK_AND_ASSIGN(const auto again, DesiredIam(identity, settings, {}));
  EXPECT_EQ(all[3].desired, again[3].desired) << "the same UUID";
  AzureSettings bad = settings;
  bad.location.clear();
  EXPECT_THAT(DesiredIam(identity, bad, {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(DesiredIam(identity, settings, {{"identity", "a/b"}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace constellation::cloud::azure
