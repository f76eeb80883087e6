// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/check_online.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "cloud/openstack/testing/fake_cloud.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::openstack {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;

TEST(ConfidentialTechnologyTest, ReadsExtraSpecs) {
  const std::map<std::string, json> cases = {
      {"amd-sev-snp", {{"hw:mem_encryption_model", "amd-sev-snp"}}},
      {"amd-sev", {{"trait:HW_CPU_X86_AMD_SEV", "required"}}},
      {"amd-sev-es", {{"trait:CUSTOM_AMD_SEV_ES", "required"}}},
      {"intel-tdx", {{"trait:HW_CPU_X86_INTEL_TDX", "required"}}},
      {"memory-encryption", {{"hw:mem_encryption", "true"}}},
      {"", {{"trait:HW_CPU_X86_AMD_SEV", "forbidden"}}}};
  for (const auto& [technology, specs] : cases) {
    EXPECT_EQ(ConfidentialTechnology(specs), technology) << specs;
  }
  EXPECT_EQ(ConfidentialTechnology(json()), "");
}

class CheckOnlineTest : public ::testing::Test {
 protected:
  // A cloud in which everything is as it must be.
  CheckOnlineTest() {
    cloud_.On("GET /v2.0/networks/ext",
              {{"network", {{"id", "ext"}, {"router:external", true}}}});
    cloud_.On("GET /v2/images/img", image_);
    cloud_.On("GET /v2.1/flavors/detail",
              {{"flavors", json::array({flavor_})}});
    cloud_.On("GET /v2.1/os-availability-zone",
              {{"availabilityZoneInfo",
                json::array(
                    {Zone("z0", true), Zone("z1", true), Zone("z2", false)})}});
    cloud_.On(
        "GET /v3/p1/types",
        {{"volume_types", json::array({{{"id", "t"}, {"name", "fast"}}})}});
    cloud_.On("GET /v2.1/servers/detail", {{"servers", json::array()}});
    cloud_.On("GET /v2.1/limits", Limits(20, 10, -1));
  }

  static json Zone(const char* name, bool available) {
    return {{"zoneName", name}, {"zoneState", {{"available", available}}}};
  }
  static json Limits(int cores, int instances, int ram) {
    return {{"limits",
             {{"absolute",
               {{"maxTotalCores", cores},
                {"totalCoresUsed", 0},
                {"maxTotalInstances", instances},
                {"totalInstancesUsed", 5},
                {"maxTotalRAMSize", ram},
                {"totalRAMUsed", 0}}}}}};
  }
  absl::Status Check() {
    Catalogue catalogue(cloud_.client);
    return CheckOnline(cloud_.client, catalogue, request_);
  }
  void ExpectFinding(const std::string& words) {
    EXPECT_THAT(Check(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(words)));
  }

  json image_ = {
      {"id", "img"}, {"status", "active"}, {"hw_firmware_type", "uefi"}};
  json flavor_ = {{"id", "f1"},
                  {"name", "m1"},
                  {"vcpus", 4},
                  {"ram", 8192},
                  {"extra_specs", json::object()}};
  ClusterRequest request_ = testing::SmallRequest();
  testing::FakeCloud cloud_;
};

TEST_F(CheckOnlineTest, AcceptsWhatCanWork) {
  EXPECT_THAT(Check(), IsOk());
}

TEST_F(CheckOnlineTest, TheExternalNetworkMustBeOne) {
  cloud_.On("GET /v2.0/networks/ext", {{"network", {{"id", "ext"}}}});
  ExpectFinding("network \"ext\" is not external");
  cloud_.transport.Reset("GET /v2.0/networks/ext");
  ExpectFinding("floatingIPPoolID: there is no network \"ext\"");
}

TEST_F(CheckOnlineTest, TheImageMustBeUsable) {
  image_["status"] = "queued";
  image_.erase("hw_firmware_type");
  cloud_.On("GET /v2/images/img", image_);
  ExpectFinding("is queued, not active");
  ExpectFinding("no property hw_firmware_type=uefi");
  cloud_.transport.Reset("GET /v2/images/img");
  ExpectFinding("image: there is no image \"img\"");
}

