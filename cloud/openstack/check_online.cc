// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/check_online.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "cloud/engine/cloud_error.h"
#include "cloud/openstack/json_access.h"
#include "cloud/openstack/names.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;

constexpr Collection kNetworks{kNetwork, "/networks", "/networks", "networks",
                               "network"};

// A piece of a trait or a variant's name, and what it stands for.
struct Word {
  std::string_view part;
  std::string_view technology;
};

// Longer words first.
constexpr std::array<Word, 4> kTraitEnds = {{{"AMD_SEV_SNP", "amd-sev-snp"},
                                             {"AMD_SEV_ES", "amd-sev-es"},
                                             {"AMD_SEV", "amd-sev"},
                                             {"INTEL_TDX", "intel-tdx"}}};
constexpr std::array<Word, 3> kVariants = {{{"sev-snp", "amd-sev-snp"},
                                            {"sev-es", "amd-sev-es"},
                                            {"tdx", "intel-tdx"}}};

// As oslo's strutils reads booleans of extra specs, its usual words.
bool IsTrue(std::string_view text) {
  return text == "true" || text == "True" || text == "1" || text == "yes";
}

// 0 for what is absent, negative (unlimited) or no number.
uint64_t NumberOf(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() &&
                 found->is_number_unsigned()
             ? found->get<uint64_t>()
             : 0;
}

// Collects what is wrong.
class Checker final {
 public:
  Checker(Client& client, Catalogue& catalogue, const ClusterRequest& request)
      : client_(client), catalogue_(catalogue), request_(request) {}

  // Findings are collected, so that one run tells everything.
  absl::Status Run() {
    const auto* settings = std::get_if<OpenStackSettings>(&request_.settings);
    if (settings == nullptr) {
      return Internal("the settings are not OpenStack's");
    }
    RETURN_IF_ERROR(CheckExternalNetwork(*settings));
    RETURN_IF_ERROR(CheckImage());
    RETURN_IF_ERROR(CheckFlavors());
    RETURN_IF_ERROR(CheckZones(*settings));
    RETURN_IF_ERROR(CheckVolumeTypes());
    RETURN_IF_ERROR(CheckQuota());
    return findings_.empty()
               ? absl::OkStatus()
               : InvalidArgument(fmt::format("{}", fmt::join(findings_, "; ")));
  }

