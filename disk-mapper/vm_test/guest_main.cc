// SPDX-License-Identifier: Apache-2.0
//
// Process 1 of a test VM: does the steps that the kernel command line names
// ("steps=a,b,c") with the real state-disk code on /dev/vda, reports each on
// the console, powers off.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "common/command.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "disk-mapper/state_disk/block_device.h"
#include "disk-mapper/state_disk/device_mapper.h"
#include "disk-mapper/state_disk/disk_keys.h"
#include "disk-mapper/state_disk/file_system.h"
#include "disk-mapper/state_disk/state_disk.h"
#include "disk-mapper/vm_test/guest_files.h"

namespace constellation::disk_mapper::vm_test {
namespace {

constexpr const char* kDisk = "/dev/vda";
constexpr std::string_view kUuid = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
const std::string kState = "/run/state";
const std::string kFiles = kState + "/files";

// A key of 32 equal octets: tests only.
absl::StatusOr<SecretBytes> TestKey(const std::string& argument) {
  const std::vector<uint8_t> key(
      kStateDiskKeySize, static_cast<uint8_t>(std::atoi(argument.c_str())));
  return SecretBytes(key);
}

// As the steps' arguments call them.
std::string_view KindName(LabelKind kind) {
  switch (kind) {
    case LabelKind::kBlank:
      return "blank";
    case LabelKind::kOurs:
      return "ours";
    case LabelKind::kForeign:
      return "foreign";
  }
  return "?";
}

// The disk under test and what has been opened of it.
// Steps share it, so that one can format, the next mount and a later one crash.
class Guest final {
 public:
  absl::Status Init() {
    ASSIGN_OR_RETURN(device_, FileBlockDevice::Open(kDisk));
    disk_ = std::make_unique<StateDisk>(kDisk, *device_, mapper_);
    return absl::OkStatus();
  }

  // INVALID_ARGUMENT for a step that does not exist, else what the step says.
  absl::Status Run(const std::string& step, const std::string& argument) {
    const std::map<std::string, std::function<absl::Status()>> steps = {
        {"inspect", [&] { return Inspect(argument); }},
        {"format", [&] { return Format(argument); }},
        {"open", [&] { return Open(argument); }},
        {"close", [&] { return disk_->Close(); }},
        {"commit", [&] { return disk_->Commit(kUuid); }},
        {"reset", [&] { return disk_->Reset(); }},
        {"cli-format", [&] { return CliFormat(argument); }},
        {"cli-commit",
         [&] {
           return Cli({"disk-mapper", "commit"}, {});
         }},
        {"cli-reset",
         [&] {
           return Cli({"disk-mapper", "reset"}, {});
         }},
        {"unbind", [&] { return UnmountAll(); }},
        {"zero", [&] { return Zero(); }},
        {"mkfs",
         [&] { return MakeFileSystem(runner_, node_, absl::Minutes(5)); }},
        {"mount", [&] { return mounter_.MountState(node_, kState); }},
        {"unmount", [&] { return mounter_.Unmount(kState); }},
        {"fsck", [&] { return Fsck(argument); }},
        {"fill", [&] { return Fill(kFiles); }},
        {"check-fill", [&] { return CheckFilled(kFiles); }},
        {"marker", [&] { return WriteMarker(kState + "/marker"); }},
        {"read-marker", [&] { return ReadMarker(kState + "/marker"); }},
        {"where-marker", [&] { return WhereMarker(); }},
        {"churn", [&] { return Churn(kState + "/churn"); }},
        {"check-churn", [&] { return CheckChurned(kState + "/churn"); }},
        {"create", [&] { return CreateInParallel(kState + "/created"); }},
        {"crash", [&] { return Crash(argument); }},
        {"wait", [&] { return Wait(argument); }},
        {"read-end", [&] { return ReadUnwritten(); }},
    };
    const auto found = steps.find(step);
    return found == steps.end() ? InvalidArgument("no such step")
                                : found->second();
  }

