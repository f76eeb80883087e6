// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/node_state.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/testing/status_matchers.h"

namespace constellation::disk_mapper {
namespace {

using ::constellation::testing::StatusIs;

const std::string kId(64, 'a');

std::string State(const std::string& id, const std::string& name) {
  return fmt::format(R"({{"clusterID":"{}","nodeName":"{}","role":"worker"}})",
                     id, name);
}

TEST(NodeStateTest, ReadsTheOwner) {
  ASSERT_OK_AND_ASSIGN(const DiskOwner owner,
                       OwnerInNodeState(State(kId, "worker-0")));
  EXPECT_EQ(owner.cluster_id, Bytes(32, 0xaa));
  EXPECT_EQ(owner.node_name, "worker-0");
}

TEST(NodeStateTest, RefusesWhatIsNoObject) {
  for (const char* bad : {"", "[]", "{", "null", "\"x\"", "{} {}"}) {
    EXPECT_THAT(OwnerInNodeState(bad),
                StatusIs(absl::StatusCode::kDataLoss,
                         "node_state.json: want a JSON object"))
        << bad;
  }
}

TEST(NodeStateTest, RefusesMissingClusterId) {
  for (const char* bad :
       {"{}", R"({"clusterID":1})", R"({"clusterID":null})"}) {
    EXPECT_THAT(OwnerInNodeState(bad),
                StatusIs(absl::StatusCode::kDataLoss,
                         "node_state.json: want a string clusterID"));
  }
}

TEST(NodeStateTest, RefusesOtherClusterIds) {
  for (const std::string& bad :
       {std::string(), kId.substr(2), kId + "aa", std::string(64, 'x')}) {
    EXPECT_THAT(OwnerInNodeState(State(bad, "n")),
                StatusIs(absl::StatusCode::kDataLoss,
                         "node_state.json: clusterID: want 32 bytes in hex"));
  }
}

// Without a name any node's key would open the disk.
TEST(NodeStateTest, RefusesMissingName) {
  for (const std::string& bad :
       {State(kId, ""), fmt::format(R"({{"clusterID":"{}"}})", kId),
        fmt::format(R"({{"clusterID":"{}","nodeName":5}})", kId)}) {
    EXPECT_THAT(OwnerInNodeState(bad),
                StatusIs(absl::StatusCode::kDataLoss,
                         "node_state.json: want a string nodeName"));
  }
}

}  // namespace
}  // namespace constellation::disk_mapper
