// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/node_joiner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "bootstrapper/etcd_join.h"
#include "bootstrapper/testing/fake_etcd.h"
#include "bootstrapper/testing/init_fixtures.h"
#include "bootstrapper/testing/node_fixture.h"
#include "bootstrapper/testing/ticket_fixtures.h"
#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::ControlPlaneTicket;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::WorkerTicket;

constexpr char kNodePath[] = "/api/v1/nodes/worker-0";
constexpr char kKubeadmJoin[] = "kubeadm join";

class NodeJoinerTest : public testing::NodeFixture {
 protected:
  NodeJoinerTest() {
    cluster_.objects[kNodePath] = {{"kind", "Node"}};
    ShowEtcd(cluster_, {"control-plane-0", "worker-0"},
             {"https://10.42.0.11:2379"});
    etcd_.StartAs("worker-0");
  }

  absl::Status Join(const IssuedTicket& issued) {
    Node node = MakeNode();
    node.self = testing::WorkerNode();
    NodeJoiner joiner(std::move(node), cluster_.Connector(), etcd_.Connector());
    TicketRequest request;
    request.disk_uuid = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
    request.node_name = "worker-0";
    return joiner.Join(issued.ticket, request, SecretBytes(AsBytes("KEY")));
  }
  // What kubeadm was told to leave out, run by run.
  std::vector<std::string> SkippedPhases() const {
    std::vector<std::string> skipped;
    for (const std::string& line : runner_.lines()) {
      constexpr std::string_view kSkip = "--skip-phases ";
      if (line.starts_with(kKubeadmJoin)) {
        skipped.push_back(line.substr(line.find(kSkip) + kSkip.size()));
      }
    }
    return skipped;
  }
  unsigned ModeOf(const std::string& path) const {
    struct stat status {};
    EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 0777U;
  }

  testing::FakeEtcd etcd_;
};

TEST_F(NodeJoinerTest, WorkerGoesAllTheWay) {
  ASSERT_THAT(Join(WorkerTicket()), IsOk());
  EXPECT_EQ(mark_.cluster_id(), Bytes(kClusterIdSize, 6));
  EXPECT_EQ(lock_.holder(), NodeLock::Holder::kJoin);
  EXPECT_TRUE(FileExists(paths_.Committed()));
  ASSERT_OK_AND_ASSIGN(const std::string json, ReadFile(paths_.NodeState()));
  ASSERT_OK_AND_ASSIGN(const NodeState state, ParseNodeState(json));
  EXPECT_EQ(state.role, "worker");
  EXPECT_EQ(state.node_name, "worker-0");
  EXPECT_FALSE(runner_.Ran(kKubeadmJoin));
  // In this order: a disk that is committed belongs to a node that is known.
  const int format = runner_.Position("disk-mapper format");
  const int containerd = runner_.Position("systemctl start containerd");
  const int kubelet = runner_.Position("systemctl start kubelet");
  const int commit = runner_.Position("disk-mapper commit");
  EXPECT_LE(0, format);
  EXPECT_LT(format, containerd);
  EXPECT_LT(containerd, kubelet);
  EXPECT_LT(kubelet, commit);
  EXPECT_EQ(runner_.InputOf("disk-mapper format"), std::string(32, '\x05'));
}

