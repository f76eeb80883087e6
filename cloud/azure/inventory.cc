// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/inventory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>

#include "cloud/azure/arm_kinds.h"
#include "cloud/azure/json_text.h"
#include "cloud/engine/cloud_error.h"
#include "common/ipv4.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;
using Kind = CloudErrorKind;

constexpr size_t kMaxInstances = 1000;
constexpr size_t kMaxText = 2048;

// Nodes read these answers too: a text above 2 KiB counts as none.
std::string ShortTextAt(const json& object, std::string_view pointer) {
  return TextAt(object, pointer, kMaxText);
}

// What is primary in a list of interfaces or addresses, or the only one.
const json* Primary(const json& list) {
  if (!list.is_array()) {
    return nullptr;
  }
  for (const json& element : list) {
    const json::json_pointer at("/properties/primary");
    if (element.contains(at) && element.at(at) == json(true)) {
      return &element;
    }
  }
  return list.size() == 1 && list.front().is_object() ? &list.front() : nullptr;
}

// The primary address of the primary interface; empty while there is none.
std::string AddressOf(const json& nics) {
  const json* const nic = Primary(nics);
  const json::json_pointer at("/properties/ipConfigurations");
  const json* const address =
      nic != nullptr && nic->contains(at) ? Primary(nic->at(at)) : nullptr;
  return address == nullptr
             ? ""
             : ShortTextAt(*address, "/properties/privateIPAddress");
}

bool IsHex(std::string_view text, size_t size) {
  return text.size() == size &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Looser than what the cli makes: clusters of other versions are read as well.
bool IsUid(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::ranges::all_of(text, [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-';
         });
}

// The value comes from the cloud, so it is cut before it is told.
absl::Status Wrong(std::string_view field, std::string_view got) {
  return InvalidArgument(fmt::format("Azure's {}: unexpected value \"{}\"",
                                     field, got.substr(0, 100)));
}

// "running" out of an instance view, else what provisioning says.
std::string StateOf(const json& vm) {
  const json::json_pointer at("/properties/instanceView/statuses");
  constexpr std::string_view kPower = "PowerState/";
  for (const json& status :
       vm.contains(at) && vm.at(at).is_array() ? vm.at(at) : json::array()) {
    const std::string code = ShortTextAt(status, "/code");
    if (code.starts_with(kPower)) {
      return code.substr(kPower.size()).substr(0, 40);
    }
  }
  return ShortTextAt(vm, "/properties/provisioningState").substr(0, 40);
}

std::string Tag(const json& tags, std::string_view name) {
  const auto found =
      tags.is_object() ? tags.find(std::string(name)) : tags.end();
  return tags.is_object() && found != tags.end() && found->is_string()
             ? found->get<std::string>()
             : "";
}

// An element whose id is not below the group's list is left out: its id becomes
// the path of the next request.
absl::StatusOr<std::vector<json>> Tagged(ArmClient& client,
                                         const ArmScope& scope,
                                         std::string_view type,
                                         std::string_view api_version,
                                         std::string_view uid) {
  ASSIGN_OR_RETURN(std::vector<json> all,
                   client.List({.path = CollectionId(scope, type),
                                .api_version = std::string(api_version)}));
  std::erase_if(all, [&](const json& body) {
    return Tag(body.value("tags", json()), kUidTag) != uid ||
           !IsBelow(ShortTextAt(body, "/id"), CollectionId(scope, type)) ||
           !IsArmId(ShortTextAt(body, "/id"));
  });
  return all;
}

// The interfaces of all VMs of a scale set, lists by the VM's id in lower case;
// one request for all, whatever the number of VMs.
absl::StatusOr<std::map<std::string, json>> InterfacesOf(
    ArmClient& client, const ArmScope& scope, std::string_view set_id) {
  // They live below the old provider's name.
  absl::StatusOr<std::vector<json>> all = client.List(
      {.path = fmt::format("{}/providers/microsoft.Compute/"
                           "virtualMachineScaleSets/{}/networkInterfaces",
                           ResourceGroupId(scope),
                           SegmentBehind(set_id, "virtualMachineScaleSets")),
       .api_version = std::string(kScaleSetNicApi)});
  std::map<std::string, json> found;
  if (!all.ok()) {  // a set without VMs may have none
    return CloudErrorKindOf(all.status()) == Kind::kNotFound
               ? absl::StatusOr<std::map<std::string, json>>(found)
               : all.status();
  }
  for (json& nic : *all) {
    const std::string vm =
        Lower(ShortTextAt(nic, "/properties/virtualMachine/id"));
    found.try_emplace(vm, json::array())
        .first->second.push_back(std::move(nic));
  }
  return found;
}

}  // namespace

std::string ProviderId(std::string_view instance_id) {
  return fmt::format("azure://{}", instance_id);
}

