// SPDX-License-Identifier: Apache-2.0
// One VM with programs that stand for QEMU and swtpm: what is started, what is
// refused, what is left behind. Real ones: supervisor_test.cc.
#include "cloud/qemu/virtual_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "cloud/qemu/node_files.h"
#include "cloud/qemu/qemu_command.h"
#include "cloud/qemu/testing/scripted_server.h"
#include "common/command.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/unique_fd.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ReceiveUntil;
using testing::ScriptedServer;
using testing::SendText;
using ::testing::SizeIs;

constexpr auto kWrongState = absl::StatusCode::kFailedPrecondition;

// Makes the TPM's state as swtpm_setup does.
class FakeSetup final : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(
      const std::vector<std::string>& argv,
      const CommandOptions& /*options*/) override {
    const auto state = std::ranges::find(argv, "--tpmstate");
    if (state != argv.end()) {
      EXPECT_THAT(WriteFileAtomically(*(state + 1) + "/tpm2-00.permall", "x"),
                  IsOk());
    }
    return CommandResult{};
  }
};

class VirtualMachineTest : public ::testing::Test {
 protected:
  VirtualMachineTest() {
    EXPECT_THAT(MakeDirectories(paths_.runtime), IsOk());
    EXPECT_THAT(MakeDirectories(dir_.Join("bin")), IsOk());
    setenv("PATH", (dir_.Join("bin") + ":/usr/bin:/bin").c_str(), 1);
    // Both run until they are ended; QEMU's arguments are kept.
    AddProgram("swtpm", "exec sleep 60");
    AddProgram("qemu-system-x86_64", "printf '%s\\n' \"$@\" > " +
                                         dir_.Join("arguments") +
                                         "; exec sleep 60");
    cluster_.name = "demo";
    cluster_.image_path = "/image.raw";
    cluster_.relay_program = "/relay";
    cluster_.state_disk_bytes = 1U << 20U;
    // What the distribution's firmware package would give.
    EXPECT_THAT(MakeDirectories(node_paths_.directory), IsOk());
    EXPECT_THAT(WriteFileAtomically(node_paths_.FirmwareVariables(), "vars"),
                IsOk());
  }
  ~VirtualMachineTest() override {
    if (vm_ != nullptr) {
      vm_->Kill().IgnoreError();
      vm_->Retire(StopMode::kHard, absl::ZeroDuration());
    }
    setenv("PATH", path_.c_str(), 1);
  }

  void AddProgram(const std::string& name, const std::string& script) {
    const std::string file = dir_.Join("bin/" + name);
    EXPECT_THAT(WriteFileAtomically(file, "#!/bin/sh\n" + script + "\n"),
                IsOk());
    EXPECT_EQ(chmod(file.c_str(), 0700), 0);
  }
  VirtualMachine& Vm() {
    if (vm_ == nullptr) {
      vm_ = std::make_unique<VirtualMachine>(paths_, node_, setup_, ca_mutex_);
    }
    return *vm_;
  }
  // Starts it with a QMP that appears shortly after QEMU, as the real one does.
  absl::Status Start() {
    std::thread late([this] {
      while (!FileExists(node_paths_.QemuPid())) {
        absl::SleepFor(absl::Milliseconds(5));
      }
      qmp_ = std::make_unique<ScriptedServer>(node_paths_.QmpSocket(),
                                              [this](int fd) { Talk(fd); });
    });
    const absl::Status started = Vm().Start(cluster_, Accelerator::kEmulation);
    late.join();
    return started;
  }
  void Talk(int fd) {
    SendText(fd, "{\"QMP\": {}}\n");
    while (true) {
      const std::string command = ReceiveUntil(fd, "\n");
      if (command.empty()) {
        return;
      }
      {
        const absl::MutexLock lock(&mutex_);
        commands_ += command;
      }
      SendText(fd, "{\"return\": {}}\n");
    }
  }
  std::string Commands() {
    const absl::MutexLock lock(&mutex_);
    return commands_;
  }

