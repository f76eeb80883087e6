// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/node_state.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/testing/status_matchers.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;

NodeState Good() {
  return {Bytes(32, 7), "control-plane", "cp-0", Bytes(32, 8)};
}

TEST(NodeStateTest, ReadsWhatItWrites) {
  ASSERT_OK_AND_ASSIGN(const NodeState state,
                       ParseNodeState(NodeStateToJson(Good())));
  EXPECT_EQ(state.cluster_id, Good().cluster_id);
  EXPECT_EQ(state.role, "control-plane");
  EXPECT_EQ(state.node_name, "cp-0");
  EXPECT_EQ(state.measurement_salt, Good().measurement_salt);
}

TEST(NodeStateTest, WorkersHaveNoSalt) {
  NodeState worker = Good();
  worker.role = "worker";
  worker.measurement_salt.clear();
  ASSERT_OK_AND_ASSIGN(const NodeState state,
                       ParseNodeState(NodeStateToJson(worker)));
  EXPECT_TRUE(state.measurement_salt.empty());
}

TEST(NodeStateTest, RefusesDamage) {
  const Json good = Json::parse(NodeStateToJson(Good()));
  for (const auto& [field, value] :
       {std::pair<const char*, Json>{"clusterID", "00"},
        {"clusterID", 5},
        {"clusterID", nullptr},
        {"role", "king"},
        {"role", true},
        {"nodeName", "A b"},
        {"measurementSalt", "zz"}}) {
    Json damaged = good;
    damaged[field] = value;
    EXPECT_THAT(ParseNodeState(damaged.dump()),
                StatusIs(absl::StatusCode::kDataLoss))
        << damaged.dump();
  }
  for (const char* field : {"clusterID", "role", "nodeName"}) {
    Json damaged = good;
    damaged.erase(field);
    EXPECT_THAT(ParseNodeState(damaged.dump()),
                StatusIs(absl::StatusCode::kDataLoss))
        << field;
  }
  EXPECT_THAT(ParseNodeState("[]"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ParseNodeState("{"), StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace constellation::bootstrapper
