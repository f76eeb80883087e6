// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/command_runner.h"
#include "cli/workspace/state.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class VerifyCommandTest : public testing::CommandTest {};

TEST_F(VerifyCommandTest, NeedsAState) {
  EXPECT_EQ(Run({"verify"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("constellation-state.yaml"));
}

// Could not check (1) must not look like refused (2) nor verified (0).
TEST_F(VerifyCommandTest, ClusterThatWasNeverMadeIsUnchecked) {
  Write("constellation-state.yaml", "version: v1\n");
  EXPECT_EQ(Run({"verify"}), ExitCode::kError);
  EXPECT_EQ(out_, "");
}

// Whatever goes to standard output: a pipeline's log shows what was not seen.
TEST_F(VerifyCommandTest, WarnsIfNoNodeCouldRelay) {
  State state;
  state.infrastructure.uid = "0a1b2c3d";
  state.infrastructure.cluster_endpoint = "127.0.0.1";
  for (const uint32_t index : {4U, 9U, 11U}) {
    state.infrastructure.qemu.measurements[index] = {std::string(64, '4'),
                                                     /*warn_only=*/false};
  }
  StateNode node;
  node.name = "control-plane-0";
  node.role = std::string(kControlPlaneRole);
  node.ak_name = "000b" + std::string(64, 'f');
  node.ek_certificate_sha256 = std::string(64, 'e');
  node.ports.verification = 1;  // nobody listens there
  state.infrastructure.qemu.nodes = {node};
  state.cluster_values.cluster_id = std::string(64, 'c');
  state.cluster_values.measurement_salt = std::string(64, 'd');
  Write("constellation-state.yaml", RenderState(state));
  for (const char* format : {"table", "json", "junit"}) {
    EXPECT_EQ(Run({"--output", format, "verify"}), ExitCode::kError) << err_;
    EXPECT_THAT(err_, HasSubstr("Warning: no node could relay"));
    EXPECT_THAT(err_, HasSubstr("control-plane-0: "));
    EXPECT_THAT(out_, Not(HasSubstr("Warning")));
  }
}

TEST_F(VerifyCommandTest, SpoiltStateIsAnError) {
  Write("constellation-state.yaml", "version: v1\nversion: v1\n");
  EXPECT_EQ(Run({"verify"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("is there twice"));
}

}  // namespace
}  // namespace constellation::cli
