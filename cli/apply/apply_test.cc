// SPDX-License-Identifier: Apache-2.0
#include "cli/apply/apply.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>
#include <string>

#include "cli/config/config.h"
#include "cli/exit_code.h"
#include "cli/terminal/interrupt.h"
#include "cli/testing/fake_world.h"
#include "cli/workspace/workspace.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli {
namespace {

using cloud::qemu::PowerState;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::Contains;
using testing::FakeNode;
using testing::FakeWorld;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kControlPlane[] = "mini-control-plane-0";
constexpr char kWorker[] = "mini-worker-0";

class ApplyTest : public ::testing::Test {
 protected:
  ApplyTest() { WriteConfig(DefaultMiniConfig()); }
  ~ApplyTest() override { SetInterruptedForTesting(false); }

  Workspace Open() const { return *Workspace::Open(folder_.path()); }
  void WriteConfig(const Config& config) const {
    EXPECT_THAT(WriteFileAtomically(Open().config_path(), RenderConfig(config)),
                IsOk());
  }
  absl::Status Run(const std::set<Phase>& skip = {}) {
    ClusterTools tools = world_.Tools();
    return Apply(Open(), skip, tools);
  }
  State LoadedState() const { return *Open().LoadState(); }

  TempDir folder_;
  FakeWorld world_;
};

TEST_F(ApplyTest, MakesClusterFromNothing) {
  ASSERT_THAT(Run(), IsOk());

  const State state = LoadedState();
  EXPECT_EQ(state.cluster_values.cluster_id, HexEncode(world_.cluster_id));
  ASSERT_EQ(state.infrastructure.qemu.nodes.size(), 2U);
  for (const StateNode& node : state.infrastructure.qemu.nodes) {
    const auto tpm = world_.node(node.name).tpm->enrolled();
    EXPECT_EQ(node.ak_name, HexEncode(tpm.ak_name));
    EXPECT_EQ(node.ek_certificate_sha256, HexEncode(tpm.ek_certificate_sha256));
  }
  ASSERT_OK_AND_ASSIGN(const MasterSecret secret, Open().LoadMasterSecret());
  EXPECT_EQ(HexEncode(secret.key.Expose()), world_.master_seen);
  ASSERT_OK_AND_ASSIGN(const std::string kubeconfig,
                       ReadFile(Open().kubeconfig_path()));
  EXPECT_THAT(kubeconfig, HasSubstr("https://127.0.0.1:"));
  for (const std::string& path :
       {Open().state_path(), Open().master_secret_path(),
        Open().kubeconfig_path()}) {
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << path;
  }
}

TEST_F(ApplyTest, MetadataGetsHashOfInitSecretOnly) {
  ASSERT_THAT(Run(), IsOk());
  const std::string secret = LoadedState().infrastructure.init_secret;
  ASSERT_EQ(secret.size(), 64U);
  EXPECT_NE(world_.init_secret_hash, secret);
  EXPECT_THAT(world_.enrolled_tpms, HasSubstr(kWorker));
}

TEST_F(ApplyTest, SecondRunChangesNothing) {
  ASSERT_THAT(Run(), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string state, ReadFile(Open().state_path()));
  ASSERT_OK_AND_ASSIGN(const std::string secret,
                       ReadFile(Open().master_secret_path()));
  ASSERT_THAT(Run(), IsOk());
  EXPECT_EQ(world_.init_calls, 1);
  EXPECT_EQ(*ReadFile(Open().state_path()), state);
  EXPECT_EQ(*ReadFile(Open().master_secret_path()), secret);
}

// The heart of "resumable at any point": the command dies before or after each
// single thing it does; the next run must end with a whole cluster, with the
// master secret and the pins of the first run.
TEST_F(ApplyTest, ContinuesAfterCrashAtAnyOperation) {
  ASSERT_THAT(Run(), IsOk());
  const int operations = static_cast<int>(world_.log().size());
  ASSERT_GT(operations, 10);
  for (int n = 1; n <= operations; ++n) {
    for (const bool after : {false, true}) {
      SCOPED_TRACE(fmt::format("operation {} {}", n, after));
      const TempDir folder;
      const Workspace workspace = *Workspace::Open(folder.path());
      ASSERT_THAT(WriteFileAtomically(workspace.config_path(),
                                      RenderConfig(DefaultMiniConfig())),
                  IsOk());
      FakeWorld world;
      world.CrashAt(n, after);
      ClusterTools tools = world.Tools();
      const absl::Status first = Apply(workspace, {}, tools);
      SCOPED_TRACE(first.ToString());
      const absl::StatusOr<MasterSecret> before = workspace.LoadMasterSecret();
      const absl::StatusOr<State> state_before = workspace.LoadState();
      world.StopCrashing();
      ASSERT_THAT(Apply(workspace, {}, tools), IsOk());
      ASSERT_OK_AND_ASSIGN(const MasterSecret secret,
                           workspace.LoadMasterSecret());
      EXPECT_EQ(HexEncode(secret.key.Expose()), world.master_seen);
      if (before.ok()) {
        EXPECT_TRUE(before->key.EqualsConstantTime(secret.key));
      }
      ASSERT_OK_AND_ASSIGN(const State state, workspace.LoadState());
      EXPECT_EQ(state.infrastructure.uid, world.uid);
      EXPECT_EQ(state.cluster_values.cluster_id, HexEncode(world.cluster_id));
      if (state_before.ok()) {
        EXPECT_EQ(state.infrastructure.uid, state_before->infrastructure.uid);
      }
      EXPECT_EQ(world.nodes_.size(), 2U);
    }
  }
}

TEST_F(ApplyTest, TakesKubeconfigAgainWhenItWasLost) {
  ASSERT_THAT(Run(), IsOk());
  ASSERT_EQ(unlink(Open().kubeconfig_path().c_str()), 0);
  ASSERT_THAT(Run(), IsOk());
  EXPECT_EQ(world_.init_calls, 2);
  EXPECT_TRUE(FileExists(Open().kubeconfig_path()));
}

TEST_F(ApplyTest, WaitsForNodeThatBoots) {
  world_.unavailable_inits = 5;
  ASSERT_THAT(Run(), IsOk());
  EXPECT_EQ(world_.init_calls, 6);
}

TEST_F(ApplyTest, GivesUpOnNodeThatNeverAnswers) {
  world_.unavailable_inits = 1000000;
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kDeadlineExceeded,
                              HasSubstr(kControlPlane)));
  EXPECT_FALSE(FileExists(Open().kubeconfig_path()));
}

