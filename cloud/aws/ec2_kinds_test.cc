// SPDX-License-Identifier: Apache-2.0
// What single kinds of EC2 add to Ec2Driver.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cloud/aws/driver_support.h"
#include "cloud/aws/ec2_driver.h"
#include "cloud/aws/names.h"
#include "cloud/aws/testing/aws_script.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using testing::AwsScript;
using testing::DriverScene;
using ::testing::ElementsAre;
using testing::IdsOf;
using ::testing::IsEmpty;
using testing::TagSet;
using Json = nlohmann::json;

class Ec2KindsTest : public ::testing::Test {
 protected:
  Ec2Driver Driver(std::string_view name) {
    auto kinds = Ec2NetworkKinds();
    kinds.push_back(LaunchTemplateKind());
    const auto found = std::ranges::find(kinds, name, &Ec2Kind::kind);
    EXPECT_NE(found, kinds.end()) << name;
    return Ec2Driver(aws_.client(), *found);
  }

  AwsScript aws_;
  DriverScene scene_;
};

// Actions, parameters and elements are those of EC2's API description.
TEST_F(Ec2KindsTest, AskForThingsByEc2sNames) {
  for (const auto& [kind, answer, create, body, remove] :
       std::vector<std::tuple<std::string_view, const char*, const char*, Json,
                              const char*>>{
           {kVpc,
            "<vpc><vpcId>x-1</vpcId></vpc>",
            "CreateVpc CidrBlock=10.0.0.0/16",
            {{"CidrBlock", "10.0.0.0/16"}},
            "DeleteVpc VpcId=x-1"},
           {kSubnet,
            "<subnet><subnetId>x-1</subnetId></subnet>",
            "CreateSubnet AvailabilityZone=eu-west-1a CidrBlock=10.0.1.0/24",
            {{"VpcId", "vpc-1"},
             {"CidrBlock", "10.0.1.0/24"},
             {"AvailabilityZone", "eu-west-1a"}},
            "DeleteSubnet SubnetId=x-1"},
           {kAddress,
            "<allocationId>x-1</allocationId>",
            "AllocateAddress Domain=vpc",
            {{"Domain", "vpc"}},
            "ReleaseAddress AllocationId=x-1"},
           {kNatGateway,
            "<natGateway><natGatewayId>x-1</natGatewayId></natGateway>",
            "CreateNatGateway AllocationId=eip-1 ClientToken=t SubnetId=s-1",
            {{"AllocationId", "eip-1"}, {"SubnetId", "s-1"}},
            "DeleteNatGateway NatGatewayId=x-1"}}) {
    SCOPED_TRACE(kind);
    aws_.Forget();
    scene_.resource = {.kind = std::string(kind), .name = "x", .desired = body};
    const std::string action(create, std::string_view(create).find(' '));
    aws_.Answer(action, fmt::format("<R>{}</R>", answer));
    const std::string delete_action(remove, std::string_view(remove).find(' '));
    aws_.Answer(delete_action, "<R/>");
    Ec2Driver driver = Driver(kind);
    const auto made = driver.Create(scene_.Context(), "t");
    ASSERT_THAT(made, IsOk());
    EXPECT_EQ(made->id, "x-1");
    EXPECT_THAT(driver.Delete(scene_.Context(), *made), IsOk());
    ASSERT_EQ(aws_.calls().size(), 2U);
    EXPECT_TRUE(aws_.calls()[0].starts_with(create)) << aws_.calls()[0];
    EXPECT_EQ(aws_.calls()[1], remove);
  }
}

TEST_F(Ec2KindsTest, MachinesAreEndedByAList) {
  aws_.Answer("TerminateInstances", "<R/>");
  EXPECT_THAT(Driver(kInstance).Delete(scene_.Context(), {.id = "i-1"}),
              IsOk());
  EXPECT_THAT(aws_.calls(), ElementsAre("TerminateInstances InstanceId.1=i-1"));
}

