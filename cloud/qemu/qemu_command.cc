// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/qemu_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

using Arguments = std::vector<std::string>;

// Distribution layout of every program: what to look for, who ships it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4>
    kPrograms{{{kQemuProgram, "qemu-system-x86"},
               {kSwtpmProgram, "swtpm"},
               {kSwtpmSetupProgram, "swtpm-tools"},
               {kSwitchProgram, "vde2"}}};
constexpr std::array<std::string_view, 2> kFirmwareFiles{kFirmwareCode,
                                                         kFirmwareVariables};

// As execvp() looks it up, but for empty elements.
bool InPath(std::string_view program) {
  const char* path = std::getenv("PATH");
  std::string_view left = path == nullptr ? "/usr/bin:/bin" : path;
  while (!left.empty()) {
    const size_t colon = left.find(':');
    const std::string file =
        fmt::format("{}/{}", left.substr(0, colon), program);
    if (access(file.c_str(), X_OK) == 0) {
      return true;
    }
    left.remove_prefix(colon == std::string_view::npos ? left.size()
                                                       : colon + 1);
  }
  return false;
}

// -nodefaults: no device that is not named here, whatever QEMU's version.
void AddMachine(const ClusterSpec& cluster, const NodeSpec& node,
                Accelerator accelerator, Arguments& argv) {
  argv.insert(
      argv.end(),
      {"-name", fmt::format("{}-{}", cluster.name, node.name), "-uuid",
       node.machine_id, "-nodefaults", "-no-user-config", "-display", "none"});
  // elevateprivileges=deny would also forbid starting the metadata relay.
  argv.insert(argv.end(),
              {"-sandbox", "on,obsolete=deny,resourcecontrol=deny"});
  argv.insert(argv.end(),
              {"-machine", "q35,vmport=off,pflash0=code,pflash1=vars"});
  if (accelerator == Accelerator::kKvm) {
    argv.insert(argv.end(), {"-accel", "kvm", "-cpu", "host"});
  } else {
    // With cmpxchg16b, emulated Linux 6.12 crashes in the slab allocator.
    argv.insert(argv.end(), {"-accel", "tcg,thread=multi", "-cpu",
                             "max,cx16=off,la57=off"});
  }
  argv.insert(argv.end(), {"-smp", std::to_string(cluster.vcpus), "-m",
                           std::to_string(cluster.memory_mib)});
  argv.insert(argv.end(), {"-boot", "menu=off"});
}

// One image file as block device `id`.
void AddFile(std::string_view id, std::string_view path, bool read_only,
             std::string_view more, Arguments& argv) {
  argv.insert(
      argv.end(),
      {"-blockdev",
       fmt::format("driver=raw,node-name={},read-only={}{},file.driver=file,"
                   "file.filename={}",
                   id, read_only ? "on" : "off", more, EscapeCommas(path))});
}

// Several VMs share the image, hence read-only; the node finds the state disk
// by its serial number.
void AddDisks(const ClusterSpec& cluster, const NodeSpec& node,
              const NodePaths& paths, Arguments& argv) {
  AddFile("code", kFirmwareCode, true, "", argv);
  AddFile("vars", paths.FirmwareVariables(), false, "", argv);
  AddFile("image",
          node.image_path.empty() ? cluster.image_path : node.image_path, true,
          "", argv);
  AddFile("state", paths.StateDisk(), false,
          ",discard=unmap,detect-zeroes=unmap", argv);
  argv.insert(argv.end(),
              {"-device", "virtio-blk-pci,drive=image,serial=image,bootindex=1",
               "-device", "virtio-blk-pci,drive=state,serial=state"});
}

