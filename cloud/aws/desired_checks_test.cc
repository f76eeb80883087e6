// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/desired_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>
#include <vector>

#include "cloud/aws/testing/aws_request.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TwoZoneRequest;

TEST(CheckRequestTest, ListsEveryMistake) {
  ClusterRequest request = TwoZoneRequest();
  request.image = "x";
  request.identity.name = "much-too-long";
  request.groups[0].zone = "us-east-1a";
  request.groups[1].state_disk_type = "floppy";
  request.allowed_sources = {"::/0"};
  EXPECT_THAT(CheckRequest(request),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("image: want"), HasSubstr("name: want"),
                             HasSubstr("nodeGroups.control_plane_default.zone"),
                             HasSubstr("nodeGroups.worker_b.stateDiskType"),
                             HasSubstr("allowedSources"))));
}

using Mutations =
    std::vector<std::pair<const char*, std::function<void(ClusterRequest&)>>>;

// Each mutation alone is refused, by the name of its field.
void ExpectRefused(const Mutations& mutations) {
  EXPECT_THAT(CheckRequest(TwoZoneRequest()), IsOk());
  for (const auto& [field, mutate] : mutations) {
    ClusterRequest request = TwoZoneRequest();
    mutate(request);
    EXPECT_THAT(CheckRequest(request),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field)));
  }
}

TEST(CheckRequestTest, OneMutationPerCheck) {
  ExpectRefused({
      {"name", [](auto& r) { r.identity.name = "Demo"; }},
      {"name", [](auto& r) { r.identity.uid = ""; }},
      {"region",
       [](auto& r) { std::get<AwsSettings>(r.settings).region = ""; }},
      {"attestation", [](auto& r) { r.attestation_variant = "aws-tdx"; }},
      {"iamProfileControlPlane",
       [](auto& r) {
         std::get<AwsSettings>(r.settings).iam_profile_control_plane = "";
       }},
      {"iamProfileWorkerNodes",
       [](auto& r) {
         std::get<AwsSettings>(r.settings).iam_profile_worker_nodes = "";
       }},
      {"init secret", [](auto& r) { r.init_secret_sha256 = "abc"; }},
      {"control planes", [](auto& r) { r.groups.erase(r.groups.begin()); }},
      {"of its own",
       [](auto& r) { r.groups[1].name = "control-plane-default"; }},
      {"initialCount", [](auto& r) { r.groups[0].count = 0; }},
      {"initialCount", [](auto& r) { r.groups[1].count = 1001; }},
      {"stateDiskSizeGB", [](auto& r) { r.groups[0].state_disk_size_gb = 0; }},
      {"125-16384", [](auto& r) { r.groups[0].state_disk_type = "st1"; }},
      {"instanceType", [](auto& r) { r.groups[0].instance_type = "m6a"; }},
      {"allowedSources", [](auto& r) { r.allowed_sources.clear(); }},
      {"allowedSources", [](auto& r) { r.allowed_sources = {"10.0.0.1/24"}; }},
      {"allowedSources", [](auto& r) { r.allowed_sources = {"010.0.0.0/24"}; }},
      {"at most 60",
       [](auto& r) {
         for (int i = 0; i < 12; ++i) {
           r.allowed_sources.push_back("10.0." + std::to_string(i) + ".0/24");
         }
       }},
  });
}

TEST(CheckRequestTest, OneMutationPerLimit) {
  ExpectRefused({
      {"tags", [](auto& r) { r.tags["aws:x"] = "y"; }},
      {"tags", [](auto& r) { r.tags["constellation-uid"] = "y"; }},
      {"tags", [](auto& r) { r.tags[""] = "y"; }},
      {"tags", [](auto& r) { r.tags[std::string(129, 'k')] = "y"; }},
      {"tags", [](auto& r) { r.tags["k"] = std::string(257, 'v'); }},
      {"at most 30",
       [](auto& r) {
         for (int i = 0; i < 31; ++i) {
           r.tags["k" + std::to_string(i)] = "v";
         }
       }},
      {"name: want [a-z", [](auto& r) { r.identity.name = "-demo"; }},
      {"name: want [a-z", [](auto& r) { r.identity.name = "internal-x"; }},
      {"nodeGroups.Worker", [](auto& r) { r.groups[1].name = "Worker"; }},
      {"nodeGroups.-w", [](auto& r) { r.groups[1].name = "-w"; }},
      {"worker_b.zone", [](auto& r) { r.groups[1].zone = "eu-west-1ab"; }},
      {"provider.aws.zone",
       [](auto& r) { std::get<AwsSettings>(r.settings).zone = "eu-west-1A"; }},
      {"worker_b.instanceType",
       [](auto& r) { r.groups[1].instance_type = "M6A.large"; }},
      {"1-16384 for gp3",
       [](auto& r) { r.groups[0].state_disk_size_gb = 16385; }},
      {"4-16384 for io2",
       [](auto& r) {
         r.groups[0].state_disk_type = "io2";
         r.groups[0].state_disk_size_gb = 3;
       }},
      {"allowedSources", [](auto& r) { r.allowed_sources = {"10.0.0.0/33"}; }},
      {"allowedSources", [](auto& r) { r.allowed_sources = {"10.0.0/24"}; }},
      {"allowedSources", [](auto& r) { r.allowed_sources = {"10.0.0.0/24 "}; }},
      {"settings", [](auto& r) { r.settings = GcpSettings{}; }},
  });
}

TEST(PlanNetworkTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(PlanNetwork("10.20.32.0/24", {"eu-west-1a"}), IsOk());
  for (const char* cidr : {"", "192.168.178.0/23", "192.168.178.1/24",
                           "8.8.8.0/24", "192.168.15.0/24", "x/24"}) {
    EXPECT_THAT(PlanNetwork(cidr, {"eu-west-1a"}),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << cidr;
  }
  EXPECT_THAT(
      PlanNetwork("192.168.191.0/24", {"eu-west-1b"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("leaves no /24")));
}

TEST(CheckRequestTest, ImagesMayBeParameters) {
  ClusterRequest request = TwoZoneRequest();
  request.image = "resolve:ssm:/constellation/v2";
  EXPECT_THAT(CheckRequest(request), IsOk());
}

TEST(PlanNetworkTest, LettersDecide) {
  const auto one = PlanNetwork("192.168.178.0/24", {"eu-west-1b"});
  const auto two =
      PlanNetwork("192.168.178.0/24", {"eu-west-1a", "eu-west-1b"});
  ASSERT_THAT(one, IsOk());
  ASSERT_THAT(two, IsOk());
  EXPECT_EQ(one->zones[0].private_cidr, "192.168.179.0/24");
  EXPECT_EQ(two->zones[1].private_cidr, one->zones[0].private_cidr);
  EXPECT_EQ(two->zones[1].public_cidr, "192.168.1.0/24");
  EXPECT_EQ(LetterOfZone(""), "");
  for (const char* network : {"10.1.16.0/24", "172.16.16.0/24"}) {
    EXPECT_THAT(PlanNetwork(network, {"eu-west-1a"}), IsOk()) << network;
  }
  for (const char* network : {"172.32.16.0/24", "11.1.16.0/24"}) {
    EXPECT_THAT(PlanNetwork(network, {"eu-west-1a"}),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << network;
  }
}

}  // namespace
}  // namespace constellation::cloud::aws
