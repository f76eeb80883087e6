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

struct Group {
  std::string uid = "0a1b2c3d";
  std::string resource = "group";
  int wanted = 2;
  int in_service = 2;
  std::string status = {};
};

std::string Item(const Group& group) {
  std::string machines;
  for (int i = 0; i < group.in_service; ++i) {
    machines += "<member><LifecycleState>InService</LifecycleState></member>";
  }
  return fmt::format(
      "<member><AutoScalingGroupName>demo-group</AutoScalingGroupName>"
      "<MinSize>1</MinSize><MaxSize>10</MaxSize><DesiredCapacity>{}"
      "</DesiredCapacity><Status>{}</Status><Instances>{}<member>"
      "<LifecycleState>Pending</LifecycleState></member></Instances><Tags>"
      "<member><Key>constellation-uid</Key><Value>{}</Value></member><member>"
      "<Key>constellation-resource</Key><Value>{}</Value></member></Tags>"
      "</member>",
      group.wanted, group.status, machines, group.uid, group.resource);
}

std::string Groups(const std::string& items) {
  return "<R><XResult><AutoScalingGroups>" + items +
         "</AutoScalingGroups></XResult></R>";
}

class ScalingGroupTest : public ::testing::Test {
 protected:
  ScalingGroupTest() {
    scene_.resource = {.kind = std::string(kScalingGroup),
                       .name = "group",
                       .desired = {{"AutoScalingGroupName", "demo-group"},
                                   {"LaunchTemplate",
                                    {{"LaunchTemplateId", "${template}"},
                                     {"Version", "$Default"}}},
                                   {"MinSize", 1},
                                   {"MaxSize", 10},
                                   {"DesiredCapacity", 2}}};
    scene_.known["template"].id = "lt-1";
  }
  void Shows(const Group& group) {
    aws_.Only("DescribeAutoScalingGroups", Groups(Item(group)));
  }
  absl::StatusOr<Observed> Refresh() {
    return driver_->Refresh(scene_.Context(), {.id = "demo-group"});
  }

  AwsScript aws_;
  DriverScene scene_;
  std::unique_ptr<ResourceDriver> driver_ =
      MakeScalingGroupDriver(aws_.client());
};

TEST_F(ScalingGroupTest, MakesAGroupThatLeavesItsMachinesAlone) {
  aws_.Answer("CreateAutoScalingGroup", "<R/>")
      .Answer("SuspendProcesses", "<R/>");
  const auto made = driver_->Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->id, "demo-group");
  EXPECT_THAT(
      aws_.calls(),
      ElementsAre(
          "CreateAutoScalingGroup AutoScalingGroupName=demo-group "
          "DesiredCapacity=2 LaunchTemplate.LaunchTemplateId=lt-1 "
          "LaunchTemplate.Version=$Default MaxSize=10 MinSize=1 "
          "Tags.member.1.Key=Name Tags.member.1.PropagateAtLaunch=false "
          "Tags.member.1.Value=demo-0a1b2c3d-group "
          "Tags.member.2.Key=constellation-resource "
          "Tags.member.2.PropagateAtLaunch=false Tags.member.2.Value=group "
          "Tags.member.3.Key=constellation-uid "
          "Tags.member.3.PropagateAtLaunch=true "
          "Tags.member.3.Value=0a1b2c3d",
          "SuspendProcesses AutoScalingGroupName=demo-group "
          "ScalingProcesses.member.1=AZRebalance "
          "ScalingProcesses.member.2=ReplaceUnhealthy"));
}

TEST_F(ScalingGroupTest, ATakenNameIsLookedAt) {
  aws_.Refuse("CreateAutoScalingGroup", "AlreadyExists")
      .Answer("SuspendProcesses", "<R/>");
  Shows({});
  EXPECT_THAT(driver_->Create(scene_.Context(), "t"), IsOk());
  for (const auto& [group, kind] : std::vector<std::pair<Group, Kind>>{
           {{.uid = "other"}, Kind::kNameTaken},
           {{.resource = "another"}, Kind::kNameTaken},
           {{.status = "Delete in progress"}, Kind::kConflict}}) {
    Shows(group);
    EXPECT_TRUE(IsKind(driver_->Create(scene_.Context(), "t").status(), kind));
  }
  aws_.Only("DescribeAutoScalingGroups", Groups(""));
  EXPECT_TRUE(IsKind(driver_->Create(scene_.Context(), "t").status(),
                     Kind::kNotFound));  // not shown yet
}

TEST_F(ScalingGroupTest, FindsByTagsAndNotWhatIsGoing) {
  Shows({});
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())),
              ElementsAre("demo-group"));
  EXPECT_EQ(aws_.calls().at(0),
            "DescribeAutoScalingGroups "
            "Filters.member.1.Name=tag:constellation-uid "
            "Filters.member.1.Values.member.1=0a1b2c3d "
            "Filters.member.2.Name=tag:constellation-resource "
            "Filters.member.2.Values.member.1=group");
  Shows({.status = "Delete in progress"});
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), IsEmpty());
}