std::string NodeNameOf(std::string_view computer_name) {
  return Lower(computer_name);
}

// Every text is checked for the syntax that whoever uses it relies on: names go
// into Kubernetes objects, addresses into lists of peers.
absl::StatusOr<ScaleSetInstance> ParseInstance(const json& vm, const json& tags,
                                               const json& nics) {
  ScaleSetInstance found{.id = ShortTextAt(vm, "/id"),
                         .group = Tag(tags, kGroupTag).substr(0, 63),
                         .state = StateOf(vm)};
  InstanceMetadata& metadata = found.metadata;
  metadata.name =
      NodeNameOf(ShortTextAt(vm, "/properties/osProfile/computerName"));
  metadata.provider_id = ProviderId(found.id);
  metadata.uid = Tag(tags, kUidTag);
  metadata.init_secret_sha256 = "";
  metadata.cluster_ip = AddressOf(nics);
  const json zones = vm.value("zones", json());
  metadata.zone =
      zones.is_array() && !zones.empty() ? ShortTextAt(zones, "/0") : "";
  if (!IsArmId(found.id)) {
    return Wrong("instance id", found.id);
  }
  if (!IsNodeName(metadata.name)) {
    return Wrong("computerName", metadata.name);
  }
  if (!IsUid(metadata.uid)) {
    return Wrong(kUidTag, metadata.uid);
  }
  if (!ParseIpv4(metadata.cluster_ip)) {
    return Wrong("privateIPAddress", metadata.cluster_ip);
  }
  if (metadata.zone.size() > 1 ||
      (!metadata.zone.empty() && !IsHex(metadata.zone, 1))) {
    return Wrong("zone", metadata.zone);
  }
  const auto role = ParseNodeRole(Tag(tags, kRoleTag));
  if (!role.ok()) {
    return Wrong(kRoleTag, Tag(tags, kRoleTag));
  }
  metadata.role = *role;
  return found;
}

// Three lists a scale set, whatever its size: nodes ask this every few minutes,
// and ARM counts requests by subscription.
absl::StatusOr<std::vector<ScaleSetInstance>> ListInstances(
    ArmClient& client, const ArmScope& scope, std::string_view uid) {
  ASSIGN_OR_RETURN(const std::vector<json> sets,
                   Tagged(client, scope, kScaleSetType, kComputeApi, uid));
  std::vector<ScaleSetInstance> found;
  for (const json& set : sets) {
    const std::string id = ShortTextAt(set, "/id");
    ASSIGN_OR_RETURN(const auto nics, InterfacesOf(client, scope, id));
    ASSIGN_OR_RETURN(const std::vector<json> vms,
                     client.List({.path = id + "/virtualMachines",
                                  .api_version = std::string(kComputeApi),
                                  .query = "&$expand=instanceView"}));
    for (const json& vm : vms) {
      const auto own = nics.find(Lower(ShortTextAt(vm, "/id")));
      if (ShortTextAt(vm, "/properties/provisioningState") == "Deleting" ||
          own == nics.end() || AddressOf(own->second).empty()) {
        continue;
      }
      auto one = ParseInstance(vm, set.value("tags", json()), own->second);
      if (!one.ok() || found.size() >= kMaxInstances) {
        return MakeCloudError(
            {.kind = Kind::kInvalid,
             .code = "MalformedAnswer",
             .message = one.ok() ? "more than 1,000 instances"
                                 : std::string(Message(one.status()))});
      }
      found.push_back(*std::move(one));
    }
  }
  return found;
}

absl::StatusOr<std::string> BalancerAddress(ArmClient& client,
                                            const ArmScope& scope,
                                            std::string_view uid) {
  ASSIGN_OR_RETURN(const std::vector<json> balancers,
                   Tagged(client, scope, kLoadBalancerType, kNetworkApi, uid));
  for (const json& balancer : balancers) {
    // Not one that Kubernetes made for a service: it has no name of ours.
    if (Tag(balancer.value("tags", json()), kResourceTag).empty()) {
      continue;
    }
    const json::json_pointer at("/properties/frontendIPConfigurations/0");
    const json frontend = balancer.contains(at) ? balancer.at(at) : json();
    std::string address = ShortTextAt(frontend, "/properties/privateIPAddress");
    const std::string ip =
        ShortTextAt(frontend, "/properties/publicIPAddress/id");
    if (!ip.empty()) {
      ASSIGN_OR_RETURN(
          const ArmAnswer answer,
          client.Send({.path = ip, .api_version = std::string(kNetworkApi)}));
      address = ShortTextAt(answer.body, "/properties/ipAddress");
    }
    if (ParseIpv4(address)) {
      return address;
    }
  }
  return MakeCloudError({.kind = Kind::kNotFound,
                         .message = "no load balancer with an address has the "
                                    "cluster's tag"});
}

}  // namespace constellation::cloud::azure