// A group that lives would make another one.
TEST_F(Ec2KindsTest, OnlyMachinesWithoutTheirGroupAreSwept) {
  const auto machine = [](const char* id, const char* group) {
    return fmt::format(
        "<item><instanceId>{}</instanceId><instanceState><name>running</name>"
        "</instanceState><tagSet><item><key>constellation-uid</key><value>"
        "0a1b2c3d</value></item><item><key>aws:autoscaling:groupName</key>"
        "<value>{}</value></item></tagSet></item>",
        id, group);
  };
  aws_.Answer("DescribeInstances",
              "<R><reservationSet><item><instancesSet>" + machine("i-1", "") +
                  machine("i-2", "alive") +
                  "</instancesSet></item><item>"
                  "<instancesSet>" +
                  machine("i-3", "gone") +
                  "</instancesSet></item></reservationSet></R>")
      .Answer("DescribeInstances", "<R/>")
      .Answer("DescribeAutoScalingGroups",
              "<R><XResult><AutoScalingGroups><member/></AutoScalingGroups>"
              "</XResult></R>")
      .Answer("DescribeAutoScalingGroups",
              "<R><XResult><AutoScalingGroups/></XResult></R>");
  EXPECT_THAT(IdsOf(Driver(kInstance).List(scene_.cluster)),
              ElementsAre("i-1", "i-3"));
  EXPECT_EQ(aws_.calls().at(0),
            "DescribeInstances Filter.1.Name=instance-state-name "
            "Filter.1.Value.1=pending Filter.1.Value.2=running "
            "Filter.1.Value.3=stopping Filter.1.Value.4=stopped "
            "Filter.2.Name=tag:constellation-uid Filter.2.Value.1=0a1b2c3d");
}

TEST_F(Ec2KindsTest, RouteTablesGetRoutesAndSubnets) {
  scene_.resource = {
      .kind = std::string(kRouteTable),
      .name = "routes",
      .desired = {
          {"VpcId", "vpc-1"},
          {"Routes", Json::array({{{"DestinationCidrBlock", "0.0.0.0/0"},
                                   {"NatGatewayId", "nat-1"}}})},
          {"SubnetIds", Json::array({"s-1"})}}};
  aws_.Answer("CreateRouteTable",
              "<R><routeTable><routeTableId>rtb-1</routeTableId></routeTable>"
              "</R>")
      .Refuse("CreateRoute", "RouteAlreadyExists")
      .Answer("ReplaceRoute", "<R/>")
      .Refuse("AssociateRouteTable", "Resource.AlreadyAssociated");
  ASSERT_THAT(Driver(kRouteTable).Create(scene_.Context(), "t"), IsOk());
  const auto calls = aws_.calls();
  ASSERT_EQ(calls.size(), 4U);
  EXPECT_EQ(calls[1],
            "CreateRoute DestinationCidrBlock=0.0.0.0/0 NatGatewayId=nat-1 "
            "RouteTableId=rtb-1");
  EXPECT_EQ(calls[2],
            "ReplaceRoute DestinationCidrBlock=0.0.0.0/0 NatGatewayId=nat-1 "
            "RouteTableId=rtb-1");
  EXPECT_EQ(calls[3], "AssociateRouteTable RouteTableId=rtb-1 SubnetId=s-1");
}

TEST_F(Ec2KindsTest, RouteTablesAreReadAndEmptied) {
  aws_.Answer(
          "DescribeRouteTables",
          "<R><routeTableSet><item><routeTableId>rtb-1</routeTableId><routeSet>"
          "<item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock>"
          "<gatewayId>local</gatewayId></item><item><destinationCidrBlock>"
          "0.0.0.0/0</destinationCidrBlock><gatewayId>igw-1</gatewayId></item>"
          "</routeSet><associationSet><item><main>true</main>"
          "<routeTableAssociationId>a-0</routeTableAssociationId></item><item>"
          "<main>false</main><subnetId>s-1</subnetId>"
          "<routeTableAssociationId>a-1</routeTableAssociationId></item>"
          "</associationSet></item></routeTableSet></R>")
      .Answer("DeleteRouteTable", "<R/>")
      .Refuse("DisassociateRouteTable", "InvalidAssociationID.NotFound");
  Ec2Driver driver = Driver(kRouteTable);
  const auto table = driver.Refresh(scene_.Context(), {.id = "rtb-1"});
  ASSERT_THAT(table, IsOk());
  EXPECT_EQ(table->attributes.at("Routes"),
            Json::array({{{"DestinationCidrBlock", "0.0.0.0/0"},
                          {"GatewayId", "igw-1"}}}));
  EXPECT_EQ(table->attributes.at("SubnetIds"), Json::array({"s-1"}));
  EXPECT_THAT(driver.Delete(scene_.Context(), *table), IsOk());
  EXPECT_THAT(aws_.changes(),
              ElementsAre("DisassociateRouteTable AssociationId=a-1",
                          "DeleteRouteTable RouteTableId=rtb-1"));
}