TEST_F(NodeJoinerTest, NodeOfInitIsLeftAlone) {
  ASSERT_THAT(lock_.TryLock(NodeLock::Holder::kInit), IsOk());
  EXPECT_THAT(Join(WorkerTicket()),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(runner_.lines().empty());
  EXPECT_TRUE(mark_.cluster_id().empty());
}

TEST_F(NodeJoinerTest, EveryStepMayFail) {
  for (const char* step : {"disk-mapper format", "systemctl start containerd",
                           "systemctl start kubelet", "disk-mapper commit"}) {
    NodeLock fresh(root_.Join("lock"), root_.Join("committed"));
    testing::FakeCommandRunner runner;
    runner.FailOn(step, "broken");
    NodeCommands commands(runner);
    Node node{
        testing::WorkerNode(), paths_, commands, mark_, fresh, status_, clock_};
    NodeJoiner joiner(std::move(node), cluster_.Connector(), etcd_.Connector());
    EXPECT_THAT(joiner.Join(WorkerTicket().ticket, {}, SecretBytes(4)),
                StatusIs(absl::StatusCode::kInternal, HasSubstr("broken")))
        << step;
    EXPECT_FALSE(FileExists(root_.Join("committed"))) << step;
    ASSERT_EQ(unlink(root_.Join("lock").c_str()), 0);
  }
}

TEST_F(NodeJoinerTest, WaitsUntilTheNodeIsKnown) {
  cluster_.objects.clear();
  runner_.OnOutput("journalctl", "x509: unknown authority");
  const absl::Time start = clock_.Now();
  EXPECT_THAT(Join(WorkerTicket()),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("node worker-0 did not register (kubelet's "
                                 "last lines: x509: unknown authority)")));
  EXPECT_GE(clock_.Now() - start, absl::Minutes(30));  // time scale 10
  EXPECT_FALSE(runner_.Ran("disk-mapper commit"));
}

TEST_F(NodeJoinerTest, AsksWithTheRightsOfItsKubelet) {
  ASSERT_THAT(Join(WorkerTicket()), IsOk());
  ASSERT_EQ(cluster_.connected_with.size(), 1U);
  EXPECT_EQ(cluster_.connected_with[0], paths_.KubeletKubeconfig());
}

TEST_F(NodeJoinerTest, ControlPlaneGetsItsFiles) {
  ASSERT_THAT(Join(ControlPlaneTicket()), IsOk());
  EXPECT_EQ(*ReadFile(paths_.Pki() + "/etcd/ca.key"),
            "contents of etcd/ca.key");
  EXPECT_EQ(ModeOf(paths_.Pki() + "/ca.key"), 0600U);
  EXPECT_EQ(ModeOf(paths_.Pki() + "/etcd/ca.key"), 0600U);
  EXPECT_EQ(ModeOf(paths_.Pki() + "/sa.key"), 0600U);
  EXPECT_EQ(ModeOf(paths_.Pki() + "/ca.crt"), 0644U);
  EXPECT_EQ(ModeOf(paths_.Pki() + "/sa.pub"), 0644U);
  EXPECT_TRUE(FileExists(paths_.AuditPolicy()));
  EXPECT_LT(runner_.Position(kKubeadmJoin),
            runner_.Position("disk-mapper commit"));
}

TEST_F(NodeJoinerTest, TokenIsNotOnTheCommandLine) {
  ASSERT_THAT(Join(ControlPlaneTicket()), IsOk());
  EXPECT_THAT(runner_.InputOf(kKubeadmJoin),
              HasSubstr("abcdef.0123456789abcdef"));
  for (const std::string& line : runner_.lines()) {
    EXPECT_THAT(line, Not(HasSubstr("abcdef.0123")));
  }
}

// Certificates first, for etcd is asked with them. kubeadm asks etcd nothing.
TEST_F(NodeJoinerTest, KubeadmRunsBeforeAndBehindTheAnnouncement) {
  runner_.On(kKubeadmJoin, [this] {
    EXPECT_EQ(etcd_.members().size(), SkippedPhases().size());
    return CommandResult{};
  });
  runner_.On("kubeadm init phase etcd local", [this] {
    EXPECT_TRUE(FileExists(paths_.KubeadmPatches() + "/etcd1+json.json"));
    EXPECT_TRUE(FileExists(paths_.KubeadmPatches() + "/etcd+strategic.json"));
    EXPECT_EQ(SkippedPhases().size(), 1U);
    return CommandResult{};
  });
  ASSERT_THAT(Join(ControlPlaneTicket()), IsOk());
  EXPECT_TRUE(runner_.Ran("kubeadm init phase etcd local --config " +
                          paths_.KubeadmConfig() + " --experimental-patches " +
                          paths_.KubeadmPatches()));
  EXPECT_THAT(
      SkippedPhases(),
      ElementsAre(
          "preflight,kubelet-start,control-plane-prepare/control-plane,"
          "control-plane-join",
          "preflight,kubelet-start,control-plane-prepare/download-certs,"
          "control-plane-prepare/certs,"
          "control-plane-prepare/kubeconfig,control-plane-join/etcd"));
  ASSERT_OK_AND_ASSIGN(const std::string patch,
                       ReadFile(paths_.KubeadmPatches() + "/etcd1+json.json"));
  EXPECT_THAT(patch, HasSubstr("--initial-cluster=control-plane-0=https://"
                               "10.42.0.11:2380,worker-0=https://"
                               "10.42.0.21:2380"));
  ASSERT_OK_AND_ASSIGN(const std::string config,
                       ReadFile(paths_.KubeadmConfig()));
  EXPECT_THAT(config, HasSubstr("\n---\nkind: ClusterConfiguration\n"));
}

