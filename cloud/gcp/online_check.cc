// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/online_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cloud/engine/cloud_error.h"
#include "cloud/engine/quota_needs.h"
#include "cloud/gcp/compute.h"
#include "cloud/gcp/desired.h"
#include "cloud/gcp/instances.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;

// "N2D_CPUS" for "n2d-standard-4": how quotas call a family's processors.
std::string MetricOf(std::string_view machine_type) {
  std::string family(machine_type.substr(0, machine_type.find('-')));
  for (char& c : family) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return family + "_CPUS";
}

// The project's quota for processors of every family wherever they are; new
// projects have few. projects.get tells it, regions do not.
constexpr std::string_view kAllRegions = "CPUS_ALL_REGIONS";

// Processors of a machine type; 0 if it does not say.
int64_t CpusOf(const json& machine) {
  const auto cpus =
      machine.is_object() ? machine.find("guestCpus") : machine.end();
  return cpus != machine.end() && cpus->is_number_integer()
             ? std::clamp<int64_t>(cpus->get<int64_t>(), 0, 10'000)
             : 0;
}

// Labels have no underscore of ours: as desired.cc writes them.
std::string GroupLabel(std::string_view group) {
  std::string label(group);
  std::ranges::replace(label, '_', '-');
  return label;
}

// Collects findings, all of them, before it answers. Used once, by one thread.
class OnlineChecker final {
 public:
  OnlineChecker(GcpClient& client, const ClusterRequest& request)
      : client_(client),
        request_(request),
        settings_(std::get<GcpSettings>(request.settings)) {}

  // Without region or zone the questions about machines make no sense.
  absl::Status Run() {
    RETURN_IF_ERROR(CheckRegion());
    if (findings_.empty()) {
      RETURN_IF_ERROR(CheckMachines());
      RETURN_IF_ERROR(CheckQuota());
    }
    RETURN_IF_ERROR(CheckImage());
    if (findings_.empty()) {
      return absl::OkStatus();
    }
    return InvalidArgument(fmt::format("{}", fmt::join(findings_, "\n")));
  }

 private:
  // The thing, or null with a finding if there is none.
  absl::StatusOr<json> Ask(const std::string& path, const std::string& field,
                           const std::string& what) {
    absl::StatusOr<json> thing = client_.Call({.path = path});
    if (absl::IsNotFound(thing.status())) {
      findings_.push_back(fmt::format("{}: {}", field, what));
      return json();
    }
    return thing;
  }

  // Region and zones, those of groups included.
  absl::Status CheckRegion() {
    ASSIGN_OR_RETURN(
        region_, Ask(fmt::format("projects/{}/regions/{}", settings_.project,
                                 settings_.region),
                     "provider.gcp.region",
                     fmt::format("there is no region {}", settings_.region)));
    std::set<std::string> zones = {settings_.zone};
    for (const NodeGroupRequest& group : request_.groups) {
      zones.insert(group.zone.empty() ? settings_.zone : group.zone);
    }
    for (const std::string& zone : zones) {
      ASSIGN_OR_RETURN(
          const json found,
          Ask(fmt::format("projects/{}/zones/{}", settings_.project, zone),
              "provider.gcp.zone", fmt::format("there is no zone {}", zone)));
      if (!found.is_null() && TextOf(found, "status") != "UP") {
        findings_.push_back(
            fmt::format("provider.gcp.zone: {} is down at present", zone));
      }
    }
    return absl::OkStatus();
  }

  // Also adds up the processors that are wanted, by quota.
  absl::Status CheckMachines() {
    for (const NodeGroupRequest& group : request_.groups) {
      const std::string& zone =
          group.zone.empty() ? settings_.zone : group.zone;
      ASSIGN_OR_RETURN(
          const json machine,
          Ask(fmt::format("projects/{}/zones/{}/machineTypes/{}",
                          settings_.project, zone, group.instance_type),
              fmt::format("nodeGroups.{}.instanceType", group.name),
              fmt::format("{} has no {}: choose another zone or type", zone,
                          group.instance_type)));
      cpus_[group.instance_type] = CpusOf(machine);
      for (const std::string& metric :
           {MetricOf(group.instance_type), std::string(kAllRegions)}) {
        needs_.Want(GroupLabel(group.name), metric,
                    CpusOf(machine) * group.count);
      }
    }
    return absl::OkStatus();
  }

  // Counts the cluster's own machines. Labels alone can be set by anyone with
  // rights in the project, so what is no machine of the cluster is passed over.
  absl::Status CountOwn() {
    return client_.List(
        {.path =
             fmt::format("projects/{}/aggregated/instances", settings_.project),
         .query = {{"maxResults", "500"},
                   {"filter", fmt::format("labels.{}={}", kUidKey,
                                          request_.identity.uid)}}},
        "instances", [&](const json& thing) -> absl::Status {
          const auto parsed = ParseInstance(thing, request_.identity.uid);
          const std::string type(LastPart(TextOf(thing, "machineType")));
          if (!parsed.ok() || !IsResourceName(type)) {
            return absl::OkStatus();
          }
          if (!cpus_.contains(type)) {  // of before a change
            const absl::StatusOr<json> machine = client_.Call(
                {.path = fmt::format("projects/{}/zones/{}/machineTypes/{}",
                                     settings_.project, parsed->metadata.zone,
                                     type)});
            if (!machine.ok() && !absl::IsNotFound(machine.status())) {
              return machine.status();
            }
            cpus_[type] = machine.ok() ? CpusOf(*machine) : 0;
          }
          needs_.Have(parsed->group, MetricOf(type), cpus_[type]);
          needs_.Have(parsed->group, kAllRegions, cpus_[type]);
          return absl::OkStatus();
        });
  }

  // What the quotas of a region or project lack, one finding each. What is
  // missing in the answer is not judged: an unknown quota is no finding.
  void AddShortages(const json& owner, std::string_view place,
                    std::vector<std::string>& shortages) const {
    const QuotaNeeds::Amounts missing = needs_.Missing();
    for (const json& quota : owner.value("quotas", json::array())) {
      const auto needed = missing.find(TextOf(quota, "metric"));
      if (needed == missing.end() || !quota.contains("limit") ||
          !quota["limit"].is_number() || !quota.contains("usage") ||
          !quota["usage"].is_number()) {
        continue;
      }
      const double free =
          quota["limit"].get<double>() - quota["usage"].get<double>();
      if (static_cast<double>(needed->second) > free) {
        shortages.push_back(fmt::format(
            "nodeGroups: {} processors more are needed of quota {} in {}, {} "
            "are free: ask Google for more, or choose fewer or smaller nodes",
            needed->second, needed->first, place, free));
      }
    }
  }

  std::vector<std::string> Shortages() const {
    std::vector<std::string> shortages;
    AddShortages(region_, settings_.region, shortages);
    AddShortages(project_, fmt::format("project {}", settings_.project),
                 shortages);
    return shortages;
  }

  // The quota's usage holds the cluster's own machines, too: those that are
  // there are asked for only if it seems not to suffice.
  absl::Status CheckQuota() {
    ASSIGN_OR_RETURN(
        project_,
        Ask(fmt::format("projects/{}", settings_.project),
            "provider.gcp.project",
            fmt::format("there is no project {}", settings_.project)));
    if (project_.is_null() || Shortages().empty()) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(CountOwn());
    const std::vector<std::string> shortages = Shortages();
    findings_.insert(findings_.end(), shortages.begin(), shortages.end());
    return absl::OkStatus();
  }

  // A confidential machine starts only from an image with its guest feature;
  // the API says so much later.
  absl::Status CheckImage() {
    ASSIGN_OR_RETURN(
        const json image,
        Ask(fmt::format("projects/{}", AfterProjects(request_.image)), "image",
            fmt::format("{} does not exist, or is not shared with you",
                        request_.image)));
    if (image.is_null()) {
      return absl::OkStatus();
    }
    if (TextOf(image, "status") != "READY") {
      findings_.push_back(
          fmt::format("image: it is {}, want READY", TextOf(image, "status")));
    }
    const Confidentiality* const wanted =
        ConfidentialityOf(request_.attestation_variant);
    const json features = image.value("guestOsFeatures", json::array());
    for (const std::string_view feature :
         {wanted->guest_feature, std::string_view("UEFI_COMPATIBLE"),
          std::string_view("GVNIC")}) {
      if (std::ranges::none_of(features, [&](const json& entry) {
            return TextOf(entry, "type") == feature;
          })) {
        findings_.push_back(fmt::format(
            "image: it lacks guest feature {}, which {} needs: was it uploaded "
            "with `constellation image upload`?",
            feature, wanted->variant));
      }
    }
    return absl::OkStatus();
  }

  GcpClient& client_;
  const ClusterRequest& request_;
  const GcpSettings& settings_;
  json region_;
  json project_;
  std::map<std::string, int64_t, std::less<>> cpus_;  // by machine type
  QuotaNeeds needs_;
  std::vector<std::string> findings_;
};

}  // namespace

absl::Status CheckRequestOnline(GcpClient& client,
                                const ClusterRequest& request) {
  return OnlineChecker(client, request).Run();
}

}  // namespace constellation::cloud::gcp
