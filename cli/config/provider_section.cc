// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/config/cloud_catalog.h"
#include "cli/config/config_reading.h"
#include "cli/config/syntax.h"

namespace constellation::cli {
namespace {

// Below 2 GiB the control plane is killed by the kernel for lack of memory.
constexpr int64_t kMinMemoryMib = 2048;
constexpr int64_t kMaxMemoryMib = int64_t{4} << 20U;
constexpr size_t kMaxSources = 64;
constexpr std::array<std::string_view, 5> kProviders = {
    "aws", "azure", "gcp", "openstack", kProviderQemu};

// A text that must be there and not be empty, except in a draft.
std::string Needed(const ConfigReading& reading, MapReader& reader,
                   std::string_view key, std::string_view what) {
  std::string text = reader.Text(key).value_or("");
  if (text.empty() && !reading.options.draft) {
    reader.Problem(key, fmt::format("is missing: {}", what));
  }
  return text;
}

// Likewise for an id; names are a common mistake.
std::string NeededUuid(const ConfigReading& reading, MapReader& reader,
                       std::string_view key, std::string_view what) {
  std::string text = Needed(reading, reader, key, what);
  if (!text.empty() && !IsUuid(text)) {
    reader.Problem(key, fmt::format("must be a UUID, not \"{}\"", text));
  }
  return text;
}

// ASCII only, whatever the locale.
bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9');
}

// 1 to `longest` characters, letters, digits and `others`.
bool IsMadeOf(std::string_view text, std::string_view others, size_t longest) {
  return !text.empty() && text.size() <= longest &&
         std::ranges::all_of(text, [&](char c) {
           return IsLetterOrDigit(c) ||
                  others.find(c) != std::string_view::npos;
         });
}

// For comparing; the config keeps what the user wrote.
std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return lower;
}

// Keys that mean something in the original only.
void RefuseUnavailable(MapReader& reader) {
  if (reader.Truth("useMarketplaceImage").value_or(false)) {
    reader.Problem("useMarketplaceImage",
                   "true is not available: there are no images in "
                   "marketplaces; name your own in `image`");
  }
}

// The original installs the clouds' drivers for volumes; node images here hold
// none.
bool ReadCsi(MapReader& reader) {
  const bool wanted = reader.Truth("deployCSIDriver").value_or(false);
  if (wanted) {
    reader.Problem("deployCSIDriver",
                   "true is not available: no driver is part of the node "
                   "image; install the cloud's own");
  }
  return wanted;
}

// Names of instance profiles have up to 128 letters, digits and +=,.@_- (AWS
// IAM, InstanceProfile); an ARN is the usual mistake.
cloud::AwsSettings ReadAws(const ConfigReading& reading, MapReader& reader) {
  cloud::AwsSettings aws;
  aws.region = Needed(reading, reader, "region", "for example eu-west-1");
  const auto region_mistake =
      UnknownWord("region of AWS", aws.region, CloudRegions("aws"));
  if (!aws.region.empty()) {
    ReportPlace(reading, reader, "region", region_mistake);
  }
  aws.zone =
      Needed(reading, reader, "zone", "the region and a letter, eu-west-1a");
  if (!aws.zone.empty() && !region_mistake) {
    ReportPlace(reading, reader, "zone",
                ZoneMistake("aws", aws.region, aws.zone));
  }
  constexpr std::string_view kProfile =
      "`constellation iam create aws --update-config` writes it";
  aws.iam_profile_control_plane =
      Needed(reading, reader, "iamProfileControlPlane", kProfile);
  aws.iam_profile_worker_nodes =
      Needed(reading, reader, "iamProfileWorkerNodes", kProfile);
  for (const auto& [key, name] :
       {std::pair<std::string_view, std::string>{"iamProfileControlPlane",
                                                 aws.iam_profile_control_plane},
        {"iamProfileWorkerNodes", aws.iam_profile_worker_nodes}}) {
    if (!name.empty() && !IsMadeOf(name, "+=,.@_-", 128)) {
      reader.Problem(key,
                     "must be the name of an instance profile, not an ARN "
                     "or path");
    }
  }
  aws.deploy_csi_driver = ReadCsi(reader);
  RefuseUnavailable(reader);
  return aws;
}

// "/subscriptions/<id>/resourceGroups/<group>/providers/
// Microsoft.ManagedIdentity/userAssignedIdentities/<name>", in any case.
bool IsIdentityId(std::string_view text) {
  const std::string lower = LowerCase(text);
  return lower.starts_with("/subscriptions/") &&
         lower.find("/resourcegroups/") != std::string::npos &&
         lower.find(
             "/providers/microsoft.managedidentity/"
             "userassignedidentities/") != std::string::npos &&
         !lower.ends_with('/');
}

