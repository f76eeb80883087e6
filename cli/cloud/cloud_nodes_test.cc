// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/cloud_nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "cli/cloud/cloud_infrastructure.h"
#include "cli/cloud/cloud_verifier.h"
#include "cli/cluster/policy_builder.h"
#include "cli/exit_code.h"
#include "cli/testing/cloud_workspace.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using testing::CloudTestConfig;
using testing::FakeNode;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class CloudNodesTest : public testing::CloudWorkspace {
 protected:
  absl::StatusOr<ClusterKeys> Keys() const {
    const MasterSecret secret = *Open().LoadMasterSecret();
    return ClusterKeys::Create(secret,
                               LoadedState().cluster_values.measurement_salt);
  }
  // A machine after a power cut: it waits, and PCR15 is zero again.
  void LetWait(const std::string& name) {
    FakeNode& node = world_.node(name);
    node.waits_for_key = true;
    node.joined = false;
    node.tpm->SetPcr(15, {});
  }
};

TEST_F(CloudNodesTest, MakesClusterFromNothing) {
  ASSERT_THAT(Run(), IsOk());
  const State state = LoadedState();
  EXPECT_TRUE(state.IsInitialized());
  EXPECT_EQ(state.cluster_values.cluster_id, HexEncode(world_.cluster_id));
  EXPECT_THAT(state.infrastructure.cloud.first_node_ak, SizeIs(64));
  EXPECT_THAT(*ReadFile(Open().kubeconfig_path()),
              HasSubstr("https://127.0.0.1:6443"));
  // The cluster admits nodes by what the config demands.
  EXPECT_THAT(world_.policy, HasSubstr("aws-sev-snp"));
  EXPECT_THAT(state.infrastructure.cloud.attestation_profile,
              HasSubstr("aws-sev-snp"));
  EXPECT_EQ(WantedNodes(CloudTestConfig()), 4);
}

TEST_F(CloudNodesTest, RefusesIncompleteAttestationBeforeAnythingIsMade) {
  Config config = CloudTestConfig();
  config.measurements.clear();
  WriteConfig(config);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument,
                              HasSubstr("measurements is empty")));
  EXPECT_EQ(cloud_.memory.creations(), 0);
  // Machines alone need no judgement.
  EXPECT_THAT(Create(), IsOk());
}

TEST_F(CloudNodesTest, ChangedDemandsReachTheCluster) {
  ASSERT_THAT(Run(), IsOk());
  Config config = CloudTestConfig();
  config.measurements[4].expected = std::string(64, 'c');
  WriteConfig(config);
  ASSERT_THAT(Run(), IsOk());
  EXPECT_THAT(world_.policy, HasSubstr(std::string(64, 'c')));
  EXPECT_EQ(world_.init_calls, 1);
}

TEST_F(CloudNodesTest, EnrolledTpmsReachThePolicy) {
  ASSERT_THAT(Run(), IsOk());
  Config config = CloudTestConfig();
  config.enrolled_tpms =
      R"([{"nodeName":"n0","role":"worker","ekCertificateSHA256":")" +
      std::string(64, 'b') + R"(","akName":"000b)" + std::string(64, 'c') +
      R"("}])";
  State state = LoadedState();
  EXPECT_EQ(state.infrastructure.cloud.enrolled_tpms, "");
  ASSERT_THAT(TakeOverCloudAttestation(Open(), config, state), IsOk());
  ASSERT_OK_AND_ASSIGN(const attestation::Policy policy,
                       BuildPolicy(LoadedState()));
  ASSERT_THAT(policy.enrolled(), SizeIs(1));
  EXPECT_EQ(policy.enrolled()[0].node_name, "n0");
}

TEST_F(CloudNodesTest, SendsNothingToAnotherImage) {
  ASSERT_THAT(Create(), IsOk());
  crypto::Sha256Digest other{};
  other.fill(0xEE);
  world_.node("demo-control-plane-0").tpm->SetPcr(4, other);
  const absl::Status status = Run();
  EXPECT_TRUE(IsRefusal(status)) << status;
  EXPECT_EQ(ExitCodeOf(status), ExitCode::kRefused);
  EXPECT_EQ(world_.master_seen, "");
  EXPECT_EQ(LoadedState().infrastructure.cloud.first_node_ak, "");
}

TEST_F(CloudNodesTest, WaitsForNodeThatBoots) {
  world_.unavailable_inits = 4;
  ASSERT_THAT(Run(), IsOk());
  EXPECT_EQ(world_.init_calls, 5);
}

TEST_F(CloudNodesTest, GivesUpWithAdvice) {
  world_.balancer = [](uint16_t /*port*/) { return nullptr; };
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kDeadlineExceeded,
                              HasSubstr("--console NODE")));
}