  TempDir dir_;
  const std::string path_ = std::getenv("PATH");
  const ClusterPaths paths_{dir_.Join("c"), dir_.Join("r")};
  const NodeSpec node_{.name = "w-1",
                       .index = 1,
                       .machine_id = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"};
  const NodePaths node_paths_{paths_, node_};
  ClusterSpec cluster_;
  FakeSetup setup_;
  absl::Mutex ca_mutex_;
  absl::Mutex mutex_;
  std::string commands_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ScriptedServer> qmp_;
  std::unique_ptr<VirtualMachine> vm_;
};

TEST_F(VirtualMachineTest, StartsQemuAsPlanned) {
  ASSERT_THAT(Start(), IsOk());
  std::string planned;
  const auto argv =
      QemuCommand(cluster_, node_, paths_, Accelerator::kEmulation);
  for (size_t i = 1; i < argv.size(); ++i) {
    planned += argv[i] + "\n";
  }
  std::string seen;
  for (int i = 0; i < 250 && seen.size() < planned.size(); ++i) {
    absl::SleepFor(absl::Milliseconds(20));
    seen = ReadFile(dir_.Join("arguments")).value_or("");
  }
  EXPECT_EQ(seen, planned);
  const NodeStatus status = Vm().Status();
  EXPECT_EQ(status.state, PowerState::kRunning);
  EXPECT_GT(status.pid, 0);
  EXPECT_THAT(Vm().Pids(), SizeIs(2)) << "QEMU and its TPM";
  EXPECT_TRUE(FileExists(node_paths_.Tpm() + "/tpm2-00.permall"));
  EXPECT_EQ(FileSize(node_paths_.StateDisk()), cluster_.state_disk_bytes);
  EXPECT_THAT(Vm().Start(cluster_, Accelerator::kEmulation), IsOk())
      << "it runs already";
  EXPECT_EQ(Vm().Status().pid, status.pid);
}

TEST_F(VirtualMachineTest, PressesItsButtons) {
  ASSERT_THAT(Start(), IsOk());
  EXPECT_THAT(Vm().Reset(), IsOk());
  EXPECT_THAT(Commands(), HasSubstr("system_reset"));
  EXPECT_THAT(Vm().SetImage("/other"), StatusIs(kWrongState));
  EXPECT_THAT(Vm().OpenTpm(cluster_), StatusIs(kWrongState))
      << "a TPM's state has one writer";
  EXPECT_THAT(Vm().Kill(), IsOk());
  const NodeStatus status = Vm().Status();
  EXPECT_EQ(status.state, PowerState::kStopped);
  EXPECT_EQ(status.last_exit, "signal 9");
  EXPECT_THAT(Vm().Pids(), IsEmpty()) << "its TPM has ended as well";
  EXPECT_FALSE(FileExists(node_paths_.QmpSocket()));
}

TEST_F(VirtualMachineTest, TellsWhyQemuDidNotStart) {
  AddProgram("qemu-system-x86_64", "echo 'no such machine' >&2; exit 1");
  EXPECT_THAT(
      Vm().Start(cluster_, Accelerator::kEmulation),
      StatusIs(kWrongState, HasSubstr("QEMU did not start: no such machine")));
  EXPECT_EQ(Vm().Status().state, PowerState::kStopped);
  EXPECT_THAT(Vm().Pids(), IsEmpty());
}

TEST_F(VirtualMachineTest, APortThatIsTakenIsNamed) {
  const UniqueFd taken(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(taken.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(taken.get(), 1), 0);
  ASSERT_EQ(
      getsockname(taken.get(), reinterpret_cast<sockaddr*>(&address), &size),
      0);
  NodeSpec node = node_;
  node.forwards = {{6443, ntohs(address.sin_port)}};
  vm_ = std::make_unique<VirtualMachine>(paths_, node, setup_, ca_mutex_);
  EXPECT_THAT(Vm().Start(cluster_, Accelerator::kEmulation),
              StatusIs(kWrongState, HasSubstr("used by another program")));
  EXPECT_FALSE(FileExists(dir_.Join("arguments")));
}

TEST_F(VirtualMachineTest, RefusesWhatNeedsARunningVm) {
  EXPECT_THAT(Vm().Reset(), StatusIs(kWrongState, HasSubstr("off")));
  EXPECT_THAT(Vm().Kill(), StatusIs(kWrongState, HasSubstr("off")));
  EXPECT_THAT(Vm().Stop(StopMode::kHard, absl::ZeroDuration()), IsOk())
      << "it is off";
  EXPECT_THAT(Vm().SetImage("/other"), IsOk());
  EXPECT_EQ(Vm().spec().image_path, "/other");
}

TEST_F(VirtualMachineTest, IsOverOnceRetired) {
  Vm().Retire(StopMode::kHard, absl::ZeroDuration());
  EXPECT_THAT(Vm().Start(cluster_, Accelerator::kEmulation),
              StatusIs(kWrongState, HasSubstr("being removed")));
  EXPECT_THAT(Vm().Stop(StopMode::kHard, absl::ZeroDuration()),
              StatusIs(kWrongState));
  EXPECT_THAT(Vm().SetImage("/x"), StatusIs(kWrongState));
  EXPECT_THAT(Vm().OpenTpm(cluster_), StatusIs(kWrongState));
  EXPECT_THAT(Vm().Reset(), StatusIs(kWrongState));
  EXPECT_THAT(Vm().Kill(), StatusIs(kWrongState));
  EXPECT_TRUE(FileExists(node_paths_.directory));
  EXPECT_THAT(Vm().Destroy(), IsOk());
  EXPECT_FALSE(FileExists(node_paths_.directory));
}

TEST_F(VirtualMachineTest, KeepsTheLastBootStatus) {
  Vm().AddBootStatus(R"({"phase":"one"})");
  Vm().AddBootStatus(R"({"phase":"two"})");
  EXPECT_EQ(Vm().Status().boot_status, R"({"phase":"two"})");
  vm_.reset();
  EXPECT_EQ(Vm().Status().boot_status, R"({"phase":"two"})")
      << "the next supervisor reads it";
}

TEST_F(VirtualMachineTest, NoticesThatQemuHasEnded) {
  ASSERT_THAT(Start(), IsOk());
  kill(Vm().Status().pid, SIGTERM);
  for (int i = 0; i < 200 && Vm().Status().state == PowerState::kRunning; ++i) {
    absl::SleepFor(absl::Milliseconds(20));
    Vm().Poll();
  }
  EXPECT_EQ(Vm().Status().state, PowerState::kStopped);
  EXPECT_EQ(Vm().Status().last_exit, "signal 15");
  EXPECT_THAT(Vm().Pids(), IsEmpty());
}

TEST_F(VirtualMachineTest, TellsWhyTheTpmDidNotStart) {
  AddProgram("swtpm", "echo 'state is locked' >&2; exit 1");
  EXPECT_THAT(Vm().OpenTpm(cluster_),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("swtpm did not start: state is locked")));
  EXPECT_EQ(Vm().Status().state, PowerState::kStopped);
}

}  // namespace
}  // namespace constellation::cloud::qemu