// Resource group names: Azure's naming rules for Microsoft.Resources.
cloud::AzureSettings ReadAzure(const ConfigReading& reading,
                               MapReader& reader) {
  cloud::AzureSettings azure;
  azure.subscription = NeededUuid(reading, reader, "subscription",
                                  "`az account show` tells its id");
  azure.tenant = NeededUuid(reading, reader, "tenant",
                            "`az account show` tells its tenantId");
  azure.location =
      Needed(reading, reader, "location", "for example westeurope");
  if (!azure.location.empty()) {
    ReportPlace(reading, reader, "location",
                UnknownWord("location of Azure", azure.location,
                            CloudRegions("azure")));
  }
  constexpr std::string_view kIam =
      "`constellation iam create azure --update-config` writes it";
  azure.resource_group = Needed(reading, reader, "resourceGroup", kIam);
  if (!azure.resource_group.empty() &&
      (!IsMadeOf(azure.resource_group, "._()-", 90) ||
       azure.resource_group.ends_with('.'))) {
    reader.Problem("resourceGroup",
                   "must be up to 90 letters, digits and . _ ( ) -, and not "
                   "end in a full stop");
  }
  azure.user_assigned_identity =
      Needed(reading, reader, "userAssignedIdentity", kIam);
  if (!azure.user_assigned_identity.empty() &&
      !IsIdentityId(azure.user_assigned_identity)) {
    reader.Problem("userAssignedIdentity",
                   "must be a resource id: /subscriptions/.../resourceGroups/"
                   ".../providers/Microsoft.ManagedIdentity/"
                   "userAssignedIdentities/<name>");
  }
  azure.deploy_csi_driver = ReadCsi(reader);
  azure.secure_boot = reader.Truth("secureBoot").value_or(false);
  RefuseUnavailable(reader);
  return azure;
}

// 6 to 30 characters, or with an organisation's domain before it.
bool IsGcpProject(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    if (!IsHostName(text.substr(0, colon))) {
      return false;
    }
    text = text.substr(colon + 1);
  }
  return IsDnsLabel(text) && text.size() >= 6 && text.size() <= 30 &&
         text.front() >= 'a';
}

// The project's id is what goes into attestation policies; its name and number
// are other things and easily mixed up.
cloud::GcpSettings ReadGcp(const ConfigReading& reading, MapReader& reader) {
  cloud::GcpSettings gcp;
  gcp.project =
      Needed(reading, reader, "project", "`gcloud projects list` tells ids");
  if (!gcp.project.empty() && !IsGcpProject(gcp.project)) {
    reader.Problem("project", fmt::format("must be a project's id (not its "
                                          "name or number), not \"{}\"",
                                          gcp.project));
  }
  gcp.region = Needed(reading, reader, "region", "for example europe-west3");
  const auto region_mistake =
      UnknownWord("region of Google Cloud", gcp.region, CloudRegions("gcp"));
  if (!gcp.region.empty()) {
    ReportPlace(reading, reader, "region", region_mistake);
  }
  gcp.zone = Needed(reading, reader, "zone",
                    "the region and a letter, europe-west3-a");
  if (!gcp.zone.empty() && !region_mistake) {
    ReportPlace(reading, reader, "zone",
                ZoneMistake("gcp", gcp.region, gcp.zone));
  }
  constexpr std::string_view kIam =
      "`constellation iam create gcp --update-config` writes it";
  gcp.service_account_key_path =
      Needed(reading, reader, "serviceAccountKeyPath", kIam);
  gcp.iam_service_account_vm =
      Needed(reading, reader, "IAMServiceAccountVM", kIam);
  const size_t at = gcp.iam_service_account_vm.find('@');
  if (!gcp.iam_service_account_vm.empty() &&
      (at == 0 || at == std::string::npos ||
       !IsHostName(gcp.iam_service_account_vm.substr(at + 1)))) {
    reader.Problem("IAMServiceAccountVM",
                   "must be a service account's e-mail address");
  }
  gcp.deploy_csi_driver = ReadCsi(reader);
  RefuseUnavailable(reader);
  return gcp;
}

// Credentials are never in this file: clouds.yaml or the environment holds
// them.
cloud::OpenStackSettings ReadOpenStack(const ConfigReading& reading,
                                       MapReader& reader) {
  cloud::OpenStackSettings openstack;
  openstack.cloud = reader.Text("cloud").value_or("");
  openstack.clouds_yaml_path = reader.Text("cloudsYAMLPath").value_or("");
  openstack.availability_zone =
      Needed(reading, reader, "availabilityZone",
             "`openstack availability zone list` tells them");
  openstack.floating_ip_pool_id =
      Needed(reading, reader, "floatingIPPoolID",
             "`openstack network list --external` tells its id");
  const std::string& pool = openstack.floating_ip_pool_id;
  if (!pool.empty() && !IsUuid(pool) && !IsHexOfLength(pool, 32)) {
    reader.Problem("floatingIPPoolID",
                   fmt::format("must be the id of a network (a UUID), not "
                               "\"{}\"",
                               pool));
  }
  openstack.region_name = Needed(reading, reader, "regionName",
                                 "`openstack region list` tells them");
  openstack.stackit_project_id = reader.Text("stackitProjectID").value_or("");
  openstack.deploy_csi_driver = ReadCsi(reader);
  if (reader.Truth("deployYawolLoadBalancer").value_or(false)) {
    reader.Problem("deployYawolLoadBalancer",
                   "true is not available: the cluster's own load balancer is "
                   "Octavia's; install yawol yourself for services");
  }
  openstack.yawol_image_id = reader.Text("yawolImageID").value_or("");
  openstack.yawol_flavor_id = reader.Text("yawolFlavorID").value_or("");
  return openstack;
}