// A node that counts and then loses its disk would cost the majority.
TEST_F(NodeJoinerTest, EtcdDoesNotCountBeforeTheDiskIsCommitted) {
  runner_.On("disk-mapper commit", [this] {
    EXPECT_EQ(etcd_.members().size(), 2U);
    EXPECT_TRUE(etcd_.members().back().learner);
    EXPECT_TRUE(EtcdJoin::IsUnderWay(paths_));
    return CommandResult{};
  });
  ASSERT_THAT(Join(ControlPlaneTicket()), IsOk());
  EXPECT_TRUE(runner_.Ran("disk-mapper commit"));
  EXPECT_TRUE(etcd_.members().back().learner);
  EXPECT_TRUE(EtcdJoin::IsUnderWay(paths_)) << "left for the member";
}

TEST_F(NodeJoinerTest, WithoutRunningEtcdTheDiskIsNotCommitted) {
  etcd_.StartAs("");
  EXPECT_THAT(Join(ControlPlaneTicket()),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       HasSubstr("etcd of this node does not run")));
  EXPECT_FALSE(runner_.Ran("disk-mapper commit"));
}

TEST_F(NodeJoinerTest, WithoutAnnouncementEtcdIsNotStarted) {
  etcd_.FailWith(Unavailable("no leader"));
  EXPECT_THAT(Join(ControlPlaneTicket()),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no leader")));
  EXPECT_EQ(SkippedPhases().size(), 1U);
  EXPECT_FALSE(runner_.Ran("disk-mapper commit"));
}

// It would begin a cluster of its own.
TEST_F(NodeJoinerTest, WithoutTheMembersEtcdIsNotStarted) {
  runner_.On(kKubeadmJoin, [this] {
    EXPECT_THAT(MakeDirectories(paths_.KubeadmPatches() + "/etcd1+json.json"),
                IsOk());
    return CommandResult{};
  });
  EXPECT_THAT(Join(ControlPlaneTicket()), Not(IsOk()));
  EXPECT_FALSE(runner_.Ran("kubeadm init phase etcd local"));
  EXPECT_FALSE(runner_.Ran("disk-mapper commit"));
}

TEST_F(NodeJoinerTest, WorkersHaveNoEtcd) {
  ASSERT_THAT(Join(WorkerTicket()), IsOk());
  EXPECT_EQ(etcd_.members().size(), 1U);
  EXPECT_FALSE(EtcdJoin::IsUnderWay(paths_));
}

TEST_F(NodeJoinerTest, KubeadmIsTriedAgain) {
  int tried = 0;
  runner_.On(kKubeadmJoin, [&tried] {
    return CommandResult{++tried < 3 ? 1 : 0, "", "no route to host"};
  });
  ASSERT_THAT(Join(ControlPlaneTicket()), IsOk());
  EXPECT_EQ(tried, 4);  // the last one is the second part
}

TEST_F(NodeJoinerTest, KubeadmIsGivenUpInTheEnd) {
  runner_.FailOn(kKubeadmJoin, "no route to host");
  EXPECT_THAT(
      Join(ControlPlaneTicket()),
      StatusIs(absl::StatusCode::kInternal, HasSubstr("no route to host")));
  EXPECT_FALSE(runner_.Ran("disk-mapper commit"));
}

}  // namespace
}  // namespace constellation::bootstrapper
