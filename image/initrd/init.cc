// SPDX-License-Identifier: Apache-2.0
//
// The first process of a node: opens the root file system that the measured
// command line names, and becomes systemd. A failure prints one line and
// restarts the machine; there is no shell to fall into.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/reboot.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/hypervisor.h"
#include "common/status_macros.h"
#include "image/initrd/device_mapper.h"
#include "image/initrd/disks.h"
#include "image/initrd/modules.h"
#include "image/initrd/root_config.h"

namespace constellation::image::initrd {
namespace {

constexpr const char* kNewRoot = "/sysroot";
constexpr const char* kSystemd = "/usr/lib/systemd/systemd";
constexpr int kDiskWaitSeconds = 30;
constexpr int kRestartDelaySeconds = 10;
constexpr useconds_t kPollMicroseconds = 50'000;

// Takes errno as it is: call it right after what failed.
absl::Status Failed(std::string_view action) {
  const std::string message =
      fmt::format("{}: {}", action, std::strerror(errno));
  return absl::InternalError(message);
}

// Files of the kernel have no size: reads until the end.
absl::StatusOr<std::string> ReadText(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return Failed(fmt::format("open {}", path));
  }
  std::string text;
  std::array<char, 4096> buffer{};
  ssize_t got = 0;
  while ((got = read(fd, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  close(fd);
  if (got < 0) {
    return Failed(fmt::format("read {}", path));
  }
  return text;
}

// They move along to the new root later.
absl::Status MountKernelFileSystems() {
  struct Entry {
    const char* type;
    const char* where;
    unsigned long flags;
  };
  constexpr std::array<Entry, 3> kEntries{{
      {"devtmpfs", "/dev", MS_NOSUID},
      {"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC},
      {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC},
  }};
  for (const Entry& entry : kEntries) {
    mkdir(entry.where, 0755);
    // EBUSY: the kernel was built to mount devtmpfs itself.
    if (mount(entry.type, entry.where, entry.type, entry.flags, nullptr) < 0 &&
        errno != EBUSY) {
      return Failed(fmt::format("mount {}", entry.where));
    }
  }
  return absl::OkStatus();
}

// Already there is as good as loaded.
absl::Status LoadModule(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return Failed(fmt::format("open {}", path));
  }
  const long result = syscall(SYS_finit_module, fd, "", 0);
  const int error = errno;
  close(fd);
  if (result < 0 && error != EEXIST) {
    errno = error;
    return Failed(fmt::format("load {}", path));
  }
  return absl::OkStatus();
}

// Calls `use` with the path of every module that the list /modules/<name>
// gives, in the order of their dependencies. The lists are part of the measured
// initrd.
absl::Status ForEachModule(
    const std::string& name,
    const std::function<absl::Status(const std::string&)>& use) {
  ASSIGN_OR_RETURN(const std::string list,
                   ReadText(fmt::format("/modules/{}", name)));
  for (const std::string& path : ModulePaths(list)) {
    RETURN_IF_ERROR(use(path));
  }
  return absl::OkStatus();
}

// A driver that refuses leaves the disk to another one; if there is none, what
// it said is on the console.
absl::Status LoadIfPossible(const std::string& path) {
  const absl::Status loaded = LoadModule(path);
  if (!loaded.ok()) {
    std::fprintf(stderr, "constellation: %s\n",
                 std::string(loaded.message()).c_str());
  }
  return absl::OkStatus();
}

// The hypervisor may say anything: it decides about speed and drivers only.
absl::Status LoadModules() {
  const std::string hypervisor = HypervisorSignature();
  if (hypervisor == kHyperV) {
    RETURN_IF_ERROR(ForEachModule("hyperv", LoadIfPossible));
  }
  if (hypervisor != kQemuEmulation) {
    // Vector instructions pay on a processor and cost twice the time in
    // emulation (measured: 91 MB/s plain, 52 MB/s with them).
    RETURN_IF_ERROR(ForEachModule("accelerated", [](const std::string& path) {
      LoadModule(path).IgnoreError();  // the processor may not have them
      return absl::OkStatus();
    }));
  }
  return ForEachModule("order", LoadModule);
}

// Disks appear some time after their drivers. The kernel makes the nodes in
// devtmpfs; no udev runs here.
absl::StatusOr<RootDevices> WaitForRootDevices(const RootConfig& config) {
  constexpr int kPolls = kDiskWaitSeconds * 1'000'000 / kPollMicroseconds;
  for (int i = 0; i < kPolls; ++i) {
    auto devices =
        FindRootDevices(config.data_partition(), config.hash_partition());
    if (devices.ok() && access(devices->data.c_str(), R_OK) == 0 &&
        access(devices->hash.c_str(), R_OK) == 0) {
      return devices;
    }
    usleep(kPollMicroseconds);
  }
  return FindRootDevices(config.data_partition(), config.hash_partition());
}

// From here on every block that is read is checked against the measured root
// hash.
absl::Status MountRoot() {
  ASSIGN_OR_RETURN(const std::string line, ReadText("/proc/cmdline"));
  ASSIGN_OR_RETURN(const RootConfig config, ParseRootConfig(line));
  ASSIGN_OR_RETURN(const RootDevices devices, WaitForRootDevices(config));
  const uint64_t sectors =
      config.data_blocks * (kVerityBlockSize / measure::kSectorSize);
  ASSIGN_OR_RETURN(
      const std::string node,
      CreateReadOnlyDevice("root", "verity", sectors,
                           VerityTable(config, devices.data, devices.hash)));
  mkdir(kNewRoot, 0755);
  if (mount(node.c_str(), kNewRoot, "squashfs", MS_RDONLY | MS_NODEV, nullptr) <
      0) {
    return Failed(fmt::format("mount root file system {}", node));
  }
  return absl::OkStatus();
}

// Frees the memory of what is no longer needed after the switch.
void RemoveInitrdFiles() {
  for (const char* list : {"accelerated", "hyperv", "order"}) {
    ForEachModule(list, [](const std::string& path) {
      unlink(path.c_str());
      return absl::OkStatus();
    }).IgnoreError();
  }
  unlink("/init");
}

// systemd gets an empty environment: nothing of the initrd reaches it.
absl::Status SwitchRoot() {
  for (const char* name : {"dev", "proc", "sys"}) {
    if (mount(fmt::format("/{}", name).c_str(),
              fmt::format("{}/{}", kNewRoot, name).c_str(), nullptr, MS_MOVE,
              nullptr) < 0) {
      return Failed(fmt::format("move /{}", name));
    }
  }
  RemoveInitrdFiles();
  if (chdir(kNewRoot) < 0 || mount(".", "/", nullptr, MS_MOVE, nullptr) < 0 ||
      chroot(".") < 0 || chdir("/") < 0) {
    return Failed("switch to the root file system");
  }
  std::string program = kSystemd;
  std::array<char*, 2> arguments{program.data(), nullptr};
  std::array<char*, 1> environment{nullptr};
  execve(kSystemd, arguments.data(), environment.data());
  return Failed(fmt::format("start {}", kSystemd));
}

absl::Status Boot() {
  RETURN_IF_ERROR(MountKernelFileSystems());
  RETURN_IF_ERROR(LoadModules());
  RETURN_IF_ERROR(MountRoot());
  return SwitchRoot();
}

// The pause lets people read the line on the console. Returning from process 1
// would be a panic of the kernel.
[[noreturn]] void Restart(const absl::Status& status) {
  const auto message = status.message();
  std::fprintf(
      stderr, "\nconstellation: boot failed: %.*s; restarting in %d seconds\n",
      static_cast<int>(message.size()), message.data(), kRestartDelaySeconds);
  sleep(kRestartDelaySeconds);
  sync();
  syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
          LINUX_REBOOT_CMD_RESTART, nullptr);
  for (;;) {
    pause();
  }
}

}  // namespace
}  // namespace constellation::image::initrd

int main() {
  constellation::image::initrd::Restart(
      constellation::image::initrd::Boot());  // Boot() returns only on failure
}
