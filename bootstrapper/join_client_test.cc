// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/join_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>
#include <set>

#include "bootstrapper/testing/fake_etcd.h"
#include "bootstrapper/testing/fake_metadata.h"
#include "bootstrapper/testing/node_fixture.h"
#include "bootstrapper/testing/ticket_fixtures.h"
#include "crypto/key_hierarchy.h"
#include "crypto/p256.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class FakeTicketSource final : public TicketSource {
 public:
  absl::StatusOr<IssuedTicket> Request(const std::string& address,
                                       const TicketRequest& request) override {
    addresses.push_back(address);
    requests.push_back(request);
    return answer(address);
  }

  std::function<absl::StatusOr<IssuedTicket>(const std::string&)> answer =
      [](const std::string&) { return testing::WorkerTicket(); };
  std::vector<std::string> addresses;
  std::vector<TicketRequest> requests;
};

class JoinClientTest : public testing::NodeFixture {
 protected:
  JoinClientTest() {
    metadata_.Add("control-plane-0", cloud::NodeRole::kControlPlane,
                  "10.42.0.11");
    metadata_.Add("control-plane-1", cloud::NodeRole::kControlPlane,
                  "10.42.0.12");
    metadata_.Add("worker-0", cloud::NodeRole::kWorker, "10.42.0.21");
    cluster_.objects["/api/v1/nodes/worker-0"] = {{"kind", "Node"}};
    ShowEtcd(cluster_, {"control-plane-0", "worker-0"},
             {"https://10.42.0.11:2379"});
    etcd_.StartAs("worker-0");
  }

  Node WorkerNode() {
    Node node = MakeNode();
    node.self = testing::WorkerNode();
    return node;
  }

  absl::Status Run() {
    NodeJoiner joiner(WorkerNode(), cluster_.Connector(), etcd_.Connector());
    return JoinClient(WorkerNode(), metadata_, source_, joiner).Run();
  }

  // Ends Run() from inside: init takes the lock at the nth look for peers.
  void InitWinsAtCall(int call) {
    metadata_.on_peers =
        [this, call]() -> absl::StatusOr<std::vector<cloud::InstanceMetadata>> {
      if (metadata_.calls == call) {
        EXPECT_THAT(lock_.TryLock(NodeLock::Holder::kInit), IsOk());
      }
      return metadata_.peers;
    };
  }

  testing::FakeEtcd etcd_;
  testing::FakeMetadata metadata_;
  FakeTicketSource source_;
};

TEST_F(JoinClientTest, AWorkerJoinsInTheOneSafeOrder) {
  mark_.set_before([this] {
    EXPECT_THAT(runner_.lines(),
                ElementsAre(::testing::StartsWith("disk-mapper format")));
    EXPECT_FALSE(FileExists(paths_.NodeState()));
    EXPECT_FALSE(FileExists(paths_.KubeletKubeconfig()));
  });
  ASSERT_THAT(Run(), IsOk());
  EXPECT_THAT(
      runner_.lines(),
      ElementsAre(
          ::testing::StartsWith("disk-mapper format --uuid "),
          "systemctl start containerd.service",
          "systemctl start kubelet.service",
          "systemctl start --no-block constellation-pod-network.service",
          "disk-mapper commit"));
  EXPECT_EQ(mark_.cluster_id(), Bytes(32, 6));
  EXPECT_THAT(cluster_.connected_with, ElementsAre(paths_.KubeletKubeconfig()));
  ASSERT_OK_AND_ASSIGN(const std::string json, ReadFile(paths_.NodeState()));
  ASSERT_OK_AND_ASSIGN(const NodeState state, ParseNodeState(json));
  EXPECT_EQ(state.role, "worker");
  EXPECT_EQ(state.node_name, "worker-0");
  EXPECT_FALSE(NodeLock(paths_.NodeLock(), paths_.Committed()).WasAbandoned());
}

