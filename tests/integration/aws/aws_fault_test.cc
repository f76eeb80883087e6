// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>

#include "cloud/aws/client.h"
#include "common/testing/status_matchers.h"
#include "tests/integration/aws/aws_world.h"

namespace constellation::cloud::aws::testing {
namespace {

using ::constellation::testing::IsOk;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;

// Points of death by number, spread over a run: every one takes one or two
// seconds of the server's time. What dies at every kind of request says more
// for less; CONSTELLATION_EVERY_STEP asks for many.
int Kills(int many) {
  return std::getenv("CONSTELLATION_EVERY_STEP") != nullptr ? many : 2;
}

// Whether a request of this kind changes anything.
bool Changes(const std::string& step) {
  return step.find(" Describe") == std::string::npos &&
         step.find(" Get") == std::string::npos;
}

// Kills one process after the other, each at the first step of a kind at which
// none has died yet, until one comes to its end. Dies as often as `deaths` says
// then.
template <typename Run>
EngineResult DieAtEveryKind(AwsWorld& world, const Run& run,
                            std::set<std::string>& deaths) {
  world.transport.DieIf([&deaths](const std::string& step) {
    return deaths.insert(step).second;
  });
  EngineResult result;
  for (bool dead = true; dead && deaths.size() < 300;) {
    const size_t before = deaths.size();
    world.kill.Arm(0);
    result = run();
    dead = world.kill.dead();
    EXPECT_EQ(dead, deaths.size() > before);
  }
  world.transport.DieIf(nullptr);
  world.kill.Arm(0);
  return result;
}

// How many things a small cluster is.
size_t ExpectedSize(AwsWorld& world) {
  EXPECT_THAT(world.RunApply().status, IsOk());
  return world.Inventory().size();
}

void ExpectNothingLeft(AwsWorld& world) {
  const EngineResult gone = world.RunTerminate();
  EXPECT_THAT(gone.status, IsOk()) << FailuresToText(gone);
  EXPECT_THAT(world.Inventory(), IsEmpty());
  EXPECT_FALSE(world.storage.exists());
  world.ExpectNoFindings();
}

// One request at a time: others under way would have their effect unseen.
TEST(AwsFaultTest, GoesOnAfterDyingAtEveryKindOfRequest) {
  AwsWorld world;
  world.options.parallelism = 1;
  world.request.groups.resize(1);
  std::set<std::string> deaths;
  const EngineResult made = DieAtEveryKind(
      world, [&] { return world.RunApply(); }, deaths);
  EXPECT_THAT(made.status, IsOk()) << FailuresToText(made);
  EXPECT_THAT(deaths, IsSupersetOf({"before CreateVpc", "after CreateVpc",
                                    "after CreateNatGateway",
                                    "after CreateLaunchTemplate",
                                    "after CreateAutoScalingGroup"}));
  RecordProperty("deaths_making", static_cast<int>(deaths.size()));
  const size_t survived = world.Inventory().size();
  ASSERT_THAT(world.RunApply().status, IsOk());
  EXPECT_TRUE(world.plan.Empty()) << PlanToText(world.plan);
  EXPECT_THAT(world.Inventory(), SizeIs(survived));
  deaths.clear();
  const EngineResult gone = DieAtEveryKind(
      world, [&] { return world.RunTerminate(); }, deaths);
  EXPECT_THAT(gone.status, IsOk()) << FailuresToText(gone);
  EXPECT_THAT(deaths, IsSupersetOf({"before DeleteVpc", "after DeleteVpc",
                                    "after DeleteNatGateway"}));
  RecordProperty("deaths_deleting", static_cast<int>(deaths.size()));
  ExpectNothingLeft(world);
  AwsWorld undisturbed;
  undisturbed.request.groups.resize(1);
  EXPECT_EQ(ExpectedSize(undisturbed), survived) << "nothing was made twice";
}

// The answer of each change is lost with the process, and nobody goes on.
TEST(AwsFaultTest, GivesUpAfterDyingInEveryKindOfChange) {
  std::set<std::string> kinds;
  {
    AwsWorld world;
    world.request.groups.resize(1);
    world.transport.DieIf([&kinds](const std::string& step) {
      if (step.starts_with("after ") && Changes(step)) {
        kinds.insert(step);
      }
      return false;
    });
    ASSERT_THAT(world.RunApply().status, IsOk());
  }
  EXPECT_GE(kinds.size(), 15U);
  RecordProperty("kinds", static_cast<int>(kinds.size()));
  for (const std::string& kind : kinds) {
    SCOPED_TRACE(kind);
    AwsWorld world;
    world.request.groups.resize(1);
    world.transport.DieIf(
        [&kind](const std::string& step) { return step == kind; });
    (void)world.RunApply();
    EXPECT_TRUE(world.kill.dead());
    world.transport.DieIf(nullptr);
    world.kill.Arm(0);
    ExpectNothingLeft(world);
  }
}

TEST(AwsFaultTest, KilledRunsGoOn) {
  size_t expected = 0;
  int steps = 0;
  {
    AwsWorld world;
    world.request.groups.resize(1);  // enough to show it, and quicker
    world.kill.Arm(0);
    expected = ExpectedSize(world);
    steps = world.kill.steps();
  }
  ASSERT_GT(steps, 100);
  const int kills = Kills(160);
  for (int i = 1; i <= kills; ++i) {
    SCOPED_TRACE(i);
    AwsWorld world;
    world.request.groups.resize(1);
    world.kill.Arm(steps * i / (kills + 1));
    (void)world.RunApply();
    world.kill.Arm(0);
    if (i % 2 == 0) {  // every other one gives up instead
      ExpectNothingLeft(world);
      continue;
    }
    const EngineResult resumed = world.RunApply();
    ASSERT_THAT(resumed.status, IsOk()) << FailuresToText(resumed);
    EXPECT_EQ(world.Inventory().size(), expected);
    ASSERT_THAT(world.RunApply().status, IsOk());
    EXPECT_TRUE(world.plan.Empty()) << PlanToText(world.plan);
    ExpectNothingLeft(world);
  }
}

TEST(AwsFaultTest, KilledTerminationsGoOn) {
  const int kills = Kills(80);
  for (int i = 1; i <= kills; ++i) {
    SCOPED_TRACE(i);
    AwsWorld world;
    world.request.groups.resize(1);
    ASSERT_THAT(world.RunApply().status, IsOk());
    world.kill.Arm(240 * i / (kills + 1));
    (void)world.RunTerminate();
    world.kill.Arm(0);
    ExpectNothingLeft(world);
  }
}

TEST(AwsFaultTest, NoiseMakesNothingTwice) {
  size_t expected = 0;
  {
    AwsWorld world;
    world.request.groups.resize(1);
    expected = ExpectedSize(world);
  }
  for (int seed = 1; seed <= Kills(20) / 2; ++seed) {
    SCOPED_TRACE(seed);
    AwsWorld world(nlohmann::json::object({{"seed", seed},
                                           {"throttle", 0.08},
                                           {"unavailable", 0.04},
                                           {"lost", 0.04},
                                           {"page_size", 2},
                                           {"slow", 3},
                                           {"hide", 2}}));
    world.request.groups.resize(1);
    EngineResult made = world.RunApply();
    for (int again = 0; again < 4 && !made.status.ok(); ++again) {
      made = world.RunApply();
    }
    ASSERT_THAT(made.status, IsOk()) << FailuresToText(made);
    EXPECT_THAT(world.Inventory(), SizeIs(expected));
    EngineResult gone = world.RunTerminate();
    for (int again = 0; again < 4 && !gone.status.ok(); ++again) {
      gone = world.RunTerminate();
    }
    EXPECT_THAT(gone.status, IsOk()) << FailuresToText(gone);
    EXPECT_THAT(world.Inventory(), IsEmpty());
    world.ExpectNoFindings();
  }
}

TEST(AwsFaultTest, ListsOfOneAPageAreReadToTheirEnd) {
  AwsWorld world(nlohmann::json::object({{"page_size", 1}}));
  world.request.groups.resize(1);
  ASSERT_THAT(world.RunApply().status, IsOk());
  const auto machines = world.provider->Instances(world.request.identity);
  ASSERT_THAT(machines, IsOk());
  EXPECT_THAT(*machines, SizeIs(3));
  ASSERT_THAT(world.storage.Remove(), IsOk());
  ExpectNothingLeft(world);
}

TEST(AwsFaultTest, QuotasStopTheRunAndItGoesOn) {
  const nlohmann::json failure = {
      {"action", "CreateNatGateway"},
      {"code", "NatGatewayLimitExceeded"},
      {"message", "The maximum number of NAT gateways"}};
  AwsWorld world(
      nlohmann::json::object({{"fail", nlohmann::json::array({failure})}}));
  world.request.groups.resize(1);
  const EngineResult refused = world.RunApply();
  ASSERT_FALSE(refused.failures.empty());
  EXPECT_EQ(refused.failures[0].error.kind, CloudErrorKind::kQuota);
  EXPECT_THAT(FailuresToText(refused), HasSubstr("NatGatewayLimitExceeded"));
  const EngineResult made = world.RunApply();
  ASSERT_THAT(made.status, IsOk()) << FailuresToText(made);
  ExpectNothingLeft(world);
}

TEST(AwsFaultTest, ExpiredKeysAreFetchedAnew) {
  AwsWorld world(nlohmann::json::object({{"expire", 40}}));
  world.request.groups.resize(1);
  ASSERT_THAT(world.RunApply().status, IsOk());
  ExpectNothingLeft(world);
}

// Something that we know nothing of stands in our subnet.
TEST(AwsFaultTest, StrangersInTheNetworkAreNamed) {
  AwsWorld world;
  world.request.groups.resize(1);
  const EngineResult made = world.RunApply();
  ASSERT_THAT(made.status, IsOk());
  RootSource root;
  AwsClient client(world.ClientAs(root));
  const auto stranger =
      client.Call(kEc2, "RunInstances",
                  {{"ImageId", "ami-03cf127a"},
                   {"InstanceType", "t3.micro"},
                   {"MinCount", 1},
                   {"MaxCount", 1},
                   {"SubnetId", made.outputs.at("subnet-private-a").id}});
  ASSERT_THAT(stranger, IsOk());
  const EngineResult refused = world.RunTerminate();
  ASSERT_FALSE(refused.failures.empty());
  EXPECT_EQ(refused.failures[0].error.kind, CloudErrorKind::kDependency);
  EXPECT_THAT(FailuresToText(refused), HasSubstr("is used by i-"));
  EXPECT_TRUE(world.storage.exists());
  const auto items = stranger->result().List("instancesSet");
  ASSERT_FALSE(items.empty());
  ASSERT_THAT(client.Call(kEc2, "TerminateInstances",
                          {{"InstanceId", nlohmann::json::array(
                                              {items[0].Text("instanceId")})}}),
              IsOk());
  ExpectNothingLeft(world);
}

// What Kubernetes' controllers leave behind: our mark, no name of ours.
TEST(AwsFaultTest, KubernetesLeftoversGoWithTheCluster) {
  AwsWorld world;
  world.request.groups.resize(1);
  const EngineResult made = world.RunApply();
  ASSERT_THAT(made.status, IsOk());
  RootSource root;
  AwsClient client(world.ClientAs(root));
  const nlohmann::json tags = nlohmann::json::array(
      {{{"Key", "kubernetes.io/cluster/0a1b2c3d"}, {"Value", "owned"}}});
  const auto spec = [&](const char* type) {
    return nlohmann::json::array({{{"ResourceType", type}, {"Tag", tags}}});
  };
  const std::string vpc = made.outputs.at("vpc").id;
  ASSERT_THAT(client.Call(kEc2, "CreateVolume",
                          {{"AvailabilityZone", "eu-west-1a"},
                           {"Size", 10},
                           {"VolumeType", "gp3"},
                           {"TagSpecification", spec("volume")}}),
              IsOk());
  ASSERT_THAT(client.Call(kEc2, "CreateSecurityGroup",
                          {{"GroupName", "k8s-elb-x"},
                           {"GroupDescription", "made by a controller"},
                           {"VpcId", vpc},
                           {"TagSpecification", spec("security-group")}}),
              IsOk());
  ASSERT_THAT(
      client.Call(
          kElb, "CreateLoadBalancer",
          {{"Name", "k8s-x"},
           {"Type", "network"},
           {"SubnetMappings",
            nlohmann::json::array(
                {{{"SubnetId", made.outputs.at("subnet-public-a").id}}})},
           {"Tags", tags}}),
      IsOk());
  EXPECT_THAT(AwsServer::Get().Inventory("kubernetes.io/cluster/0a1b2c3d"),
              ::testing::Not(IsEmpty()));
  // Another cluster's is none of ours.
  const nlohmann::json foreign = nlohmann::json::array(
      {{{"Key", "kubernetes.io/cluster/ffffffff"}, {"Value", "owned"}}});
  ASSERT_THAT(client.Call(kEc2, "CreateVolume",
                          {{"AvailabilityZone", "eu-west-1a"},
                           {"Size", 10},
                           {"VolumeType", "gp3"},
                           {"TagSpecification",
                            nlohmann::json::array({{{"ResourceType", "volume"},
                                                    {"Tag", foreign}}})}}),
              IsOk());
  ExpectNothingLeft(world);
  EXPECT_THAT(AwsServer::Get().Inventory("ffffffff"), SizeIs(1));
}

}  // namespace
}  // namespace constellation::cloud::aws::testing
