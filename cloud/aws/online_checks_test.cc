// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/aws/inventory.h"
#include "cloud/aws/testing/aws_request.h"
#include "cloud/aws/testing/aws_script.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::AwsScript;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TwoZoneRequest;

class OnlineChecksTest : public ::testing::Test {
 protected:
  // AWS as the request wants it.
  OnlineChecksTest() {
    aws_.Answer("DescribeAvailabilityZones",
                "<R><availabilityZoneInfo><item><zoneName>eu-west-1a</zoneName>"
                "</item><item><zoneName>eu-west-1b</zoneName></item>"
                "</availabilityZoneInfo></R>")
        .Answer("DescribeInstanceTypes", Type("amd-sev-snp", "supported"))
        .Answer("DescribeInstanceTypeOfferings",
                "<R><instanceTypeOfferingSet><item><location>eu-west-1a"
                "</location></item><item><location>eu-west-1b</location></item>"
                "</instanceTypeOfferingSet></R>")
        .Answer("DescribeImages", Image("available", "uefi", "v2.0", "x86_64"))
        .Answer("GetInstanceProfile",
                "<R><XResult><InstanceProfile><Roles><member/></Roles>"
                "</InstanceProfile></XResult></R>");
  }
  static std::string Type(std::string_view feature, std::string_view tpm) {
    return fmt::format(
        "<R><instanceTypeSet><item><processorInfo><supportedFeatures><item>{}"
        "</item></supportedFeatures></processorInfo><nitroTpmSupport>{}"
        "</nitroTpmSupport></item></instanceTypeSet></R>",
        feature, tpm);
  }
  static std::string Image(std::string_view state, std::string_view boot,
                           std::string_view tpm, std::string_view machine) {
    return fmt::format(
        "<R><imagesSet><item><imageState>{}</imageState><bootMode>{}</bootMode>"
        "<tpmSupport>{}</tpmSupport><architecture>{}</architecture></item>"
        "</imagesSet></R>",
        state, boot, tpm, machine);
  }
  absl::Status Check() { return CheckRequestOnline(aws_.client(), request_); }
  void ExpectFinding(const char* text) {
    EXPECT_THAT(Check(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)));
  }

  AwsScript aws_;
  ClusterRequest request_ = TwoZoneRequest();
};

TEST_F(OnlineChecksTest, AsksAboutEverythingThatTheRequestNames) {
  EXPECT_THAT(Check(), IsOk());
  const auto calls = aws_.calls();
  for (const char* call :
       {"DescribeAvailabilityZones Filter.1.Name=state "
        "Filter.1.Value.1=available",
        "DescribeInstanceTypes InstanceType.1=m6a.xlarge",
        "DescribeInstanceTypes InstanceType.1=c6a.xlarge",
        "DescribeInstanceTypeOfferings Filter.1.Name=instance-type "
        "Filter.1.Value.1=c6a.xlarge LocationType=availability-zone",
        "DescribeImages ImageId.1=ami-1",
        "GetInstanceProfile InstanceProfileName=cp",
        "GetInstanceProfile InstanceProfileName=worker"}) {
    EXPECT_THAT(calls, Contains(call));
  }
}

TEST_F(OnlineChecksTest, NamesAllFindingsAtOnce) {
  aws_.Only("DescribeAvailabilityZones", "<R/>")
      .Only("DescribeInstanceTypes", Type("", ""));
  ExpectFinding("zone eu-west-1a: not available");
  ExpectFinding("zone eu-west-1b: not available");
  ExpectFinding("m6a.xlarge: no SEV-SNP");
}

TEST_F(OnlineChecksTest, TypesHaveToDoWhatTheVariantNeeds) {
  aws_.Only("DescribeInstanceTypes", Type("", "supported"));
  ExpectFinding("c6a.xlarge: no SEV-SNP");
  request_.attestation_variant = "aws-nitro-tpm";
  EXPECT_THAT(Check(), IsOk());
  aws_.Only("DescribeInstanceTypes", Type("amd-sev-snp", "unsupported"));
  ExpectFinding("m6a.xlarge: no NitroTPM");
}

TEST_F(OnlineChecksTest, TypesHaveToBeThere) {
  aws_.Only("DescribeInstanceTypeOfferings",
            "<R><instanceTypeOfferingSet><item><location>eu-west-1a</location>"
            "</item></instanceTypeOfferingSet></R>");
  ExpectFinding(
      "instance type c6a.xlarge: not in zone eu-west-1b; it is in: eu-west-1a");
  aws_.Only("DescribeInstanceTypes",
            "<Response><Errors><Error><Code>InvalidInstanceType</Code>"
            "</Error></Errors></Response>",
            400);
  ExpectFinding("instance type m6a.xlarge: not in eu-west-1");
}

TEST_F(OnlineChecksTest, ImagesHaveToBootWithATpm) {
  struct Row {
    std::string image;
    const char* finding;
  };
  for (const Row& row : std::vector<Row>{
           {Image("pending", "uefi", "v2.0", "x86_64"), "imageState: want"},
           {Image("available", "legacy-bios", "v2.0", "x86_64"),
            "bootMode: want \"uefi\", got \"legacy-bios\""},
           {Image("available", "uefi", "", "x86_64"), "tpmSupport: want"},
           {Image("available", "uefi", "v2.0", "arm64"), "architecture: want"},
           {"<R/>", "image ami-1: not in eu-west-1, or not shared"}}) {
    aws_.Only("DescribeImages", row.image);
    ExpectFinding(row.finding);
  }
  aws_.Only("DescribeImages",
            "<Response><Errors><Error><Code>InvalidAMIID.NotFound</Code>"
            "</Error></Errors></Response>",
            400);
  ExpectFinding("image ami-1: not in eu-west-1, or not shared");
  // Parameters are resolved by AWS when machines start.
  aws_.Forget();
  request_.image = "resolve:ssm:/x";
  EXPECT_THAT(Check(), IsOk());
  EXPECT_THAT(aws_.calls(), Not(Contains(HasSubstr("DescribeImages"))));
}

TEST_F(OnlineChecksTest, ProfilesNeedARole) {
  aws_.Only("GetInstanceProfile",
            "<R><XResult><InstanceProfile><Roles/></InstanceProfile></XResult>"
            "</R>");
  ExpectFinding("iamProfileWorkerNodes: instance profile \"worker\" has no");
  aws_.Only("GetInstanceProfile",
            "<R><Error><Code>NoSuchEntity</Code></Error></R>", 404);
  ExpectFinding("iamProfileControlPlane: no instance profile \"cp\"");
}

// The later calls first: each refusal keeps those behind it from being asked.
TEST_F(OnlineChecksTest, AFailureToAskIsNoFinding) {
  for (const char* call :
       {"GetInstanceProfile", "DescribeImages", "DescribeInstanceTypeOfferings",
        "DescribeInstanceTypes", "DescribeAvailabilityZones"}) {
    aws_.Only(call, "<R><Error><Code>AccessDenied</Code></Error></R>", 403);
    aws_.Forget();
    EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kPermissionDenied)) << call;
    EXPECT_TRUE(aws_.calls().back().starts_with(call));
  }
}

}  // namespace
}  // namespace constellation::cloud::aws