TEST_F(JoinClientTest, AsksForItselfWithAFreshDiskAndKey) {
  source_.answer = [this](const std::string&) -> absl::StatusOr<IssuedTicket> {
    if (source_.requests.size() < 3) {
      return Unavailable("not yet");
    }
    return testing::WorkerTicket();
  };
  ASSERT_THAT(Run(), IsOk());
  std::set<std::string> uuids;
  for (const TicketRequest& request : source_.requests) {
    EXPECT_TRUE(crypto::IsUuid(request.disk_uuid));
    uuids.insert(request.disk_uuid);
    EXPECT_EQ(request.node_name, "worker-0");
    ASSERT_OK_AND_ASSIGN(const crypto::CsrInfo csr,
                         crypto::VerifyCsr(request.kubelet_csr));
    EXPECT_EQ(csr.common_name, "system:node:worker-0");
    EXPECT_THAT(csr.organisations, ElementsAre("system:nodes"));
  }
  EXPECT_EQ(uuids.size(), 3U);
  const std::string used = source_.requests.back().disk_uuid;
  EXPECT_TRUE(runner_.Ran("disk-mapper format --uuid " + used));
}

TEST_F(JoinClientTest, AsksOnlyOtherControlPlaneNodes) {
  metadata_.Add("worker-1", cloud::NodeRole::kWorker, "10.42.0.22");
  source_.answer = [](const std::string&) { return Unavailable("no"); };
  InitWinsAtCall(2);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_GE(source_.addresses.size(), 2U);
  EXPECT_EQ(source_.addresses[0], "10.42.0.11:30090");
  EXPECT_EQ(source_.addresses[1], "10.42.0.12:30090");
  for (const std::string& address : source_.addresses) {
    EXPECT_THAT(address, Not(HasSubstr("10.42.0.2")));
  }
}

TEST_F(JoinClientTest, APeerThatCannotProveItselfGetsNothing) {
  source_.answer =
      [](const std::string& address) -> absl::StatusOr<IssuedTicket> {
    if (address.starts_with("10.42.0.11")) {
      return PermissionDenied("PCR4: expected aa, got bb");
    }
    IssuedTicket other_cluster = testing::WorkerTicket();
    other_cluster.ticket.cluster_id[3] ^= 1U;
    return other_cluster;
  };
  InitWinsAtCall(3);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(runner_.lines(), ElementsAre());
  EXPECT_TRUE(mark_.cluster_id().empty());
  EXPECT_EQ(LastStatus()["state"], "waiting");
  EXPECT_THAT(LastStatus()["message"].get<std::string>(), HasSubstr("PCR15"));
}

TEST_F(JoinClientTest, ARefusalIsAskedAgainLaterThanAnAbsence) {
  source_.answer = [](const std::string&) { return PermissionDenied("no"); };
  InitWinsAtCall(2);
  const absl::Time start = clock_.Now();
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_GE(clock_.Now() - start, absl::Seconds(15));
}

TEST_F(JoinClientTest, WaitsWithoutMetadata) {
  metadata_.on_peers =
      [this]() -> absl::StatusOr<std::vector<cloud::InstanceMetadata>> {
    if (metadata_.calls < 4) {
      return Unavailable("metadata gone");
    }
    return metadata_.peers;
  };
  EXPECT_THAT(Run(), IsOk());
  EXPECT_EQ(metadata_.calls, 4);
}

TEST_F(JoinClientTest, InitThatWonWhileWeAskedKeepsTheNode) {
  source_.answer = [this](const std::string&) -> absl::StatusOr<IssuedTicket> {
    EXPECT_THAT(lock_.TryLock(NodeLock::Holder::kInit), IsOk());
    return testing::WorkerTicket();
  };
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(runner_.lines(), ElementsAre());
  EXPECT_TRUE(mark_.cluster_id().empty());
}

