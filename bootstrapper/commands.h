// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_COMMANDS_H_
#define CONSTELLATION_BOOTSTRAPPER_COMMANDS_H_

#include <span>
#include <string_view>

#include "absl/status/status.h"

namespace constellation::bootstrapper {

inline constexpr std::string_view kUsage =
    "usage: bootstrapper run|pod-network [--name value]...\n"
    "  run          initializes a cluster or joins one\n"
    "  pod-network  connects this node's pods with those of the others\n"
    "for tests: --root FOLDER  --tcti TCTI  --event-log FILE  --listen "
    "ADDRESS\n"
    "           --metadata-socket FILE  --variant NAME\n";

// Runs the command that `arguments` (without the program's name) ask for.
// INVALID_ARGUMENT if they ask for none; else what the command returns.
absl::Status RunCommand(std::span<char* const> arguments);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_COMMANDS_H_