// The answer to Init was lost. The balancer then offers another fresh node,
// which must not become a second cluster's first.
TEST_F(CloudNodesTest, OnlyTheFirstNodeIsEverInitialised) {
  ASSERT_THAT(Create(), IsOk());
  int picks = 0;
  world_.balancer = [this, &picks](uint16_t /*port*/) {
    ++picks;
    const bool second = picks > 1 && picks < 4;
    return &world_.node(second ? "demo-control-plane-1"
                               : "demo-control-plane-0");
  };
  world_.CrashAt(1, /*after=*/true);  // the log begins anew: Init is first
  EXPECT_FALSE(Run().ok());
  world_.StopCrashing();
  const std::string pinned = LoadedState().infrastructure.cloud.first_node_ak;
  ASSERT_THAT(pinned, SizeIs(64));
  ASSERT_THAT(Run(), IsOk());
  EXPECT_EQ(LoadedState().infrastructure.cloud.first_node_ak, pinned);
  EXPECT_GE(picks, 4);
  EXPECT_EQ(LoadedState().cluster_values.cluster_id,
            HexEncode(world_.cluster_id));
}

TEST_F(CloudNodesTest, RecoversWhoeverTheBalancerOffers) {
  ASSERT_THAT(Run(), IsOk());
  const std::vector<std::string> names = {
      "demo-control-plane-0", "demo-control-plane-1", "demo-control-plane-2"};
  for (const std::string& name : names) {
    LetWait(name);
  }
  size_t pick = 0;
  world_.balancer = [&](uint16_t /*port*/) -> FakeNode* {
    for (size_t i = 0; i < names.size(); ++i) {
      FakeNode& node = world_.node(names[(pick + i) % names.size()]);
      if (node.waits_for_key) {
        ++pick;
        return &node;
      }
    }
    return nullptr;
  };
  ClusterTools tools = Tools();
  const State state = LoadedState();
  ASSERT_THAT(FindControlPlanes(LoadedConfig(), state, tools), IsOk());
  EXPECT_THAT(cloud_tools_.control_planes, SizeIs(3));
  ASSERT_OK_AND_ASSIGN(ClusterKeys keys, Keys());
  ASSERT_OK_AND_ASSIGN(const int recovered,
                       RecoverCloudNodes(tools, state, keys, absl::Minutes(2)));
  EXPECT_EQ(recovered, 3);
  for (const std::string& name : names) {
    EXPECT_FALSE(world_.node(name).waits_for_key);
  }
}

// "No node waits" would be a lie: one waits, and nobody could check it.
TEST_F(CloudNodesTest, ANodeThatCouldNotBeCheckedIsNotOverlooked) {
  ASSERT_THAT(Run(), IsOk());
  LetWait("demo-control-plane-0");
  ClusterTools tools = Tools();
  const State state = LoadedState();
  ASSERT_THAT(FindControlPlanes(LoadedConfig(), state, tools), IsOk());
  ASSERT_OK_AND_ASSIGN(ClusterKeys keys, Keys());
  const AppraiseCloudNode appraise = cloud_tools_.appraise;
  for (const absl::Status& why :
       {Unavailable("the vendor is down"), FailedPrecondition("offline")}) {
    cloud_tools_.appraise = [&](const auto&...) { return AsUnchecked(why); };
    EXPECT_THAT(RecoverCloudNodes(tools, state, keys, absl::Minutes(2)),
                StatusIs(why.code(), HasSubstr("could not be checked")));
    EXPECT_TRUE(world_.node("demo-control-plane-0").waits_for_key);
  }
  // Once the vendor answers again, all is well.
  int asked = 0;
  cloud_tools_.appraise = [&](const auto&... args) {
    return ++asked == 1 ? AsUnchecked(Unavailable("the vendor is down"))
                        : appraise(args...);
  };
  EXPECT_THAT(RecoverCloudNodes(tools, state, keys, absl::Minutes(2)),
              IsOkAndHolds(1));
}

TEST_F(CloudNodesTest, SendsNoKeyToAnotherImage) {
  ASSERT_THAT(Run(), IsOk());
  LetWait("demo-control-plane-0");
  crypto::Sha256Digest other{};
  other.fill(0xEE);
  world_.node("demo-control-plane-0").tpm->SetPcr(11, other);
  ClusterTools tools = Tools();
  const State state = LoadedState();
  ASSERT_THAT(FindControlPlanes(LoadedConfig(), state, tools), IsOk());
  ASSERT_OK_AND_ASSIGN(ClusterKeys keys, Keys());
  EXPECT_TRUE(IsRefusal(RecoverCloudNode(tools, state, keys)));
  EXPECT_TRUE(world_.node("demo-control-plane-0").waits_for_key);
}

TEST_F(CloudNodesTest, ApplyGivesKeysAfterPowerCut) {
  ASSERT_THAT(Run(), IsOk());
  for (const char* name : {"demo-control-plane-0", "demo-control-plane-1",
                           "demo-control-plane-2"}) {
    LetWait(name);
  }
  world_.balancer = [this](uint16_t /*port*/) -> FakeNode* {
    for (const auto& [name, node] : world_.nodes_) {
      if (node->waits_for_key) {
        return node.get();
      }
    }
    return nullptr;
  };
  EXPECT_THAT(Run(), IsOk());
}

}  // namespace
}  // namespace constellation::cli
