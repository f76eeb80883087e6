// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/bodies.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "cloud/azure/arm_kinds.h"
#include "cloud/azure/json_compare.h"
#include "common/hex.h"
#include "crypto/random.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;

constexpr int kFirstPriority = 110;
constexpr int kDebugPort = 4000;
constexpr int kProbeInterval = 5;  // seconds, the least that Azure takes
constexpr int kIdleTimeout = 30;   // minutes, the most that Azure takes
constexpr int kNatIdleTimeout = 10;
constexpr size_t kPasswordOctets = 24;

// CheckRequest() has looked that these are Azure's.
const AzureSettings& SettingsOf(const ClusterRequest& request) {
  return std::get<AzureSettings>(request.settings);
}

std::string Own(std::string_view name) {
  return fmt::format("{}{}", kOwnChild, name);
}

// An address in all zones survives the loss of one; where no group names a
// zone, the region may have none.
bool IsZonal(const ClusterRequest& request) {
  return std::ranges::any_of(
      request.groups, [](const auto& group) { return !group.zone.empty(); });
}

json Base(const ClusterRequest& request, const Tags& tags) {
  return {{"location", SettingsOf(request).location}, {"tags", tags}};
}

json Reference(const std::string& id) {
  return {{"id", id}};
}

// Priorities of Azure's own default rules begin at 65,000; ours come before.
json SecurityRule(const ClusterRequest& request, std::string_view name,
                  int port, int priority) {
  return {{"name", Own(name)},
          {"properties",
           {{"priority", priority},
            {"direction", "Inbound"},
            {"access", "Allow"},
            {"protocol", "Tcp"},
            {"sourcePortRange", "*"},
            {"sourceAddressPrefixes", request.allowed_sources},
            {"destinationPortRange", std::to_string(port)},
            {"destinationAddressPrefix", "*"}}}};
}

// GET /readyz needs no login in Kubernetes; Azure checks no certificate in
// probes, and a probe carries nothing secret.
json Probe(const ClusterPort& port) {
  json properties = {{"protocol", port.https ? "Https" : "Tcp"},
                     {"port", port.port},
                     {"intervalInSeconds", kProbeInterval},
                     {"probeThreshold", 2}};
  if (port.https) {
    properties["requestPath"] = "/readyz";
  }
  return {{"name", Own(port.name)}, {"properties", properties}};
}

// A reset at the end of an idle connection lets clients notice at once.
json BalancingRule(const ClusterNames& names, const ClusterPort& port) {
  return {
      {"name", Own(port.name)},
      {"properties",
       {{"frontendIPConfiguration", Reference(names.Frontend())},
        {"backendAddressPools", json::array({Reference(names.BackendPool())})},
        {"probe", Reference(fmt::format("{}/probes/{}", names.Balancer(),
                                        Own(port.name)))},
        {"protocol", "Tcp"},
        {"frontendPort", port.port},
        {"backendPort", port.port},
        {"disableOutboundSnat", true},  // that way is the NAT gateway's
        {"enableTcpReset", true},
        {"idleTimeoutInMinutes", kIdleTimeout}}}};
}