TEST_F(ScalingGroupTest, IsReadyWithAllMachinesInService) {
  Shows({});
  const auto now = Refresh();
  ASSERT_THAT(now, IsOk());
  EXPECT_EQ(now->state, ResourceState::kReady);
  EXPECT_EQ(now->attributes.at("DesiredCapacity"), 2);
  EXPECT_THAT(aws_.calls(), SizeIs(1));  // its activities are not asked for
}

// What the newest activities say, one after the other.
TEST_F(ScalingGroupTest, TellsWhyMachinesDoNotCome) {
  Shows({.in_service = 1});
  const auto activity = [](const char* code, const char* start,
                           const char* message) {
    return fmt::format(
        "<member><StatusCode>{}</StatusCode><StartTime>{}</StartTime>"
        "<StatusMessage>{}</StatusMessage></member>",
        code, start, message);
  };
  const char* const now = "2027-01-15T07:59:00Z";
  const std::string quota = activity("Failed", now, "VcpuLimitExceeded: no");
  for (const auto& [activities, kind] :
       std::vector<std::pair<std::string, std::optional<Kind>>>{
           {quota, Kind::kQuota},
           {activity("InProgress", now, "x") + quota, Kind::kQuota},
           // Those before a success, old ones, and those that pass.
           {activity("Successful", now, "") + quota, std::nullopt},
           {activity("Failed", "2027-01-15T07:54:00Z", "VcpuLimitExceeded"),
            std::nullopt},
           {activity("Failed", "yesterday", "VcpuLimitExceeded"), std::nullopt},
           {activity("Failed", now, "Invalid IAM Instance Profile name"),
            std::nullopt},
           {activity("Failed", now, "something new"), Kind::kLateFailure}}) {
    SCOPED_TRACE(activities);
    aws_.Only("DescribeScalingActivities", "<R><XResult><Activities>" +
                                               activities +
                                               "</Activities></XResult></R>");
    const auto group = Refresh();
    if (kind) {
      EXPECT_TRUE(IsKind(group.status(), *kind)) << group.status();
    } else {
      ASSERT_THAT(group, IsOk());
      EXPECT_EQ(group->state, ResourceState::kPending);
      EXPECT_EQ(group->detail, "1 of 2 machines in service");
    }
  }
  EXPECT_EQ(aws_.calls().at(1),
            "DescribeScalingActivities AutoScalingGroupName=demo-group "
            "MaxRecords=10");
}

TEST_F(ScalingGroupTest, ChangesSizesAndTemplateInPlace) {
  aws_.Answer("CreateOrUpdateTags", "<R/>")
      .Answer("UpdateAutoScalingGroup", "<R/>")
      .Answer("SuspendProcesses", "<R/>");
  Shows({});
  scene_.resource.desired["DesiredCapacity"] = 3;
  EXPECT_THAT(driver_->Update(scene_.Context(), {.id = "demo-group"}), IsOk());
  ASSERT_THAT(aws_.changes(), SizeIs(3));
  EXPECT_TRUE(aws_.changes()[0].starts_with(
      "CreateOrUpdateTags Tags.member.1.Key=Name "
      "Tags.member.1.PropagateAtLaunch=false "
      "Tags.member.1.ResourceId=demo-group "
      "Tags.member.1.ResourceType=auto-scaling-group"));
  EXPECT_EQ(aws_.changes()[1],
            "UpdateAutoScalingGroup AutoScalingGroupName=demo-group "
            "DesiredCapacity=3 LaunchTemplate.LaunchTemplateId=lt-1 "
            "LaunchTemplate.Version=$Default MaxSize=10 MinSize=1");
  const auto changes = driver_->Differs(
      scene_.Context(),
      {.id = "demo-group",
       .attributes = {{"DesiredCapacity", 2}, {"AutoScalingGroupName", "x"}}});
  ASSERT_THAT(changes, SizeIs(2));
  EXPECT_TRUE(changes[0].needs_replacement);   // the name
  EXPECT_FALSE(changes[1].needs_replacement);  // the size
}

TEST_F(ScalingGroupTest, GoesWithItsMachines) {
  aws_.Answer("DeleteAutoScalingGroup", "<R/>");
  EXPECT_THAT(driver_->Delete(scene_.Context(), {.id = "demo-group"}), IsOk());
  EXPECT_THAT(aws_.calls(),
              ElementsAre("DeleteAutoScalingGroup "
                          "AutoScalingGroupName=demo-group ForceDelete=true"));
}

TEST_F(ScalingGroupTest, SweepsByUid) {
  Shows({});
  const auto strays = driver_->List(scene_.cluster);
  ASSERT_THAT(IdsOf(strays), ElementsAre("demo-group"));
  EXPECT_EQ(strays->front().name, "group");
  EXPECT_EQ(aws_.calls().at(0),
            "DescribeAutoScalingGroups "
            "Filters.member.1.Name=tag:constellation-uid "
            "Filters.member.1.Values.member.1=0a1b2c3d");
}

}  // namespace
}  // namespace constellation::cloud::aws
