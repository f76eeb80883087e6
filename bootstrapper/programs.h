// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_PROGRAMS_H_
#define CONSTELLATION_BOOTSTRAPPER_PROGRAMS_H_

#include <sys/stat.h>

#include <cstdint>
#include <span>

#include "absl/time/time.h"
#include "common/command.h"

// What the bootstrapper's uses of the system's programs and files share.
namespace constellation::bootstrapper {

// Files and folders that kubelet, dnsmasq or containers read: nothing secret is
// in them.
inline constexpr mode_t kPublicFileMode = 0644;
inline constexpr mode_t kPublicDirectoryMode = 0755;

// For `ip`, `wg` and the like: they end within a minute or are killed. `input`
// is what the program reads, a key for example, and must outlive the call.
inline CommandOptions MinuteLimit(std::span<const uint8_t> input = {}) {
  CommandOptions options;
  options.timeout = absl::Minutes(1);
  options.input = input;
  return options;
}

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_PROGRAMS_H_
