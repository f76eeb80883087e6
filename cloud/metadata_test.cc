// SPDX-License-Identifier: Apache-2.0
#include "cloud/metadata.h"

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;

TEST(NodeRole, NamesRoundTrip) {
  for (const NodeRole role : {NodeRole::kControlPlane, NodeRole::kWorker}) {
    EXPECT_THAT(ParseNodeRole(NodeRoleName(role)), IsOkAndHolds(role));
  }
  EXPECT_THAT(ParseNodeRole("Worker"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(IsNodeName, AcceptsLabelsOnly) {
  EXPECT_TRUE(IsNodeName("control-plane-1"));
  EXPECT_TRUE(IsNodeName(std::string(63, 'a')));
  for (const char* name :
       {"", "-a", "a-", "A", "a.b", "a/b", "..", "a b", "\xc3\xa4"}) {
    EXPECT_FALSE(IsNodeName(name)) << name;
  }
  EXPECT_FALSE(IsNodeName(std::string(64, 'a')));
}

}  // namespace
}  // namespace constellation::cloud