TEST_F(ApplyTest, SendsNothingToNodeWithAnotherImage) {
  world_.unavailable_inits = 1;
  world_.on_sleep = [this] {
    crypto::Sha256Digest other{};
    other.fill(0xEE);
    world_.node(kControlPlane).tpm->SetPcr(4, other);
  };
  const absl::Status status = Run();
  EXPECT_TRUE(IsRefusal(status)) << status;
  EXPECT_EQ(ExitCodeOf(status), ExitCode::kRefused);
  EXPECT_THAT(std::string(status.message()), HasSubstr("PCR4"));
  EXPECT_EQ(world_.master_seen, "");
}

TEST_F(ApplyTest, SendsNothingToNodeWithAnotherTpm) {
  world_.unavailable_inits = 1;
  world_.on_sleep = [this] {
    FakeNode& node = world_.node(kControlPlane);
    node.tpm = std::make_unique<constellation::testing::SoftwareTpm>();
    for (const auto& [index, digest] : FakeWorld::ImageProfile().pcrs) {
      node.tpm->SetPcr(index, digest);
    }
  };
  EXPECT_TRUE(IsRefusal(Run()));
  EXPECT_EQ(world_.master_seen, "");
}

TEST_F(ApplyTest, SendsNothingToWorkerInControlPlanesPlace) {
  world_.unavailable_inits = 1;
  world_.on_sleep = [this] {
    std::swap(world_.node(kControlPlane).tpm, world_.node(kWorker).tpm);
    world_.on_sleep = [] {};
  };
  const absl::Status status = Run();
  EXPECT_TRUE(IsRefusal(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(kWorker));
  EXPECT_EQ(world_.master_seen, "");
}

TEST_F(ApplyTest, SendsNothingToMemberOfAnotherCluster) {
  world_.unavailable_inits = 1;
  world_.on_sleep = [this] {
    crypto::Sha256Digest other{};
    other.fill(0xAA);
    world_.node(kControlPlane).tpm->SetPcr(15, other);
  };
  const absl::Status status = Run();
  EXPECT_TRUE(IsRefusal(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("PCR15"));
}

TEST_F(ApplyTest, StartsNodesThatWentOff) {
  ASSERT_THAT(Run(), IsOk());
  world_.node(kWorker).power = PowerState::kStopped;
  ASSERT_THAT(Run(), IsOk());
  EXPECT_EQ(world_.node(kWorker).power, PowerState::kRunning);
}

TEST_F(ApplyTest, RestartsNodeThatDiesWhileWaiting) {
  world_.unavailable_inits = 1;
  int deaths = 0;
  world_.on_sleep = [&] {
    if (++deaths == 1) {
      world_.node(kControlPlane).power = PowerState::kStopped;
    }
  };
  EXPECT_THAT(Run(), IsOk());
}

TEST_F(ApplyTest, GivesUpOnNodeThatDiesAgainAndAgain) {
  world_.unavailable_inits = 1000;
  world_.on_sleep = [&] {
    world_.node(kControlPlane).power = PowerState::kStopped;
  };
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition,
                              HasSubstr("went off 5 times")));
}

