// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/online_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cloud/azure/arm_kinds.h"
#include "cloud/azure/arm_names.h"
#include "cloud/azure/bodies.h"
#include "cloud/azure/json_text.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/engine/quota_needs.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;

json ListAt(const json& object, std::string_view pointer) {
  const json::json_pointer at{std::string(pointer)};
  return object.contains(at) && object.at(at).is_array() ? object.at(at)
                                                         : json::array();
}

// A capability or feature of a list of {"name","value"}; empty if not there.
std::string Named(const json& list, std::string_view name) {
  for (const json& one : list) {
    if (TextAt(one, "/name") == name) {
      return TextAt(one, "/value");
    }
  }
  return "";
}

// Clamped, because sums of what Azure says must not overflow.
int64_t Cores(const json& sku) {
  const std::string text = Named(ListAt(sku, "/capabilities"), "vCPUs");
  int64_t cores = 0;
  std::from_chars(text.data(), text.data() + text.size(), cores);
  return std::clamp<int64_t>(cores, 0, 10'000);
}

// Azure's name for the sum over all families in a region, which has a limit of
// its own.
constexpr std::string_view kAllCores = "cores";

// What a size must say of itself for a variant; nullptr: nothing.
const char* WantedComputing(std::string_view variant) {
  if (variant == "azure-sev-snp") {
    return "SNP";
  }
  return variant == "azure-tdx" ? "TDX" : nullptr;
}

// One run of checks.
class OnlineCheck final {
 public:
  OnlineCheck(ArmClient& client, const ClusterRequest& request)
      : client_(client),
        request_(request),
        settings_(std::get<AzureSettings>(request.settings)),
        scope_(NamesOf(request).scope) {}

  // Findings are collected, so that one run tells everything; only errors of
  // the questions themselves end it early.
  absl::Status Run() {
    RETURN_IF_ERROR(CheckExists(ResourceGroupId(scope_), kResourceApi,
                                "provider.azure.resourceGroup"));
    RETURN_IF_ERROR(CheckExists(settings_.user_assigned_identity, kIdentityApi,
                                "provider.azure.userAssignedIdentity"));
    RETURN_IF_ERROR(CheckImage());
    for (const char* name : {"Microsoft.Network", "Microsoft.Compute"}) {
      RETURN_IF_ERROR(CheckRegistered(name));
    }
    RETURN_IF_ERROR(CheckSizes());
    RETURN_IF_ERROR(CheckQuota());
    return findings_.empty()
               ? absl::OkStatus()
               : InvalidArgument(fmt::format("{}", fmt::join(findings_, "; ")));
  }

 private:
  // The body of the answer; null if there was none.
  absl::StatusOr<json> Get(const std::string& path,
                           std::string_view api_version) {
    ASSIGN_OR_RETURN(
        ArmAnswer answer,
        client_.Send({.path = path, .api_version = std::string(api_version)}));
    return std::move(answer.body);
  }

  // Null and a finding if it is not there.
  absl::StatusOr<json> Look(const std::string& id, std::string_view api_version,
                            std::string_view field) {
    absl::StatusOr<json> found = Get(id, api_version);
    const CloudError error = CloudErrorOf(found.status());
    if (!found.ok() && (error.kind == CloudErrorKind::kNotFound ||
                        error.code == "ResourceGroupNotFound")) {
      findings_.push_back(fmt::format("{}: there is no {}", field, id));
      return json();
    }
    return found;
  }

  // For things of which nothing but their existence matters.
  absl::Status CheckExists(const std::string& id, std::string_view api_version,
                           std::string_view field) {
    return Look(id, api_version, field).status();
  }

  // The definition of the image decides what its VMs may be; a wrong one would
  // be refused only after the network has been made.
  absl::Status CheckImage() {
    const std::string& image = request_.image;
    if (!image.starts_with("/subscriptions/")) {
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const json version, Look(image, kGalleryApi, "image"));
    if (version.is_null()) {
      return absl::OkStatus();
    }
    const size_t end = Lower(image).rfind("/versions/");
    ASSIGN_OR_RETURN(const json definition,
                     Look(image.substr(0, end), kGalleryApi, "image"));
    const std::string type =
        Named(ListAt(definition, "/properties/features"), "SecurityType");
    const bool confidential =
        WantedComputing(request_.attestation_variant) != nullptr;
    const std::string_view word =
        confidential ? "Confidential" : "TrustedLaunch";
    if (type.find(word) == std::string::npos) {
      findings_.push_back(fmt::format(
          "image: {} needs an image whose definition has SecurityType {}..., "
          "this one has \"{}\"",
          request_.attestation_variant, word, type.substr(0, 60)));
    }
    return absl::OkStatus();
  }

  // A new subscription has no resource provider registered, which fails late
  // and with words that do not say so.
  absl::Status CheckRegistered(std::string_view provider) {
    ASSIGN_OR_RETURN(
        const json found,
        Get(fmt::format("{}/providers/{}", SubscriptionId(scope_), provider),
            kResourceApi));
    if (TextAt(found, "/registrationState") != "Registered") {
      findings_.push_back(fmt::format(
          "provider.azure.subscription: {} is not registered, run `az provider "
          "register --namespace {}`",
          provider, provider));
    }
    return absl::OkStatus();
  }

  // The description of a size; the end of `skus_` if the location has none.
  std::vector<json>::const_iterator FindSize(std::string_view name) const {
    return std::ranges::find_if(skus_, [&](const json& one) {
      return TextAt(one, "/resourceType") == "virtualMachines" &&
             SameId(TextAt(one, "/name"), name);
    });
  }

  // The list has each size once for the location; restrictions of the
  // subscription stand in it.
  absl::Status CheckSizes() {
    ASSIGN_OR_RETURN(
        skus_, client_.List({.path = SubscriptionId(scope_) +
                                     "/providers/Microsoft.Compute/skus",
                             .api_version = std::string(kSkuApi),
                             .query = "&$filter=" + UrlEncode(fmt::format(
                                                        "location eq '{}'",
                                                        settings_.location))}));
    for (const NodeGroupRequest& group : request_.groups) {
      const auto sku = FindSize(group.instance_type);
      const std::string field =
          fmt::format("nodeGroups.{}.instanceType", group.name);
      if (sku == skus_.end()) {
        findings_.push_back(fmt::format("{}: {} has no {}", field,
                                        settings_.location,
                                        group.instance_type));
        continue;
      }
      CheckSize(*sku, group, field);
      needs_.Want(group.name, TextAt(*sku, "/family"),
                  Cores(*sku) * group.count);
      needs_.Want(group.name, kAllCores, Cores(*sku) * group.count);
    }
    return absl::OkStatus();
  }

  // Each VM of the cluster by itself: a scale set's capacity says what it shall
  // have, which after a failure is more than what counts as used.
  absl::Status CountOwn() {
    absl::StatusOr<std::vector<json>> sets =
        client_.List({.path = CollectionId(scope_, kScaleSetType),
                      .api_version = std::string(kComputeApi)});
    if (!sets.ok()) {
      return CloudErrorOf(sets.status()).code == "ResourceGroupNotFound"
                 ? absl::OkStatus()
                 : sets.status();
    }
    for (const json& set : *sets) {
      const std::string id = TextAt(set, "/id");
      if (TextAt(set, fmt::format("/tags/{}", kUidTag)) !=
              request_.identity.uid ||
          id.empty()) {
        continue;
      }
      ASSIGN_OR_RETURN(const std::vector<json> vms,
                       client_.List({.path = id + "/virtualMachines",
                                     .api_version = std::string(kComputeApi)}));
      const std::string group = TextAt(set, fmt::format("/tags/{}", kGroupTag));
      for (const json& vm : vms) {
        const std::string size = TextAt(vm, "/sku/name");
        const auto sku =
            FindSize(size.empty() ? TextAt(set, "/sku/name") : size);
        if (sku != skus_.end()) {
          needs_.Have(group, TextAt(*sku, "/family"), Cores(*sku));
          needs_.Have(group, kAllCores, Cores(*sku));
        }
      }
    }
    return absl::OkStatus();
  }

  // "ConfidentialComputingType" is the capability in Azure's list of SKUs.
  void CheckSize(const json& sku, const NodeGroupRequest& group,
                 const std::string& field) {
    const std::string has =
        Named(ListAt(sku, "/capabilities"), "ConfidentialComputingType");
    const char* const wanted = WantedComputing(request_.attestation_variant);
    if (wanted != nullptr && has != wanted) {
      findings_.push_back(fmt::format(
          "{}: {} needs {}, {} has {}", field, request_.attestation_variant,
          wanted, group.instance_type, has.empty() ? "none of it" : has));
    }
    if (!ListAt(sku, "/restrictions").empty()) {
      findings_.push_back(fmt::format(
          "{}: Azure does not let this subscription use {} in {} ({})", field,
          group.instance_type, settings_.location,
          TextAt(sku, "/restrictions/0/reasonCode")));
    }
    const json zones = ListAt(sku, "/locationInfo/0/zones");
    if (!group.zone.empty() &&
        std::ranges::find(zones, json(group.zone)) == zones.end()) {
      findings_.push_back(fmt::format("nodeGroups.{}.zone: {} is in zones {}",
                                      group.name, group.instance_type,
                                      zones.dump()));
    }
  }

  // What the quotas lack, one finding each. What is missing in the answer is
  // not judged.
  std::vector<std::string> Shortages(const std::vector<json>& usages) const {
    const QuotaNeeds::Amounts missing = needs_.Missing();
    std::vector<std::string> shortages;
    for (const json& usage : usages) {
      const auto wanted = missing.find(TextAt(usage, "/name/value"));
      const json limit = usage.value("limit", json());
      const json used = usage.value("currentValue", json());
      if (wanted == missing.end() || !limit.is_number_integer() ||
          !used.is_number_integer()) {
        continue;
      }
      const int64_t left = limit.get<int64_t>() - used.get<int64_t>();
      if (wanted->second > left) {
        shortages.push_back(fmt::format(
            "quota: {} cores more of {} are wanted in {}, {} are left of {}: "
            "ask Azure for more, or choose fewer or smaller nodes",
            wanted->second,
            wanted->first == kAllCores ? "all families" : wanted->first,
            settings_.location, left, limit.get<int64_t>()));
      }
    }
    return shortages;
  }

  // The cluster's own machines are asked for only if it seems not to suffice.
  absl::Status CheckQuota() {
    ASSIGN_OR_RETURN(
        const std::vector<json> usages,
        client_.List(
            {.path = fmt::format("{}/providers/Microsoft.Compute/"
                                 "locations/{}/usages",
                                 SubscriptionId(scope_), settings_.location),
             .api_version = std::string(kComputeApi)}));
    if (Shortages(usages).empty()) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(CountOwn());
    const std::vector<std::string> shortages = Shortages(usages);
    findings_.insert(findings_.end(), shortages.begin(), shortages.end());
    return absl::OkStatus();
  }

  ArmClient& client_;
  const ClusterRequest& request_;
  const AzureSettings& settings_;
  const ArmScope scope_;
  std::vector<json> skus_;  // of the location
  QuotaNeeds needs_;
  std::vector<std::string> findings_;
};

}  // namespace

absl::Status CheckRequestOnline(ArmClient& client,
                                const ClusterRequest& request) {
  return OnlineCheck(client, request).Run();
}

}  // namespace constellation::cloud::azure
