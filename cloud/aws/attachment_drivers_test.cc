// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/aws/driver_support.h"
#include "cloud/aws/drivers.h"
#include "cloud/aws/names.h"
#include "cloud/aws/testing/aws_script.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::AwsScript;
using testing::DriverScene;
using ::testing::ElementsAre;
using testing::IdsOf;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = CloudErrorKind;

class VpcAttributeTest : public ::testing::Test {
 protected:
  VpcAttributeTest() {
    scene_.resource = {.kind = std::string(kVpcAttribute),
                       .name = "vpc-dns",
                       .desired = {{"VpcId", "${vpc}"}}};
  }

  AwsScript aws_;
  DriverScene scene_;
  std::unique_ptr<ResourceDriver> driver_ =
      MakeVpcAttributeDriver(aws_.client());
};

TEST_F(VpcAttributeTest, AsksNothingBeforeThereIsAVpc) {
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), IsEmpty());
  EXPECT_TRUE(
      IsKind(driver_->Create(scene_.Context(), "t").status(), Kind::kNotFound));
  EXPECT_THAT(aws_.calls(), IsEmpty());
}

TEST_F(VpcAttributeTest, SetsAndTakesAway) {
  scene_.known["vpc"].id = "vpc-1";
  aws_.Answer("ModifyVpcAttribute", "<R/>");
  const auto made = driver_->Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->id, "vpc-1/enableDnsHostnames");
  EXPECT_EQ(made->state, ResourceState::kPending);
  EXPECT_THAT(driver_->Delete(scene_.Context(), *made), IsOk());
  EXPECT_THAT(
      aws_.calls(),
      ElementsAre(
          "ModifyVpcAttribute EnableDnsHostnames.Value=true VpcId=vpc-1",
          "ModifyVpcAttribute EnableDnsHostnames.Value=false VpcId=vpc-1"));
}

TEST_F(VpcAttributeTest, IsThereIfTheCloudSaysTrue) {
  scene_.known["vpc"].id = "vpc-1";
  aws_.Answer("DescribeVpcAttribute",
              "<R><enableDnsHostnames><value>true</value>"
              "</enableDnsHostnames></R>")
      .Answer("DescribeVpcAttribute",
              "<R><enableDnsHostnames><value>false</value>"
              "</enableDnsHostnames></R>")
      .Refuse("DescribeVpcAttribute", "InvalidVpcID.NotFound")
      .Refuse("DescribeVpcAttribute", "UnauthorizedOperation");
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())),
              ElementsAre("vpc-1/enableDnsHostnames"));
  EXPECT_THAT(aws_.calls(), ElementsAre("DescribeVpcAttribute "
                                        "Attribute=enableDnsHostnames "
                                        "VpcId=vpc-1"));
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), IsEmpty());
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), IsEmpty());
  EXPECT_THAT(driver_->Find(scene_.Context()),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

class GatewayAttachmentTest : public ::testing::Test {
 protected:
  GatewayAttachmentTest() {
    scene_.resource = {
        .kind = std::string(kGatewayAttachment),
        .name = "internet-gateway-attachment",
        .desired = {{"InternetGatewayId", "${gateway}"}, {"VpcId", "${vpc}"}}};
    scene_.known["vpc"].id = "vpc-1";
    scene_.known["gateway"].id = "igw-1";
  }
  static std::string AttachedTo(const std::string& vpc) {
    return "<R><internetGatewaySet><item><attachmentSet><item><vpcId>" + vpc +
           "</vpcId></item></attachmentSet></item></internetGatewaySet></R>";
  }

  AwsScript aws_;
  DriverScene scene_;
  std::unique_ptr<ResourceDriver> driver_ =
      MakeGatewayAttachmentDriver(aws_.client());
};

TEST_F(GatewayAttachmentTest, AttachesAndDetaches) {
  aws_.Answer("AttachInternetGateway", "<R/>")
      .Answer("DetachInternetGateway", "<R/>");
  const auto made = driver_->Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->id, "igw-1/vpc-1");
  EXPECT_THAT(driver_->Delete(scene_.Context(), *made), IsOk());
  EXPECT_THAT(
      aws_.calls(),
      ElementsAre("AttachInternetGateway InternetGatewayId=igw-1 VpcId=vpc-1",
                  "DetachInternetGateway InternetGatewayId=igw-1 VpcId=vpc-1"));
}

TEST_F(GatewayAttachmentTest, WhatIsAttachedAlreadyIsFine) {
  aws_.Refuse("AttachInternetGateway", "Resource.AlreadyAssociated")
      .Refuse("AttachInternetGateway", "InvalidVpcID.NotFound");
  EXPECT_THAT(driver_->Create(scene_.Context(), "t"), IsOk());
  EXPECT_TRUE(
      IsKind(driver_->Create(scene_.Context(), "t").status(), Kind::kNotFound));
}

TEST_F(GatewayAttachmentTest, AnotherVpcIsAnotherAttachment) {
  aws_.Answer("DescribeInternetGateways", AttachedTo("vpc-1"))
      .Answer("DescribeInternetGateways", AttachedTo("vpc-2"));
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())),
              ElementsAre("igw-1/vpc-1"));
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), IsEmpty());
  EXPECT_TRUE(
      IsKind(driver_->Refresh(scene_.Context(), {.id = "igw-1/vpc-1"}).status(),
             Kind::kNotFound));
  const auto changes =
      driver_->Differs(scene_.Context(), {.id = "igw-1/vpc-2"});
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_TRUE(changes[0].needs_replacement);
  EXPECT_THAT(driver_->Differs(scene_.Context(), {.id = "igw-1/vpc-1"}),
              IsEmpty());
}

TEST_F(GatewayAttachmentTest, TheJournalsIdIsLookedForWithoutItsOwners) {
  scene_.known.clear();
  scene_.known_id = "igw-7/vpc-7";
  aws_.Answer("DescribeInternetGateways", AttachedTo("vpc-7"));
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())),
              ElementsAre("igw-7/vpc-7"));
  EXPECT_THAT(IdsOf(driver_->List(scene_.cluster)), IsEmpty());
}

}  // namespace
}  // namespace constellation::cloud::aws
