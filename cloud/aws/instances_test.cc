// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "cloud/aws/driver_support.h"
#include "cloud/aws/inventory.h"
#include "cloud/aws/testing/aws_script.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using testing::AwsScript;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Machine {
  std::string id = "i-0123";
  std::string uid = "0a1b2c3d";
  std::string role = "worker";
  std::string group = "worker_default";
  std::string zone = "eu-west-1a";
  std::string ip = "192.168.178.5";
};

std::string Item(const Machine& machine) {
  return fmt::format(
      "<item><instanceId>{}</instanceId><instanceState><name>running</name>"
      "</instanceState><placement><availabilityZone>{}</availabilityZone>"
      "</placement><privateIpAddress>{}</privateIpAddress><tagSet><item><key>"
      "constellation-uid</key><value>{}</value></item><item><key>"
      "constellation-role</key><value>{}</value></item><item><key>"
      "constellation-node-group</key><value>{}</value></item></tagSet></item>",
      machine.id, machine.zone, machine.ip, machine.uid, machine.role,
      machine.group);
}

std::string Machines(const std::string& items) {
  return "<R><reservationSet><item><instancesSet>" + items +
         "</instancesSet></item></reservationSet></R>";
}

absl::StatusOr<ClusterInstance> Parsed(const Machine& machine) {
  const auto document = XmlDocument::Parse(Item(machine));
  EXPECT_THAT(document, IsOk());
  return ParseInstance(document->root());
}

TEST(ParseInstanceTest, ReadsAMachine) {
  const auto machine = Parsed({});
  ASSERT_THAT(machine, IsOk());
  EXPECT_EQ(machine->id, "i-0123");
  EXPECT_EQ(machine->group, "worker_default");
  EXPECT_EQ(machine->state, "running");
  EXPECT_EQ(machine->metadata.role, NodeRole::kWorker);
  EXPECT_EQ(machine->metadata.provider_id, "aws:///eu-west-1a/i-0123");
  // One that is being made has no address yet.
  EXPECT_THAT(Parsed({.ip = ""}), IsOk());
}

TEST(ParseInstanceTest, RefusesHostileTags) {
  for (const Machine& machine :
       std::vector<Machine>{{.id = "x-1"},
                            {.id = "i-A"},
                            {.id = "i-1/../2"},
                            {.id = "i-" + std::string(62, 'a')},
                            {.uid = ""},
                            {.uid = "A"},
                            {.uid = std::string(65, 'a')},
                            {.role = "root"},
                            {.zone = ""},
                            {.zone = "eu west"},
                            {.ip = "::1"},
                            {.ip = "1.2.3.4;x"},
                            {.ip = "1111.2222.3333.4"}}) {
    EXPECT_THAT(Parsed(machine), StatusIs(absl::StatusCode::kInvalidArgument))
        << Item(machine);
  }
}

class InstancesTest : public ::testing::Test {
 protected:
  AwsScript aws_;
  const ClusterIdentity cluster_{.uid = "0a1b2c3d", .name = "demo"};
};

TEST_F(InstancesTest, ListsByUidAndState) {
  aws_.Answer("DescribeInstances",
              Machines(Item({}) + Item({.id = "i-2", .role = "root"}) +
                       Item({.id = "i-3", .uid = "other"})));
  const auto machines =
      ListInstances(aws_.client(), "0a1b2c3d", /*only_running=*/true);
  ASSERT_THAT(machines, IsOk());
  ASSERT_THAT(*machines, SizeIs(1));  // neither hostile nor foreign ones
  EXPECT_EQ(machines->front().id, "i-0123");
  EXPECT_THAT(aws_.calls(),
              ElementsAre("DescribeInstances "
                          "Filter.1.Name=tag:constellation-uid "
                          "Filter.1.Value.1=0a1b2c3d "
                          "Filter.2.Name=instance-state-name "
                          "Filter.2.Value.1=pending Filter.2.Value.2=running "
                          "MaxResults=1000"));
  aws_.Forget();
  EXPECT_THAT(ListInstances(aws_.client(), "0a1b2c3d", /*only_running=*/false),
              IsOk());
  EXPECT_THAT(aws_.calls().at(0),
              HasSubstr("Filter.2.Value.3=stopping Filter.2.Value.4=stopped "
                        "Filter.2.Value.5=shutting-down"));
}

TEST_F(InstancesTest, ReplacesMachinesOfTheClusterOnly) {
  aws_.Answer("DescribeInstances", Machines(Item({})))
      .Answer("TerminateInstanceInAutoScalingGroup", "<R/>");
  EXPECT_THAT(ReplaceMachine(aws_.client(), cluster_, "i-0123"), IsOk());
  EXPECT_THAT(
      aws_.calls(),
      ElementsAre("DescribeInstances Filter.1.Name=tag:constellation-uid "
                  "Filter.1.Value.1=0a1b2c3d InstanceId.1=i-0123",
                  "TerminateInstanceInAutoScalingGroup InstanceId=i-0123 "
                  "ShouldDecrementDesiredCapacity=false"));
  aws_.Forget();
  EXPECT_THAT(ReplaceMachine(aws_.client(), cluster_, "i-9"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("i-9 is no machine of cluster 0a1b2c3d")));
  // A server that does not heed the filter must not make us end a stranger.
  aws_.Only("DescribeInstances", Machines(Item({.uid = "other"})));
  EXPECT_THAT(ReplaceMachine(aws_.client(), cluster_, "i-0123"),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(aws_.changes(), IsEmpty());
  for (const char* id : {"", "i-", "i-a b", "vol-1"}) {
    EXPECT_THAT(ReplaceMachine(aws_.client(), cluster_, id),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << id;
  }
}

TEST_F(InstancesTest, ReadsConsoles) {
  aws_.Answer("DescribeInstances", Machines(Item({})))
      .Answer("GetConsoleOutput", "<R><output>Ym9v\r\n dA==\n</output></R>")
      .Answer("GetConsoleOutput", "<R/>")
      .Answer("GetConsoleOutput", "<R><output>%%%</output></R>");
  EXPECT_THAT(ReadConsole(aws_.client(), cluster_, "i-0123"),
              IsOkAndHolds("boot"));
  EXPECT_EQ(aws_.calls().at(1),
            "GetConsoleOutput InstanceId=i-0123 Latest=true");
  EXPECT_THAT(ReadConsole(aws_.client(), cluster_, "i-0123"), IsOkAndHolds(""));
  EXPECT_THAT(ReadConsole(aws_.client(), cluster_, "i-0123"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ReadConsole(aws_.client(), cluster_, "i-9"),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace constellation::cloud::aws
