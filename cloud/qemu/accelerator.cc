// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/accelerator.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/time/time.h"
#include "cloud/json_fields.h"
#include "cloud/qemu/cluster_directory.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace constellation::cloud::qemu {
namespace {

// A boot sector (16-bit code at 0x7c00): mov al,0x2a; out 0xf4,al; hlt.
constexpr std::array<uint8_t, 5> kBootCode{0xb0, 0x2a, 0xe6, 0xf4, 0xf4};
// isa-debug-exit ends QEMU with (value << 1) | 1.
constexpr int kExpectedExit = (0x2a << 1) | 1;

// 512 octets with the BIOS's mark at their end; no file of the installation is
// needed.
std::string BootSector() {
  std::string sector(512, '\0');
  std::memcpy(sector.data(), kBootCode.data(), kBootCode.size());
  sector[510] = '\x55';
  sector[511] = '\xaa';
  return sector;
}

// What the result depends on: this boot of the host, and the program.
std::string CacheKey(const KvmProbeOptions& options) {
  struct stat info {};
  const std::string program = options.qemu.find('/') == std::string::npos
                                  ? "/usr/bin/" + options.qemu
                                  : options.qemu;
  if (stat(program.c_str(), &info) != 0) {
    return "";
  }
  const auto boot_id = ReadFile("/proc/sys/kernel/random/boot_id", 128);
  return boot_id.ok() ? fmt::format("{} {} {}", boot_id->substr(0, 36),
                                    info.st_size, info.st_mtime)
                      : "";
}

// Empty for "KVM works", a reason for "it does not", nothing for "not known".
// Anything unexpected in the file counts as not known.
std::optional<std::string> ReadCachedReason(const std::string& file,
                                            const std::string& key) {
  const auto text = file.empty() ? NotFound("no cache") : ReadFile(file, 8192);
  if (!text.ok() || key.empty()) {
    return std::nullopt;
  }
  const auto object = ParseJsonObject(*text, "KVM probe", 8192);
  if (!object.ok()) {
    return std::nullopt;
  }
  JsonFields fields(*object, "KVM probe");
  const std::string found = fields.String("key");
  std::string reason = fields.String("reason");
  return fields.Finish(true).ok() && found == key ? std::optional(reason)
                                                  : std::nullopt;
}

// A failure is kept as well: a machine without KVM shall not wait ten seconds
// for every command.
void WriteCache(const std::string& file, const std::string& key,
                const std::string& reason) {
  if (file.empty() || key.empty()) {
    return;
  }
  const std::string parent = std::filesystem::path(file).parent_path();
  const std::string text = DumpJson({{"key", key}, {"reason", reason}});
  // Without a cache the next run probes again: no reason to fail.
  if (MakeDirectories(parent).ok()) {
    (void)WriteFileAtomically(file, text);
  }
}

// QEMU's first line says what is wrong; the rest repeats it.
std::string FirstLine(std::string_view text) {
  return std::string(text.substr(0, std::min<size_t>(text.find('\n'), 200)));
}

// Runs the guest; empty if it reported back, else why not.
std::string RunProbe(CommandRunner& runner, const KvmProbeOptions& options) {
  std::error_code error;
  std::string folder =
      (std::filesystem::temp_directory_path(error) / "constellation-kvm-XXXXXX")
          .string();
  if (error || mkdtemp(folder.data()) == nullptr) {
    return "no temporary folder for the probe";
  }
  const absl::Cleanup cleanup = [&] { (void)RemoveTree(folder); };
  const std::string disk = folder + "/boot";
  if (const absl::Status written = WriteFileAtomically(disk, BootSector());
      !written.ok()) {
    return std::string(Message(written));
  }
  CommandOptions limits;
  limits.timeout = options.timeout;
  limits.max_output = 4096;
  const auto result = runner.Run(
      {options.qemu, "-nodefaults", "-no-user-config", "-display", "none",
       "-machine", "q35", "-accel", "kvm", "-cpu", "host", "-m", "64",
       "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
       "-drive", "if=ide,format=raw,read-only=on,file=" + disk},
      limits);
  if (absl::IsDeadlineExceeded(result.status())) {
    return fmt::format("a test guest did not run within {}",
                       absl::FormatDuration(options.timeout));
  }
  if (!result.ok()) {
    return std::string(Message(result.status()));
  }
  if (result->exit_code != kExpectedExit) {
    return fmt::format("a test guest failed: {}",
                       result->err.empty()
                           ? fmt::format("exit code {}", result->exit_code)
                           : FirstLine(result->err));
  }
  return "";
}

}  // namespace

unsigned AcceleratorChoice::TimeScale() const {
  return accelerator == Accelerator::kKvm ? 1 : 10;
}

std::string AcceleratorChoice::Sentence() const {
  if (accelerator == Accelerator::kKvm) {
    return "Nodes run with KVM: expect a cluster of two nodes in about 5 "
           "minutes.";
  }
  return fmt::format(
      "Nodes run in software emulation ({}), about ten times slower than with "
      "KVM: expect 4 to 15 minutes for a cluster of two nodes.",
      reason.empty() ? "as configured" : "KVM is not usable: " + reason);
}

std::string DefaultKvmProbeCache() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME");
      cache != nullptr && cache[0] == '/') {
    return std::string(cache) + "/constellation/kvm-probe.json";
  }
  if (const char* home = std::getenv("HOME");
      home != nullptr && home[0] == '/') {
    return std::string(home) + "/.cache/constellation/kvm-probe.json";
  }
  return "";
}

// The device is opened first because that needs no guest; a container often
// shows /dev/kvm and forbids it, and a nested hypervisor may offer it and hang.
AcceleratorChoice ProbeKvm(CommandRunner& runner,
                           const KvmProbeOptions& options) {
  const UniqueFd device(open(options.kvm_device.c_str(), O_RDWR | O_CLOEXEC));
  if (!device.valid()) {
    const std::string hint =
        errno == EACCES ? "; is this user in the group kvm?" : "";
    return {Accelerator::kEmulation,
            fmt::format("cannot open {}: {}{}", options.kvm_device,
                        std::strerror(errno), hint)};
  }
  const std::string key = CacheKey(options);
  auto reason = ReadCachedReason(options.cache_file, key);
  if (!reason.has_value()) {
    reason = RunProbe(runner, options);
    WriteCache(options.cache_file, key, *reason);
  }
  return reason->empty() ? AcceleratorChoice{Accelerator::kKvm, ""}
                         : AcceleratorChoice{Accelerator::kEmulation, *reason};
}

absl::StatusOr<AcceleratorChoice> ChooseAccelerator(Accelerator wanted) {
  if (wanted == Accelerator::kEmulation) {
    return AcceleratorChoice{};
  }
  ProcessRunner runner;
  AcceleratorChoice choice =
      ProbeKvm(runner, {.cache_file = DefaultKvmProbeCache()});
  if (wanted == Accelerator::kKvm && choice.accelerator != Accelerator::kKvm) {
    return FailedPrecondition(
        fmt::format("KVM was demanded, but is not usable: {}", choice.reason));
  }
  return choice;
}

}  // namespace constellation::cloud::qemu
