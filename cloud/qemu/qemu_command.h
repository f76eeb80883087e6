// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_QEMU_COMMAND_H_
#define CONSTELLATION_CLOUD_QEMU_QEMU_COMMAND_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cloud/qemu/cluster_directory.h"
#include "cloud/qemu/cluster_spec.h"

namespace constellation::cloud::qemu {

// What the programs are called and where the firmware is (Debian's packages
// qemu-system-x86, ovmf, swtpm, swtpm-tools, vde2).
inline constexpr std::string_view kQemuProgram = "qemu-system-x86_64";
inline constexpr std::string_view kSwtpmProgram = "swtpm";
inline constexpr std::string_view kSwtpmSetupProgram = "swtpm_setup";
inline constexpr std::string_view kSwitchProgram = "vde_switch";
inline constexpr std::string_view kFirmwareCode =
    "/usr/share/OVMF/OVMF_CODE_4M.fd";
inline constexpr std::string_view kFirmwareVariables =
    "/usr/share/OVMF/OVMF_VARS_4M.fd";

// NOT_FOUND naming the package if a program or file above is missing.
absl::Status CheckPrerequisites();

// Command lines, argv[0] included. `accelerator` must not be kAuto.
// Paths and names have been validated (ValidateClusterSpec()); nothing here
// goes through a shell but the relay's command, which is quoted.
std::vector<std::string> QemuCommand(const ClusterSpec& cluster,
                                     const NodeSpec& node,
                                     const ClusterPaths& paths,
                                     Accelerator accelerator);
// The TPM for QEMU: takes its listening control socket as descriptor 3 and
// ends when QEMU does.
std::vector<std::string> SwtpmCommand(const NodePaths& paths);
// The TPM for the owner's enrolment: started up, on sockets for tss2.
std::vector<std::string> EnrollmentSwtpmCommand(const NodePaths& paths);
// Private to this user, for up to 64 VMs.
std::vector<std::string> SwitchCommand(const ClusterPaths& paths);

// `text` as one word for g_shell_parse_argv(), and with commas doubled for
// QEMU's option parser.
std::string ShellQuote(std::string_view text);
std::string EscapeCommas(std::string_view text);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_QEMU_COMMAND_H_
