// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/cluster_initializer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "bootstrapper/testing/node_fixture.h"
#include "crypto/key_hierarchy.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kAdmin[] = "apiVersion: v1\nkind: Config\n";

class ClusterInitializerTest : public testing::NodeFixture {
 protected:
  ClusterInitializerTest() {
    runner_.On("kubeadm init", [this] {
      EXPECT_THAT(WriteFileAtomically(paths_.AdminKubeconfig(), kAdmin),
                  IsOk());
      return CommandResult{};
    });
  }

  absl::StatusOr<InitOutcome> Run(const InitParameters& parameters) {
    ClusterInitializer initializer(MakeNode(), cluster_.Connector());
    return initializer.Run(parameters, [this](std::string_view phase) {
      phases_.emplace_back(phase);
    });
  }

  static Bytes ExpectedClusterId() {
    const InitParameters parameters = testing::GoodParameters();
    const auto keys = crypto::KeyHierarchy::Create(
        parameters.master_key.Clone(), parameters.master_salt);
    return *keys->ClusterId(parameters.measurement_salt);
  }

  std::vector<std::string> phases_;
};

TEST_F(ClusterInitializerTest, GivesKubeconfigAndClusterId) {
  ASSERT_OK_AND_ASSIGN(const InitOutcome outcome,
                       Run(testing::GoodParameters()));
  EXPECT_EQ(outcome.kubeconfig, kAdmin);
  EXPECT_EQ(outcome.cluster_id, ExpectedClusterId());
  EXPECT_EQ(mark_.cluster_id(), ExpectedClusterId());
  EXPECT_EQ(lock_.holder(), NodeLock::Holder::kInit);
  EXPECT_FALSE(NodeLock(paths_.NodeLock(), paths_.Committed()).WasAbandoned());
}

TEST_F(ClusterInitializerTest, DoesThingsInTheOneSafeOrder) {
  ASSERT_THAT(Run(testing::GoodParameters()), IsOk());
  EXPECT_THAT(phases_,
              ElementsAre("validate", "format-state-disk", "mark-member",
                          "start-containerd", "kubeadm-init",
                          "start-pod-network", "apply-objects", "commit"));
  EXPECT_EQ(runner_.Position("disk-mapper format --uuid "), 0);
  EXPECT_LT(runner_.Position("systemctl start --no-block containerd"),
            runner_.Position("kubeadm init"));
  EXPECT_EQ(runner_.lines().back(), "disk-mapper commit");
}

TEST_F(ClusterInitializerTest, MarksTheTpmOnlyBehindTheFormattedDisk) {
  mark_.set_before([this] {
    EXPECT_TRUE(runner_.Ran("disk-mapper format"));
    EXPECT_FALSE(runner_.Ran("systemctl"));
    EXPECT_FALSE(FileExists(paths_.NodeState()));
  });
  ASSERT_THAT(Run(testing::GoodParameters()), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string json, ReadFile(paths_.NodeState()));
  ASSERT_OK_AND_ASSIGN(const NodeState state, ParseNodeState(json));
  EXPECT_EQ(state.cluster_id, ExpectedClusterId());
  EXPECT_EQ(state.role, "control-plane");
  EXPECT_EQ(state.node_name, "control-plane-0");
  EXPECT_EQ(state.measurement_salt, testing::GoodParameters().measurement_salt);
}

TEST_F(ClusterInitializerTest, FormatsWithTheKeyOfThisDiskOnStandardInput) {
  ASSERT_THAT(Run(testing::GoodParameters()), IsOk());
  const std::string format = runner_.lines().front();
  const std::string uuid = format.substr(format.rfind(' ') + 1);
  ASSERT_TRUE(crypto::IsUuid(uuid)) << uuid;
  const InitParameters parameters = testing::GoodParameters();
  ASSERT_OK_AND_ASSIGN(
      const crypto::KeyHierarchy keys,
      crypto::KeyHierarchy::Create(parameters.master_key.Clone(),
                                   parameters.master_salt));
  ASSERT_OK_AND_ASSIGN(const SecretBytes key, keys.StateDiskKey(uuid));
  EXPECT_EQ(runner_.InputOf("disk-mapper format"),
            std::string(AsText(key.Expose())));
}

