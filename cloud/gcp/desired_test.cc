// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/desired.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "cloud/gcp/request_check.h"
#include "cloud/gcp/testing/gcp_request.h"
#include "cloud/json_fields.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SmallRequest;

using Change = std::function<void(ClusterRequest&)>;

// What `change` makes the check say.
absl::Status Judged(const Change& change) {
  ClusterRequest request = SmallRequest();
  change(request);
  return CheckRequest(request);
}

GcpSettings& Settings(ClusterRequest& request) {
  return std::get<GcpSettings>(request.settings);
}

TEST(GcpDesiredTest, NamesEveryWrongField) {
  struct Row {
    const char* field;
    Change change;
  };
  const std::vector<Row> rows = {
      {"provider.gcp.project", [](auto& r) { Settings(r).project = "X"; }},
      {"provider.gcp.region", [](auto& r) { Settings(r).region = ""; }},
      {"provider.gcp.zone",
       [](auto& r) { Settings(r).zone = "europe-west4-a"; }},
      {"provider.gcp.IAMServiceAccountVM",
       [](auto& r) { Settings(r).iam_service_account_vm = "vm"; }},
      {"name:", [](auto& r) { r.identity.name = "9lives"; }},
      {"name:", [](auto& r) { r.identity.name = std::string(40, 'a'); }},
      {"init secret", [](auto& r) { r.init_secret_sha256 = "AA"; }},
      {"image:", [](auto& r) { r.image = "node-1"; }},
      {"attestation:", [](auto& r) { r.attestation_variant = "aws-sev-snp"; }},
      {"nodeGroups.worker_default.instanceType",
       [](auto& r) { r.groups[1].instance_type = "c3-standard-4"; }},
      {"nodeGroups.worker_default.instanceType",
       [](auto& r) { r.groups[1].instance_type = "n2d-"; }},
      {"nodeGroups.worker_default.zone",
       [](auto& r) { r.groups[1].zone = "us-east1-b"; }},
      {"nodeGroups.worker_default.stateDiskType",
       [](auto& r) { r.groups[1].state_disk_type = "pd-standard"; }},
      {"nodeGroups.worker_default.stateDiskSizeGB",
       [](auto& r) { r.groups[1].state_disk_size_gb = 9; }},
      {"nodeGroups.worker_default.initialCount",
       [](auto& r) { r.groups[1].count = -1; }},
      {"nodeGroups: want at most", [](auto& r) { r.groups[1].count = 256; }},
      {"nodeGroups.Worker", [](auto& r) { r.groups[1].name = "Worker"; }},
      {"another group of this name",
       [](auto& r) { r.groups[1].name = "control-plane-default"; }},
      {"at least one control-plane", [](auto& r) { r.groups[0].count = 0; }},
      {"node network", [](auto& r) { r.node_cidr = "192.168.178.1/24"; }},
      {"node network", [](auto& r) { r.node_cidr = "10.0.0.0/8"; }},
      {"allowed sources", [](auto& r) { r.allowed_sources.clear(); }},
      {"allowed sources", [](auto& r) { r.allowed_sources = {"::/0"}; }},
      {"tags",
       [](auto& r) {
         r.tags = {{"Team", "x"}};
       }},
      {"tags",
       [](auto& r) {
         r.tags = {{"constellation-uid", "x"}};
       }},
      {"tags.team",
       [](auto& r) {
         r.tags = {{"team", "A B"}};
       }},
  };
  EXPECT_THAT(Judged([](auto&) {}), IsOk());
  for (const Row& row : rows) {
    EXPECT_THAT(Judged(row.change), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr(row.field)));
  }
  EXPECT_THAT(Judged([](auto& r) { r.settings = AwsSettings{}; }),
              StatusIs(absl::StatusCode::kInvalidArgument));
  // All of them at once.
  EXPECT_THAT(
      Judged([&](auto& r) {
        r.image = "";
        r.allowed_sources.clear();
      }),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("image:"), HasSubstr("\nallowed sources"))));
}

TEST(GcpDesiredTest, KnowsZonesOfRegions) {
  EXPECT_TRUE(IsZoneOf("europe-west3-b", "europe-west3"));
  EXPECT_FALSE(IsZoneOf("europe-west3", "europe-west3"));
  EXPECT_FALSE(IsZoneOf("europe-west31-b", "europe-west3"));
  EXPECT_FALSE(IsZoneOf("europe-west3-B", "europe-west3"));
}

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
