// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
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
using testing::AwsScript;
using testing::DriverScene;
using ::testing::ElementsAre;
using testing::IdsOf;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Json = nlohmann::json;
using Kind = CloudErrorKind;

std::string Result(const std::string& list, const std::string& members) {
  return fmt::format("<R><XResult><{}>{}</{}></XResult></R>", list, members,
                     list);
}

std::string Balancer(std::string_view arn, std::string_view state = "active") {
  return fmt::format(
      "<member><LoadBalancerArn>{}</LoadBalancerArn><LoadBalancerName>demo"
      "</LoadBalancerName><DNSName>demo.elb</DNSName><State><Code>{}</Code>"
      "</State></member>",
      arn, state);
}

// DescribeTags' entry for `arn`.
std::string Tags(std::string_view arn, std::string_view uid,
                 std::string_view name) {
  return fmt::format(
      "<member><ResourceArn>{}</ResourceArn><Tags><member><Key>"
      "constellation-uid</Key><Value>{}</Value></member><member><Key>"
      "constellation-resource</Key><Value>{}</Value></member></Tags></member>",
      arn, uid, name);
}

class ElbDriversTest : public ::testing::Test {
 protected:
  ElbDriversTest() {
    scene_.resource = {
        .kind = std::string(kLoadBalancer),
        .name = "load-balancer",
        .desired = {{"Name", "demo"},
                    {"Type", "network"},
                    {"SecurityGroups", Json::array({"${group}"})},
                    {"Attributes", {{"cross_zone", "true"}}}}};
    scene_.known["group"].id = "sg-1";
  }

  AwsScript aws_;
  DriverScene scene_;
  std::unique_ptr<ResourceDriver> driver_ =
      MakeLoadBalancerDriver(aws_.client());
};

TEST_F(ElbDriversTest, MakesABalancerAndSetsItsAttributes) {
  aws_.Answer("CreateLoadBalancer", Result("LoadBalancers", Balancer("arn-1")))
      .Answer("ModifyLoadBalancerAttributes", "<R/>");
  const auto made = driver_->Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->id, "arn-1");
  EXPECT_EQ(made->state, ResourceState::kPending);
  EXPECT_THAT(
      aws_.calls(),
      ElementsAre(
          "CreateLoadBalancer Name=demo SecurityGroups.member.1=sg-1 "
          "Tags.member.1.Key=Name "
          "Tags.member.1.Value=demo-0a1b2c3d-load-balancer "
          "Tags.member.2.Key=constellation-resource "
          "Tags.member.2.Value=load-balancer "
          "Tags.member.3.Key=constellation-uid "
          "Tags.member.3.Value=0a1b2c3d Type=network",
          "ModifyLoadBalancerAttributes Attributes.member.1.Key=cross_zone "
          "Attributes.member.1.Value=true LoadBalancerArn=arn-1"));
}

TEST_F(ElbDriversTest, ATakenNameMayBeOurs) {
  aws_.Refuse("CreateLoadBalancer", "DuplicateLoadBalancerName")
      .Answer("DescribeLoadBalancers",
              Result("LoadBalancers", Balancer("arn-1")))
      .Answer(
          "DescribeTags",
          Result("TagDescriptions", Tags("arn-1", "0a1b2c3d", "load-balancer")))
      .Answer("DescribeTags",
              Result("TagDescriptions", Tags("arn-1", "other", "x")))
      .Answer("ModifyLoadBalancerAttributes", "<R/>");
  const auto made = driver_->Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->id, "arn-1");
  EXPECT_TRUE(IsKind(driver_->Create(scene_.Context(), "t").status(),
                     Kind::kNameTaken));
}

TEST_F(ElbDriversTest, AnAnswerWithoutAnArnIsUnclear) {
  aws_.Answer("CreateLoadBalancer", Result("LoadBalancers", ""));
  EXPECT_TRUE(
      IsKind(driver_->Create(scene_.Context(), "t").status(), Kind::kUnclear));
}

TEST_F(ElbDriversTest, BelievesTagsThatWereAskedFor) {
  aws_.Answer("DescribeLoadBalancers",
              Result("LoadBalancers",
                     Balancer("arn-1", "provisioning") + Balancer("arn-2") +
                         Balancer("arn-3") + Balancer("arn-4", "failed")))
      .Answer("DescribeTags",
              Result("TagDescriptions",
                     Tags("arn-1", "0a1b2c3d", "load-balancer") +
                         Tags("arn-2", "other", "load-balancer") +
                         Tags("arn-3", "0a1b2c3d", "another") +
                         Tags("arn-4", "0a1b2c3d", "load-balancer")));
  const auto found = driver_->Find(scene_.Context());
  ASSERT_THAT(IdsOf(found), ElementsAre("arn-1", "arn-4"));
  EXPECT_EQ(found->at(0).state, ResourceState::kPending);
  EXPECT_EQ(found->at(1).state, ResourceState::kFailed);
  EXPECT_EQ(found->at(0).attributes.at("DNSName"), "demo.elb");
  // The journal's id counts as ours, too.
  scene_.known_id = "arn-2";
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())),
              ElementsAre("arn-1", "arn-2", "arn-4"));
  EXPECT_THAT(IdsOf(driver_->List(scene_.cluster)),
              ElementsAre("arn-1", "arn-3", "arn-4"));
}

