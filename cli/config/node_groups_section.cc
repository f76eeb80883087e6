// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string>
#include <vector>

#include "cli/config/cloud_catalog.h"
#include "cli/config/config_reading.h"
#include "cli/config/syntax.h"

namespace constellation::cli {
namespace {

// Limits against typing errors; clouds have lower ones of their own.
constexpr int64_t kMaxDiskGb = 65536;
constexpr int64_t kMaxNodesOfQemuGroup = 32;
constexpr int64_t kMaxNodesOfCloudGroup = 500;
constexpr int kQemuDiskGb = 10;
constexpr int kCloudDiskGb = 30;

// OpenStack settings made for STACKIT: its flavors and disk types are known,
// those of other operators are not.
bool IsStackit(const Config& config) {
  const auto* openstack = std::get_if<cloud::OpenStackSettings>(&config.cloud);
  return openstack != nullptr && openstack->cloud == "stackit";
}

// Disk types by provider, the default one first. Empty: anything goes.
const std::vector<std::string>& DiskTypes(std::string_view provider) {
  static const auto* const kAws =
      new std::vector<std::string>{"gp3", "gp2", "io1", "io2"};
  static const auto* const kAzure = new std::vector<std::string>{
      "Premium_LRS", "Premium_ZRS", "StandardSSD_LRS", "StandardSSD_ZRS",
      "Standard_LRS"};
  static const auto* const kGcp = new std::vector<std::string>{
      "pd-ssd", "pd-balanced", "pd-standard", "hyperdisk-balanced"};
  static const auto* const kAny = new std::vector<std::string>;
  if (provider == "aws") {
    return *kAws;
  }
  if (provider == "azure") {
    return *kAzure;
  }
  return provider == "gcp" ? *kGcp : *kAny;
}

// Empty: the operator's default volume type.
std::string DefaultDiskType(const Config& config) {
  const std::vector<std::string>& types = DiskTypes(config.provider);
  if (!types.empty()) {
    return types.front();
  }
  return IsStackit(config) ? "storage_premium_perf6" : "";
}

// Empty where zones do not belong to a region (Azure, OpenStack).
std::string RegionOf(const Config& config) {
  if (const auto* aws = std::get_if<cloud::AwsSettings>(&config.cloud)) {
    return aws->region;
  }
  if (const auto* gcp = std::get_if<cloud::GcpSettings>(&config.cloud)) {
    return gcp->region;
  }
  return "";
}

// Keys of cloud providers: QEMU has no zones and types.
void RefuseCloudKeys(MapReader& reader) {
  for (const std::string_view key : {"zone", "instanceType", "stateDiskType"}) {
    if (const auto text = reader.Text(key); text && !text->empty()) {
      reader.Problem(key, "has no meaning for provider qemu; delete the line");
    }
  }
}

// Zone, machine type and disk type, each with a default; unknown ones are
// problems unless --force accepts them.
void ReadCloudKeys(const ConfigReading& reading, MapReader& reader,
                   NodeGroup& group) {
  const Config& config = reading.config;
  group.zone = reader.Text("zone").value_or("");
  const std::string region = RegionOf(config);
  // A wrong region has been reported; its zones would only repeat that.
  const bool known_region =
      !UnknownWord("region", region, CloudRegions(config.provider));
  if (!group.zone.empty() && (config.provider == "azure" || known_region)) {
    ReportPlace(reading, reader, "zone",
                ZoneMistake(config.provider, region, group.zone));
  }
  const std::vector<std::string> types =
      InstanceTypes(config.attestation_variant, IsStackit(config));
  group.instance_type = reader.Text("instanceType").value_or("");
  if (group.instance_type.empty()) {
    group.instance_type =
        DefaultInstanceType(config.attestation_variant, IsStackit(config));
    if (group.instance_type.empty() && !reading.options.draft) {
      reader.Problem("instanceType",
                     "is missing: `openstack flavor list` tells them");
    }
  } else {
    ReportPlace(
        reading, reader, "instanceType",
        UnknownWord(fmt::format("type for {}", config.attestation_variant),
                    group.instance_type, types));
  }
  group.state_disk_type = reader.Text("stateDiskType").value_or("");
  if (group.state_disk_type.empty()) {
    group.state_disk_type = DefaultDiskType(config);
  } else {
    ReportPlace(reading, reader, "stateDiskType",
                UnknownWord("disk type", group.state_disk_type,
                            DiskTypes(config.provider)));
  }
}

// The two default groups have a fixed role; a cluster without control plane
// could never start.
void CheckRoleOfGroup(const std::string& name, const NodeGroup& group,
                      MapReader& reader) {
  if (name == kControlPlaneGroup) {
    if (group.role == kWorkerRole) {
      reader.Problem("role", "must be control-plane");
    }
    if (group.initial_count < 1) {
      reader.Problem("initialCount", "must be at least 1");
    }
  }
  if (name == kWorkerGroup && group.role == kControlPlaneRole) {
    reader.Problem("role", "must be worker");
  }
}

// A count of zero is allowed for all but the control plane: the group's
// machines are made later by raising it.
void ReadNodeGroup(const ConfigReading& reading,
                   const YamlValue::Entry& entry) {
  const std::string path = "nodeGroups." + entry.key;
  MapReader reader(entry.value, path, reading.problems);
  const bool is_cloud = reading.config.IsCloud();
  NodeGroup group;
  reader.Require("role");
  group.role = reader
                   .Choice("role", {std::string(kControlPlaneRole),
                                    std::string(kWorkerRole)})
                   .value_or("");
  group.state_disk_size_gb =
      static_cast<int>(reader.Number("stateDiskSizeGB", 1, kMaxDiskGb)
                           .value_or(is_cloud ? kCloudDiskGb : kQemuDiskGb));
  group.initial_count = static_cast<int>(
      reader
          .Number("initialCount", 0,
                  is_cloud ? kMaxNodesOfCloudGroup : kMaxNodesOfQemuGroup)
          .value_or(1));
  if (is_cloud) {
    ReadCloudKeys(reading, reader, group);
  } else {
    RefuseCloudKeys(reader);
  }
  if (!IsDnsLabel(entry.key) &&
      entry.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") !=
          std::string::npos) {
    reading.problems.Add(entry.line,
                         fmt::format("{}: a group's name is made of a-z, "
                                     "0-9, '-' and '_'",
                                     path));
  }
  CheckRoleOfGroup(entry.key, group, reader);
  reader.Finish();
  reading.config.node_groups[entry.key] = group;
}

// The local platform gives every machine a disk of the same size.
void CheckSameDisks(const ConfigReading& reading, const YamlValue& groups) {
  const Config& config = reading.config;
  for (const YamlValue::Entry& entry : groups.entries) {
    const int first = config.node_groups.begin()->second.state_disk_size_gb;
    const int size = config.node_groups.at(entry.key).state_disk_size_gb;
    if (size != first) {
      reading.problems.Add(
          entry.line,
          fmt::format("nodeGroups.{}.stateDiskSizeGB must be the same in every "
                      "group for provider qemu: {} and {}",
                      entry.key, first, size));
    }
  }
}

}  // namespace

// Both default groups must be there, as in the original's files.
void ReadNodeGroupsSection(ConfigReading& reading) {
  reading.top.Require("nodeGroups");
  const YamlValue* groups = reading.top.ChildMap("nodeGroups");
  if (groups == nullptr) {
    return;
  }
  for (const YamlValue::Entry& entry : groups->entries) {
    ReadNodeGroup(reading, entry);
  }
  if (!reading.config.IsCloud()) {
    CheckSameDisks(reading, *groups);
  }
  for (const std::string_view name : {kControlPlaneGroup, kWorkerGroup}) {
    if (!reading.config.node_groups.contains(std::string(name))) {
      reading.problems.Add(groups->line,
                           fmt::format("nodeGroups.{} is missing", name));
    }
  }
}

}  // namespace constellation::cli