// Two interfaces: one to the owner and the metadata, without a way out unless
// it is wanted, and one to the other nodes through the switch.
void AddNetwork(const ClusterSpec& cluster, const NodeSpec& node,
                const ClusterPaths& paths, const NodePaths& node_paths,
                Arguments& argv) {
  // A process per connection; a character device would serve one connection
  // in the VM's life.
  const std::string relay =
      fmt::format("{} qemu-relay {}", ShellQuote(cluster.relay_program),
                  ShellQuote(node_paths.MetadataSocket()));
  std::string user = fmt::format(
      "user,id=owner,ipv6=off,restrict={},guestfwd=tcp:10.0.2.100:80-cmd:{}",
      cluster.outbound_network ? "off" : "on", EscapeCommas(relay));
  for (const auto& [guest, host] : node.forwards) {
    user += fmt::format(",hostfwd=tcp:127.0.0.1:{}-:{}", host, guest);
  }
  // No option ROMs: the firmware would only try to boot from the network.
  argv.insert(
      argv.end(),
      {"-netdev", user, "-device",
       fmt::format("virtio-net-pci,netdev=owner,mac={},romfile=",
                   node.UserMac()),
       "-netdev",
       fmt::format("vde,id=peers,sock={}", EscapeCommas(paths.Switch())),
       "-device",
       fmt::format("virtio-net-pci,netdev=peers,mac={},romfile=",
                   node.ClusterMac())});
}

}  // namespace

// Before anything is made: a cluster without a TPM would fail half way.
absl::Status CheckPrerequisites() {
  for (const auto& [program, package] : kPrograms) {
    if (!InPath(program)) {
      return NotFound(fmt::format(
          "program {} is missing: install the package {}", program, package));
    }
  }
  for (const std::string_view file : kFirmwareFiles) {
    if (!FileExists(std::string(file))) {
      return NotFound(fmt::format(
          "firmware {} is missing: install the package ovmf", file));
    }
  }
  return absl::OkStatus();
}

// Single quotes keep everything but themselves (POSIX shell, 2.2.2).
std::string ShellQuote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string EscapeCommas(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c;
    if (c == ',') {
      escaped += ',';
    }
  }
  return escaped;
}

// The order of devices is their order on the guest's PCI bus: a change of it is
// another machine to the guest.
Arguments QemuCommand(const ClusterSpec& cluster, const NodeSpec& node,
                      const ClusterPaths& paths, Accelerator accelerator) {
  const NodePaths node_paths(paths, node);
  Arguments argv{std::string(kQemuProgram)};
  AddMachine(cluster, node, accelerator, argv);
  AddDisks(cluster, node, node_paths, argv);
  AddNetwork(cluster, node, paths, node_paths, argv);
  argv.insert(argv.end(), {"-device", "virtio-rng-pci", "-chardev",
                           fmt::format("socket,id=tpm,path={}",
                                       EscapeCommas(node_paths.TpmSocket())),
                           "-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device",
                           "tpm-crb,tpmdev=tpm0"});
  argv.insert(argv.end(), {"-chardev",
                           fmt::format("file,id=serial,append=on,path={}",
                                       EscapeCommas(node_paths.SerialLog())),
                           "-serial", "chardev:serial", "-qmp",
                           fmt::format("unix:{},server=on,wait=off",
                                       EscapeCommas(node_paths.QmpSocket()))});
  return argv;
}

// No --flags: QEMU's firmware starts the TPM up, as on real machines.
Arguments SwtpmCommand(const NodePaths& paths) {
  return {std::string(kSwtpmProgram),
          "socket",
          "--tpm2",
          "--terminate",
          "--tpmstate",
          "dir=" + paths.Tpm() + ",mode=0600",
          "--ctrl",
          "type=unixio,fd=3"};
}

Arguments EnrollmentSwtpmCommand(const NodePaths& paths) {
  return {std::string(kSwtpmProgram),
          "socket",
          "--tpm2",
          "--tpmstate",
          "dir=" + paths.Tpm() + ",mode=0600",
          "--flags",
          "startup-clear",
          "--server",
          "type=unixio,path=" + paths.EnrollSocket(),
          "--ctrl",
          "type=unixio,path=" + paths.EnrollSocket() + ".ctrl"};
}

Arguments SwitchCommand(const ClusterPaths& paths) {
  return {std::string(kSwitchProgram),
          "--sock",
          paths.Switch(),
          "--mode",
          "0600",
          "--numports",
          "64",
          "--dirmode",
          "0700"};
}

}  // namespace constellation::cloud::qemu