TEST_F(ElbDriversTest, AsksForTwentyTagsAtATime) {
  std::string members;
  for (int i = 0; i < 21; ++i) {
    members += Balancer(fmt::format("arn-{}", i));
  }
  aws_.Answer("DescribeLoadBalancers", Result("LoadBalancers", members))
      .Refuse("DescribeTags", "LoadBalancerNotFound")
      .Answer("DescribeTags",
              Result("TagDescriptions",
                     Tags("arn-20", "0a1b2c3d", "load-balancer")));
  // Of the first twenty one has just gone: they are seen again next time.
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), ElementsAre("arn-20"));
  ASSERT_THAT(aws_.calls(), SizeIs(3));
  EXPECT_EQ(aws_.calls()[2], "DescribeTags ResourceArns.member.1=arn-20");
}

TEST_F(ElbDriversTest, DeletesWhatIsThere) {
  aws_.Answer("DescribeLoadBalancers",
              Result("LoadBalancers", Balancer("arn-1")))
      .Refuse("DescribeLoadBalancers", "LoadBalancerNotFound")
      .Answer("DescribeTags", Result("TagDescriptions", ""))
      .Answer("DeleteLoadBalancer", "<R/>");
  EXPECT_THAT(driver_->Delete(scene_.Context(), {.id = "arn-1"}), IsOk());
  EXPECT_THAT(aws_.changes(),
              ElementsAre("DeleteLoadBalancer LoadBalancerArn=arn-1"));
  EXPECT_TRUE(IsKind(driver_->Delete(scene_.Context(), {.id = "arn-1"}),
                     Kind::kNotFound));
}

TEST_F(ElbDriversTest, SetsTagsInPlace) {
  aws_.Answer("AddTags", "<R/>")
      .Answer("ModifyLoadBalancerAttributes", "<R/>")
      .Answer("DescribeLoadBalancers",
              Result("LoadBalancers", Balancer("arn-1")))
      .Answer("DescribeTags", Result("TagDescriptions", ""));
  EXPECT_THAT(driver_->Update(scene_.Context(), {.id = "arn-1"}), IsOk());
  EXPECT_TRUE(aws_.changes().at(0).starts_with(
      "AddTags ResourceArns.member.1=arn-1 Tags.member.1.Key=Name"));
  const auto changes = driver_->Differs(
      scene_.Context(), {.id = "arn-1", .attributes = {{"Name", "other"}}});
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_TRUE(changes[0].needs_replacement);
}

TEST_F(ElbDriversTest, TargetGroupsHaveTheirOwnWords) {
  driver_ = MakeTargetGroupDriver(aws_.client());
  scene_.resource = {.kind = std::string(kTargetGroup),
                     .name = "target",
                     .desired = {{"Name", "demo"},
                                 {"Port", 6443},
                                 {"HealthCheckPath", "/readyz"},
                                 {"Attributes", {{"preserve", "false"}}}}};
  aws_.Answer("CreateTargetGroup", Result("TargetGroups",
                                          "<member><TargetGroupArn>tg-1"
                                          "</TargetGroupArn></member>"))
      .Answer("ModifyTargetGroupAttributes", "<R/>")
      .Answer("DescribeTargetGroups",
              Result("TargetGroups",
                     "<member><TargetGroupArn>tg-1"
                     "</TargetGroupArn><Port>6443</Port>"
                     "</member>"))
      .Answer("DescribeTags", Result("TagDescriptions", ""));
  ASSERT_THAT(driver_->Create(scene_.Context(), "t"), IsOk());
  EXPECT_TRUE(aws_.changes().at(0).starts_with(
      "CreateTargetGroup HealthCheckPath=/readyz Name=demo Port=6443 Tags"));
  EXPECT_EQ(aws_.changes().at(1),
            "ModifyTargetGroupAttributes Attributes.member.1.Key=preserve "
            "Attributes.member.1.Value=false TargetGroupArn=tg-1");
  // Ports are numbers, also when they are compared.
  const auto now = driver_->Refresh(scene_.Context(), {.id = "tg-1"});
  ASSERT_THAT(now, IsOk());
  EXPECT_EQ(now->attributes.at("Port"), 6443);
}

class ListenerTest : public ElbDriversTest {
 protected:
  ListenerTest() {
    driver_ = MakeListenerDriver(aws_.client());
    scene_.resource = {
        .kind = std::string(kListener),
        .name = "listener",
        .desired = {{"LoadBalancerArn", "${load-balancer}"}, {"Port", 6443}}};
    aws_.Answer("DescribeListeners",
                Result("Listeners",
                       "<member><ListenerArn>l-1</ListenerArn></member>"))
        .Answer("DescribeTags",
                Result("TagDescriptions", Tags("l-1", "0a1b2c3d", "listener") +
                                              Tags("arn-1", "0a1b2c3d", "x")));
  }
};

TEST_F(ListenerTest, AreFoundThroughTheirBalancer) {
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), IsEmpty());
  EXPECT_THAT(aws_.calls(), IsEmpty());  // nowhere to look
  scene_.known_id = "l-1";
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), ElementsAre("l-1"));
  EXPECT_EQ(aws_.calls().at(0), "DescribeListeners ListenerArns.member.1=l-1");
  aws_.Forget();
  scene_.known["load-balancer"].id = "arn-1";
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), ElementsAre("l-1"));
  EXPECT_EQ(aws_.calls().at(0), "DescribeListeners LoadBalancerArn=arn-1");
}

TEST_F(ListenerTest, AreSweptThroughTheClustersBalancers) {
  aws_.Answer("DescribeLoadBalancers",
              Result("LoadBalancers", Balancer("arn-1") + Balancer("arn-2")));
  EXPECT_THAT(IdsOf(driver_->List(scene_.cluster)), ElementsAre("l-1"));
  // arn-2 has no tags: its listeners are nobody's business.
  EXPECT_THAT(aws_.calls(), ::testing::Not(::testing::Contains(
                                "DescribeListeners LoadBalancerArn=arn-2")));
}

}  // namespace
}  // namespace constellation::cloud::aws
