// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/control_protocol.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

ClusterStatus Status() {
  ClusterStatus status;
  status.name = "demo";
  status.uid = "0a1b2c3d";
  status.supervisor_pid = 42;
  status.accelerator = Accelerator::kKvm;
  status.time_scale = 1;
  status.accelerator_sentence = "fast";
  NodeStatus node;
  node.spec.name = "cp-1";
  node.spec.index = 1;
  node.spec.forwards = {{6443, 20001}};
  node.state = PowerState::kRunning;
  node.pid = 77;
  node.uptime = absl::Seconds(5);
  node.boot_status = R"({"phase":"x"})";
  node.boot_status_time = absl::FromUnixSeconds(1700000000);
  node.last_exit = "signal 9";
  node.serial_log = "/ws/serial.log";
  node.boot_status_log = "/ws/status.jsonl";
  status.nodes = {node, NodeStatus{}};
  status.nodes[1].spec.name = "worker-1";
  return status;
}

TEST(ClusterStatusJson, RoundTrips) {
  const std::string json = ClusterStatusToJson(Status());
  ASSERT_OK_AND_ASSIGN(const ClusterStatus again, ParseClusterStatus(json));
  EXPECT_EQ(ClusterStatusToJson(again), json);
  const NodeStatus* node = again.FindNode("cp-1");
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(node->state, PowerState::kRunning);
  EXPECT_EQ(node->boot_status, R"({"phase":"x"})");
  EXPECT_EQ(node->boot_status_time, absl::FromUnixSeconds(1700000000));
  EXPECT_EQ(again.FindNode("worker-1")->boot_status_time, absl::InfinitePast());
  EXPECT_EQ(again.FindNode("worker-2"), nullptr);
}

TEST(ClusterStatusJson, RejectsWrongTypes) {
  for (const char* pointer :
       {"/name", "/supervisorPid", "/accelerator", "/timeScale", "/nodes",
        "/nodes/0/spec", "/nodes/0/state", "/nodes/0/pid",
        "/nodes/0/bootStatus", "/nodes/0/spec/name"}) {
    auto object = nlohmann::json::parse(ClusterStatusToJson(Status()));
    object[nlohmann::json::json_pointer(pointer)] = nullptr;
    EXPECT_THAT(ParseClusterStatus(object.dump()),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << pointer;
  }
}

TEST(ControlAnswer, CarriesResultsAndErrors) {
  EXPECT_THAT(ParseControlAnswer(ControlAnswer("{\"a\":1}")),
              IsOkAndHolds("{\"a\":1}"));
  EXPECT_THAT(ParseControlAnswer(ControlAnswer("null")), IsOkAndHolds("null"));
  EXPECT_THAT(ParseControlAnswer(ControlAnswer(NotFound("no \"x\""))),
              StatusIs(absl::StatusCode::kNotFound, "no \"x\""));
  EXPECT_THAT(ParseControlAnswer(ControlAnswer(Internal("bad \xff byte"))),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("byte")));
}

TEST(ControlAnswer, RejectsNonsense) {
  for (const char* bad : {"", "[]", "{}", "{\"error\":1}",
                          "{\"error\":{\"code\":0,\"message\":\"\"}}",
                          "{\"error\":{\"code\":17,\"message\":\"\"}}",
                          "{\"error\":{\"code\":5}}"}) {
    EXPECT_THAT(ParseControlAnswer(bad),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << bad;
  }
}

}  // namespace
}  // namespace constellation::cloud::qemu