TEST_F(ClusterInitializerTest, ProbesGetTheTimeThatThisMachineNeeds) {
  ASSERT_THAT(Run(testing::GoodParameters()), IsOk());
  EXPECT_TRUE(runner_.Ran("kubeadm init --config " + paths_.KubeadmConfig() +
                          " --experimental-patches " + paths_.KubeadmPatches() +
                          " "));
  // The probes' 15 s, stretched by the time scale of the parameters.
  ASSERT_OK_AND_ASSIGN(
      const std::string patch,
      ReadFile(paths_.KubeadmPatches() + "/kube-apiserver+strategic.json"));
  EXPECT_THAT(patch, HasSubstr("\"timeoutSeconds\": 150"));
}

TEST_F(ClusterInitializerTest, NoSecretIsEverAnArgumentOrInKubeadmsFile) {
  ASSERT_THAT(Run(testing::GoodParameters()), IsOk());
  ASSERT_OK_AND_ASSIGN(std::string seen, ReadFile(paths_.KubeadmConfig()));
  for (const std::string& line : runner_.lines()) {
    seen += line;
  }
  const InitParameters parameters = testing::GoodParameters();
  for (const SecretBytes* secret :
       {&parameters.init_secret, &parameters.master_key}) {
    EXPECT_THAT(seen, Not(HasSubstr(HexEncode(secret->Expose()))));
    EXPECT_THAT(seen, Not(HasSubstr(Base64Encode(secret->Expose()))));
    EXPECT_THAT(seen, Not(HasSubstr(std::string(AsText(secret->Expose())))));
  }
}

