// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_TESTING_CLOUD_WORKSPACE_H_
#define CONSTELLATION_CLI_TESTING_CLOUD_WORKSPACE_H_

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "cli/apply/apply.h"
#include "cli/cloud/cloud_infrastructure.h"
#include "cli/config/config.h"
#include "cli/terminal/interrupt.h"
#include "cli/testing/fake_cloud.h"
#include "cli/testing/fake_world.h"
#include "cli/workspace/workspace.h"
#include "common/files.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli::testing {

// A configuration of AWS that every command accepts, for the image of
// FakeWorld: three control-plane nodes, one worker.
inline Config CloudTestConfig() {
  Config config = DefaultCloudConfig("aws", "aws-sev-snp");
  config.image = "ami-1";
  config.name = "demo";
  config.kubernetes_version = "v1.20.2";
  config.allowed_sources = {"203.0.113.7/32"};
  auto& aws = std::get<cloud::AwsSettings>(config.cloud);
  aws.region = "eu-west-1";
  aws.zone = "eu-west-1a";
  aws.iam_profile_control_plane = "demo_cp";
  aws.iam_profile_worker_nodes = "demo_worker";
  for (const uint32_t pcr : {4U, 9U, 11U}) {
    config.measurements[pcr].expected = std::string(64, 'a');
  }
  config.attestation_layers =
      R"({"sevSnp":{"allowVlek":true,"insecureAnyMeasurement":true,)"
      R"("products":{"Milan":{"minimumTCB":)"
      R"({"bootLoader":4,"tee":0,"snp":24,"microcode":219}}}}})";
  return config;
}

// A workspace with that configuration, a fake cloud and its machines.
class CloudWorkspace : public ::testing::Test {
 protected:
  CloudWorkspace() {
    WriteConfig(CloudTestConfig());
    world_.balancer = [this](uint16_t /*port*/) { return FirstAtBalancer(); };
  }
  ~CloudWorkspace() override { SetInterruptedForTesting(false); }

  Workspace Open() const { return *Workspace::Open(folder_.path()); }
  void WriteConfig(const Config& config) const {
    EXPECT_TRUE(
        WriteFileAtomically(Open().config_path(), RenderConfig(config)).ok());
  }
  State LoadedState() const { return *Open().LoadState(); }
  Config LoadedConfig() const { return *Open().LoadConfig(); }

  // The first machine; what a balancer with one healthy target does.
  FakeNode* FirstAtBalancer() {
    return world_.HasNode("demo-control-plane-0")
               ? &world_.node("demo-control-plane-0")
               : nullptr;
  }
  // Tools of one run, on the cloud's clock.
  ClusterTools Tools() {
    cloud_tools_ = cloud_.Tools();
    ClusterTools base = world_.Tools();
    return {base.platform,      base.node_api, base.connect_cluster,
            base.inspect_image, cloud_.clock,  base.progress,
            &cloud_tools_};
  }
  absl::Status Run(const std::set<Phase>& skip = {}) {
    ClusterTools tools = Tools();
    return Apply(Open(), skip, tools);
  }
  absl::Status Create() {
    return Run({Phase::kInit, Phase::kAttestationConfig, Phase::kNodes});
  }
  absl::Status Remove() {
    ClusterTools tools = Tools();
    return RemoveCloudInfrastructure(Open(), LoadedConfig(), LoadedState(),
                                     tools);
  }

  constellation::testing::TempDir folder_;
  FakeWorld world_;
  FakeCloud cloud_{world_};
  CloudTools cloud_tools_;
};

}  // namespace constellation::cli::testing

#endif  // CONSTELLATION_CLI_TESTING_CLOUD_WORKSPACE_H_