TEST_F(JoinClientTest, AFailureBehindTheLockIsNotTriedAgain) {
  runner_.FailOn("systemctl start kubelet", "exec format error");
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInternal,
                              HasSubstr("exec format error")));
  EXPECT_EQ(source_.addresses.size(), 1U);
  EXPECT_FALSE(runner_.Ran("disk-mapper commit"));
  EXPECT_EQ(lock_.holder(), NodeLock::Holder::kJoin);
}

TEST_F(JoinClientTest, DoesNotCommitUntilTheApiServerKnowsTheNode) {
  cluster_.objects.clear();
  runner_.OnOutput("journalctl", "certificate signed by unknown authority\n");
  EXPECT_THAT(Run(),
              StatusIs(absl::StatusCode::kNotFound,
                       ::testing::AllOf(HasSubstr("did not register"),
                                        HasSubstr("unknown authority"))));
  EXPECT_FALSE(runner_.Ran("disk-mapper commit"));
  // 3 minutes, stretched by the ticket's time scale.
  EXPECT_GE(clock_.Now(),
            absl::FromUnixSeconds(1'800'000'000) + absl::Minutes(30));
}

TEST_F(JoinClientTest, AControlPlaneNodeJoinsWithKubeadm) {
  source_.answer = [](const std::string&) {
    return testing::ControlPlaneTicket();
  };
  ASSERT_THAT(Run(), IsOk());
  EXPECT_TRUE(runner_.Ran(
      "kubeadm join --config /dev/stdin --experimental-patches " +
      paths_.KubeadmPatches() + " --skip-phases preflight,kubelet-start"));
  EXPECT_EQ(etcd_.members().size(), 2U);
  // The probes' 15 s, stretched by the ticket's time scale.
  ASSERT_OK_AND_ASSIGN(
      const std::string patch,
      ReadFile(paths_.KubeadmPatches() + "/kube-apiserver+strategic.json"));
  EXPECT_THAT(patch, HasSubstr("\"timeoutSeconds\": 150"));
  const Json config = Json::parse(runner_.InputOf("kubeadm join"));
  EXPECT_EQ(config["discovery"]["bootstrapToken"]["token"],
            "abcdef.0123456789abcdef");
  // kubeadm's own two minutes for a kubelet are too short in emulation.
  EXPECT_LT(runner_.Position("systemctl start kubelet"),
            runner_.Position("kubeadm join"));
  EXPECT_EQ(runner_.lines().back(), "disk-mapper commit");
  for (const std::string& line : runner_.lines()) {
    EXPECT_THAT(line, Not(HasSubstr("abcdef.0123456789abcdef")));
  }
  ASSERT_OK_AND_ASSIGN(const std::string key,
                       ReadFile(paths_.Pki() + "/etcd/ca.key"));
  EXPECT_EQ(key, "contents of etcd/ca.key");
  struct stat info {};
  ASSERT_EQ(stat((paths_.Pki() + "/ca.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_TRUE(FileExists(paths_.AuditPolicy()));
  EXPECT_TRUE(FileExists(paths_.KubeletKubeconfig()));
}

TEST_F(JoinClientTest, KubeadmThatNeverSucceedsIsGivenUp) {
  source_.answer = [](const std::string&) {
    return testing::ControlPlaneTicket();
  };
  runner_.FailOn("kubeadm join", "unhealthy cluster");
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInternal,
                              HasSubstr("unhealthy cluster")));
  EXPECT_FALSE(runner_.Ran("disk-mapper commit"));
  // 10 minutes, stretched by the ticket's time scale.
  EXPECT_LE(clock_.Now(),
            absl::FromUnixSeconds(1'800'000'000) + absl::Minutes(101));
}

TEST_F(JoinClientTest, AControlPlaneNodeThatIsNotKnownRunsNoKubeadm) {
  source_.answer = [](const std::string&) {
    return testing::ControlPlaneTicket();
  };
  cluster_.objects.clear();
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kNotFound,
                              HasSubstr("did not register")));
  EXPECT_FALSE(runner_.Ran("kubeadm join"));
}

}  // namespace
}  // namespace constellation::bootstrapper
