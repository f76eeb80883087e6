// SPDX-License-Identifier: Apache-2.0
// Real VMs: firmware, TPM and switch, with the firmware's shell as the guest.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "absl/time/clock.h"
#include "cloud/qemu/cluster_directory.h"
#include "cloud/qemu/process.h"
#include "cloud/qemu/qemu_command.h"
#include "cloud/qemu/qemu_metadata.h"
#include "cloud/qemu/supervisor_client.h"
#include "cloud/qemu/unix_socket.h"
#include "common/command.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/unique_fd.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;

// Emulated on a busy machine.
constexpr absl::Duration kBootLimit = absl::Minutes(4);
constexpr std::string_view kAlive = "guest-is-alive";

std::string Self() {
  return std::filesystem::read_symlink("/proc/self/exe");
}

bool Eventually(const std::function<bool()>& condition, absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  while (!condition()) {
    if (absl::Now() > deadline) {
      return false;
    }
    absl::SleepFor(absl::Milliseconds(100));
  }
  return true;
}

class SupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const absl::Status ready = CheckPrerequisites(); !ready.ok()) {
      GTEST_SKIP() << ready;
    }
    MakeImage("image.raw", "");
  }

  // Nothing of a cluster may be left, whatever the test did.
  void TearDown() override {
    if (SupervisorClient::Exists(Directory())) {
      auto client = SupervisorClient::StartExisting(Self(), Directory());
      ASSERT_THAT(client, IsOk());
      const ClusterSpec spec = *ReadClusterSpec(Directory());
      ASSERT_THAT(client->Shutdown(/*remove=*/true), IsOk());
      EXPECT_FALSE(FileExists(Directory()));
      EXPECT_FALSE(FileExists(spec.runtime_directory));
      EXPECT_THAT(Leftovers(spec.runtime_directory), ::testing::IsEmpty());
    }
    EXPECT_THAT(Leftovers(Directory()), ::testing::IsEmpty());
  }

  std::vector<pid_t> Leftovers(const std::string& folder) {
    return FindProcesses(
        {"qemu-system-x86_64", "swtpm", "swtpm_setup", "vde_switch",
         std::filesystem::path(Self()).filename().string()},
        folder);
  }

  // A FAT volume whose startup script says that it runs, then `command`.
  void MakeImage(const std::string& name, const std::string& command) {
    const std::string image = dir_.Join(name);
    const std::string script = dir_.Join("startup.nsh");
    ASSERT_THAT(WriteFileAtomically(script, "@echo -off\r\necho " +
                                                std::string(kAlive) + "\r\n" +
                                                command + "\r\n"),
                IsOk());
    ASSERT_THAT(WriteFileAtomically(image, ""), IsOk());
    ASSERT_EQ(truncate(image.c_str(), 48 << 20), 0);
    ProcessRunner runner;
    const auto made = RunChecked(runner, {"mformat", "-i", image, "-F", "::"});
    if (absl::IsNotFound(made.status())) {
      GTEST_SKIP() << "mtools is missing";
    }
    ASSERT_THAT(made, IsOk());
    ASSERT_THAT(
        RunChecked(runner, {"mcopy", "-i", image, script, "::/startup.nsh"}),
        IsOk());
  }

  ClusterSpec Spec() {
    ClusterSpec spec;
    spec.name = "test";
    spec.image_path = dir_.Join("image.raw");
    spec.memory_mib = 256;
    spec.vcpus = 1;
    spec.nodes = {{.name = "cp-1", .role = NodeRole::kControlPlane},
                  {.name = "worker-1", .role = NodeRole::kWorker}};
    return spec;
  }
  std::string Directory() { return dir_.Join(directory_name_); }
  absl::StatusOr<SupervisorClient> Start() {
    return SupervisorClient::Start(Self(), Directory(), Spec());
  }
  NodeStatus NodeOf(const SupervisorClient& client, const std::string& name) {
    const auto status = client.Status();
    EXPECT_THAT(status, IsOk());
    const NodeStatus* node = status->FindNode(name);
    return node == nullptr ? NodeStatus() : *node;
  }
  // How often the guest of `name` has come up.
  size_t Boots(const std::string& name) {
    const auto log = ReadFile(Directory() + "/nodes/" + name + "/serial.log");
    size_t count = 0;
    for (size_t at = 0;
         log.ok() && (at = log->find(kAlive, at)) != std::string::npos;
         at += kAlive.size()) {
      ++count;
    }
    return count;
  }
  bool AwaitBoots(const std::string& name, size_t count) {
    return Eventually([&] { return Boots(name) >= count; }, kBootLimit);
  }
  bool AwaitState(const SupervisorClient& client, const std::string& name,
                  PowerState state, absl::Duration limit = absl::Seconds(20)) {
    return Eventually([&] { return NodeOf(client, name).state == state; },
                      limit);
  }
  QemuMetadataClient MetadataOf(const std::string& name) {
    const ClusterSpec spec = *ReadClusterSpec(Directory());
    const NodePaths paths({Directory(), spec.runtime_directory},
                          *spec.FindNode(name));
    return QemuMetadataClient(
        {.url = "http://x", .unix_socket = paths.MetadataSocket()});
  }
  pid_t TpmPid(const std::string& name) {
    const auto identity = ParseProcessIdentity(
        ReadFile(Directory() + "/nodes/" + name + "/swtpm.pid").value_or(""));
    return identity.ok() ? identity->pid : 0;
  }

  TempDir dir_;
  std::string directory_name_ = "c";
};

