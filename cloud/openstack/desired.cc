// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/desired.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "cloud/openstack/directory.h"
#include "cloud/openstack/names.h"
#include "common/ipv4.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;

constexpr std::array<EndpointPort, 6> kPorts = {{
    {"kubernetes", 6443, false, false},
    {"bootstrapper", 9000, false, false},
    {"recovery", 9999, false, false},
    {"verify", 30081, false, false},
    {"join", 30090, true, false},
    {"debugd", 4000, false, true},
}};

constexpr unsigned kEndpointHost = 10;   // see EndpointAddress()
constexpr unsigned kFirstFreeHost = 64;  // below it neutron hands out nothing
constexpr unsigned kMaxPrefix = 25;
constexpr unsigned kMinPrefix = 8;
constexpr int kMaxCount = 500;
constexpr int kMaxDiskGb = 65536;
constexpr size_t kMaxTag = 60;             // nova's and neutron's limit
constexpr size_t kMaxMetadataValue = 255;  // nova's
// Neutron's own resolver is not there with every backend (OVN has none unless
// its operator configures one), and a node without names pulls no images.
constexpr std::array<std::string_view, 2> kNameServers = {"9.9.9.9", "1.1.1.1"};

std::string Text(std::string_view text) {
  return std::string(text);
}

// "control-plane-default" for "control_plane_default".
std::string GroupLabel(std::string_view group) {
  std::string label(group);
  std::ranges::replace(label, '_', '-');
  return label;
}

// Builds one plan and keeps a list of what is wrong with the request.
// Used once. Checks come first: with a problem no resource is built.
class Builder final {
 public:
  Builder(const ClusterRequest& request, bool octavia)
      : request_(request), octavia_(octavia) {}

  absl::StatusOr<std::vector<Resource>> Run() {
    settings_ = std::get_if<OpenStackSettings>(&request_.settings);
    if (settings_ == nullptr) {
      return Internal("the settings are not OpenStack's");
    }
    Check();
    if (!problems_.empty()) {
      return InvalidArgument(fmt::format("{}", fmt::join(problems_, "; ")));
    }
    AddNetwork();
    AddFirewall();
    for (const NodeGroupRequest& group : request_.groups) {
      AddNodes(group);
    }
    AddEndpoint();
    AddDirectory();
    return std::move(resources_);
  }

 private:
  void Problem(std::string text) { problems_.push_back(std::move(text)); }

  // What can be told without asking the cloud. Fields have the config's names.
  void Check() {
    const auto network = ParseIpv4Network(request_.node_cidr);
    if (!network || network->prefix_length > kMaxPrefix ||
        network->prefix_length < kMinPrefix) {
      Problem(
          fmt::format("node_cidr: want an IPv4 network of /{} to /{}, got "
                      "\"{}\"",
                      kMinPrefix, kMaxPrefix, request_.node_cidr));
    } else {
      network_ = *network;
    }
    if (request_.image.empty()) {
      Problem("image: missing");
    }
    if (settings_->floating_ip_pool_id.empty()) {
      Problem("provider.openstack.floatingIPPoolID: missing");
    }
    if (request_.allowed_sources.empty()) {
      Problem("allowed sources: missing");
    }
    for (const std::string& source : request_.allowed_sources) {
      if (!ParseIpv4Network(source)) {
        Problem(
            fmt::format("allowed sources: want IPv4 networks (the nodes "
                        "have IPv4 addresses only), got \"{}\"",
                        source));
      }
    }
    // Beside the pieces is their number.
    if (TpmsToMetadata(request_.enrolled_tpms).size() > kMaxTpmPieces + 1) {
      Problem("attestation.qemuVTPM.enrolledTPMs: more than fit into metadata");
    }
    CheckTags();
    CheckGroups();
  }

  // '/' and ',' are refused by nova in tags, as its separators in queries.
  void CheckTags() {
    for (const auto& [key, value] : request_.tags) {
      const std::string tag = key + "=" + value;
      if (tag.size() > kMaxTag ||
          tag.find_first_of("/,") != std::string::npos) {
        Problem(
            fmt::format("tags: \"{}\": at most {} characters together, no "
                        "'/' and no ','",
                        key, kMaxTag - 1));
      }
    }
  }

