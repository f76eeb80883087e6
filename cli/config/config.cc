// SPDX-License-Identifier: Apache-2.0
#include "cli/config/config.h"

#include <fmt/format.h>

#include "cli/config/measurements.h"
#include "cli/config/syntax.h"
#include "cli/yaml/map_reader.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

constexpr size_t kMaxNameLength = 37;
constexpr int64_t kMaxDiskGb = 65536;
constexpr int64_t kMaxNodesOfGroup = 32;
constexpr int64_t kMinMemoryMib = 2048;
constexpr int64_t kMaxMemoryMib = int64_t{4} << 20U;

void ReadNodeGroup(const YamlValue::Entry& entry, Problems& problems,
                   Config& config) {
  const std::string path = "nodeGroups." + entry.key;
  MapReader reader(entry.value, path, problems);
  NodeGroup group;
  reader.Require("role");
  group.role = reader
                   .Choice("role", {std::string(kControlPlaneRole),
                                    std::string(kWorkerRole)})
                   .value_or("");
  group.state_disk_size_gb = static_cast<int>(
      reader.Number("stateDiskSizeGB", 1, kMaxDiskGb).value_or(10));
  group.initial_count = static_cast<int>(
      reader.Number("initialCount", 0, kMaxNodesOfGroup).value_or(1));
  // Keys of cloud providers: QEMU has no zones and types.
  for (const std::string_view key : {"zone", "instanceType", "stateDiskType"}) {
    if (const auto text = reader.Text(key); text && !text->empty()) {
      reader.Problem(key, "has no meaning for provider qemu; delete the line");
    }
  }
  if (!IsDnsLabel(entry.key) &&
      entry.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") !=
          std::string::npos) {
    problems.Add(entry.line, fmt::format("{}: a group's name is made of a-z, "
                                         "0-9, '-' and '_'",
                                         path));
  }
  if (entry.key == kControlPlaneGroup) {
    if (group.role == kWorkerRole) {
      reader.Problem("role", "must be control-plane");
    }
    if (group.initial_count < 1) {
      reader.Problem("initialCount", "must be at least 1");
    }
  }
  if (entry.key == kWorkerGroup && group.role == kControlPlaneRole) {
    reader.Problem("role", "must be worker");
  }
  reader.Finish();
  config.node_groups[entry.key] = group;
}

void ReadNodeGroups(MapReader& top, Problems& problems, Config& config) {
  top.Require("nodeGroups");
  const YamlValue* groups = top.ChildMap("nodeGroups");
  if (groups == nullptr) {
    return;
  }
  for (const YamlValue::Entry& entry : groups->entries) {
    ReadNodeGroup(entry, problems, config);
  }
  // The local platform gives every machine a disk of the same size.
  for (const YamlValue::Entry& entry : groups->entries) {
    const int first = config.node_groups.begin()->second.state_disk_size_gb;
    const int size = config.node_groups.at(entry.key).state_disk_size_gb;
    if (size != first) {
      problems.Add(entry.line,
                   fmt::format("nodeGroups.{}.stateDiskSizeGB must be the same "
                               "in every group for provider qemu: {} and {}",
                               entry.key, first, size));
    }
  }
  for (const std::string_view name : {kControlPlaneGroup, kWorkerGroup}) {
    if (!config.node_groups.contains(std::string(name))) {
      problems.Add(groups->line, fmt::format("nodeGroups.{} is missing", name));
    }
  }
}

void ReadQemu(const YamlValue& value, Problems& problems, Config& config) {
  MapReader reader(value, "provider.qemu", problems);
  QemuProvider& qemu = config.qemu;
  qemu.vcpus = static_cast<int>(reader.Number("vcpus", 1, 256).value_or(2));
  qemu.memory_mib = static_cast<int>(
      reader.Number("memory", kMinMemoryMib, kMaxMemoryMib).value_or(3072));
  reader.Choice("imageFormat", {"raw"});
  qemu.firmware = reader.Text("firmware").value_or("");
  qemu.accelerator =
      reader.Choice("accelerator", {"auto", "kvm", "tcg"}).value_or("auto");
  constexpr std::string_view kNoLibvirt =
      "nodes are plain QEMU processes, there is no libvirt";
  reader.Removed("libvirtSocket", kNoLibvirt);
  reader.Removed("libvirtContainerImage", kNoLibvirt);
  reader.Removed("metadataAPIServer",
                 "the metadata endpoint is part of this program");
  reader.Removed("nvram", "every node starts with fresh UEFI variables");
  reader.Finish();
}

