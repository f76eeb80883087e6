// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/check_online.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "cloud/engine/cloud_error.h"
#include "cloud/engine/quota_needs.h"
#include "cloud/openstack/desired.h"
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

// What has a quota, and where nova's or cinder's limits show it.
struct Quota {
  std::string_view what;
  bool storage;  // cinder's
  const char* max;
  const char* used;
};

constexpr std::string_view kServerCount = "instances";
constexpr std::string_view kCoreCount = "cores";
constexpr std::string_view kRamSize = "MiB of RAM";
constexpr std::string_view kVolumeCount = "volumes";
constexpr std::string_view kVolumeSize = "GiB of volumes";
constexpr std::array<Quota, 5> kQuotas = {
    {{kServerCount, false, "maxTotalInstances", "totalInstancesUsed"},
     {kCoreCount, false, "maxTotalCores", "totalCoresUsed"},
     {kRamSize, false, "maxTotalRAMSize", "totalRAMUsed"},
     {kVolumeCount, true, "maxTotalVolumes", "totalVolumesUsed"},
     {kVolumeSize, true, "maxTotalVolumeGigabytes", "totalGigabytesUsed"}}};

// 0 for what is absent, negative (unlimited) or no number; clamped, so that
// sums cannot overflow.
int64_t NumberOf(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() &&
                 found->is_number_unsigned()
             ? static_cast<int64_t>(std::min<uint64_t>(found->get<uint64_t>(),
                                                       uint64_t{1} << 50U))
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
    boot_volume_gb_ = BootVolumeGb(kBootVolumeGb, *image);
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
      for (int i = 0; i < group.count; ++i) {
        AddServer(&QuotaNeeds::Want, *flavor, group);
      }
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

  // Counts one server of `group` and its two volumes. All groups are one here:
  // what is to go is gone before anything is made.
  void AddServer(void (QuotaNeeds::*add)(std::string_view, std::string_view,
                                         int64_t),
                 const json& flavor, const NodeGroupRequest& group) {
    const auto count = [&](std::string_view quota, int64_t amount) {
      (needs_.*add)("", quota, amount);
    };
    count(kServerCount, 1);
    count(kCoreCount, NumberOf(flavor, "vcpus"));
    count(kRamSize, NumberOf(flavor, "ram"));
    count(kVolumeCount, 2);
    count(kVolumeSize, boot_volume_gb_);
    count(kVolumeSize, group.state_disk_size_gb);
  }

  // Servers of groups that are no longer wanted have volumes of unknown size.
  absl::Status CountOwn() {
    ASSIGN_OR_RETURN(
        const std::vector<json> servers,
        client_.List(kServers,
                     "tags=" + Escaped(UidMarker(request_.identity))));
    for (const json& server : servers) {
      const json metadata = ObjectOf(server, "metadata");
      const auto flavor = catalogue_.Flavor(TextOf(metadata, kMetaFlavor));
      const auto group =
          std::ranges::find(request_.groups, TextOf(metadata, kMetaGroup),
                            &NodeGroupRequest::name);
      AddServer(&QuotaNeeds::Have, flavor.ok() ? *flavor : json(),
                group == request_.groups.end()
                    ? NodeGroupRequest{.state_disk_size_gb = 0}
                    : *group);
    }
    return absl::OkStatus();
  }

  // The answer's "absolute" limits; null if the cloud does not show them.
  absl::StatusOr<json> LimitsOf(std::string_view service) {
    const auto answer = client_.Send({.service = service, .path = "/limits"});
    if (IsHidden(answer.status())) {
      return json();
    }
    RETURN_IF_ERROR(answer.status());
    return ObjectOf(ObjectOf(*answer, "limits"), "absolute");
  }

  // Addresses and ports have quotas of their own, which are not looked at. The
  // cluster's own servers are asked for only if it seems not to suffice.
  absl::Status CheckQuota() {
    ASSIGN_OR_RETURN(const json compute, LimitsOf(kCompute));
    ASSIGN_OR_RETURN(const bool cinder, client_.Has(kBlockStorage));
    json storage;
    if (cinder) {
      ASSIGN_OR_RETURN(storage, LimitsOf(kBlockStorage));
    }
    if (Shortages(compute, storage).empty()) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(CountOwn());
    for (std::string& shortage : Shortages(compute, storage)) {
      findings_.push_back(std::move(shortage));
    }
    return absl::OkStatus();
  }

  std::vector<std::string> Shortages(const json& compute,
                                     const json& storage) const {
    const QuotaNeeds::Amounts missing = needs_.Missing();
    std::vector<std::string> shortages;
    for (const Quota& quota : kQuotas) {
      const auto wanted = missing.find(quota.what);
      const json& limits = quota.storage ? storage : compute;
      // -1: no limit.
      if (wanted == missing.end() || !limits.contains(quota.max) ||
          !limits[quota.max].is_number_unsigned()) {
        continue;
      }
      const int64_t used = NumberOf(limits, quota.used);
      const int64_t max = NumberOf(limits, quota.max);
      if (used + wanted->second > max) {
        shortages.push_back(fmt::format(
            "quota: {} {} more are wanted, {} of {} are in use: ask the cloud "
            "for more, or choose fewer or smaller nodes",
            wanted->second, quota.what, used, max));
      }
    }
    return shortages;
  }

  Client& client_;
  Catalogue& catalogue_;
  const ClusterRequest& request_;
  std::vector<std::string> findings_;
  QuotaNeeds needs_;
  int boot_volume_gb_ = kBootVolumeGb;
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
