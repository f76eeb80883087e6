// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/wireserver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "cloud/azure/testing/azure_requests.h"
#include "cloud/http/testing/scripted_transport.h"
#include "common/clock.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::cloud::testing::ScriptedTransport;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using testing::kGoal;
using ::testing::SizeIs;

TEST(WireserverTest, ReadsOnlyPlainGoalStates) {
  ASSERT_OK_AND_ASSIGN(const GoalState goal, ParseGoalState(kGoal));
  EXPECT_EQ(goal.container_id, "c-1");
  EXPECT_EQ(goal.instance_id, "i_2.x");
  EXPECT_EQ(goal.incarnation, "3");
  const auto spoilt = [](std::string_view what, std::string_view with) {
    std::string xml = kGoal;
    xml.replace(xml.find(what), what.size(), with);
    return ParseGoalState(xml);
  };
  EXPECT_THAT(
      spoilt("c-1", "c<b/>"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("ContainerId")));
  EXPECT_FALSE(spoilt("c-1", "&lt;").ok());
  EXPECT_FALSE(spoilt("c-1", std::string(65, 'a')).ok());
  EXPECT_FALSE(spoilt("i_2.x", "").ok());
  EXPECT_FALSE(spoilt("</InstanceId>", "").ok());
  EXPECT_FALSE(spoilt(">3<", ">x<").ok());
  EXPECT_FALSE(ParseGoalState("").ok());
  EXPECT_FALSE(ParseGoalState(kGoal + std::string(70'000, ' ')).ok());
}

TEST(WireserverTest, ReportsReadyAfterRepeats) {
  FakeClock clock(absl::FromUnixSeconds(1'800'000'000));
  ScriptedTransport transport;
  transport.AddStatus(503);
  transport.Add(HttpResponse{.status = 200, .body = kGoal});
  transport.AddError(TransportError::kLost);
  transport.AddStatus(200);
  EXPECT_THAT(ReportReady(transport, clock), IsOk());
  ASSERT_THAT(transport.requests(), SizeIs(4));
  EXPECT_EQ(transport.requests()[3].url,
            "http://168.63.129.16/machine?comp=health");
  EXPECT_THAT(transport.requests()[3].body,
              HasSubstr("<InstanceId>i_2.x</InstanceId><Health><State>Ready"));
  ScriptedTransport dead;
  dead.AddStatus(500);
  EXPECT_THAT(ReportReady(dead, clock),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(dead.requests(), SizeIs(5));
}

}  // namespace
}  // namespace constellation::cloud::azure