void ReadProvider(MapReader& top, Problems& problems, Config& config) {
  top.Require("provider");
  const YamlValue* provider = top.ChildMap("provider");
  if (provider == nullptr) {
    return;
  }
  MapReader reader(*provider, "provider", problems);
  for (const std::string_view cloud : {"aws", "azure", "gcp", "openstack"}) {
    if (reader.Child(cloud) != nullptr) {
      reader.Problem(cloud, "is not supported by this version; use qemu");
    }
  }
  const YamlValue* qemu = reader.ChildMap("qemu");
  if (qemu != nullptr) {
    ReadQemu(*qemu, problems, config);
  } else if (provider->entries.empty()) {
    problems.Add(provider->line, "provider.qemu is missing");
  }
  reader.Finish();
}

void ReadAttestation(MapReader& top, Problems& problems, Config& config) {
  const YamlValue* attestation = top.ChildMap("attestation");
  if (attestation == nullptr) {
    return;
  }
  MapReader reader(*attestation, "attestation", problems);
  for (const std::string_view variant :
       {"awsSEVSNP", "awsNitroTPM", "azureSEVSNP", "azureTDX",
        "azureTrustedLaunch", "gcpSEVSNP", "gcpSEVES", "qemuTDX"}) {
    if (reader.Child(variant) != nullptr) {
      reader.Problem(variant, "does not fit provider qemu; use qemuVTPM");
    }
  }
  if (const YamlValue* vtpm = reader.ChildMap("qemuVTPM")) {
    MapReader fields(*vtpm, "attestation.qemuVTPM", problems);
    config.measurements = ReadMeasurements(fields, "measurements", problems);
    fields.Finish();
  }
  reader.Finish();
}

// A text that must have a certain form if it is there at all.
std::string Checked(MapReader& top, std::string_view key,
                    bool (*is_valid)(std::string_view), std::string_view rule,
                    std::string_view fallback) {
  const auto text = top.Text(key);
  if (!text || text->empty()) {
    return std::string(fallback);
  }
  if (!is_valid(*text)) {
    top.Problem(key, fmt::format("must be {}, not \"{}\"", rule, *text));
  }
  return *text;
}

void ReadName(MapReader& top, Config& config) {
  top.Require("name");
  const auto name = top.Text("name");
  if (!name) {
    return;
  }
  config.name = *name;
  if (name->size() > kMaxNameLength) {
    top.Problem("name",
                fmt::format("must be at most {} characters long, not {}",
                            kMaxNameLength, name->size()));
  } else if (!IsDnsLabel(*name)) {
    top.Problem("name",
                "must be lower-case letters, digits and inner hyphens: it "
                "begins the nodes' names");
  }
}

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
  if (top.Truth("internalLoadBalancer").value_or(false)) {
    top.Problem("internalLoadBalancer",
                "true is not available for provider qemu");
  }
}

void ReadVersions(MapReader& top, Config& config) {
  constexpr std::string_view kVersion = "a full version such as v1.20.2";
  config.kubernetes_version =
      Checked(top, "kubernetesVersion", IsFullVersion, kVersion, "");
  config.microservice_version =
      Checked(top, "microserviceVersion", IsFullVersion, kVersion, "");
  if (top.Truth("debugCluster").value_or(false)) {
    top.Problem("debugCluster", "true needs a debug image; there is none");
  }
}

}  // namespace

absl::StatusOr<Config> ParseConfig(std::string_view text,
                                   std::string_view file) {
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
  ReadName(top, config);
  ReadVersions(top, config);
  ReadNetwork(top, config);
  config.tags = top.TextMap("tags");
  ReadProvider(top, problems, config);
  ReadNodeGroups(top, problems, config);
  ReadAttestation(top, problems, config);
  top.Finish();
  RETURN_IF_ERROR(problems.ToStatus(file));
  return config;
}

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
        "VERIFICATION IS WEAKENED: attestation.qemuVTPM.measurements has "
        "warnOnly: true for PCR {}. A node with another value there will be "
        "ACCEPTED and given keys.",
        indexes));
  }
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
  return warnings;
}

}  // namespace constellation::cli
