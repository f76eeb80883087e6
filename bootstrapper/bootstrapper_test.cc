// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/bootstrapper.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "absl/synchronization/notification.h"
#include "attestation/policy/policy.h"
#include "attestation/testing/swtpm_process.h"
#include "attestation/tpm/cluster_pcr.h"
#include "bootstrapper/testing/fake_etcd.h"
#include "bootstrapper/testing/fake_metadata.h"
#include "bootstrapper/testing/init_caller.h"
#include "bootstrapper/testing/node_fixture.h"
#include "common/status.h"
#include "crypto/key_hierarchy.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SwtpmProcess;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kAdmin[] = "apiVersion: v1\nkind: Config\n";

// A node with a real TPM and fake programs; Bootstrapper::Run() on a thread,
// which on a control-plane node ends with the process.
class BootstrapperTest : public ::testing::Test {
 protected:
  BootstrapperTest() {
    auto swtpm = SwtpmProcess::StartCopy(folder_.path());
    EXPECT_THAT(swtpm, IsOk());
    swtpm_ = *std::move(swtpm);
    metadata_.self.name = "control-plane-0";
    metadata_.self.role = cloud::NodeRole::kControlPlane;
    metadata_.self.cluster_ip = "10.42.0.11";
    metadata_.self.region = "westeurope";
    metadata_.self.zone = "1";
    metadata_.self.provider_id = "qemu:///c1/control-plane-0";
    metadata_.self.init_secret_sha256 =
        HexEncode(crypto::Sha256(testing::Filled(1).Expose()));
    EXPECT_THAT(MakeDirectories(paths_.Manifests()), IsOk());
    EXPECT_THAT(MakeDirectories(paths_.Cni()), IsOk());
    runner_.OnOutput("kubeadm version", "v1.20.2\n");
    runner_.On("kubeadm init", [this] {
      EXPECT_THAT(WriteFileAtomically(paths_.AdminKubeconfig(), kAdmin),
                  IsOk());
      return kubeadm_;
    });
  }

  // One process of the bootstrapper, until the test (or reboot) ends it.
  struct Process {
    std::unique_ptr<Bootstrapper> bootstrapper;
    absl::Notification listening;
    absl::Notification ended;
    int port = 0;
    absl::Status status;
    grpc::Server* server = nullptr;
    std::thread thread;

    std::string address() {
      EXPECT_TRUE(listening.WaitForNotificationWithTimeout(absl::Seconds(30)));
      return fmt::format("127.0.0.1:{}", port);
    }
  };

  std::unique_ptr<Process> Start() {
    auto process = std::make_unique<Process>();
    BootstrapperOptions options;
    options.attester.paths.tcti = swtpm_->tcti();
    options.attester.paths.event_log = "/nonexistent";
    options.attester.variant = attestation::kVariantQemuVtpm;
    options.listen_address = "127.0.0.1:0";
    options.root = paths_.root;
    options.connect = cluster_.Connector();
    options.connect_to_etcd = etcd_.Connector();
    options.on_listening = [process = process.get()](grpc::Server& server,
                                                     int port) {
      process->port = port;
      process->server = &server;
      process->listening.Notify();
    };
    process->bootstrapper = std::make_unique<Bootstrapper>(
        options, metadata_, runner_, Clock::System());
    process->thread = std::thread([process = process.get()] {
      process->status = process->bootstrapper->Run();
      process->ended.Notify();
    });
    return process;
  }

  // The process ends, and with it its connection to the TPM.
  static void Stop(std::unique_ptr<Process> process) {
    if (process->server != nullptr) {
      process->server->Shutdown();
    }
    process->thread.join();
  }

  static attestation::VerifyFn Trusting() {
    return [](const attestation::Evidence&, std::span<const uint8_t>) {
      return absl::OkStatus();
    };
  }

  static Bytes ClusterId() {
    const InitParameters parameters = testing::GoodParameters();
    const auto keys = crypto::KeyHierarchy::Create(
        parameters.master_key.Clone(), parameters.master_salt);
    return *keys->ClusterId(parameters.measurement_salt);
  }

  // What the new cluster tells nodes that join; null if it tells nothing.
  nlohmann::json ClusterInfoAfterInit() {
    auto process = Start();
    EXPECT_THAT(testing::CallInit(process->address(), Trusting(),
                                  testing::GoodParameters()),
                IsOk());
    Stop(std::move(process));
    const nlohmann::json* info =
        cluster_.Find("ConfigMap", "constellation-cluster");
    EXPECT_NE(info, nullptr);
    return info == nullptr ? nlohmann::json() : (*info)["data"];
  }