TEST_F(SupervisorTest, LifeOfACluster) {
  ASSERT_OK_AND_ASSIGN(const SupervisorClient client, Start());
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK_AND_ASSIGN(const ClusterStatus status, client.Status());
  EXPECT_NE(getsid(status.supervisor_pid), getsid(0)) << "Ctrl-C would hit it";
  EXPECT_EQ(NodeOf(client, "cp-1").state, PowerState::kStopped);

  // A TPM before the VM; the VM has to wait for it.
  {
    ASSERT_OK_AND_ASSIGN(const SwtpmSession tpm,
                         client.OpenTpmForEnrollment("cp-1"));
    EXPECT_THAT(tpm.tcti(), ::testing::StartsWith("swtpm:path=/"));
    EXPECT_THAT(ConnectUnix(tpm.tcti().substr(11)), IsOk());
    EXPECT_EQ(NodeOf(client, "cp-1").state, PowerState::kTpmOnly);
    EXPECT_THAT(client.StartNode("cp-1"),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("enrolment")));
  }
  EXPECT_EQ(NodeOf(client, "cp-1").state, PowerState::kStopped);

  ASSERT_THAT(client.StartNode("cp-1"), IsOk());
  ASSERT_THAT(client.StartNode("cp-1"), IsOk()) << "runs already";
  const NodeStatus started = NodeOf(client, "cp-1");
  EXPECT_EQ(started.state, PowerState::kRunning);
  ASSERT_TRUE(AwaitBoots("cp-1", 1));
  EXPECT_THAT(client.OpenTpmForEnrollment("cp-1"),
              StatusIs(absl::StatusCode::kFailedPrecondition));

  // The reset button keeps the process, a power cut does not.
  ASSERT_THAT(client.ResetNode("cp-1"), IsOk());
  ASSERT_TRUE(AwaitBoots("cp-1", 2));
  EXPECT_EQ(NodeOf(client, "cp-1").pid, started.pid);
  ASSERT_THAT(client.StopNode("cp-1", StopMode::kHard), IsOk());
  EXPECT_EQ(NodeOf(client, "cp-1").state, PowerState::kStopped);
  EXPECT_EQ(NodeOf(client, "cp-1").last_exit, "exit code 0");
  ASSERT_THAT(client.StartNode("cp-1"), IsOk());
  EXPECT_NE(NodeOf(client, "cp-1").pid, started.pid);
  ASSERT_TRUE(AwaitBoots("cp-1", 3));

  ASSERT_THAT(client.KillNode("cp-1"), IsOk());
  EXPECT_EQ(NodeOf(client, "cp-1").last_exit, "signal 9");
  ASSERT_THAT(client.StartNode("cp-1"), IsOk());
  ASSERT_TRUE(AwaitBoots("cp-1", 4));
}