  // Every node's name is "<cluster>-<uid>-node-<group>-<n>"; the longest one of
  // the group decides.
  void CheckGroups() {
    std::set<std::string> labels;
    int control_planes = 0;
    for (const NodeGroupRequest& group : request_.groups) {
      const std::string where = "nodeGroups." + group.name;
      const std::string last = CloudName(
          request_.identity,
          fmt::format("node-{}-{}", GroupLabel(group.name), group.count));
      if (!IsNodeName(last)) {
        Problem(
            fmt::format("{}: \"{}\" is no host name of at most 63 "
                        "characters: choose a shorter name",
                        where, last));
      }
      if (!labels.insert(GroupLabel(group.name)).second) {
        Problem(where + ": differs from another group by '_' and '-' only");
      }
      if (group.instance_type.empty()) {
        Problem(where + ".instanceType: missing");
      }
      if (group.count < 0 || group.count > kMaxCount) {
        Problem(fmt::format("{}.initialCount: want 0 to {}, got {}", where,
                            kMaxCount, group.count));
      }
      if (group.state_disk_size_gb < 1 ||
          group.state_disk_size_gb > kMaxDiskGb) {
        Problem(fmt::format("{}.stateDiskSizeGB: want 1 to {}, got {}", where,
                            kMaxDiskGb, group.state_disk_size_gb));
      }
      control_planes += group.role == NodeRole::kControlPlane ? group.count : 0;
    }
    if (control_planes == 0) {
      Problem("nodeGroups: no control-plane node");
    }
  }

  // The order of these calls is that of lists for people; dependencies decide.
  Resource& Add(std::string_view kind, std::string_view name, json desired,
                std::vector<std::string_view> depends_on) {
    resources_.push_back(
        {.kind = Text(kind),
         .name = Text(name),
         .tags = request_.tags,
         .desired = std::move(desired),
         .depends_on = {depends_on.begin(), depends_on.end()}});
    return resources_.back();
  }

  // The first address is the router's, as people expect.
  void AddNetwork() {
    Add(kKindNetwork, kNetworkName, json::object(), {});
    const uint32_t base = network_.base;
    const auto last = static_cast<uint32_t>(base + network_.size() - 2);
    Add(kKindSubnet, kSubnetName,
        {{"network", kNetworkName},
         {"cidr", request_.node_cidr},
         {"gateway", Ipv4Text(base + 1)},
         {"pool_start", Ipv4Text(base + kFirstFreeHost)},
         {"pool_end", Ipv4Text(last)},
         {"name_servers", kNameServers}},
        {kNetworkName});
    Add(kKindRouter, kRouterName,
        {{"external_network", settings_->floating_ip_pool_id}}, {});
    Add(kKindRouterInterface, kRouterInterfaceName,
        {{"network", kNetworkName},
         {"subnet", kSubnetName},
         {"router", kRouterName},
         {"address", Ipv4Text(base + 1)}},
        {kNetworkName, kSubnetName, kRouterName});
  }

  // The debug port exists in debug clusters only.
  bool IsOpen(const EndpointPort& port) const {
    return request_.debug || !port.debug_only;
  }

  // Egress is open by neutron's own default rules.
  void AddFirewall() {
    Add(kKindSecurityGroup, kSecurityGroupName, json::object(), {});
    json rules = json::array();
    rules.push_back({{"source", request_.node_cidr}});
    for (const EndpointPort& port : kPorts) {
      if (!IsOpen(port) || port.nodes_only) {
        continue;
      }
      for (const std::string& source : request_.allowed_sources) {
        rules.push_back({{"source", source}, {"port", port.port}});
      }
    }
    Add(kKindSecurityRules, kSecurityRulesName,
        {{"group", kSecurityGroupName}, {"rules", std::move(rules)}},
        {kSecurityGroupName});
    Add(kKindServerGroup, kServerGroupName, {{"policy", "soft-anti-affinity"}},
        {});
  }

  // Without octavia the first control-plane node has the endpoint's own
  // address. Ports wait for the rules: no node is reachable before they are
  // there.
  void AddNodes(const NodeGroupRequest& group) {
    const std::string label = GroupLabel(group.name);
    const bool control_plane = group.role == NodeRole::kControlPlane;
    for (int i = 0; i < group.count; ++i) {
      const std::string port = fmt::format("port-{}-{}", label, i);
      json desired = {{"network", kNetworkName},
                      {"subnet", kSubnetName},
                      {"group", kSecurityGroupName}};
      if (control_plane && !octavia_ && control_ports_.empty()) {
        desired["address"] = EndpointAddress(request_.node_cidr);
      }
      Add(kKindPort, port, std::move(desired),
          {kNetworkName, kSubnetName, kSecurityGroupName, kSecurityRulesName});
      const std::string node = fmt::format("node-{}-{}", label, i);
      std::vector<std::string_view> depends_on = {port};
      if (control_plane) {
        control_ports_.push_back(port);
        depends_on.push_back(kServerGroupName);
      }
      Add(kKindServer, node, ServerOf(group, port), depends_on);
      nodes_.push_back(node);
    }
  }