  crypto::Sha256Digest ClusterPcr() {
    const auto tpm = attestation::Tpm::Open(swtpm_->tcti());
    EXPECT_THAT(tpm, IsOk());
    const auto values = (*tpm)->ReadPcrs(1U << attestation::kClusterPcr);
    EXPECT_THAT(values, IsOk());
    return values->front().sha256;
  }

  constellation::testing::TempDir folder_;
  NodePaths paths_{folder_.path() + "/root"};
  std::unique_ptr<SwtpmProcess> swtpm_;
  testing::FakeMetadata metadata_;
  testing::FakeCommandRunner runner_;
  testing::FakeCluster cluster_;
  testing::FakeEtcd etcd_;
  CommandResult kubeadm_;
};

TEST_F(BootstrapperTest, InitializesAndRemembers) {
  auto process = Start();
  std::vector<std::string> phases;
  ASSERT_OK_AND_ASSIGN(const v1::InitResult result,
                       testing::CallInit(process->address(), Trusting(),
                                         testing::GoodParameters(), &phases));
  EXPECT_EQ(result.kubeconfig(), kAdmin);
  EXPECT_EQ(result.cluster_id(), std::string(AsText(ClusterId())));
  ASSERT_OK_AND_ASSIGN(const std::string config,
                       ReadFile(paths_.KubeadmConfig()));
  EXPECT_THAT(config, AllOf(HasSubstr("qemu:///c1/control-plane-0"),
                            HasSubstr("/region=westeurope,"),
                            HasSubstr("/zone=westeurope-1")));
  EXPECT_THAT(testing::CallInit(process->address(), Trusting(),
                                testing::GoodParameters()),
              IsOk());
  InitParameters other = testing::GoodParameters();
  other.master_key = testing::Filled(9);
  EXPECT_THAT(testing::CallInit(process->address(), Trusting(), other),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  Stop(std::move(process));
  EXPECT_EQ(ClusterPcr(), attestation::ExpectedClusterPcr(ClusterId()));
}

TEST_F(BootstrapperTest, AfterwardsServesItsOwnerOnly) {
  auto first = Start();
  ASSERT_THAT(testing::CallInit(first->address(), Trusting(),
                                testing::GoodParameters()),
              IsOk());
  Stop(std::move(first));
  ASSERT_THAT(WriteFileAtomically(paths_.CniConfig(), "{}"), IsOk());
  const size_t commands = runner_.lines().size();

  auto member = Start();  // PCR15 says that the node is a member
  ASSERT_OK_AND_ASSIGN(const v1::InitResult again,
                       testing::CallInit(member->address(), Trusting(),
                                         testing::GoodParameters()));
  EXPECT_EQ(again.kubeconfig(), kAdmin);
  InitParameters other = testing::GoodParameters();
  other.measurement_salt[0] ^= 1U;
  EXPECT_THAT(testing::CallInit(member->address(), Trusting(), other),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  InitParameters thief = testing::GoodParameters();
  thief.init_secret = testing::Filled(9);
  EXPECT_THAT(testing::CallInit(member->address(), Trusting(), thief),
              StatusIs(absl::StatusCode::kUnauthenticated));
  Stop(std::move(member));
  const auto lines = runner_.lines();
  const std::vector<std::string> news(
      lines.begin() + static_cast<std::ptrdiff_t>(commands), lines.end());
  EXPECT_THAT(news, ElementsAre("systemctl start --no-block containerd.service",
                                "systemctl start --no-block kubelet.service",
                                "systemctl start --no-block "
                                "constellation-pod-network.service"));
  EXPECT_FALSE(FileExists(paths_.CniConfig()))
      << "pods of the last boot must wait for the mesh";
}

TEST_F(BootstrapperTest, AFailureResetsTheDiskThenReboots) {
  kubeadm_ = {1, "", "no cgroups\n"};
  auto process = Start();
  EXPECT_THAT(testing::CallInit(process->address(), Trusting(),
                                testing::GoodParameters()),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("no cgroups")));
  Stop(std::move(process));
  const auto lines = runner_.lines();
  ASSERT_GE(lines.size(), 2U);
  EXPECT_EQ(lines[lines.size() - 2], "disk-mapper reset");
  EXPECT_EQ(lines.back(), "systemctl reboot");
  EXPECT_THAT(lines, Not(Contains("disk-mapper commit")));
}

// What joining nodes are told of the API server.
TEST_F(BootstrapperTest, TheCloudsEndpointIsTheClusters) {
  metadata_.on_endpoint = [] { return std::string("lb.example.com:6443"); };
  EXPECT_EQ(ClusterInfoAfterInit()["apiServerEndpoint"], "lb.example.com:6443");
}

// Who initialises a cluster in a cloud does not know that its machines are
// emulated.
TEST_F(BootstrapperTest, TheClusterIsAsSlowAsItsFirstNode) {
  metadata_.self.time_scale = 15;
  EXPECT_EQ(ClusterInfoAfterInit()["timeScale"], "15");
}

TEST_F(BootstrapperTest, WithoutACloudsEndpointTheNodesOwnIsTheClusters) {
  metadata_.on_endpoint = [] { return NotFound("no load balancer"); };
  EXPECT_EQ(ClusterInfoAfterInit()["apiServerEndpoint"], "10.42.0.11:6443");
}

// A certificate for the wrong name could never be mended: better no cluster.
TEST_F(BootstrapperTest, AnEndpointThatCannotBeHadStopsInitBeforeTheLock) {
  std::atomic<int> asked = 0;
  metadata_.on_endpoint = [&asked]() -> absl::StatusOr<std::string> {
    if (++asked == 1) {
      return Unavailable("metadata: no answer");
    }
    return std::string("lb.example.com:6443");
  };
  auto process = Start();
  EXPECT_THAT(testing::CallInit(process->address(), Trusting(),
                                testing::GoodParameters()),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("address of the API server")));
  EXPECT_FALSE(FileExists(paths_.NodeLock()));
  EXPECT_FALSE(runner_.Ran("disk-mapper"));
  // Nothing has changed, so the owner may try again.
  EXPECT_THAT(testing::CallInit(process->address(), Trusting(),
                                testing::GoodParameters()),
              IsOk());
  Stop(std::move(process));
}

