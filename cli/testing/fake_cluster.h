// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_TESTING_FAKE_CLUSTER_H_
#define CONSTELLATION_CLI_TESTING_FAKE_CLUSTER_H_

#include <gtest/gtest.h>

#include <string>

#include "cli/apply/infrastructure_phase.h"
#include "cli/cluster/cluster_keys.h"
#include "cli/config/config.h"
#include "cli/testing/fake_world.h"
#include "cli/testing/recording_progress.h"
#include "cli/workspace/workspace.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli::testing {

// A workspace and a pretended world, for tests of single phases: the VMs of
// DefaultMiniConfig() are made by CreateMachines(), the rest is up to the test.
class FakeClusterTest : public ::testing::Test {
 protected:
  static constexpr char kControlPlane[] = "mini-control-plane-0";
  static constexpr char kWorker[] = "mini-worker-0";

  FakeClusterTest()
      : workspace_(*Workspace::Open(folder_.path())),
        config_(DefaultMiniConfig()),
        all_tools_(world_.Tools()),
        tools_{all_tools_.platform,        all_tools_.node_api,
               all_tools_.connect_cluster, all_tools_.inspect_image,
               all_tools_.clock,           progress_} {}

  absl::Status CreateMachines() {
    return CreateInfrastructure(workspace_, config_, state_, tools_);
  }
  ClusterKeys Keys() const {
    return *ClusterKeys::Create(secret_,
                                state_.cluster_values.measurement_salt);
  }
  // CreateMachines() and the keys of what was made.
  ClusterKeys KeysOfNewMachines() {
    const absl::Status status = CreateMachines();
    EXPECT_TRUE(status.ok()) << status;
    progress_.Clear();
    return Keys();
  }
  StateNode& Node(const std::string& name) {
    for (StateNode& node : state_.infrastructure.qemu.nodes) {
      if (node.name == name) {
        return node;
      }
    }
    ADD_FAILURE() << "no node " << name;
    return state_.infrastructure.qemu.nodes.front();
  }

  constellation::testing::TempDir folder_;
  FakeWorld world_;
  RecordingProgress progress_;
  Workspace workspace_;
  Config config_;
  State state_;
  MasterSecret secret_ = GenerateMasterSecret();
  ClusterTools all_tools_;
  ClusterTools tools_;
};

}  // namespace constellation::cli::testing

#endif  // CONSTELLATION_CLI_TESTING_FAKE_CLUSTER_H_
