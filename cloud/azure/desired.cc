// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/desired.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <variant>

#include "cloud/azure/arm_driver.h"
#include "cloud/azure/arm_kinds.h"
#include "cloud/azure/arm_names.h"
#include "cloud/azure/bodies.h"
#include "cloud/azure/json_text.h"
#include "common/ipv4.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;

constexpr size_t kMaxComputerNamePrefix = 57;  // 63 less Azure's six digits
constexpr size_t kMaxTags = 50;
constexpr size_t kMaxTagName = 512;
constexpr size_t kMaxTagValue = 256;
constexpr int kMaxCount = 100;  // of a scale set with one placement group
constexpr int kMaxDiskGb = 32'767;
constexpr std::array kDiskTypes = {"Standard_LRS", "StandardSSD_LRS",
                                   "StandardSSD_ZRS", "Premium_LRS",
                                   "Premium_ZRS"};

constexpr std::string_view kLowerDigits =
    "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kWord =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.()";

// Collects what is wrong.
class Findings final {
 public:
  void Want(bool good, std::string_view field, std::string_view wanted,
            std::string_view got) {
    if (!good) {
      lines_.push_back(
          fmt::format("{}: want {}, got \"{}\"", field, wanted, got));
    }
  }
  absl::Status Finish() const {
    return lines_.empty()
               ? absl::OkStatus()
               : InvalidArgument(fmt::format("{}", fmt::join(lines_, "; ")));
  }

 private:
  std::vector<std::string> lines_;
};

// Limits as in Azure's "naming rules and restrictions for resources".
void CheckSettings(const AzureSettings& settings, Findings& findings) {
  findings.Want(IsUuid(settings.subscription), "provider.azure.subscription",
                "a UUID", settings.subscription);
  findings.Want(settings.tenant.empty() || IsUuid(settings.tenant),
                "provider.azure.tenant", "a UUID", settings.tenant);
  findings.Want(Consists(settings.location, kLowerDigits, 40),
                "provider.azure.location", "a name like \"northeurope\"",
                settings.location);
  findings.Want(Consists(settings.resource_group, kWord, 90) &&
                    !settings.resource_group.ends_with('.'),
                "provider.azure.resourceGroup",
                "1-90 characters of [A-Za-z0-9_.()-], no dot at the end",
                settings.resource_group);
  const std::string& identity = settings.user_assigned_identity;
  findings.Want(
      IsArmId(identity) &&
          !SegmentBehind(identity, "userAssignedIdentities").empty(),
      "provider.azure.userAssignedIdentity",
      "a resource id /subscriptions/.../userAssignedIdentities/NAME, as `iam "
      "create azure` writes it",
      identity);
}

// Four parts with three colons in the marketplace, else an id with a version:
// an image without one would change under the measurements.
bool IsImage(const ClusterRequest& request) {
  const std::string& image = request.image;
  if (std::get<AzureSettings>(request.settings).use_marketplace_image) {
    return std::ranges::count(image, ':') == 3 &&
           image.find("::") == std::string::npos && !image.starts_with(':') &&
           !image.ends_with(':') && !image.starts_with('/');
  }
  return IsArmId(image) && !SegmentBehind(image, "versions").empty() &&
         (image.starts_with("/communityGalleries/") ||
          image.starts_with("/sharedGalleries/") ||
          (image.starts_with("/subscriptions/") &&
           !SegmentBehind(image, "galleries").empty()));
}

// A scale set with one placement group takes 100 VMs at most.
void CheckGroup(const ClusterRequest& request, const NodeGroupRequest& group,
                Findings& findings) {
  const std::string field = fmt::format("nodeGroups.{}", group.name);
  const std::string label = GroupLabel(group.name);
  findings.Want(IsNodeName(label), field,
                "a name of [a-z0-9_-], no '_' or '-' at the ends", group.name);
  const std::string prefix =
      fmt::format("{}-{}-", NamesOf(request).base, label);
  findings.Want(prefix.size() <= kMaxComputerNamePrefix, field,
                fmt::format("a shorter name: host names start with it, for "
                            "which Azure takes {} characters",
                            kMaxComputerNamePrefix),
                prefix);
  findings.Want(group.zone.empty() || group.zone == "1" || group.zone == "2" ||
                    group.zone == "3",
                field + ".zone", "1, 2, 3 or nothing", group.zone);
  findings.Want(group.instance_type.starts_with("Standard_") &&
                    Consists(group.instance_type, kWord, 64),
                field + ".instanceType", "a size like \"Standard_DC4as_v5\"",
                group.instance_type);
  findings.Want(
      std::ranges::find(kDiskTypes, group.state_disk_type) != kDiskTypes.end(),
      field + ".stateDiskType",
      fmt::format("one of {}", fmt::join(kDiskTypes, ", ")),
      group.state_disk_type);
  findings.Want(
      group.state_disk_size_gb >= 1 && group.state_disk_size_gb <= kMaxDiskGb,
      field + ".stateDiskSizeGB", fmt::format("1-{}", kMaxDiskGb),
      std::to_string(group.state_disk_size_gb));
  const int least = group.role == NodeRole::kControlPlane ? 1 : 0;
  findings.Want(group.count >= least && group.count <= kMaxCount,
                field + ".initialCount", fmt::format("{}-{}", least, kMaxCount),
                std::to_string(group.count));
}