TEST_F(BootstrapperTest, AProcessThatDiedInBetweenGivesTheNodeUp) {
  ASSERT_THAT(MakeDirectories(paths_.Runtime()), IsOk());
  NodeLock lock(paths_.NodeLock(), paths_.Committed());
  ASSERT_THAT(lock.TryLock(NodeLock::Holder::kInit), IsOk());
  auto process = Start();
  process->thread.join();
  EXPECT_THAT(process->status, StatusIs(absl::StatusCode::kInternal));
  EXPECT_FALSE(process->listening.HasBeenNotified());
  EXPECT_THAT(runner_.lines(),
              ElementsAre("disk-mapper reset", "systemctl reboot"));
}

// The node went down before its etcd counted.
TEST_F(BootstrapperTest, AMemberEndsWhatItsEtcdHasBegun) {
  auto first = Start();
  ASSERT_THAT(testing::CallInit(first->address(), Trusting(),
                                testing::GoodParameters()),
              IsOk());
  Stop(std::move(first));
  EXPECT_TRUE(etcd_.asked().empty()) << "the first node's etcd counts";
  ASSERT_THAT(WriteFileAtomically(paths_.EtcdJoining(), ""), IsOk());
  ShowEtcd(cluster_, {"control-plane-0", "control-plane-1"},
           {"https://10.42.0.12:2379"});
  etcd_.Set({{"1", "control-plane-1", "https://10.42.0.12:2380",
              "https://10.42.0.12:2379", false},
             {"2", "control-plane-0", "https://10.42.0.11:2380", "", true}});

  auto member = Start();
  ASSERT_FALSE(member->address().empty());
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  const auto says_done = [this] {
    const auto status = ReadFile(paths_.BootStatus());
    return status.ok() && nlohmann::json::parse(*status)["phase"] == "member";
  };
  while (!says_done() && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_TRUE(says_done());
  EXPECT_FALSE(etcd_.members().back().learner);
  EXPECT_FALSE(FileExists(paths_.EtcdJoining()));
  Stop(std::move(member));
}

TEST_F(BootstrapperTest, AMemberWithoutStateSaysSoAndTouchesNothing) {
  {
    const auto tpm = attestation::Tpm::Open(swtpm_->tcti());
    ASSERT_THAT(tpm, IsOk());
    ASSERT_THAT(attestation::MarkClusterMember(**tpm, ClusterId()), IsOk());
  }
  auto process = Start();
  process->thread.join();
  EXPECT_THAT(process->status, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(runner_.lines().empty()) << "a member's disk is never reset";
}

}  // namespace
}  // namespace constellation::bootstrapper