TEST_F(ApplyTest, GivesKeysToNodesThatWaitAfterPowerCut) {
  ASSERT_THAT(Run(), IsOk());
  for (const char* name : {kControlPlane, kWorker}) {
    FakeNode& node = world_.node(name);
    node.waits_for_key = true;
    node.joined = false;
    node.tpm->SetPcr(15, {});
    node.boot_status =
        R"({"component":"disk-mapper","phase":"recovery","state":"waiting"})";
  }
  ASSERT_THAT(Run(), IsOk());
  EXPECT_FALSE(world_.node(kControlPlane).waits_for_key);
  EXPECT_FALSE(world_.node(kWorker).waits_for_key);
}

TEST_F(ApplyTest, SurvivesDeathOfTheSupervisor) {
  world_.unavailable_inits = 1;
  world_.on_sleep = [this] {
    world_.supervisor_dead = true;
    world_.on_sleep = [] {};
  };
  EXPECT_THAT(Run(), IsOk());
}

TEST_F(ApplyTest, RefusesMasterSecretOfAnotherCluster) {
  ASSERT_THAT(Run(), IsOk());
  const MasterSecret other = GenerateMasterSecret();
  ASSERT_THAT(WriteFileAtomically(Open().master_secret_path(),
                                  RenderMasterSecret(other)),
              IsOk());
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition,
                              HasSubstr("does not belong to this cluster")));
}

TEST_F(ApplyTest, MakesNoNewMasterSecretForInitialisedCluster) {
  ASSERT_THAT(Run(), IsOk());
  ASSERT_EQ(unlink(Open().master_secret_path().c_str()), 0);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(FileExists(Open().master_secret_path()));
}

TEST_F(ApplyTest, ReusesMasterSecretThatWasThereBefore) {
  const MasterSecret mine = GenerateMasterSecret();
  ASSERT_THAT(CreateFileExclusively(Open().master_secret_path(),
                                    RenderMasterSecret(mine)),
              IsOk());
  ASSERT_THAT(Run(), IsOk());
  EXPECT_EQ(world_.master_seen, HexEncode(mine.key.Expose()));
}

TEST_F(ApplyTest, RefusesImageThatIsNotTheConfiguredOne) {
  Config config = DefaultMiniConfig();
  for (const uint32_t index : {4U, 9U, 11U}) {
    config.measurements[index].expected = std::string(64, 'a');
  }
  WriteConfig(config);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition,
                              HasSubstr("PCR 4: config aaaa")));
  EXPECT_FALSE(FileExists(Open().state_path()));
  EXPECT_FALSE(world_.exists);
}

TEST_F(ApplyTest, LeavesNothingWhenImageIsMissing) {
  world_.image_status = absl::NotFoundError("node image: no such file");
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(FileExists(Open().state_path()));
  EXPECT_FALSE(FileExists(Open().master_secret_path()));
}