TEST_F(Ec2KindsTest, GatewaysAreDetachedFirst) {
  aws_.Answer("DescribeInternetGateways",
              "<R><internetGatewaySet><item><internetGatewayId>igw-1"
              "</internetGatewayId><attachmentSet><item><vpcId>vpc-1</vpcId>"
              "</item></attachmentSet></item></internetGatewaySet></R>")
      .Refuse("DetachInternetGateway", "Gateway.NotAttached")
      .Answer("DeleteInternetGateway", "<R/>");
  Ec2Driver driver = Driver(kInternetGateway);
  const auto gateway = driver.Refresh(scene_.Context(), {.id = "igw-1"});
  ASSERT_THAT(gateway, IsOk());
  EXPECT_THAT(driver.Delete(scene_.Context(), *gateway), IsOk());
  EXPECT_THAT(
      aws_.changes(),
      ElementsAre("DetachInternetGateway InternetGatewayId=igw-1 VpcId=vpc-1",
                  "DeleteInternetGateway InternetGatewayId=igw-1"));
}

Json Rule(const char* protocol, int port, const char* cidr) {
  return {{"Protocol", protocol},
          {"FromPort", port},
          {"ToPort", port},
          {"Cidr", cidr}};
}

std::string Group(const std::string& permissions) {
  return "<R><securityGroupInfo><item><groupId>sg-1</groupId><ipPermissions>" +
         permissions + "</ipPermissions></item></securityGroupInfo></R>";
}

std::string Permission(const char* protocol, int port, const char* cidr) {
  return fmt::format(
      "<item><ipProtocol>{}</ipProtocol><fromPort>{}</fromPort><toPort>{}"
      "</toPort><ipRanges><item><cidrIp>{}</cidrIp></item></ipRanges></item>",
      protocol, port, port, cidr);
}

TEST_F(Ec2KindsTest, SecurityGroupsHaveExactlyTheWantedRules) {
  scene_.resource = {
      .kind = std::string(kSecurityGroup),
      .name = "group",
      .desired = {{"GroupName", "demo"},
                  {"Ingress", Json::array({Rule("tcp", 443, "192.0.2.0/24"),
                                           Rule("-1", 0, "10.0.0.0/16")})}}};
  aws_.Answer("CreateTags", "<R/>")
      .Answer("DescribeSecurityGroups",
              Group(Permission("tcp", 443, "192.0.2.0/24") +
                    Permission("tcp", 22, "0.0.0.0/0")))
      .Answer("AuthorizeSecurityGroupIngress", "<R/>")
      .Answer("RevokeSecurityGroupIngress", "<R/>");
  EXPECT_THAT(Driver(kSecurityGroup).Update(scene_.Context(), {.id = "sg-1"}),
              IsOk());
  auto changes = aws_.changes();
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[1],
            "AuthorizeSecurityGroupIngress GroupId=sg-1 "
            "IpPermissions.1.IpProtocol=-1 "
            "IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/16");
  EXPECT_EQ(changes[2],
            "RevokeSecurityGroupIngress GroupId=sg-1 "
            "IpPermissions.1.FromPort=22 IpPermissions.1.IpProtocol=tcp "
            "IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0 "
            "IpPermissions.1.ToPort=22");
}

TEST_F(Ec2KindsTest, NothingIsChangedInASecurityGroupThatIsRight) {
  scene_.resource = {
      .kind = std::string(kSecurityGroup),
      .name = "group",
      .desired = {
          {"Ingress", Json::array({Rule("tcp", 443, "192.0.2.0/24")})}}};
  aws_.Answer("CreateTags", "<R/>")
      .Answer("DescribeSecurityGroups",
              Group(Permission("tcp", 443, "192.0.2.0/24")));
  EXPECT_THAT(Driver(kSecurityGroup).Update(scene_.Context(), {.id = "sg-1"}),
              IsOk());
  EXPECT_EQ(aws_.changes().size(), 1U);  // its tags
}