TEST_F(CheckOnlineTest, FlavorsMustNotContradictTheVariant) {
  request_.attestation_variant = "qemu-sev-snp";
  EXPECT_THAT(Check(), IsOk()) << "one that says nothing may do";
  flavor_["extra_specs"] = {{"trait:HW_CPU_X86_INTEL_TDX", "required"}};
  cloud_.On("GET /v2.1/flavors/detail", {{"flavors", json::array({flavor_})}});
  ExpectFinding("\"m1\" offers intel-tdx, attestation wants amd-sev-snp");
  json other = flavor_;
  other["id"] = "f2";
  cloud_.On("GET /v2.1/flavors/detail",
            {{"flavors", json::array({flavor_, other})}});
  ExpectFinding("there is more than one flavor \"m1\"");
}

TEST_F(CheckOnlineTest, ZonesMustBeAvailable) {
  request_.groups[0].zone = "z2";
  ExpectFinding(
      "nodeGroups.control_plane_default.zone: there is no availability zone "
      "\"z2\", only z0, z1");
}

TEST_F(CheckOnlineTest, VolumeTypesMustExist) {
  request_.groups[1].state_disk_type = "slow";
  ExpectFinding("there is no volume type \"slow\", only fast");
  cloud_.On("GET /v3/p1/types", json(), 403);
  EXPECT_THAT(Check(), IsOk()) << "what a policy hides is not checked";
}

TEST_F(CheckOnlineTest, TheQuotaMustSufficeForANewCluster) {
  cloud_.On("GET /v2.1/limits", Limits(19, 10, -1));
  ExpectFinding("quota: 20 cores more are wanted, 0 of 19 are in use");
  cloud_.On("GET /v2.1/limits", Limits(20, 9, -1));
  ExpectFinding("quota: 5 instances more are wanted, 5 of 9 are in use");
  cloud_.On("GET /v2.1/limits", Limits(20, 10, 40959));
  ExpectFinding("quota: 40960 MiB of RAM more are wanted");
}

TEST_F(CheckOnlineTest, VolumesHaveAQuota) {
  const auto limits = [&](int volumes, int gigabytes) {
    cloud_.On("GET /v3/p1/limits", {{"limits",
                                     {{"absolute",
                                       {{"maxTotalVolumes", volumes},
                                        {"totalVolumesUsed", 1},
                                        {"maxTotalVolumeGigabytes", gigabytes},
                                        {"totalGigabytesUsed", 5}}}}}});
  };
  limits(11, 180);
  EXPECT_THAT(Check(), IsOk()) << "five times 5 and 30 GiB";
  limits(10, 180);
  ExpectFinding("quota: 10 volumes more are wanted, 1 of 10 are in use");
  limits(11, 179);
  ExpectFinding("quota: 175 GiB of volumes more are wanted, 5 of 179");
  image_["min_disk"] = 6;
  cloud_.On("GET /v2/images/img", image_);
  limits(-1, 184);
  ExpectFinding("quota: 180 GiB of volumes more are wanted, 5 of 184");
}

// A run that goes on, or a group that grows: two of five servers are there.
TEST_F(CheckOnlineTest, WhatTheClusterHasIsNotNeededAgain) {
  const auto server = [](const char* group, const char* flavor) {
    return json{
        {"id", "s"},
        {"metadata",
         {{"constellation-group", group}, {"constellation-flavor", flavor}}}};
  };
  cloud_.On(
      "GET /v2.1/servers/detail",
      {{"servers", json::array({server("control_plane_default", "m1"),
                                server("control_plane_default", "m1")})}});
  cloud_.On("GET /v2.1/limits", Limits(12, 8, -1));
  EXPECT_THAT(Check(), IsOk());
  EXPECT_THAT(cloud_.transport.requests("GET /v2.1/servers/detail").at(0).url,
              HasSubstr("tags=constellation-uid-0a1b"));
  cloud_.On("GET /v2.1/limits", Limits(11, 8, -1));
  ExpectFinding("quota: 12 cores more are wanted, 0 of 11 are in use");
  cloud_.On("GET /v2.1/limits", Limits(12, 7, -1));
  ExpectFinding("quota: 3 instances more are wanted, 5 of 7 are in use");
  // Those that are to go are gone before others are made.
  cloud_.On("GET /v2.1/servers/detail",
            {{"servers", json::array({server("old", "m1"), server("old", "x"),
                                      server("old", "m1")})}});
  cloud_.On("GET /v2.1/limits", Limits(12, 7, -1));
  EXPECT_THAT(Check(), IsOk());
}

}  // namespace
}  // namespace constellation::cloud::openstack
