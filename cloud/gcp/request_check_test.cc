// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/request_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "cloud/gcp/testing/gcp_request.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
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

struct Row {
  const char* field;
  Change change;
};

// Each change alone is refused, by the name of its field.
void ExpectRefused(const std::vector<Row>& rows) {
  EXPECT_THAT(Judged([](auto&) {}), IsOk());
  for (const Row& row : rows) {
    EXPECT_THAT(Judged(row.change), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr(row.field)));
  }
}

TEST(GcpRequestCheckTest, NamesEveryWrongField) {
  ExpectRefused({
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
  });
}

TEST(GcpRequestCheckTest, KeepsEveryLimit) {
  ExpectRefused({
      {"provider.gcp.project", [](auto& r) { Settings(r).project = "abc"; }},
      {"provider.gcp.IAMServiceAccountVM",
       [](auto& r) { Settings(r).iam_service_account_vm = "vm@evil.example"; }},
      {"provider.gcp.IAMServiceAccountVM",
       [](auto& r) {
         Settings(r).iam_service_account_vm = "v/m@p.gserviceaccount.com";
       }},
      {"init secret",
       [](auto& r) { r.init_secret_sha256 = std::string(64, 'A'); }},
      {"image:", [](auto& r) { r.image = "projects/p/zones/z/images/i"; }},
      {"nodeGroups.worker_default.stateDiskSizeGB",
       [](auto& r) { r.groups[1].state_disk_size_gb = 65537; }},
      {"nodeGroups.worker_default.initialCount",
       [](auto& r) { r.groups[1].count = 257; }},
      {"is at most 54 characters",
       [](auto& r) { r.groups[1].name = std::string(45, 'w'); }},
      {"node network", [](auto& r) { r.node_cidr = "192.168.179.0/24"; }},
      {"node network", [](auto& r) { r.node_cidr = "192.168.180.128/25"; }},
      {"node network", [](auto& r) { r.node_cidr = "192.168.178.0"; }},
      {"node network", [](auto& r) { r.node_cidr = "192.168.178.0/33"; }},
      {"node network", [](auto& r) { r.node_cidr = "192.168.178.0/+4"; }},
      {"tags",
       [](auto& r) {
         r.tags = {{"", "x"}};
       }},
      {"tags.team",
       [](auto& r) {
         r.tags = {{"team", std::string(64, 'a')}};
       }},
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
  });
}

TEST(GcpRequestCheckTest, NamesAllMistakesAtOnce) {
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

TEST(GcpRequestCheckTest, KnowsZonesOfRegions) {
  EXPECT_TRUE(IsZoneOf("europe-west3-b", "europe-west3"));
  EXPECT_FALSE(IsZoneOf("europe-west3", "europe-west3"));
  EXPECT_FALSE(IsZoneOf("europe-west31-b", "europe-west3"));
  EXPECT_FALSE(IsZoneOf("europe-west3-B", "europe-west3"));
}

}  // namespace
}  // namespace constellation::cloud::gcp