TEST_F(Ec2KindsTest, RulesThatNameAGroupGoBeforeIt) {
  aws_.Answer("DescribeSecurityGroups",
              "<R><securityGroupInfo><item><groupId>sg-2</groupId>"
              "<ipPermissions><item><ipProtocol>tcp</ipProtocol><fromPort>80"
              "</fromPort><toPort>81</toPort><groups><item><groupId>sg-1"
              "</groupId></item><item><groupId>sg-3</groupId></item></groups>"
              "</item><item><ipProtocol>-1</ipProtocol><groups><item><groupId>"
              "sg-1</groupId></item></groups></item></ipPermissions></item>"
              "</securityGroupInfo></R>")
      .Answer("RevokeSecurityGroupIngress", "<R/>")
      .Answer("DeleteSecurityGroup", "<R/>");
  EXPECT_THAT(Driver(kSecurityGroup).Delete(scene_.Context(), {.id = "sg-1"}),
              IsOk());
  EXPECT_THAT(
      aws_.changes(),
      ElementsAre("RevokeSecurityGroupIngress GroupId=sg-2 "
                  "IpPermissions.1.FromPort=80 "
                  "IpPermissions.1.Groups.1.GroupId=sg-1 "
                  "IpPermissions.1.IpProtocol=tcp IpPermissions.1.ToPort=81 "
                  "IpPermissions.2.Groups.1.GroupId=sg-1 "
                  "IpPermissions.2.IpProtocol=-1",
                  "DeleteSecurityGroup GroupId=sg-1"));
}

class LaunchTemplateTest : public Ec2KindsTest {
 protected:
  LaunchTemplateTest() {
    scene_.resource = {
        .kind = std::string(kLaunchTemplate),
        .name = "template",
        .desired = {{"LaunchTemplateName", "demo"},
                    {"VersionDescription", "new"},
                    {"Image", "ami-2"},
                    {"InstanceType", "m6a.xlarge"},
                    {"LaunchTemplateData", {{"ImageId", "ami-2"}}}}};
    aws_.Answer("CreateTags", "<R/>")
        .Answer("DescribeLaunchTemplates",
                "<R><launchTemplates><item><launchTemplateId>lt-1"
                "</launchTemplateId><launchTemplateName>demo"
                "</launchTemplateName><latestVersionNumber>3"
                "</latestVersionNumber>" +
                    TagSet("0a1b2c3d", "template") +
                    "</item></launchTemplates></R>")
        .Answer("CreateLaunchTemplateVersion",
                "<R><launchTemplateVersion><versionNumber>4</versionNumber>"
                "</launchTemplateVersion></R>")
        .Answer("ModifyLaunchTemplate", "<R/>");
  }
  void HasVersion(const char* description) {
    aws_.Answer("DescribeLaunchTemplateVersions",
                fmt::format("<R><launchTemplateVersionSet><item>"
                            "<versionDescription>{}</versionDescription>"
                            "<launchTemplateData><imageId>ami-1</imageId>"
                            "<instanceType>m6a.xlarge</instanceType>"
                            "</launchTemplateData></item>"
                            "</launchTemplateVersionSet></R>",
                            description));
  }
};

TEST_F(LaunchTemplateTest, AnotherDigestMakesANewDefaultVersion) {
  HasVersion("old");
  Ec2Driver driver = Driver(kLaunchTemplate);
  const auto found = driver.Find(scene_.Context());
  ASSERT_THAT(IdsOf(found), ElementsAre("lt-1"));
  const auto changes = driver.Differs(scene_.Context(), found->front());
  std::vector<std::string> names;
  for (const AttributeChange& change : changes) {
    EXPECT_FALSE(change.needs_replacement) << change.attribute;
    names.push_back(change.attribute);
  }
  EXPECT_THAT(names, ElementsAre("Image", "VersionDescription", "Tags"));
  ASSERT_THAT(driver.Update(scene_.Context(), found->front()), IsOk());
  auto calls = aws_.changes();
  ASSERT_EQ(calls.size(), 3U);
  EXPECT_EQ(calls[1],
            "CreateLaunchTemplateVersion ClientToken=0a1b2c3d-3-new "
            "LaunchTemplateData.ImageId=ami-2 LaunchTemplateId=lt-1 "
            "VersionDescription=new");
  EXPECT_EQ(calls[2],
            "ModifyLaunchTemplate LaunchTemplateId=lt-1 SetDefaultVersion=4");
}

TEST_F(LaunchTemplateTest, TheSameDigestMakesNone) {
  HasVersion("new");
  Ec2Driver driver = Driver(kLaunchTemplate);
  const auto found = driver.Find(scene_.Context());
  ASSERT_THAT(IdsOf(found), ElementsAre("lt-1"));
  ASSERT_THAT(driver.Update(scene_.Context(), found->front()), IsOk());
  EXPECT_EQ(aws_.changes().size(), 1U);  // its tags
}

}  // namespace
}  // namespace constellation::cloud::aws