TEST_F(ClusterInitializerTest, InvalidParametersChangeNothing) {
  InitParameters parameters = testing::GoodParameters();
  parameters.pod_cidr = "10.244.0.1/16";
  EXPECT_THAT(Run(parameters), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(runner_.lines(), ElementsAre());
  EXPECT_TRUE(mark_.cluster_id().empty());
  EXPECT_EQ(lock_.holder(), NodeLock::Holder::kNone);
  EXPECT_FALSE(FileExists(paths_.NodeLock()));
}

TEST_F(ClusterInitializerTest, ANodeThatJoinsIsNotTouched) {
  ASSERT_THAT(lock_.TryLock(NodeLock::Holder::kJoin), IsOk());
  EXPECT_THAT(Run(testing::GoodParameters()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("held by join")));
  EXPECT_THAT(runner_.lines(), ElementsAre());
  EXPECT_TRUE(mark_.cluster_id().empty());
}

TEST_F(ClusterInitializerTest, ASecondRunIsRefused) {
  ASSERT_THAT(Run(testing::GoodParameters()), IsOk());
  const size_t commands = runner_.lines().size();
  EXPECT_THAT(Run(testing::GoodParameters()),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(runner_.lines().size(), commands);
}

TEST_F(ClusterInitializerTest, StoresSecretsAndConfigurationInTheApiServer) {
  ASSERT_THAT(
      WriteFileAtomically(paths_.Manifests() + "/10-service.yaml",
                          "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n"
                          "  name: joinservice\n  namespace: kube-system\n"),
      IsOk());
  ASSERT_THAT(Run(testing::GoodParameters()), IsOk());
  const InitParameters parameters = testing::GoodParameters();
  const Json* secret = cluster_.Find("Secret", "constellation-mastersecret");
  ASSERT_NE(secret, nullptr);
  EXPECT_EQ((*secret)["data"]["key"],
            Base64Encode(parameters.master_key.Expose()));
  EXPECT_EQ((*secret)["data"]["salt"], Base64Encode(parameters.master_salt));
  const Json* join = cluster_.Find("ConfigMap", "join-config");
  ASSERT_NE(join, nullptr);
  EXPECT_EQ((*join)["data"]["attestationConfig"],
            parameters.attestation_policy);
  EXPECT_EQ((*join)["binaryData"]["measurementSalt"],
            Base64Encode(parameters.measurement_salt));
  const Json* info = cluster_.Find("ConfigMap", "constellation-cluster");
  ASSERT_NE(info, nullptr);
  EXPECT_EQ((*info)["data"]["apiServerEndpoint"], "10.42.0.11:6443");
  EXPECT_EQ((*info)["data"]["timeScale"], "10");
  EXPECT_NE(cluster_.Find("ServiceAccount", "joinservice"), nullptr);
  EXPECT_THAT(cluster_.connected_with, ElementsAre(paths_.AdminKubeconfig()));
}

TEST_F(ClusterInitializerTest, WaitsForASlowApiServer) {
  int failures = 3;
  cluster_.on_apply = [&failures]() -> absl::Status {
    return failures-- > 0 ? Unavailable("not yet") : absl::OkStatus();
  };
  EXPECT_THAT(Run(testing::GoodParameters()), IsOk());
}

// Each step fails once: nothing behind it happens, above all no commit.
struct Failure {
  const char* name;
  const char* command;
  const char* never;
};

class FailureTest : public ClusterInitializerTest,
                    public ::testing::WithParamInterface<Failure> {};

TEST_P(FailureTest, StopsBeforeTheNextStep) {
  runner_.FailOn(GetParam().command, "broken\n");
  EXPECT_THAT(Run(testing::GoodParameters()),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("broken")));
  EXPECT_FALSE(runner_.Ran(GetParam().never));
  EXPECT_EQ(lock_.holder(), NodeLock::Holder::kInit);
  EXPECT_TRUE(NodeLock(paths_.NodeLock(), paths_.Committed()).WasAbandoned());
}

INSTANTIATE_TEST_SUITE_P(
    Steps, FailureTest,
    ::testing::Values(
        Failure{"Format", "disk-mapper format", "systemctl"},
        Failure{"Containerd", "systemctl start --no-block containerd",
                "kubeadm"},
        Failure{"Kubeadm", "kubeadm init", "disk-mapper commit"},
        Failure{"PodNetwork",
                "systemctl start --no-block constellation-pod-network",
                "disk-mapper commit"},
        Failure{"Commit", "disk-mapper commit", "disk-mapper reset"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(ClusterInitializerTest, StopsIfTheTpmRefuses) {
  mark_.set_status(Unavailable("tpm busy"));
  EXPECT_THAT(Run(testing::GoodParameters()),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_FALSE(FileExists(paths_.NodeState()));
  EXPECT_FALSE(runner_.Ran("systemctl"));
  EXPECT_FALSE(runner_.Ran("disk-mapper commit"));
}

TEST_F(ClusterInitializerTest, AnObjectThatIsRefusedIsNamed) {
  cluster_.on_apply = [] { return InvalidArgument("no"); };
  EXPECT_THAT(Run(testing::GoodParameters()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("Secret constellation-mastersecret")));
  EXPECT_FALSE(runner_.Ran("disk-mapper commit"));
}

TEST_F(ClusterInitializerTest, KubeadmsFailureShowsKubeletsLog) {
  runner_.FailOn("kubeadm init", "timed out waiting for the condition\n");
  runner_.OnOutput("journalctl --unit kubelet.service",
                   "failed to run Kubelet: no cgroups\n");
  EXPECT_THAT(Run(testing::GoodParameters()),
              StatusIs(absl::StatusCode::kInternal,
                       ::testing::AllOf(HasSubstr("timed out waiting"),
                                        HasSubstr("no cgroups"))));
}

TEST_F(ClusterInitializerTest, GivingUpResetsTellsReboots) {
  ASSERT_THAT(lock_.TryLock(NodeLock::Holder::kInit), IsOk());
  GiveUpNode(MakeNode(), Internal("kubeadm: boom"));
  EXPECT_THAT(runner_.lines(),
              ElementsAre("disk-mapper reset", "systemctl reboot"));
  EXPECT_EQ(LastStatus()["state"], "failed");
  EXPECT_THAT(LastStatus()["message"].get<std::string>(),
              HasSubstr("kubeadm: boom"));
  EXPECT_GE(clock_.Now(), absl::FromUnixSeconds(1'800'000'000 + 5));
}

TEST_F(ClusterInitializerTest, ClaimingNeedsTheLock) {
  NodeClaim claim;
  claim.holder = NodeLock::Holder::kJoin;
  EXPECT_THAT(ClaimNode(MakeNode(), claim, Ignore()),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_THAT(lock_.TryLock(NodeLock::Holder::kInit), IsOk());
  EXPECT_THAT(ClaimNode(MakeNode(), claim, Ignore()),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(runner_.lines(), ElementsAre());
}

}  // namespace
}  // namespace constellation::bootstrapper