 private:
  template <typename... Args>
  void Find(fmt::format_string<Args...> format, Args&&... args) {
    findings_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  // Whether there is an answer; a refusal by policy or an absent list is no
  // finding.
  static bool IsHidden(const absl::Status& status) {
    const CloudErrorKind kind = CloudErrorKindOf(status);
    return !status.ok() && (kind == CloudErrorKind::kPermission ||
                            kind == CloudErrorKind::kNotFound);
  }

  // A network that is not external would be accepted here and refuse the
  // router's gateway after half the plan.
  absl::Status CheckExternalNetwork(const OpenStackSettings& settings) {
    const auto network = client_.Get(kNetworks, settings.floating_ip_pool_id);
    if (IsHidden(network.status())) {
      Find("provider.openstack.floatingIPPoolID: there is no network \"{}\"",
           settings.floating_ip_pool_id);
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(network.status());
    const auto external = network->find("router:external");
    if (external == network->end() || *external != true) {
      Find(
          "provider.openstack.floatingIPPoolID: network \"{}\" is not external",
          settings.floating_ip_pool_id);
    }
    return absl::OkStatus();
  }

  // Without UEFI nothing measures the boot, and the node's evidence is refused.
  absl::Status CheckImage() {
    const auto image = catalogue_.Image(request_.image);
    if (!image.ok() &&
        CloudErrorKindOf(image.status()) == CloudErrorKind::kInvalid) {
      Find("image: {}", Message(image.status()));
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(image.status());
    if (const std::string status = TextOf(*image, "status");
        status != "active") {
      Find("image: \"{}\" is {}, not active", request_.image, status);
    }
    if (TextOf(*image, "hw_firmware_type") != "uefi") {
      Find(
          "image: \"{}\" has no property hw_firmware_type=uefi: a node needs "
          "UEFI",
          request_.image);
    }
    return absl::OkStatus();
  }

  // A flavor that says nothing is not refused: many clouds hide extra specs,
  // and the evidence decides in the end. One that says something else is.
  absl::Status CheckFlavors() {
    std::string wanted;
    for (const Word& variant : kVariants) {
      if (wanted.empty() && request_.attestation_variant.find(variant.part) !=
                                std::string::npos) {
        wanted = variant.technology;
      }
    }
    for (const NodeGroupRequest& group : request_.groups) {
      const auto flavor = catalogue_.Flavor(group.instance_type);
      if (!flavor.ok() && CloudErrorKindOf(flavor.status()) ==
                              CloudErrorKind::kUnsupportedType) {
        Find("nodeGroups.{}.instanceType: {}", group.name,
             Message(flavor.status()));
        continue;
      }
      RETURN_IF_ERROR(flavor.status());
      const std::string has =
          ConfidentialTechnology(ObjectOf(*flavor, "extra_specs"));
      if (!wanted.empty() && !has.empty() && has != wanted &&
          has != "memory-encryption") {
        Find(
            "nodeGroups.{}.instanceType: \"{}\" offers {}, attestation wants "
            "{}",
            group.name, group.instance_type, has, wanted);
      }
      const auto count = static_cast<uint64_t>(std::max(group.count, 0));
      servers_ += count;
      cores_ += count * NumberOf(*flavor, "vcpus");
      ram_ += count * NumberOf(*flavor, "ram");
    }
    return absl::OkStatus();
  }

  // A group without a zone takes the cluster's; without both nova chooses.
  absl::Status CheckZones(const OpenStackSettings& settings) {
    const auto answer = client_.Send({.path = "/os-availability-zone"});
    if (IsHidden(answer.status())) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(answer.status());
    std::set<std::string> zones;
    for (const json& zone : ArrayOf(*answer, "availabilityZoneInfo")) {
      const json state = ObjectOf(zone, "zoneState");
      if (state.contains("available") && state["available"] == true) {
        zones.insert(TextOf(zone, "zoneName"));
      }
    }
    for (const NodeGroupRequest& group : request_.groups) {
      const std::string& zone =
          group.zone.empty() ? settings.availability_zone : group.zone;
      if (!zone.empty() && !zones.contains(zone)) {
        Find(
            "nodeGroups.{}.zone: there is no availability zone \"{}\", only "
            "{}",
            group.name, zone, fmt::join(zones, ", "));
      }
    }
    return absl::OkStatus();
  }

  // By name or id, as cinder takes them.
  absl::Status CheckVolumeTypes() {
    std::set<std::string> wanted;
    for (const NodeGroupRequest& group : request_.groups) {
      wanted.insert(group.state_disk_type);
    }
    wanted.erase("");
    ASSIGN_OR_RETURN(const bool cinder, client_.Has(kBlockStorage));
    if (!cinder) {
      Find("the cloud has no block storage: nodes boot from volumes");
      return absl::OkStatus();
    }
    if (wanted.empty()) {
      return absl::OkStatus();
    }
    const auto answer =
        client_.Send({.service = kBlockStorage, .path = "/types"});
    if (IsHidden(answer.status())) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(answer.status());
    std::set<std::string> types;
    for (const json& type : ArrayOf(*answer, "volume_types")) {
      types.insert(TextOf(type, "name"));
      wanted.erase(TextOf(type, "name"));
      wanted.erase(TextOf(type, "id"));
    }
    for (const std::string& type : wanted) {
      Find(
          "nodeGroups.*.stateDiskType: there is no volume type \"{}\", only "
          "{}",
          type, fmt::join(types, ", "));
    }
    return absl::OkStatus();
  }

  // Volumes and addresses have quotas of their own, which are not looked at.
  absl::Status CheckQuota() {
    ASSIGN_OR_RETURN(
        const std::vector<json> ours,
        client_.List(kServers,
                     "tags=" + Escaped(UidMarker(request_.identity))));
    if (!ours.empty()) {
      return absl::OkStatus();  // what there is counts already
    }
    const auto answer = client_.Send({.path = "/limits"});
    if (IsHidden(answer.status())) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(answer.status());
    const json limits = ObjectOf(ObjectOf(*answer, "limits"), "absolute");
    CheckLimit(limits, "maxTotalInstances", "totalInstancesUsed", servers_,
               "instances");
    CheckLimit(limits, "maxTotalCores", "totalCoresUsed", cores_, "cores");
    CheckLimit(limits, "maxTotalRAMSize", "totalRAMUsed", ram_, "MiB of RAM");
    return absl::OkStatus();
  }

  void CheckLimit(const json& limits, const char* max, const char* used,
                  uint64_t wanted, std::string_view what) {
    const auto found = limits.find(max);
    // -1: no limit.
    if (found == limits.end() || !found->is_number_unsigned()) {
      return;
    }
    if (NumberOf(limits, used) + wanted > found->get<uint64_t>()) {
      Find(
          "quota: {} {} are wanted, {} of {} are in use: ask the cloud for "
          "more, or choose fewer or smaller nodes",
          wanted, what, NumberOf(limits, used), found->get<uint64_t>());
    }
  }

  Client& client_;
  Catalogue& catalogue_;
  const ClusterRequest& request_;
  std::vector<std::string> findings_;
  uint64_t servers_ = 0;
  uint64_t cores_ = 0;
  uint64_t ram_ = 0;
};

}  // namespace

// The model is newer than the traits and wins; a forbidden trait asks for none.
std::string ConfidentialTechnology(const json& extra_specs) {
  const std::string model = TextOf(extra_specs, "hw:mem_encryption_model");
  if (!model.empty()) {
    return model;
  }
  if (!extra_specs.is_object()) {
    return "";
  }
  for (const Word& end : kTraitEnds) {
    for (const auto& [key, value] : extra_specs.items()) {
      if (key.starts_with("trait:") && key.ends_with(end.part) &&
          value == "required") {
        return std::string(end.technology);
      }
    }
  }
  const bool some = IsTrue(TextOf(extra_specs, "hw:mem_encryption")) ||
                    extra_specs.contains("resources:MEM_ENCRYPTION_CONTEXT");
  return some ? "memory-encryption" : "";
}

absl::Status CheckOnline(Client& client, Catalogue& catalogue,
                         const ClusterRequest& request) {
  return Checker(client, catalogue, request).Run();
}

}  // namespace constellation::cloud::openstack
