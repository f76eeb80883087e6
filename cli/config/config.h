// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CONFIG_CONFIG_H_
#define CONSTELLATION_CLI_CONFIG_CONFIG_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace constellation::cli {

inline constexpr std::string_view kConfigVersion = "v4";
inline constexpr std::string_view kControlPlaneGroup = "control_plane_default";
inline constexpr std::string_view kWorkerGroup = "worker_default";
inline constexpr std::string_view kControlPlaneRole = "control-plane";
inline constexpr std::string_view kWorkerRole = "worker";

// What a PCR must hold. warn_only weakens verification: a difference is then
// shown but not refused.
struct Measurement {
  std::string expected;  // 64 lower-case hex digits
  bool warn_only = false;

  bool operator==(const Measurement&) const = default;
};
using Measurements = std::map<uint32_t, Measurement>;

struct NodeGroup {
  std::string role;  // "control-plane" or "worker"
  int state_disk_size_gb = 10;
  int initial_count = 1;
};

struct QemuProvider {
  int vcpus = 2;
  int memory_mib = 3072;  // of each node
  std::string firmware;   // path of the UEFI code; empty: the system's
  std::string accelerator = "auto";  // auto, kvm or tcg
};

// constellation-conf.yaml, checked.
struct Config {
  std::string image;  // path of a raw image, or a name; empty: the default
  std::string name = "constell";
  std::string kubernetes_version;    // empty: the version inside the image
  std::string microservice_version;  // empty: any
  std::string custom_endpoint;
  std::string service_cidr = "10.96.0.0/12";
  std::string pod_cidr = "10.244.0.0/16";
  std::map<std::string, std::string> tags;
  std::map<std::string, NodeGroup> node_groups;
  QemuProvider qemu;
  // Empty: predicted from the image file when the infrastructure is created.
  Measurements measurements;
};

// Reads a configuration. INVALID_ARGUMENT lists everything that is wrong with
// it, by line; `file` is what messages call it. Checks what can be seen from
// the text alone: no file, no image is looked at.
absl::StatusOr<Config> ParseConfig(std::string_view text,
                                   std::string_view file);

// Warnings about settings that are allowed but weaken or surprise.
std::vector<std::string> ConfigWarnings(const Config& config);

// What `config generate` writes: `config` with a comment for each key.
// ParseConfig() of the result gives `config` again.
std::string RenderConfig(const Config& config);

// The configuration of `config generate qemu`, and of `mini up`.
Config DefaultQemuConfig();
Config DefaultMiniConfig();

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CONFIG_CONFIG_H_