TEST_F(SupervisorTest, MetadataTellsNodesApart) {
  ASSERT_OK_AND_ASSIGN(const SupervisorClient client, Start());
  QemuMetadataClient worker = MetadataOf("worker-1");
  ASSERT_OK_AND_ASSIGN(const InstanceMetadata self, worker.Self());
  EXPECT_EQ(self.name, "worker-1");
  EXPECT_EQ(self.init_secret_sha256, "");
  EXPECT_EQ(MetadataOf("cp-1").Self()->name, "cp-1");
  EXPECT_THAT(worker.Endpoint(), IsOkAndHolds("10.42.0.11:6443"));
  EXPECT_THAT(worker.EnrolledTpms(), IsOkAndHolds("[]"));
  ASSERT_THAT(client.SetEnrolledTpms(R"([{"nodeName":"cp-1"}])"), IsOk());
  EXPECT_THAT(worker.EnrolledTpms(), IsOkAndHolds(R"([{"nodeName":"cp-1"}])"));
  ASSERT_THAT(client.SetInitSecretHash(std::string(64, 'c')), IsOk());
  EXPECT_EQ(worker.Self()->init_secret_sha256, std::string(64, 'c'));

  ASSERT_THAT(worker.ReportStatus(R"({"phase":"one"})"), IsOk());
  ASSERT_THAT(worker.ReportStatus(R"({"phase":"two"})"), IsOk());
  const NodeStatus status = NodeOf(client, "worker-1");
  EXPECT_EQ(status.boot_status, R"({"phase":"two"})");
  EXPECT_LT(absl::Now() - status.boot_status_time, absl::Minutes(1));
  EXPECT_THAT(ReadFile(status.boot_status_log),
              IsOkAndHolds(AllOf(HasSubstr("one"), HasSubstr("two"))));
  EXPECT_EQ(NodeOf(client, "cp-1").boot_status, "");

  ASSERT_OK_AND_ASSIGN(const NodeSpec added, client.AddNode({.name = "late"}));
  EXPECT_EQ(added.index, 3U);
  EXPECT_EQ(worker.Peers()->size(), 3U);
  EXPECT_EQ(MetadataOf("late").Self()->cluster_ip, "10.42.0.13");
  ASSERT_THAT(client.RemoveNode("late"), IsOk());
  EXPECT_EQ(worker.Peers()->size(), 2U);
}

TEST_F(SupervisorTest, VmsOutliveTheirSupervisor) {
  ASSERT_OK_AND_ASSIGN(const SupervisorClient first, Start());
  ASSERT_THAT(first.StartNode("cp-1"), IsOk());
  ASSERT_THAT(MetadataOf("cp-1").ReportStatus(R"({"phase":"x"})"), IsOk());
  const pid_t vm = NodeOf(first, "cp-1").pid;
  kill(first.Status()->supervisor_pid, SIGKILL);
  EXPECT_TRUE(Eventually(
      [&] {
        return absl::IsUnavailable(
            SupervisorClient::Connect(Directory()).status());
      },
      absl::Seconds(10)));
  EXPECT_THAT(IdentifyProcess(vm), IsOk());

  ASSERT_OK_AND_ASSIGN(const SupervisorClient second,
                       SupervisorClient::StartExisting(Self(), Directory()));
  EXPECT_EQ(NodeOf(second, "cp-1").pid, vm);
  EXPECT_EQ(NodeOf(second, "cp-1").state, PowerState::kRunning);
  EXPECT_EQ(NodeOf(second, "cp-1").boot_status, R"({"phase":"x"})");
  EXPECT_EQ(MetadataOf("cp-1").Self()->name, "cp-1");
  ASSERT_TRUE(AwaitBoots("cp-1", 1));
  // What was adopted can be stopped and started again.
  ASSERT_THAT(second.StopNode("cp-1", StopMode::kHard), IsOk());
  EXPECT_THAT(IdentifyProcess(vm), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_THAT(second.StartNode("cp-1"), IsOk());
  ASSERT_TRUE(AwaitBoots("cp-1", 2));
}

TEST_F(SupervisorTest, EverythingKilledComesBack) {
  ASSERT_OK_AND_ASSIGN(const SupervisorClient first, Start());
  ASSERT_THAT(first.StartNode("cp-1"), IsOk());
  // Somebody else's kill -9 of the VM is noticed, its TPM goes with it.
  kill(NodeOf(first, "cp-1").pid, SIGKILL);
  EXPECT_TRUE(AwaitState(first, "cp-1", PowerState::kStopped));
  EXPECT_TRUE(
      Eventually([&] { return TpmPid("cp-1") == 0; }, absl::Seconds(10)));
  ASSERT_THAT(first.StartNode("cp-1"), IsOk());

  // As if the host had crashed, except that a TPM and the switch survive.
  const pid_t vm = NodeOf(first, "cp-1").pid;
  kill(first.Status()->supervisor_pid, SIGKILL);
  kill(vm, SIGKILL);
  ASSERT_OK_AND_ASSIGN(const SupervisorClient second,
                       SupervisorClient::StartExisting(Self(), Directory()));
  EXPECT_EQ(NodeOf(second, "cp-1").state, PowerState::kStopped);
  ASSERT_THAT(second.StartNode("cp-1"), IsOk());
  ASSERT_TRUE(AwaitBoots("cp-1", 1));
}

TEST_F(SupervisorTest, GuestsMayRebootThemselves) {
  MakeImage("reboot.raw", "reset");
  ASSERT_OK_AND_ASSIGN(const SupervisorClient client, Start());
  ASSERT_THAT(client.SetNodeImage("worker-1", dir_.Join("reboot.raw")), IsOk());
  ASSERT_THAT(client.StartNode("worker-1"), IsOk());
  const pid_t vm = NodeOf(client, "worker-1").pid;
  const pid_t tpm = TpmPid("worker-1");
  EXPECT_GT(tpm, 0);
  ASSERT_TRUE(AwaitBoots("worker-1", 2));
  EXPECT_EQ(NodeOf(client, "worker-1").pid, vm);
  EXPECT_EQ(TpmPid("worker-1"), tpm);
}

TEST_F(SupervisorTest, GuestsMaySwitchThemselvesOff) {
  MakeImage("off.raw", "reset -s");
  ASSERT_OK_AND_ASSIGN(const SupervisorClient client, Start());
  ASSERT_THAT(client.SetNodeImage("worker-1", dir_.Join("off.raw")), IsOk());
  ASSERT_THAT(client.StartNode("worker-1"), IsOk());
  ASSERT_TRUE(AwaitState(client, "worker-1", PowerState::kStopped, kBootLimit));
  EXPECT_EQ(Boots("worker-1"), 1U);
  EXPECT_EQ(TpmPid("worker-1"), 0);
}

TEST_F(SupervisorTest, LongAndAwkwardDirectoriesWork) {
  directory_name_ =
      "a folder, no: with spaces, 'quotes' and " + std::string(60, 'x');
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("commas")));
  directory_name_ = "a folder with spaces, " + std::string(60, 'x');
  std::erase(directory_name_, ',');
  directory_name_ += "'quotes' \"and\" $more";
  ASSERT_OK_AND_ASSIGN(const SupervisorClient client, Start());
  ASSERT_THAT(client.StartNode("cp-1"), IsOk());
  ASSERT_TRUE(AwaitBoots("cp-1", 1));
}