 private:
  absl::Status Inspect(const std::string& wanted) {
    ASSIGN_OR_RETURN(const LabelInspection found, disk_->Inspect());
    if (KindName(found.kind) != wanted) {
      return FailedPrecondition(fmt::format(
          "want {}, got {} ({})", wanted, KindName(found.kind), found.reason));
    }
    return absl::OkStatus();
  }

  absl::Status Format(const std::string& key_number) {
    ASSIGN_OR_RETURN(const SecretBytes key, TestKey(key_number));
    ASSIGN_OR_RETURN(node_, disk_->Format(key, kUuid));
    return absl::OkStatus();
  }

  // The whole way of init and join, by the real program, which finds the disk
  // by its serial number.
  absl::Status CliFormat(const std::string& key_number) {
    ASSIGN_OR_RETURN(const SecretBytes key, TestKey(key_number));
    return Cli({"disk-mapper", "format", "--uuid", std::string(kUuid)},
               key.Expose());
  }

  // The real program, as the bootstrapper calls it, with the key on its input.
  absl::Status Cli(const std::vector<std::string>& argv,
                   std::span<const uint8_t> input) {
    CommandOptions options;
    options.input = input;
    return RunChecked(runner_, argv, options).status();
  }

  // Folders first: they are bound from the state disk.
  absl::Status UnmountAll() {
    for (const char* folder :
         {"/var/lib/kubelet", "/var/lib/containerd", "/var/lib/etcd",
          "/etc/kubernetes", "/etc/cni/net.d", "/var/log/pods"}) {
      if (!mounter_.IsMountPoint(folder)) {
        return FailedPrecondition(fmt::format("{} is not bound", folder));
      }
      RETURN_IF_ERROR(mounter_.Unmount(folder));
    }
    node_ = "/dev/dm-1";
    return mounter_.Unmount(kState);
  }

  absl::Status Open(const std::string& key_number) {
    ASSIGN_OR_RETURN(const SecretBytes key, TestKey(key_number));
    ASSIGN_OR_RETURN(node_, disk_->Open(key, kUuid));
    return absl::OkStatus();
  }

  absl::Status Zero() {
    ASSIGN_OR_RETURN(const auto device, FileBlockDevice::Open(node_));
    return ZeroEnds(*device);
  }

  // "clean": nothing to repair. "repair": the journal may be replayed, after
  // which nothing is left to repair.
  absl::Status Fsck(const std::string& mode) {
    if (mode == "repair") {
      ASSIGN_OR_RETURN(const CommandResult first,
                       runner_.Run({"e2fsck", "-p", node_}, CommandOptions{}));
      if (first.exit_code > 1) {
        return DataLoss(fmt::format("e2fsck -p: exit code {}: {}{}",
                                    first.exit_code, first.out, first.err));
      }
    }
    ASSIGN_OR_RETURN(
        const CommandResult result,
        runner_.Run({"e2fsck", "-f", "-n", node_}, CommandOptions{}));
    if (result.exit_code != 0) {
      return DataLoss(fmt::format("e2fsck -f -n: exit code {}: {}{}",
                                  result.exit_code, result.out, result.err));
    }
    return absl::OkStatus();
  }

  absl::Status WhereMarker() {
    ASSIGN_OR_RETURN(const uint64_t block, FirstBlockOf(kState + "/marker"));
    std::printf("@@ value marker-block %llu\n",
                static_cast<unsigned long long>(block));
    return absl::OkStatus();
  }

  // Lets a child write for some seconds, then takes the device away under it:
  // everything that was not yet written is lost, as in a power cut.
  absl::Status Crash(const std::string& seconds) {
    const pid_t child = fork();
    if (child == 0) {
      Churn(kState + "/churn").IgnoreError();
      _exit(0);
    }
    absl::SleepFor(absl::Seconds(std::atoi(seconds.c_str())));
    ASSIGN_OR_RETURN(const auto device, FileBlockDevice::Open(node_));
    const DmTarget error{"error", device->size() / kSectorSize, SecretBytes()};
    const absl::Status replaced = mapper_.Replace(kStateDeviceName, error);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    mounter_.Unmount(kState).IgnoreError();
    return replaced;
  }

