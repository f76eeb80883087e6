// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/cluster_spec.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "common/testing/status_matchers.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

ClusterSpec Spec() {
  ClusterSpec spec;
  spec.name = "demo";
  spec.uid = "0a1b2c3d";
  spec.image_path = "/images/node.raw";
  spec.nodes = {{.name = "cp-1",
                 .role = NodeRole::kControlPlane,
                 .index = 1,
                 .machine_id = "d58b4473-4e4b-48fe-836d-7319e288d5fd",
                 .forwards = {{6443, 20001}, {9000, 20002}},
                 .image_path = ""},
                {.name = "worker-1",
                 .role = NodeRole::kWorker,
                 .index = 2,
                 .machine_id = "",
                 .forwards = {},
                 .image_path = "/images/other.raw"}};
  spec.runtime_directory = "/ws/run";
  spec.relay_program = "/usr/bin/constellation";
  return spec;
}

TEST(ClusterSpecJson, RoundTrips) {
  const std::string json = ClusterSpecToJson(Spec());
  ASSERT_OK_AND_ASSIGN(const ClusterSpec again, ParseClusterSpec(json));
  EXPECT_EQ(ClusterSpecToJson(again), json);
  EXPECT_EQ(again.nodes[0].forwards.at(6443), 20001);
  EXPECT_EQ(again.FindNode("worker-1")->image_path, "/images/other.raw");
  EXPECT_EQ(again.FindNode("worker-2"), nullptr);
}

TEST(ClusterSpecJson, RejectsEachWrongValue) {
  const std::vector<std::pair<std::string, nlohmann::json>> mutations = {
      {"/version", 2},
      {"/name", "Demo"},
      {"/uid", "xyz"},
      {"/imagePath", "node.raw"},
      {"/imagePath", "/a\nb"},
      {"/memoryMiB", 63},
      {"/memoryMiB", "3072"},
      {"/vcpus", 0},
      {"/stateDiskBytes", 1048577},
      {"/stateDiskBytes", 1},
      {"/accelerator", "hvf"},
      {"/outboundNetwork", 1},
      {"/initSecretSHA256", "abc"},
      {"/runtimeDirectory", "run"},
      {"/relayProgram", "relay"},
      {"/nodes", nlohmann::json::object()},
      {"/nodes/0/name", "worker-1"},
      {"/nodes/0/name", "."},
      {"/nodes/0/role", "boss"},
      {"/nodes/0/index", 201},
      {"/nodes/0/index", 2},
      {"/nodes/0/machineID", "d58b4473"},
      {"/nodes/0/imagePath", "x"},
      {"/nodes/0/forwards", nlohmann::json::array()},
      {"/nodes/0/forwards/6443", 65536},
      {"/nodes/0/forwards/6443", 20002},
      {"/nodes/0/forwards/0", 20003},
      {"/nodes/0/forwards/http", 20003},
      {"/nodes/0/unknown", 1},
      {"/unknown", 1}};
  for (const auto& [pointer, value] : mutations) {
    auto object = nlohmann::json::parse(ClusterSpecToJson(Spec()));
    object[nlohmann::json::json_pointer(pointer)] = value;
    EXPECT_THAT(ParseClusterSpec(object.dump()), StatusIs(kInvalid))
        << pointer << " = " << value;
  }
}

TEST(ClusterSpecJson, RejectsEachMissingKey) {
  const auto whole = nlohmann::json::parse(ClusterSpecToJson(Spec()));
  for (const auto& [key, value] : whole.items()) {
    auto object = whole;
    object.erase(key);
    EXPECT_THAT(ParseClusterSpec(object.dump()),
                StatusIs(kInvalid, HasSubstr(key)));
  }
}

TEST(ValidateClusterSpec, BoundsTheNumberOfNodes) {
  ClusterSpec spec = Spec();
  spec.nodes.clear();
  for (int i = 0; i < 51; ++i) {
    spec.nodes.push_back({.name = "n" + std::to_string(i)});
  }
  EXPECT_THAT(ValidateClusterSpec(spec),
              StatusIs(kInvalid, HasSubstr("at most 50")));
  spec.nodes.pop_back();
  EXPECT_THAT(ValidateClusterSpec(spec), IsOk());
}

TEST(AssignUnsetFields, FillsInEverythingOnce) {
  ClusterSpec spec = Spec();
  spec.uid = "";
  spec.nodes.push_back({.name = "worker-2"});
  ASSERT_THAT(AssignUnsetFields(spec), IsOk());
  EXPECT_THAT(ValidateClusterSpec(spec), IsOk());
  EXPECT_EQ(spec.uid.size(), 8U);
  EXPECT_EQ(spec.nodes[2].index, 3U);
  EXPECT_EQ(spec.nodes[0].forwards.at(6443), 20001) << "was set before";
  std::set<uint16_t> ports;
  for (const NodeSpec& node : spec.nodes) {
    EXPECT_EQ(node.machine_id.size(), 36U);
    EXPECT_EQ(node.forwards.size(), 4U);
    for (const auto& [guest, host] : node.forwards) {
      EXPECT_TRUE(ports.insert(host).second) << host << " twice";
      EXPECT_GE(host, 20000);
      EXPECT_LE(host, 32000);
    }
  }
  const std::string before = ClusterSpecToJson(spec);
  ASSERT_THAT(AssignUnsetFields(spec), IsOk());
  EXPECT_EQ(ClusterSpecToJson(spec), before);
}

TEST(AssignUnsetFields, TakesTheLowestFreeIndex) {
  ClusterSpec spec = Spec();
  spec.nodes.erase(spec.nodes.begin());
  spec.nodes.push_back({.name = "cp-2"});
  ASSERT_THAT(AssignUnsetFields(spec), IsOk());
  EXPECT_EQ(spec.nodes.back().index, 1U);
}

TEST(NodeSpec, AddressesFollowTheIndex) {
  const NodeSpec node{.name = "n", .index = 200};
  EXPECT_EQ(node.ClusterIp(), "10.42.0.210");
  EXPECT_EQ(node.UserMac(), "52:54:00:c0:00:c8");
  EXPECT_EQ(node.ClusterMac(), "52:54:00:c1:00:c8");
}

TEST(Accelerator, NamesRoundTrip) {
  for (const Accelerator a :
       {Accelerator::kAuto, Accelerator::kKvm, Accelerator::kEmulation}) {
    ASSERT_OK_AND_ASSIGN(const Accelerator again,
                         ParseAccelerator(AcceleratorName(a)));
    EXPECT_EQ(again, a);
  }
}

}  // namespace
}  // namespace constellation::cloud::qemu
