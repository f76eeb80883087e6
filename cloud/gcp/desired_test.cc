// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/desired.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "cloud/gcp/testing/gcp_request.h"
#include "cloud/json_fields.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SmallRequest;

TEST(GcpDesiredTest, IsPureAndFormsAPlan) {
  const auto once = DesiredResources(SmallRequest()).value();
  const auto twice = DesiredResources(SmallRequest()).value();
  ASSERT_EQ(once.size(), twice.size());
  std::set<std::string> names;
  for (size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].desired, twice[i].desired);
    EXPECT_TRUE(names.insert(once[i].name).second) << once[i].name;
  }
  EXPECT_THAT(DependencyOrder(once), IsOk());
}

TEST(GcpDesiredTest, LetsNobodyInWhoIsNotNamed) {
  ClusterRequest request = SmallRequest();
  const auto text = [&request] {
    std::string all;
    const auto resources = DesiredResources(request).value();
    for (const Resource& resource : resources) {
      all += resource.name + " " + DumpJson(resource.desired) + "\n";
    }
    return all;
  };
  EXPECT_THAT(text(), Not(HasSubstr("0.0.0.0/0")));
  EXPECT_THAT(text(), HasSubstr("guard-kubernetes"));
  EXPECT_THAT(text(), Not(HasSubstr("serial-port-enable")));
  EXPECT_THAT(text(), Not(HasSubstr("4000")));
  // 25 ranges and the nodes' own fit into three rules of ten.
  request.allowed_sources.assign(25, "198.51.100.0/24");
  const auto many = DesiredResources(request).value();
  for (const Resource& resource : many) {
    if (resource.name == "sources") {
      EXPECT_EQ(resource.desired.at("body").at("rules").size(), 4U);
    }
  }
  request.allowed_sources = {"0.0.0.0/0"};
  EXPECT_THAT(text(), Not(HasSubstr("guard-")));
  request.debug = true;
  EXPECT_THAT(text(), AllOf(HasSubstr("serial-port-enable"),
                            HasSubstr("service-debugd")));
}

TEST(GcpDesiredTest, TellsNodesWhatTheyNeed) {
  const auto resources = DesiredResources(SmallRequest()).value();
  for (const Resource& resource : resources) {
    if (resource.kind != "gcp.instance-group") {
      continue;
    }
    const json& properties = resource.desired.at("template").at("properties");
    const std::string metadata = DumpJson(properties.at("metadata"));
    EXPECT_THAT(metadata, AllOf(HasSubstr("0a1b2c3d"),
                                HasSubstr("{ref:address:address}:6443"),
                                HasSubstr(std::string(64, 'a'))));
    EXPECT_EQ(properties.at("minCpuPlatform"), "AMD Milan");
    EXPECT_EQ(properties.at("disks").at(1).at("deviceName"), "state-disk");
    EXPECT_EQ(resource.desired.at("body").contains("statefulPolicy"),
              resource.name == "control-plane-default");
  }
}

}  // namespace
}  // namespace constellation::cloud::gcp