TEST_F(ApplyTest, RefusesMachinesOfAnotherCluster) {
  ASSERT_THAT(Run(), IsOk());
  world_.uid = "other";
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition,
                              HasSubstr("belong to cluster other")));
}

TEST_F(ApplyTest, RefusesMachinesThatTheStateFileDoesNotKnow) {
  ASSERT_THAT(Run(), IsOk());
  ASSERT_EQ(unlink(Open().state_path().c_str()), 0);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition,
                              HasSubstr("terminate")));
}

TEST_F(ApplyTest, RefusesNewName) {
  ASSERT_THAT(Run(), IsOk());
  Config config = DefaultMiniConfig();
  config.name = "other";
  WriteConfig(config);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition,
                              HasSubstr("name cannot be changed")));
}

TEST_F(ApplyTest, AddsNodesOfGrownGroup) {
  ASSERT_THAT(Run(), IsOk());
  Config config = DefaultMiniConfig();
  config.node_groups[std::string(kWorkerGroup)].initial_count = 2;
  WriteConfig(config);
  ASSERT_THAT(Run(), IsOk());
  EXPECT_TRUE(world_.HasNode("mini-worker-1"));
  EXPECT_EQ(world_.node("mini-worker-1").power, PowerState::kRunning);
  // Both the cluster's policy and the metadata know it.
  EXPECT_THAT(world_.policy, HasSubstr("mini-worker-1"));
  EXPECT_THAT(world_.enrolled_tpms, HasSubstr("mini-worker-1"));
  EXPECT_EQ(world_.init_calls, 1);
}

TEST_F(ApplyTest, WritesPolicyOnlyWhenItChanged) {
  ASSERT_THAT(Run(), IsOk());
  EXPECT_FALSE(world_.WasCalled("set policy"));
  world_.policy = R"({"version": 1, "profiles": []})";
  ASSERT_THAT(Run(), IsOk());
  EXPECT_TRUE(world_.WasCalled("set policy"));
  EXPECT_THAT(world_.policy, HasSubstr(kWorker));
}

TEST_F(ApplyTest, CreateMakesMachinesOnly) {
  ASSERT_THAT(Run({Phase::kInit, Phase::kAttestationConfig, Phase::kNodes}),
              IsOk());
  EXPECT_EQ(world_.node(kWorker).power, PowerState::kRunning);
  EXPECT_EQ(world_.init_calls, 0);
  EXPECT_FALSE(FileExists(Open().master_secret_path()));
}

TEST_F(ApplyTest, InitWithoutMachinesSaysWhatToDo) {
  EXPECT_THAT(Run({Phase::kInfrastructure}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("constellation create")));
}

TEST_F(ApplyTest, InitFollowsCreate) {
  ASSERT_THAT(Run({Phase::kInit, Phase::kAttestationConfig, Phase::kNodes}),
              IsOk());
  ASSERT_THAT(Run({Phase::kInfrastructure}), IsOk());
  EXPECT_TRUE(LoadedState().IsInitialized());
}

TEST_F(ApplyTest, InterruptStopsWithoutLoss) {
  world_.unavailable_inits = 1;
  world_.on_sleep = [] { SetInterruptedForTesting(true); };
  const absl::Status status = Run();
  EXPECT_EQ(ExitCodeOf(status), ExitCode::kInterrupted) << status;
  SetInterruptedForTesting(false);
  EXPECT_THAT(Run(), IsOk());
}

TEST_F(ApplyTest, NeedsKubernetesVersionFromSomewhere) {
  world_.kubernetes_version = "";
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition,
                              HasSubstr("kubernetesVersion")));
  EXPECT_FALSE(world_.HasNode("mini-control-plane-0")) << "created in vain";
}

TEST(PhaseTest, KnowsItsNames) {
  for (const Phase phase : AllPhases()) {
    ASSERT_OK_AND_ASSIGN(const Phase parsed, ParsePhase(PhaseName(phase)));
    EXPECT_EQ(parsed, phase);
  }
  EXPECT_THAT(ParsePhase("infrastucture"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("did you mean infrastructure?")));
}

}  // namespace
}  // namespace constellation::cli
