// SPDX-License-Identifier: Apache-2.0
#include "cli/config/config.h"

#include <fmt/format.h>

#include "cli/config/cloud_catalog.h"
#include "cli/config/config_reading.h"
#include "cli/config/syntax.h"
#include "cli/yaml/map_reader.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// Leaves room for what is appended in names of at most 63 characters (RFC 1123
// labels): role, number and uid.
constexpr size_t kMaxNameLength = 37;
// A load balancer's name on AWS is "<name>-<uid>-bootstrapper", at most 32.
constexpr size_t kMaxAwsNameLength = 10;

// A text that must have a certain form if it is there at all.
std::string Checked(MapReader& top, std::string_view key,
                    bool (*is_valid)(std::string_view), std::string_view rule,
                    std::string_view fallback) {
  const auto text = top.Text(key);
  if (!text || text->empty()) {
    return std::string(fallback);
  }
  // The value is kept in spite of it: other checks go on.
  if (!is_valid(*text)) {
    top.Problem(key, fmt::format("must be {}, not \"{}\"", rule, *text));
  }
  return *text;
}

// The name begins host names, so it must be a label itself.
void ReadName(MapReader& top, Config& config) {
  top.Require("name");
  const auto name = top.Text("name");
  if (!name) {
    return;
  }
  config.name = *name;
  const size_t longest =
      config.provider == "aws" ? kMaxAwsNameLength : kMaxNameLength;
  if (name->size() > longest) {
    top.Problem("name",
                fmt::format("must be at most {} characters long, not {}",
                            longest, name->size()));
  } else if (!IsDnsLabel(*name)) {
    top.Problem("name",
                "must be lower-case letters, digits and inner hyphens: it "
                "begins the nodes' names");
  }
}

// Services and pods must not overlap: the kernel would route one to the other.
// Whether they overlap with the nodes' network is known later.
void ReadNetwork(MapReader& top, Config& config) {
  constexpr std::string_view kCidr =
      "an IPv4 network such as 10.96.0.0/12 (host bits zero)";
  config.service_cidr =
      Checked(top, "serviceCIDR", IsIpv4Cidr, kCidr, config.service_cidr);
  config.pod_cidr = Checked(top, "podCIDR", IsIpv4Cidr, kCidr, config.pod_cidr);
  if (CidrsOverlap(config.service_cidr, config.pod_cidr)) {
    top.Problem(top.Has("podCIDR") ? "podCIDR" : "serviceCIDR",
                fmt::format("overlaps: services {}, pods {}",
                            config.service_cidr, config.pod_cidr));
  }
  config.custom_endpoint = Checked(top, "customEndpoint", IsHostName,
                                   "a host name in lower case", "");
}

// Whether the image holds this Kubernetes is checked when the image is
// measured.
void ReadVersions(MapReader& top, Config& config) {
  constexpr std::string_view kVersion = "a full version such as v1.20.2";
  config.kubernetes_version =
      Checked(top, "kubernetesVersion", IsFullVersion, kVersion, "");
  config.microservice_version =
      Checked(top, "microserviceVersion", IsFullVersion, kVersion, "");
}

// What a cloud needs beyond its sections.
void CheckCloud(MapReader& top, const ConfigOptions& options,
                const Config& config) {
  if (!config.IsCloud()) {
    return;
  }
  if (config.image.empty() && !options.draft) {
    top.Problem("image",
                "is missing: what the cloud calls the node image; "
                "`constellation image upload --update-config` writes it");
  }
  if (config.kubernetes_version.empty() && !options.draft) {
    top.Problem("kubernetesVersion",
                "is missing: the version inside the node image");
  }
  constexpr std::string_view kOwn = "constellation-";
  for (const auto& [key, value] : config.tags) {
    if (key.starts_with(kOwn)) {
      top.Problem("tags", fmt::format("must not hold \"{}\": names that begin "
                                      "with {} are the program's own",
                                      key, kOwn));
    }
  }
}

// Settings that the owner may want, but should never have by mistake.
void WarnOfCloud(const Config& config, std::vector<std::string>& warnings) {
  for (const std::string& source : config.allowed_sources) {
    if (source.ends_with("/0")) {
      warnings.push_back(fmt::format(
          "OPEN TO THE WHOLE INTERNET: allowedSources has {}. Everybody can "
          "reach the API server and every port of the load balancer; only the "
          "cluster's own keys protect it. List your own networks instead.",
          source));
    }
  }
  if (config.debug_cluster) {
    warnings.push_back(
        "debugCluster: true opens debug ports and the serial console. DON'T "
        "USE IN PRODUCTION.");
  }
}

// Two emulated machines still run beside each other; three that share a few
// processors starve each other: API servers then answer too late for kubeadm
// and kubelets.
void WarnOfEmulation(const Config& config, int control_planes,
                     std::vector<std::string>& warnings) {
  if (config.IsCloud() || control_planes < 3 ||
      config.qemu.accelerator == "kvm") {
    return;
  }
  warnings.push_back(fmt::format(
      "{} control-plane nodes need KVM: in software emulation they starve each "
      "other, and the API server may stop answering. Set "
      "provider.qemu.accelerator to kvm, or use one control-plane node.",
      control_planes));
}

}  // namespace

absl::StatusOr<Config> ParseConfig(std::string_view text, std::string_view file,
                                   const ConfigOptions& options) {
  Problems problems;
  const YamlValue document = ParseYaml(text, problems);
  RETURN_IF_ERROR(problems.ToStatus(file));
  Config config;
  MapReader top(document, "", problems);
  top.Require("version");
  if (const auto version = top.Text("version");
      version && *version != kConfigVersion) {
    top.Problem("version", fmt::format("must be {}, not \"{}\"", kConfigVersion,
                                       *version));
  }
  config.image = top.Text("image").value_or("");
  ConfigReading reading{top, problems, options, config};
  ReadProviderSection(reading);
  ReadAttestationSection(reading);
  ReadNodeGroupsSection(reading);
  ReadName(top, config);
  ReadVersions(top, config);
  ReadNetwork(top, config);
  config.tags = top.TextMap("tags");
  CheckCloud(top, options, config);
  top.Finish();
  RETURN_IF_ERROR(problems.ToStatus(file));
  return config;
}

// Shown by every command that creates something, on each run: a warning that is
// shown once is forgotten.
std::vector<std::string> ConfigWarnings(const Config& config) {
  std::vector<std::string> warnings;
  std::string indexes;
  for (const auto& [index, measurement] : config.measurements) {
    if (measurement.warn_only) {
      indexes += (indexes.empty() ? "" : ", ") + std::to_string(index);
    }
  }
  if (!indexes.empty()) {
    warnings.push_back(fmt::format(
        "VERIFICATION IS WEAKENED: attestation.{}.measurements has "
        "warnOnly: true for PCR {}. A node with another value there will be "
        "ACCEPTED and given keys.",
        FindCloudVariant(config.attestation_variant)->key, indexes));
  }
  // Four nodes lose their majority with the second failure, as three do, and
  // have one more that can fail.
  int control_planes = 0;
  for (const auto& [name, group] : config.node_groups) {
    control_planes += group.role == kControlPlaneRole ? group.initial_count : 0;
  }
  if (control_planes > 1 && control_planes % 2 == 0) {
    warnings.push_back(fmt::format(
        "{} control-plane nodes survive no more failures than {}: etcd needs a "
        "majority. Use an odd number.",
        control_planes, control_planes - 1));
  }
  WarnOfEmulation(config, control_planes, warnings);
  WarnOfCloud(config, warnings);
  return warnings;
}

}  // namespace constellation::cli
