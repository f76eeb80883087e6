// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/online_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/gcp/testing/gcp_request.h"
#include "cloud/gcp/testing/gcp_script.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using testing::GcpScript;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SmallRequest;

constexpr char kRegion[] = "GET projects/demo-project/regions/europe-west3";
constexpr char kProject[] = "GET projects/demo-project";
constexpr char kZone[] = "GET projects/demo-project/zones/europe-west3-b";
constexpr char kType[] =
    "GET projects/demo-project/zones/europe-west3-b/machineTypes/"
    "n2d-standard-4";
constexpr char kImage[] = "GET projects/images/global/images/node-1";

class GcpOnlineCheckTest : public ::testing::Test {
 protected:
  // Compute Engine as the request wants it: two machines of four processors.
  GcpOnlineCheckTest() {
    gcp_.Answer(kRegion, Quota(24, 16))
        .Answer(kProject, Quota(32, 24, "CPUS_ALL_REGIONS"))
        .Answer(kZone, {{"status", "UP"}})
        .Answer(kType, {{"guestCpus", 4}})
        .Answer(kImage, Image("READY",
                              {"SEV_SNP_CAPABLE", "UEFI_COMPATIBLE", "GVNIC"}));
  }
  static json Quota(const json& limit, const json& usage,
                    const char* metric = "N2D_CPUS") {
    return {{"quotas",
             {{{"metric", "CPUS"}, {"limit", 1}, {"usage", 1}},
              {{"metric", metric}, {"limit", limit}, {"usage", usage}},
              7}}};
  }
  static json Image(const char* status,
                    const std::vector<std::string>& features) {
    json list = json::array();
    for (const std::string& feature : features) {
      list.push_back({{"type", feature}});
    }
    return {{"status", status}, {"guestOsFeatures", list}};
  }
  absl::Status Check() { return CheckRequestOnline(gcp_.client(), request_); }
  void ExpectFinding(const char* text) {
    EXPECT_THAT(Check(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)));
  }

  GcpScript gcp_;
  ClusterRequest request_ = SmallRequest();
};

TEST_F(GcpOnlineCheckTest, AsksAboutEverythingThatTheRequestNames) {
  EXPECT_THAT(Check(), IsOk());
  for (const char* call : {kRegion, kProject, kZone, kType, kImage}) {
    EXPECT_THAT(gcp_.calls(), Contains(call));
  }
}

TEST_F(GcpOnlineCheckTest, PlacesHaveToBeThere) {
  gcp_.Only(kRegion, json::object(), 404).Only(kZone, json::object(), 404);
  EXPECT_THAT(Check(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("there is no region europe-west3"),
                             HasSubstr("there is no zone europe-west3-b"),
                             Not(HasSubstr("instanceType")))));
  gcp_.Only(kZone, {{"status", "DOWN"}});
  ExpectFinding("europe-west3-b is down at present");
}

TEST_F(GcpOnlineCheckTest, ZonesOfGroupsAreAskedAbout) {
  request_.groups[1].zone = "europe-west3-c";
  ExpectFinding("there is no zone europe-west3-c");
}

TEST_F(GcpOnlineCheckTest, TypesHaveToBeInTheirZone) {
  gcp_.Only(kType, json::object(), 404);
  ExpectFinding(
      "nodeGroups.worker_default.instanceType: europe-west3-b has no "
      "n2d-standard-4");
}

TEST_F(GcpOnlineCheckTest, TheQuotaHasToSuffice) {
  gcp_.Only(kRegion, Quota(24, 17));
  gcp_.Answer("GET projects/demo-project/aggregated/instances", json::object());
  ExpectFinding("8 processors more are needed of quota N2D_CPUS");
  // What cannot be read is no finding.
  for (const json& quota : {Quota("x", 17), Quota(24, nullptr),
                            json({{"quotas", "x"}}), json::object()}) {
    gcp_.Only(kRegion, quota);
    EXPECT_THAT(Check(), IsOk()) << quota;
  }
}

// It is smaller in new projects than that of one region and family.
TEST_F(GcpOnlineCheckTest, TheProjectsQuotaForAllRegionsHasToSuffice) {
  const auto project = [&](const json& limit, const json& usage) {
    gcp_.Only(kProject, Quota(limit, usage, "CPUS_ALL_REGIONS"));
  };
  gcp_.Answer("GET projects/demo-project/aggregated/instances", json::object());
  project(32, 25);
  ExpectFinding(
      "8 processors more are needed of quota CPUS_ALL_REGIONS in project "
      "demo-project, 7 are free");
  // Machines of several families count together.
  request_.groups.push_back(request_.groups[1]);
  request_.groups.back().name = "more";
  request_.groups.back().instance_type = "c3-standard-4";
  const std::string c3 =
      "GET projects/demo-project/zones/europe-west3-b/machineTypes/"
      "c3-standard-4";
  gcp_.Answer(c3, {{"guestCpus", 4}});
  const int count = request_.groups.back().count;
  project(100, 100 - 8 - 4 * count);
  EXPECT_THAT(Check(), IsOk());
  project(100, 100 - 8 - 4 * count + 1);
  ExpectFinding("of quota CPUS_ALL_REGIONS");
  request_.groups.pop_back();
  gcp_.Only(kProject, json::object(), 404);
  ExpectFinding("there is no project demo-project");
  // What cannot be read is no finding.
  project("x", 25);
  EXPECT_THAT(Check(), IsOk());
  gcp_.Only(kProject, json::object());
  EXPECT_THAT(Check(), IsOk());
}

