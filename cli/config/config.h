// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CONFIG_CONFIG_H_
#define CONSTELLATION_CLI_CONFIG_CONFIG_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cloud/provider_settings.h"

namespace constellation::cli {

// The schema of the file, and the words that it has for groups, roles and the
// local platform. Part of the file format: never change one.
inline constexpr std::string_view kConfigVersion = "v4";
inline constexpr std::string_view kControlPlaneGroup = "control_plane_default";
inline constexpr std::string_view kWorkerGroup = "worker_default";
inline constexpr std::string_view kControlPlaneRole = "control-plane";
inline constexpr std::string_view kWorkerRole = "worker";
inline constexpr std::string_view kProviderQemu = "qemu";

// What a PCR must hold. warn_only weakens verification: a difference is then
// shown but not refused.
struct Measurement {
  std::string expected;  // 64 lower-case hex digits
  bool warn_only = false;

  bool operator==(const Measurement&) const = default;
};
using Measurements = std::map<uint32_t, Measurement>;

// Equal machines; the group's name is the key in Config::node_groups.
struct NodeGroup {
  std::string role = {};  // "control-plane" or "worker"
  // In GB (2^30 octets) and machines.
  int state_disk_size_gb = 10;
  int initial_count = 1;
  // Of clouds only; what the file leaves out is filled in. An empty zone is the
  // provider's (Azure: none).
  std::string zone = {};
  std::string instance_type = {};
  std::string state_disk_type = {};
};

// `provider.qemu`: machines on this computer.
struct QemuProvider {
  int vcpus = 2;
  int memory_mib = 3072;  // of each node
  std::string firmware;   // path of the UEFI code; empty: the system's
  std::string accelerator = "auto";  // auto, kvm or tcg
};

// A value: it holds no reference to the file's text.
// constellation-conf.yaml, checked.
struct Config {
  // qemu: path of a raw image, or a name; empty: the default. Clouds: what the
  // cloud calls it (AMI, image version id, self link, UUID).
  std::string image;
  std::string name = "constell";
  std::string kubernetes_version;    // empty: the version inside the image
  std::string microservice_version;  // empty: any
  std::string custom_endpoint;
  std::string service_cidr = "10.96.0.0/12";
  std::string pod_cidr = "10.244.0.0/16";
  std::map<std::string, std::string> tags;
  std::map<std::string, NodeGroup> node_groups;
  // "qemu", "aws", "azure", "gcp" or "openstack", and its section.
  std::string provider = std::string(kProviderQemu);
  QemuProvider qemu;
  cloud::ProviderSettings cloud;  // unless qemu
  bool internal_load_balancer = false;
  bool debug_cluster = false;
  // CIDRs from which a cloud's cluster may be reached; sorted as in the file.
  std::vector<std::string> allowed_sources;

  std::string attestation_variant = "qemu-vtpm";
  // Empty: predicted from the image file when the infrastructure is created
  // (qemu); clouds need them for every phase but the first.
  Measurements measurements;
  // What else the variant demands, in the words of a policy's profile: a JSON
  // object {"sevSnp": {...}, "gcp": {...}}. Syntax only: whether it is a good
  // profile is for CloudProfileOf() (cli/cluster/cloud_policy.h).
  std::string attestation_layers = "{}";
  // The policy's "enrolledTPMs", a JSON array: the TPMs of the nodes of a cloud
  // of the owner's own (qemuVTPM on openstack). Syntax only, like the layers.
  std::string enrolled_tpms = "[]";

  bool IsCloud() const { return provider != kProviderQemu; }
};

// How forgiving ParseConfig() is.
struct ConfigOptions {
  // Regions, zones, VM and disk types that this program does not know are
  // accepted (--force): clouds grow faster than programs.
  bool any_place = false;
  // What other commands write into the file (`iam create`, `image upload`), or
  // the user has yet to, may be missing.
  bool draft = false;
};

// Reads a configuration. INVALID_ARGUMENT lists everything that is wrong with
// it, by line; `file` is what messages call it. Checks what can be seen from
// the text alone: no file, no image is looked at.
absl::StatusOr<Config> ParseConfig(std::string_view text, std::string_view file,
                                   const ConfigOptions& options = {});

// Warnings about settings that are allowed but weaken or surprise.
std::vector<std::string> ConfigWarnings(const Config& config);

// What `config generate` writes: `config` with a comment for each key.
// ParseConfig() of the result gives `config` again.
std::string RenderConfig(const Config& config);

// The configuration of `config generate qemu`, and of `mini up`.
Config DefaultQemuConfig();
Config DefaultMiniConfig();

// The configuration of `config generate`: `provider` is "aws", "azure", "gcp",
// "openstack" or "stackit" (OpenStack with presets), `variant` one of its
// variants. What only the user knows is empty, so it does not parse before that
// is filled in.
Config DefaultCloudConfig(std::string_view provider, std::string_view variant);

// `text` with new values of keys ("provider.aws.region"), everything else as it
// is, comments included. NOT_FOUND names a key that the file does not have,
// INVALID_ARGUMENT one whose value is not on the key's own line.
absl::StatusOr<std::string> UpdateConfigText(
    std::string_view text, const std::map<std::string, std::string>& values);

// Likewise with other `measurements` of the attestation variant that the file
// has. NOT_FOUND if it has none.
absl::StatusOr<std::string> UpdateMeasurements(
    std::string_view text, const Measurements& measurements);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CONFIG_CONFIG_H_