  // All that a node needs to know of its cluster is in its metadata; it has no
  // right to ask the cloud for more.
  json ServerOf(const NodeGroupRequest& group, const std::string& port) const {
    const bool control_plane = group.role == NodeRole::kControlPlane;
    json metadata = {
        {kMetaUid, request_.identity.uid},
        {kMetaRole, NodeRoleName(group.role)},
        {kMetaGroup, group.name},
        {kMetaImage, request_.image},
        {kMetaFlavor, group.instance_type},
        {kMetaCidr, request_.node_cidr},
        {kMetaEndpoint,
         fmt::format("{}:6443", EndpointAddress(request_.node_cidr))}};
    if (!request_.init_secret_sha256.empty()) {
      metadata[Text(kMetaSecret)] = request_.init_secret_sha256;
    }
    metadata.update(TpmsToMetadata(request_.enrolled_tpms));
    for (const auto& [key, value] : request_.tags) {
      metadata[key.substr(0, kMaxMetadataValue)] = value;
    }
    return {{"port", port},
            {"server_group", control_plane ? kServerGroupName : ""},
            {"flavor", group.instance_type},
            {"image", request_.image},
            {"zone",
             group.zone.empty() ? settings_->availability_zone : group.zone},
            {"boot_volume_gb", kBootVolumeGb},
            {"state_volume_gb", group.state_disk_size_gb},
            {"state_volume_type", group.state_disk_type},
            {"metadata", std::move(metadata)}};
  }

  // A floating IP leads to the endpoint, unless the cluster is internal.
  void AddEndpoint() {
    std::vector<std::string_view> target = {control_ports_.front()};
    if (octavia_) {
      AddLoadBalancer();
      target = {kLoadBalancerName};
    }
    if (request_.internal_load_balancer) {
      return;
    }
    Add(kKindFloatingIp, kAddressName,
        {{"external_network", settings_->floating_ip_pool_id}}, {});
    Add(kKindAssociation, kAssociationName,
        {{"address", kAddressName}, {"target", target.front()}},
        {kAddressName, kRouterInterfaceName, target.front()});
  }

  // Nodes reach every listener; others those that are not for nodes only.
  void AddLoadBalancer() {
    json listeners = json::array();
    for (const EndpointPort& port : kPorts) {
      if (!IsOpen(port)) {
        continue;
      }
      json sources = json::array({request_.node_cidr});
      if (!port.nodes_only) {
        for (const std::string& source : request_.allowed_sources) {
          sources.push_back(source);
        }
      }
      listeners.push_back(
          {{"name", port.name}, {"port", port.port}, {"sources", sources}});
    }
    Add(kKindLoadBalancer, kLoadBalancerName,
        {{"subnet", kSubnetName},
         {"address", EndpointAddress(request_.node_cidr)}},
        {kSubnetName});
    std::vector<std::string_view> depends_on = {kLoadBalancerName, kSubnetName};
    depends_on.insert(depends_on.end(), control_ports_.begin(),
                      control_ports_.end());
    Add(kKindListeners, kListenersName,
        {{"balancer", kLoadBalancerName},
         {"subnet", kSubnetName},
         {"ports", control_ports_},
         {"listeners", std::move(listeners)}},
        depends_on);
  }

  // After all servers, because it is written into each of them.
  void AddDirectory() {
    std::vector<std::string_view> depends_on(control_ports_.begin(),
                                             control_ports_.end());
    depends_on.insert(depends_on.end(), nodes_.begin(), nodes_.end());
    Add(kKindDirectory, kDirectoryName,
        {{"ports", control_ports_}, {"servers", nodes_}}, depends_on);
  }

  const ClusterRequest& request_;
  const bool octavia_;
  const OpenStackSettings* settings_ = nullptr;
  Ipv4Network network_;
  std::vector<std::string> problems_;
  std::vector<Resource> resources_;
  std::vector<std::string> control_ports_;
  std::vector<std::string> nodes_;
};

}  // namespace

std::span<const EndpointPort> EndpointPorts() {
  return kPorts;
}

std::string EndpointAddress(std::string_view node_cidr) {
  const auto network = ParseIpv4Network(node_cidr);
  return network ? Ipv4Text(network->base + kEndpointHost) : "";
}

absl::StatusOr<std::vector<Resource>> DesiredResources(
    const ClusterRequest& request, bool octavia) {
  return Builder(request, octavia).Run();
}

}  // namespace constellation::cloud::openstack