// Four forms: community gallery, shared gallery, own gallery, and the parts of
// a marketplace image. IsImage() has checked which one is allowed.
json ImageReference(const ClusterRequest& request) {
  const std::string& image = request.image;
  if (image.starts_with("/communityGalleries/")) {
    return {{"communityGalleryImageId", image}};
  }
  if (image.starts_with("/sharedGalleries/")) {
    return {{"sharedGalleryImageId", image}};
  }
  if (image.starts_with('/')) {
    return {{"id", image}};
  }
  std::vector<std::string> parts(1);  // publisher:offer:sku:version
  for (const char c : image) {
    if (c == ':') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  parts.resize(4);
  return {{"publisher", parts[0]},
          {"offer", parts[1]},
          {"sku", parts[2]},
          {"version", parts[3]}};
}

// The state disk has LUN 0: the node's udev rules find it by that number.
// Neither disk is trusted; the state disk is encrypted in the node.
json StorageProfile(const ClusterRequest& request,
                    const NodeGroupRequest& group) {
  json os_disk = {
      {"osType", "Linux"},
      {"createOption", "FromImage"},
      {"caching", "ReadWrite"},
      {"managedDisk", {{"storageAccountType", group.state_disk_type}}}};
  if (request.attestation_variant != "azure-trustedlaunch") {
    // The vTPM's state is kept, encrypted; the disk we protect ourselves.
    os_disk["managedDisk"]["securityProfile"] = {
        {"securityEncryptionType", "VMGuestStateOnly"}};
  }
  json state_disk = {
      {"lun", 0},
      {"createOption", "Empty"},
      {"caching", "ReadWrite"},
      {"diskSizeGB", group.state_disk_size_gb},
      {"managedDisk", {{"storageAccountType", group.state_disk_type}}}};
  return {{"imageReference", ImageReference(request)},
          {"osDisk", os_disk},
          {"dataDisks", json::array({state_disk})}};
}

// No VM has a public address of its own; only control planes are behind the
// load balancer.
json NetworkProfile(const ClusterNames& names, NodeRole role) {
  json ip = {{"primary", true}, {"subnet", Reference(names.Subnet())}};
  if (role == NodeRole::kControlPlane) {
    ip["loadBalancerBackendAddressPools"] =
        json::array({Reference(names.BackendPool())});
  }
  const json interface = {
      {"primary", true},
      {"enableAcceleratedNetworking", false},  // not with confidential VMs
      {"networkSecurityGroup", Reference(names.SecurityGroup())},
      {"ipConfigurations",
       json::array({{{"name", "node-network"}, {"properties", ip}}})}};
  return {
      {"networkInterfaceConfigurations",
       json::array({{{"name", "node-network"}, {"properties", interface}}})}};
}

// Azure wants an account. No agent runs in the node that would create it, and
// no extension can be installed.
json OsProfile(const ClusterRequest& request, const NodeGroupRequest& group) {
  return {{"computerNamePrefix", fmt::format("{}-{}-", NamesOf(request).base,
                                             GroupLabel(group.name))},
          {"adminUsername", "nobody-logs-in"},
          {"allowExtensionOperations", false},
          {"linuxConfiguration",
           {{"disablePasswordAuthentication", false},
            {"provisionVMAgent", false}}}};
}

// "ConfidentialVM" is what makes the hypervisor encrypt the VM's memory;
// evidence of it is checked later, this body is only a wish.
json SecurityProfile(const ClusterRequest& request) {
  const bool trusted_launch =
      request.attestation_variant == "azure-trustedlaunch";
  return {{"securityType", trusted_launch ? "TrustedLaunch" : "ConfidentialVM"},
          {"uefiSettings",
           {{"secureBootEnabled", SettingsOf(request).secure_boot},
            {"vTpmEnabled", true}}}};
}

}  // namespace

const std::vector<ClusterPort>& ClusterPorts() {
  static const std::vector<ClusterPort> ports = {{"kubernetes", 6443, true},
                                                 {"bootstrapper", 9000},
                                                 {"recovery", 9999},
                                                 {"verify", 30081},
                                                 {"join", 30090}};
  return ports;
}

std::string GroupLabel(std::string_view group) {
  std::string label = Lower(group);
  std::ranges::replace(label, '_', '-');
  return label;
}

ClusterNames NamesOf(const ClusterRequest& request) {
  const AzureSettings& settings = SettingsOf(request);
  return {.scope = {.subscription = settings.subscription,
                    .resource_group = settings.resource_group},
          .base = fmt::format("{}-{}", request.identity.name,
                              request.identity.uid)};
}

std::string ClusterNames::SecurityGroup() const {
  return ResourceId(scope, "Microsoft.Network/networkSecurityGroups", base);
}
std::string ClusterNames::BalancerIp() const {
  return ResourceId(scope, "Microsoft.Network/publicIPAddresses", base + "-lb");
}
std::string ClusterNames::NatIp() const {
  return ResourceId(scope, "Microsoft.Network/publicIPAddresses",
                    base + "-nat");
}
std::string ClusterNames::NatGateway() const {
  return ResourceId(scope, "Microsoft.Network/natGateways", base);
}
std::string ClusterNames::Network() const {
  return ResourceId(scope, "Microsoft.Network/virtualNetworks", base);
}
std::string ClusterNames::Subnet() const {
  return fmt::format("{}/subnets/{}", Network(), Own("nodes"));
}
std::string ClusterNames::Balancer() const {
  return ResourceId(scope, kLoadBalancerType, base);
}
std::string ClusterNames::Frontend() const {
  return fmt::format("{}/frontendIPConfigurations/{}", Balancer(),
                     Own("frontend"));
}
std::string ClusterNames::BackendPool() const {
  return fmt::format("{}/backendAddressPools/{}", Balancer(),
                     Own("control-plane"));
}
std::string ClusterNames::ScaleSet(std::string_view group) const {
  return ResourceId(scope, kScaleSetType,
                    fmt::format("{}-{}", base, GroupLabel(group)));
}

json SecurityGroupBody(const ClusterRequest& request, const Tags& tags) {
  json rules = json::array();
  int priority = kFirstPriority;
  for (const ClusterPort& port : ClusterPorts()) {
    rules.push_back(SecurityRule(request, port.name, port.port, priority++));
  }
  if (request.debug) {
    rules.push_back(SecurityRule(request, "debug", kDebugPort, priority++));
  }
  json body = Base(request, tags);
  body["properties"] = {{"securityRules", rules}};
  return body;
}

