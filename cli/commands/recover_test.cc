// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/config/config.h"
#include "cli/testing/command_runner.h"
#include "cli/workspace/master_secret.h"
#include "cli/workspace/state.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;

class RecoverTest : public testing::CommandTest {
 protected:
  static State StateWithNode() {
    State state;
    state.infrastructure.uid = "01020304";
    state.infrastructure.name = "c";
    state.infrastructure.cluster_endpoint = "127.0.0.1";
    state.infrastructure.init_secret = std::string(64, '1');
    state.cluster_values.measurement_salt = std::string(64, '2');
    for (const uint32_t index : {4U, 9U, 11U}) {
      state.infrastructure.qemu.measurements[index].expected =
          std::string(64, 'a');
    }
    StateNode node;
    node.name = "c-control-plane-0";
    node.role = kControlPlaneRole;
    node.ek_certificate_sha256 = std::string(64, 'b');
    node.ak_name = "000b" + std::string(64, 'c');
    state.infrastructure.qemu.nodes.push_back(node);
    return state;
  }
};

TEST_F(RecoverTest, NeedsAState) {
  EXPECT_EQ(Run({"recover"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("constellation-state.yaml"));
}

TEST_F(RecoverTest, NeedsTheMasterSecret) {
  Write("constellation-state.yaml", RenderState(StateWithNode()));
  EXPECT_EQ(Run({"recover"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("constellation-mastersecret.json"));
}

// No port leads to the node, so it cannot be asked.
TEST_F(RecoverTest, NobodyWaitsIsNoError) {
  Write("constellation-state.yaml", RenderState(StateWithNode()));
  Write("constellation-mastersecret.json",
        RenderMasterSecret(GenerateMasterSecret()));
  EXPECT_EQ(Run({"recover"}), ExitCode::kSuccess) << err_;
  EXPECT_EQ(out_, "No node waits for recovery.\n");
  EXPECT_THAT(err_, HasSubstr("does not wait for a key"));
}

}  // namespace
}  // namespace constellation::cli