// Keys of the original's libvirt set-up are refused with the reason.
QemuProvider ReadQemu(MapReader& reader) {
  QemuProvider qemu;
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
  return qemu;
}

// No default: a list that opens the cluster to everybody must be written down
// by its owner. At most 64 networks, as security groups have limits.
void ReadSources(const ConfigReading& reading) {
  MapReader& top = reading.top;
  Config& config = reading.config;
  config.allowed_sources = top.TextList("allowedSources");
  if (!config.IsCloud()) {
    if (!config.allowed_sources.empty()) {
      top.Problem("allowedSources",
                  "has no meaning for provider qemu: its ports are on this "
                  "machine only; delete it");
    }
    return;
  }
  // A draft may leave it to be filled in; a cluster may not.
  const size_t least = reading.options.draft ? 0 : 1;
  if (config.allowed_sources.size() < least ||
      config.allowed_sources.size() > kMaxSources) {
    top.Problem("allowedSources",
                fmt::format("must list 1 to {} networks from which the cluster "
                            "may be reached, not {}: your own public address "
                            "with /32, for example 203.0.113.7/32",
                            kMaxSources, config.allowed_sources.size()));
  }
  for (const std::string& source : config.allowed_sources) {
    if (!IsIpv4Source(source)) {
      top.Problem("allowedSources",
                  fmt::format("must list IPv4 networks such as 203.0.113.7/32 "
                              "(host bits zero), not \"{}\"",
                              source));
    }
  }
}

// What the local platform cannot do is refused rather than ignored.
void ReadSwitches(const ConfigReading& reading) {
  MapReader& top = reading.top;
  Config& config = reading.config;
  config.internal_load_balancer =
      top.Truth("internalLoadBalancer").value_or(false);
  if (config.internal_load_balancer && !config.IsCloud()) {
    top.Problem("internalLoadBalancer",
                "true is not available for provider qemu");
  }
  config.debug_cluster = top.Truth("debugCluster").value_or(false);
  if (config.debug_cluster && !config.IsCloud()) {
    top.Problem("debugCluster", "true needs a debug image; there is none");
  }
}

// The provider's name is set first: later sections depend on it.
void ReadOneProvider(const ConfigReading& reading, const std::string& name,
                     const YamlValue& value) {
  MapReader reader(value, "provider." + name, reading.problems);
  Config& config = reading.config;
  config.provider = name;
  if (name == "aws") {
    config.cloud = ReadAws(reading, reader);
  } else if (name == "azure") {
    config.cloud = ReadAzure(reading, reader);
  } else if (name == "gcp") {
    config.cloud = ReadGcp(reading, reader);
  } else if (name == "openstack") {
    config.cloud = ReadOpenStack(reading, reader);
  } else {
    config.qemu = ReadQemu(reader);
  }
  reader.Finish();
}

}  // namespace

void ReportPlace(const ConfigReading& reading, MapReader& reader,
                 std::string_view key,
                 const std::optional<std::string>& mistake) {
  if (mistake && !reading.options.any_place) {
    reader.Problem(key, fmt::format("{} (--force accepts any)", *mistake));
  }
}

// A second provider is a problem, even an empty one.
void ReadProviderSection(ConfigReading& reading) {
  reading.top.Require("provider");
  const YamlValue* provider = reading.top.ChildMap("provider");
  if (provider != nullptr) {
    MapReader reader(*provider, "provider", reading.problems);
    std::string found;
    for (const std::string_view name : kProviders) {
      const YamlValue* value = reader.Child(name);
      if (value == nullptr) {
        continue;
      }
      if (!found.empty()) {
        reader.Problem(name, fmt::format("is there beside {}: exactly one "
                                         "provider is possible",
                                         found));
        continue;
      }
      found = name;
      ReadOneProvider(reading, found, *value);
    }
    if (found.empty() && provider->entries.empty()) {
      reading.problems.Add(
          provider->line,
          "provider needs one of aws, azure, gcp, openstack, qemu");
    }
    reader.Finish();
  }
  ReadSources(reading);
  ReadSwitches(reading);
}

}  // namespace constellation::cli
