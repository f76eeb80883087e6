// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_COMMANDS_H_
#define CONSTELLATION_DISK_MAPPER_COMMANDS_H_

#include <span>

namespace constellation::disk_mapper {

// How the program ends. systemd and the bootstrapper see these.
enum class ExitCode {
  kOk = 0,
  kFailed = 1,       // trying again may help
  kUsage = 2,        // wrong arguments or input
  kDiskRefused = 3,  // foreign or damaged disk: trying again does not help
};

inline constexpr char kUsage[] =
    "usage: disk-mapper boot\n"
    "       disk-mapper format --uuid UUID [--disk DEVICE] < KEY\n"
    "       disk-mapper commit\n"
    "       disk-mapper reset [--disk DEVICE]\n"
    "KEY is 32 bytes. DEVICE is found by its serial number 'state'.\n";

// Runs the command that `arguments` (without the program's name) asks for.
// Reads the key from standard input; logs to standard error.
ExitCode RunCommand(std::span<char*> arguments);

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_COMMANDS_H_