  static absl::Status Wait(const std::string& seconds) {
    absl::SleepFor(absl::Seconds(std::atoi(seconds.c_str())));
    return absl::OkStatus();
  }

  // A block that nobody has written has no valid tag: reading it must fail.
  absl::Status ReadUnwritten() {
    ASSIGN_OR_RETURN(const auto device, FileBlockDevice::Open(node_));
    std::vector<uint8_t> block(kBlockSize);
    return device->Read(device->size() / 2 / kBlockSize * kBlockSize, block);
  }

  KernelDeviceMapper mapper_;
  KernelMounter mounter_;
  ProcessRunner runner_;
  std::unique_ptr<FileBlockDevice> device_;
  std::unique_ptr<StateDisk> disk_;
  std::string node_;
};

// Modules that the kernel has built in are missing; that is only noted.
absl::Status LoadModules() {
  ASSIGN_OR_RETURN(const std::string list, ReadFile("/modules.list"));
  std::istringstream lines(list);
  for (std::string path; std::getline(lines, path);) {
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (syscall(SYS_finit_module, fd.get(), "", 0) != 0 && errno != EEXIST) {
      std::printf(
          "@@ note module %s: %s\n", path.c_str(),
          std::string(Message(ErrnoStatus(errno, "load", path))).c_str());
    }
  }
  return absl::OkStatus();
}

// What an init system would do before anything else.
absl::Status SetUp() {
  for (const char* folder : {"/proc", "/sys", "/dev", "/run", "/tmp"}) {
    mkdir(folder, 0755);
  }
  mount("proc", "/proc", "proc", 0, nullptr);
  mount("sysfs", "/sys", "sysfs", 0, nullptr);
  mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr);
  mount("tmpfs", "/run", "tmpfs", 0, nullptr);
  mkdir(kState.c_str(), 0755);
  setenv("PATH", "/bin:/sbin:/usr/sbin:/usr/bin", 1);
  RETURN_IF_ERROR(LoadModules());
  for (int i = 0; i < 100 && !FileExists(kDisk); ++i) {
    absl::SleepFor(absl::Milliseconds(50));
  }
  return absl::OkStatus();
}

// "step", "step=argument", "CODE!step": the step must fail with this code.
void RunStep(Guest& guest, std::string step) {
  std::string wanted = "OK";
  const std::string whole = step;
  if (const size_t mark = step.find('!'); mark != step.npos) {
    wanted = step.substr(0, mark);
    step = step.substr(mark + 1);
  }
  std::string argument;
  if (const size_t mark = step.find('='); mark != step.npos) {
    argument = step.substr(mark + 1);
    step = step.substr(0, mark);
  }
  std::printf("@@ begin %s\n", whole.c_str());
  std::fflush(stdout);
  const absl::Time start = absl::Now();
  const absl::Status status = guest.Run(step, argument);
  const bool good = absl::StatusCodeToString(status.code()) == wanted;
  std::printf(
      "@@ %s %s %lld ms %s\n", good ? "pass" : "FAIL", whole.c_str(),
      static_cast<long long>(absl::ToInt64Milliseconds(absl::Now() - start)),
      status.ToString().c_str());
  std::fflush(stdout);
}

// The lines that begin with "@@" are what the test on the host reads.
void Main() {
  absl::Status ready = SetUp();
  Guest guest;
  if (ready.ok()) {
    ready = guest.Init();
  }
  std::printf("@@ ready %s\n", ready.ToString().c_str());
  const std::string line = ReadFile("/proc/cmdline").value_or("");
  const size_t at = line.find("steps=");
  std::istringstream steps(at == line.npos ? "" : line.substr(at + 6));
  for (std::string step; ready.ok() && std::getline(steps, step, ',');) {
    while (!step.empty() && (step.back() == '\n' || step.back() == ' ')) {
      step.pop_back();
    }
    RunStep(guest, step);
  }
  std::printf("@@ end\n");
  std::fflush(stdout);
  sync();
}

}  // namespace
}  // namespace constellation::disk_mapper::vm_test

int main() {
  constellation::disk_mapper::vm_test::Main();
  reboot(RB_POWER_OFF);
  return 0;
}
