// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_NODES_BOOT_STATUS_H_
#define CONSTELLATION_CLI_NODES_BOOT_STATUS_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace constellation::cli {

// What a node said about itself while it boots. Shown to people, and a hint
// where to look next; never believed.
struct BootStatus {
  std::string component;  // "disk-mapper", "bootstrapper"
  std::string phase;      // "format-state-disk"
  std::string state;      // running, done, failed, waiting
  absl::Duration elapsed = absl::ZeroDuration();
  std::string message;

  // What the node calls itself, for showing.
  bool IsFailed() const { return state == "failed"; }
  // Whether the node says that it waits for the key of its state disk.
  bool WaitsForKey() const {
    return component == "disk-mapper" && state == "waiting";
  }
  // One line for people: "bootstrapper kubeadm-init (42.0s)".
  std::string Describe() const;
};

// Nothing if `json` is not a status. Fields of other types are left empty;
// control characters are replaced.
std::optional<BootStatus> ParseBootStatus(std::string_view json);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_NODES_BOOT_STATUS_H_