// Labels are unique in a region; the base name has the uid in it.
json PublicIpBody(const ClusterRequest& request, const Tags& tags,
                  bool for_balancer) {
  json body = Base(request, tags);
  body["sku"] = {{"name", "Standard"}};
  body["properties"] = {{"publicIPAllocationMethod", "Static"},
                        {"publicIPAddressVersion", "IPv4"}};
  if (for_balancer) {
    body["properties"]["dnsSettings"] = {
        {"domainNameLabel", NamesOf(request).base}};
  }
  if (for_balancer && IsZonal(request)) {
    body["zones"] = {"1", "2", "3"};
  }
  return body;
}

json NatGatewayBody(const ClusterRequest& request, const Tags& tags) {
  json body = Base(request, tags);
  body["sku"] = {{"name", "Standard"}};
  body["properties"] = {{"idleTimeoutInMinutes", kNatIdleTimeout},
                        {"publicIpAddresses",
                         json::array({Reference(NamesOf(request).NatIp())})}};
  return body;
}

json NetworkBody(const ClusterRequest& request, const Tags& tags) {
  json body = Base(request, tags);
  body["properties"] = {
      {"addressSpace", {{"addressPrefixes", json::array({request.node_cidr})}}},
      {"subnets",
       json::array(
           {{{"name", Own("nodes")},
             {"properties",
              {{"addressPrefix", request.node_cidr},
               // Out through the NAT gateway only.
               {"defaultOutboundAccess", false},
               {"natGateway", Reference(NamesOf(request).NatGateway())}}}}})}};
  return body;
}

// An internal one takes an address of the nodes' subnet; zones of a public one
// are those of its address.
json BalancerBody(const ClusterRequest& request, const Tags& tags) {
  const ClusterNames names = NamesOf(request);
  json frontend = {{"name", Own("frontend")}};
  if (request.internal_load_balancer) {
    frontend["properties"] = {{"privateIPAllocationMethod", "Dynamic"},
                              {"privateIPAddressVersion", "IPv4"},
                              {"subnet", Reference(names.Subnet())}};
    if (IsZonal(request)) {
      frontend["zones"] = {"1", "2", "3"};
    }
  } else {
    frontend["properties"] = {
        {"publicIPAddress", Reference(names.BalancerIp())}};
  }
  json probes = json::array();
  json rules = json::array();
  for (const ClusterPort& port : ClusterPorts()) {
    probes.push_back(Probe(port));
    rules.push_back(BalancingRule(names, port));
  }
  json body = Base(request, tags);
  body["sku"] = {{"name", "Standard"}};
  body["properties"] = {
      {"frontendIPConfigurations", json::array({frontend})},
      {"backendAddressPools", json::array({{{"name", Own("control-plane")}}})},
      {"probes", probes},
      {"loadBalancingRules", rules}};
  return body;
}

// No overprovisioning: a VM that Azure removes again would have joined
// meanwhile. "Manual" keeps Azure from replacing VMs when the model changes;
// `upgrade` does.
json ScaleSetBody(const ClusterRequest& request, const NodeGroupRequest& group,
                  const Tags& tags) {
  const ClusterNames names = NamesOf(request);
  json body = Base(request, tags);
  body["sku"] = {{"name", group.instance_type},
                 {"tier", "Standard"},
                 {"capacity", group.count}};
  if (!group.zone.empty()) {
    body["zones"] = json::array({group.zone});
  }
  body["identity"] = {
      {"type", "UserAssigned"},
      {"userAssignedIdentities",
       {{SettingsOf(request).user_assigned_identity, json::object()}}}};
  body["properties"] = {
      {"orchestrationMode", "Uniform"},
      {"overprovision", false},
      {"singlePlacementGroup", true},
      {"upgradePolicy", {{"mode", "Manual"}}},
      {"virtualMachineProfile",
       {{"osProfile", OsProfile(request, group)},
        {"securityProfile", SecurityProfile(request)},
        {"storageProfile", StorageProfile(request, group)},
        {"networkProfile", NetworkProfile(names, group.role)},
        {"diagnosticsProfile", {{"bootDiagnostics", {{"enabled", true}}}}}}}};
  const json image = ImageReference(request);
  if (image.contains("publisher")) {
    body["plan"] = {{"publisher", image["publisher"]},
                    {"product", image["offer"]},
                    {"name", image["sku"]}};
  }
  return body;
}

void CompleteScaleSet(json& body) {
  // Of three of Azure's four classes of characters in any case.
  body["properties"]["virtualMachineProfile"]["osProfile"]["adminPassword"] =
      "Aa1-" + HexEncode(crypto::RandomBytes(kPasswordOctets));
}

}  // namespace constellation::cloud::azure