TEST_F(SupervisorTest, TakenPortsAreNamed) {
  ASSERT_OK_AND_ASSIGN(const SupervisorClient client, Start());
  const uint16_t port = NodeOf(client, "cp-1").spec.forwards.at(6443);
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(
      bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)),
      0);
  ASSERT_EQ(listen(fd.get(), 1), 0);
  EXPECT_THAT(client.StartNode("cp-1"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr(std::to_string(port))));
}

TEST_F(SupervisorTest, FailuresOfQemuAreReported) {
  ASSERT_OK_AND_ASSIGN(const SupervisorClient client, Start());
  const std::string image = dir_.Join("gone.raw");
  ASSERT_THAT(WriteFileAtomically(image, "x"), IsOk());
  ASSERT_THAT(client.SetNodeImage("cp-1", image), IsOk());
  unlink(image.c_str());
  EXPECT_THAT(
      client.StartNode("cp-1"),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("gone.raw")));
  EXPECT_EQ(NodeOf(client, "cp-1").state, PowerState::kStopped);
  EXPECT_EQ(TpmPid("cp-1"), 0);
}

TEST_F(SupervisorTest, TerminationSignalStopsVmsAndKeepsTheCluster) {
  ASSERT_OK_AND_ASSIGN(const SupervisorClient client, Start());
  ASSERT_THAT(client.StartNode("cp-1"), IsOk());
  const pid_t vm = NodeOf(client, "cp-1").pid;
  kill(client.Status()->supervisor_pid, SIGTERM);
  // The firmware's shell ignores the power button: a cut after 20 s.
  EXPECT_TRUE(
      Eventually([&] { return !IdentifyProcess(vm).ok(); }, absl::Minutes(1)));
  ASSERT_OK_AND_ASSIGN(const SupervisorClient again,
                       SupervisorClient::StartExisting(Self(), Directory()));
  EXPECT_EQ(NodeOf(again, "cp-1").state, PowerState::kStopped);
}

TEST_F(SupervisorTest, NothingIsMadeWithoutAnImage) {
  ClusterSpec spec = Spec();
  spec.image_path = dir_.Join("none.raw");
  EXPECT_THAT(SupervisorClient::Start(Self(), Directory(), spec),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.raw")));
  EXPECT_FALSE(FileExists(Directory()));
  EXPECT_THAT(SupervisorClient::Connect(Directory()),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(SupervisorClient::StartExisting(Self(), Directory()),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace constellation::cloud::qemu

int main(int argc, char** argv) {
  if (const auto code =
          constellation::cloud::qemu::RunHiddenCommand(argc, argv)) {
    return *code;
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