// Ours come on top of the user's, and nobody else may set names like ours:
// nodes read role and uid from them.
void CheckTags(const ClusterRequest& request, Findings& findings) {
  constexpr size_t kOwnTags = 5;
  findings.Want(request.tags.size() + kOwnTags <= kMaxTags, "tags",
                fmt::format("at most {}", kMaxTags - kOwnTags),
                std::to_string(request.tags.size()));
  for (const auto& [name, value] : request.tags) {
    findings.Want(
        !name.empty() && name.size() <= kMaxTagName &&
            name.find_first_of("<>%&\\?/") == std::string::npos &&
            !Lower(name).starts_with("constellation-"),
        "tags",
        "names of 1-512 characters without <>%&\\?/, not starting with "
        "\"constellation-\"",
        name);
    findings.Want(value.size() <= kMaxTagValue, "tags." + name,
                  fmt::format("at most {} characters", kMaxTagValue), value);
  }
}

// Two groups with one label would be the same scale set.
void CheckGroups(const ClusterRequest& request, Findings& findings) {
  std::set<std::string> labels;
  bool control_plane = false;
  for (const NodeGroupRequest& group : request.groups) {
    CheckGroup(request, group, findings);
    findings.Want(labels.insert(GroupLabel(group.name)).second, "nodeGroups",
                  "names that differ in more than '_' and '-'", group.name);
    control_plane |= group.role == NodeRole::kControlPlane;
  }
  findings.Want(control_plane, "nodeGroups", "a group of role control-plane",
                "none");
}

// Our own tags win over the user's.
Resource Make(const ClusterRequest& request, std::string_view kind,
              std::string_view name, const std::string& id,
              std::vector<std::string> depends_on) {
  Resource resource{.kind = std::string(kind),
                    .name = std::string(name),
                    .tags = request.tags,
                    .depends_on = std::move(depends_on)};
  resource.tags[std::string(kUidTag)] = request.identity.uid;
  resource.tags[std::string(kResourceTag)] = resource.name;
  resource.desired[std::string(kDesiredId)] = id;
  return resource;
}

void Add(std::vector<Resource>& resources, Resource resource, json body) {
  resource.desired[std::string(kDesiredBody)] = std::move(body);
  resources.push_back(std::move(resource));
}

// Workers do not wait for the load balancer: they join through it, but their
// VMs boot meanwhile.
void AddGroup(const ClusterRequest& request, const NodeGroupRequest& group,
              std::vector<Resource>& resources) {
  std::vector<std::string> depends_on = {"network", "security-group"};
  if (group.role == NodeRole::kControlPlane) {
    depends_on.emplace_back(kBalancerName);
  }
  Resource set = Make(request, kScaleSet, GroupResourceName(group.name),
                      NamesOf(request).ScaleSet(group.name), depends_on);
  set.tags[std::string(kRoleTag)] = NodeRoleName(group.role);
  set.tags[std::string(kGroupTag)] = group.name;
  set.tags[std::string(kInitSecretTag)] = request.init_secret_sha256;
  json body = ScaleSetBody(request, group, set.tags);
  Add(resources, std::move(set), std::move(body));
}

// The address that the load balancer answers at.
std::string BalancerAddress(const ClusterRequest& request,
                            const std::map<std::string, Observed>& outputs) {
  const auto found = outputs.find(std::string(
      request.internal_load_balancer ? kBalancerName : kBalancerIpName));
  if (found == outputs.end()) {
    return "";
  }
  return TextAt(found->second.attributes,
                request.internal_load_balancer
                    ? "/properties/frontendIPConfigurations/0/properties/"
                      "privateIPAddress"
                    : "/properties/ipAddress");
}

// Clients of the identity are told its client id; scale sets show it.
std::string IdentityClientId(const std::map<std::string, Observed>& outputs) {
  for (const auto& [name, observed] : outputs) {
    const json::json_pointer at("/identity/userAssignedIdentities");
    if (!name.starts_with("group-") || !observed.attributes.contains(at)) {
      continue;
    }
    for (const auto& [id, identity] : observed.attributes.at(at).items()) {
      if (std::string client = TextAt(identity, "/clientId"); IsUuid(client)) {
        return client;
      }
    }
  }
  return "";
}

}  // namespace

std::string GroupResourceName(std::string_view group) {
  return fmt::format("group-{}", GroupLabel(group));
}