// The quota's usage holds the cluster's own machines, too.
class GcpOwnMachinesTest : public GcpOnlineCheckTest {
 protected:
  static json Machine(const char* name, const char* group,
                      const char* type = "n2d-standard-4") {
    const std::string zone =
        "https://x/projects/demo-project/zones/europe-west3-b/";
    return {{"name", name},
            {"selfLink", zone + "instances/" + name},
            {"machineType", zone + "machineTypes/" + type},
            {"labels",
             {{"constellation-uid", "0a1b2c3d"},
              {"constellation-role", "worker"},
              {"constellation-node-group", group}}}};
  }
  void Have(const json& machines) {
    gcp_.Only(kList, {{"items",
                       {{"zones/europe-west3-b", {{"instances", machines}}}}}});
  }
  static constexpr char kList[] =
      "GET projects/demo-project/aggregated/instances";
};

TEST_F(GcpOwnMachinesTest, NeedNothingMore) {
  gcp_.Only(kRegion, Quota(24, 20));
  Have(json::array({Machine("a", "worker-default")}));
  EXPECT_THAT(Check(), IsOk()) << "one of two is there, four are free";
  gcp_.Only(kRegion, Quota(23, 20));
  ExpectFinding("4 processors more are needed of quota N2D_CPUS");
  gcp_.Only(kProject, Quota(27, 24, "CPUS_ALL_REGIONS"));
  gcp_.Only(kRegion, Quota(24, 16));
  ExpectFinding("4 processors more are needed of quota CPUS_ALL_REGIONS");
  gcp_.Only(kProject, Quota(28, 24, "CPUS_ALL_REGIONS"));
  EXPECT_THAT(Check(), IsOk()) << "one of two is there, four are free";
  json stranger = Machine("a", "worker-default");
  stranger["labels"]["constellation-uid"] = "other";
  gcp_.Only(kRegion, Quota(24, 20));
  Have(json::array({stranger}));
  ExpectFinding("8 processors more are needed");
  gcp_.Only(kList, json::object(), 403);
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(GcpOwnMachinesTest, MoreOfOneGroupAreNoneOfAnother) {
  gcp_.Only(kRegion, Quota(20, 20));
  request_.groups[1].count = 2;
  Have(json::array({Machine("a", "worker-default"),
                    Machine("b", "worker-default"),
                    Machine("c", "worker-default")}));
  ExpectFinding("4 processors more are needed");
  Have(json::array({Machine("a", "worker-default"),
                    Machine("b", "worker-default"),
                    Machine("c", "control-plane-default")}));
  EXPECT_THAT(Check(), IsOk());
}

TEST_F(GcpOwnMachinesTest, ThoseOfGroupsThatGoMakeRoom) {
  gcp_.Only(kRegion, Quota(20, 20));
  const std::string wide = std::string(kType, sizeof(kType) - 2) + "8";
  gcp_.Answer(wide, {{"guestCpus", 8}});
  Have(json::array({Machine("a", "old", "n2d-standard-8")}));
  EXPECT_THAT(Check(), IsOk());
  gcp_.Only(wide, json::object(), 404);
  ExpectFinding("8 processors more are needed");
  gcp_.Only(wide, json::object(), 403);
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(GcpOnlineCheckTest, ImagesHaveToStartConfidentialMachines) {
  gcp_.Only(kImage, json::object(), 404);
  ExpectFinding("does not exist, or is not shared with you");
  gcp_.Only(kImage,
            Image("PENDING", {"SEV_SNP_CAPABLE", "UEFI_COMPATIBLE", "GVNIC"}));
  ExpectFinding("image: it is PENDING, want READY");
  for (const char* missing : {"SEV_SNP_CAPABLE", "UEFI_COMPATIBLE", "GVNIC"}) {
    std::vector<std::string> features = {"SEV_CAPABLE", "SEV_SNP_CAPABLE",
                                         "UEFI_COMPATIBLE", "GVNIC"};
    std::erase(features, missing);
    gcp_.Only(kImage, Image("READY", features));
    EXPECT_THAT(
        Check(),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr(std::string("lacks guest feature ") + missing)));
  }
}

TEST_F(GcpOnlineCheckTest, AFailureToAskIsNoFinding) {
  for (const char* call : {kImage, kProject, kType, kZone, kRegion}) {
    gcp_.Only(call, json::object(), 403);
    EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kPermissionDenied)) << call;
  }
}

}  // namespace
}  // namespace constellation::cloud::gcp