absl::Status CheckRequest(const ClusterRequest& request) {
  const auto* const settings = std::get_if<AzureSettings>(&request.settings);
  if (settings == nullptr) {
    return InvalidArgument("provider: want azure's settings");
  }
  Findings findings;
  CheckSettings(*settings, findings);
  const std::string& variant = request.attestation_variant;
  findings.Want(variant == "azure-sev-snp" || variant == "azure-tdx" ||
                    variant == "azure-trustedlaunch",
                "attestation",
                "azure-sev-snp, azure-tdx or azure-trustedlaunch", variant);
  findings.Want(Consists(request.identity.uid, kLowerDigits, 32), "uid",
                "1-32 characters of [a-z0-9]", request.identity.uid);
  findings.Want(
      IsNodeName(request.identity.name) &&
          std::string_view("abcdefghijklmnopqrstuvwxyz")
                  .find(request.identity.name[0]) != std::string_view::npos,
      "name", "a DNS label that starts with a letter", request.identity.name);
  findings.Want(IsImage(request), "image",
                settings->use_marketplace_image
                    ? "publisher:offer:sku:version"
                    : "the id of a version in an image gallery",
                request.image);
  findings.Want(ParseIpv4Network(request.node_cidr).has_value(), "nodeCIDR",
                "an IPv4 network", request.node_cidr);
  findings.Want(!request.allowed_sources.empty(), "allowedSources",
                "at least one network", "");
  for (const std::string& source : request.allowed_sources) {
    findings.Want(ParseIpv4Network(source).has_value(), "allowedSources",
                  "IPv4 networks like 203.0.113.7/32", source);
  }
  findings.Want(
      request.init_secret_sha256.size() == 64 &&
          Consists(request.init_secret_sha256, "0123456789abcdef", 64),
      "initSecret", "a SHA-256 in hex", request.init_secret_sha256);
  CheckGroups(request, findings);
  CheckTags(request, findings);
  return findings.Finish();
}

absl::StatusOr<std::vector<Resource>> DesiredCluster(
    const ClusterRequest& request) {
  RETURN_IF_ERROR(CheckRequest(request));
  const ClusterNames names = NamesOf(request);
  std::vector<Resource> all;
  const auto make = [&](std::string_view kind, std::string_view name,
                        const std::string& id,
                        std::vector<std::string> depends_on, const auto& body) {
    Resource resource = Make(request, kind, name, id, std::move(depends_on));
    json made = body(resource.tags);
    Add(all, std::move(resource), std::move(made));
  };
  make(kSecurityGroup, "security-group", names.SecurityGroup(), {},
       [&](const Tags& tags) { return SecurityGroupBody(request, tags); });
  make(kPublicIp, "nat-ip", names.NatIp(), {}, [&](const Tags& tags) {
    return PublicIpBody(request, tags, /*for_balancer=*/false);
  });
  make(kNatGateway, "nat-gateway", names.NatGateway(), {"nat-ip"},
       [&](const Tags& tags) { return NatGatewayBody(request, tags); });
  make(kVirtualNetwork, "network", names.Network(), {"nat-gateway"},
       [&](const Tags& tags) { return NetworkBody(request, tags); });
  if (!request.internal_load_balancer) {
    make(kPublicIp, kBalancerIpName, names.BalancerIp(), {},
         [&](const Tags& tags) {
           return PublicIpBody(request, tags, /*for_balancer=*/true);
         });
  }
  make(kLoadBalancer, kBalancerName, names.Balancer(),
       {request.internal_load_balancer ? "network"
                                       : std::string(kBalancerIpName)},
       [&](const Tags& tags) { return BalancerBody(request, tags); });
  for (const NodeGroupRequest& group : request.groups) {
    AddGroup(request, group, all);
  }
  return all;
}

// The address comes from Azure and goes into certificates and files: it is
// checked here.
absl::StatusOr<ClusterInfrastructure> InfrastructureOf(
    const ClusterRequest& request,
    const std::map<std::string, Observed>& outputs) {
  RETURN_IF_ERROR(CheckRequest(request));
  const std::string address = BalancerAddress(request, outputs);
  if (!ParseIpv4(address)) {
    return NotFound(
        fmt::format("the load balancer's address: want IPv4, got \"{}\"",
                    address.substr(0, 64)));
  }
  ClusterInfrastructure found{.cluster_endpoint = address,
                              .in_cluster_endpoint = address,
                              .api_server_cert_sans = {address},
                              .ip_cidr_node = request.node_cidr};
  if (const auto ip = outputs.find(std::string(kBalancerIpName));
      ip != outputs.end()) {
    const std::string name =
        TextAt(ip->second.attributes, "/properties/dnsSettings/fqdn");
    if (Consists(name, kWord, 253)) {
      found.api_server_cert_sans.push_back(name);
    }
  }
  if (!request.custom_endpoint.empty()) {
    found.cluster_endpoint = request.custom_endpoint;
    found.api_server_cert_sans.push_back(request.custom_endpoint);
  }
  const auto& settings = std::get<AzureSettings>(request.settings);
  const std::string base = NamesOf(request).base;
  found.details = {{"resourceGroup", settings.resource_group},
                   {"subscriptionID", settings.subscription},
                   {"networkSecurityGroupName", base},
                   {"loadBalancerName", base},
                   {"userAssignedIdentity", IdentityClientId(outputs)}};
  return found;
}

}  // namespace constellation::cloud::azure
