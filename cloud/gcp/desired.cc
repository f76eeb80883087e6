// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/desired.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "cloud/gcp/compute.h"
#include "cloud/gcp/request_check.h"
#include "cloud/gcp/setting_driver.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;

// Jumbo frames, as large as Google's networks carry.
constexpr int kMtu = 8896;
// A proxy ends connections that are silent so long.
constexpr int kBalancerTimeoutSeconds = 240;
constexpr int kRangesPerRule = 10;  // of Cloud Armor
// The rule behind all others.
constexpr int64_t kLastPriority = 2147483647;
constexpr std::string_view kCloudPlatform =
    "https://www.googleapis.com/auth/cloud-platform";

// Builds the resources of one checked request.
class Builder final {
 public:
  explicit Builder(const ClusterRequest& request)
      : request_(request),
        settings_(std::get<GcpSettings>(request.settings)),
        internal_(request.internal_load_balancer),
        global_(fmt::format("projects/{}/global", settings_.project)),
        region_(fmt::format("projects/{}/regions/{}", settings_.project,
                            settings_.region)) {}

  std::vector<Resource> Run() {
    AddNetworks();
    AddFirewalls();
    AddAddress();
    if (!internal_ && !OpenToAll()) {
      AddSecurityPolicy();
    }
    for (const NodeGroupRequest& group : request_.groups) {
      AddGroup(group);
    }
    for (const ServicePort& port : ServicePorts(request_.debug)) {
      AddBalancer(port);
    }
    return std::move(resources_);
  }

 private:
  std::string Name(std::string_view name) const {
    return CloudName(request_.identity, name);
  }
  // Paths of our own things, global and regional, by their name in the plan.
  std::string Global(std::string_view collection, std::string_view name) const {
    return fmt::format("{}/{}/{}", global_, collection, Name(name));
  }
  std::string Regional(std::string_view collection,
                       std::string_view name) const {
    return fmt::format("{}/{}/{}", region_, collection, Name(name));
  }
  // Of the load balancer: regional if it is internal.
  const std::string& BalancerPlace() const {
    return internal_ ? region_ : global_;
  }
  // A part of the load balancer, wherever that is.
  std::string BalancerPart(std::string_view collection,
                           std::string_view name) const {
    return fmt::format("{}/{}/{}", BalancerPlace(), collection, Name(name));
  }

  // Then there is nothing to filter, and no policy is made.
  bool OpenToAll() const {
    return std::ranges::find(request_.allowed_sources, "0.0.0.0/0") !=
           request_.allowed_sources.end();
  }

  // On everything that can have labels: the user's, and ours over them.
  json Labels() const {
    json labels = request_.tags;
    labels[std::string(kUidKey)] = request_.identity.uid;
    return labels;
  }

  // Name and mark are put in here, so that nothing is made without them.
  void Add(std::string_view kind, const std::string& name,
           const std::string& parent, json body,
           std::vector<std::string> depends_on) {
    body["name"] = Name(name);
    body["description"] = MarkOf(request_.identity, name);
    resources_.push_back(
        {.kind = std::string(kind),
         .name = name,
         .tags = request_.tags,
         .desired = {{"parent", parent}, {"body", std::move(body)}},
         .depends_on = std::move(depends_on)});
  }

  // One network with one subnet for nodes and their pods; an internal load
  // balancer needs two more: one for Google's proxies, one for its address.
  void AddNetworks() {
    Add("gcp.network", "net", global_ + "/networks",
        {{"autoCreateSubnetworks", false},
         {"mtu", kMtu},
         {"routingConfig", {{"routingMode", "REGIONAL"}}}},
        {});
    const std::string network = Global("networks", "net");
    Add("gcp.subnetwork", "subnet", region_ + "/subnetworks",
        {{"network", network},
         {"ipCidrRange", request_.node_cidr},
         {"secondaryIpRanges",
          {{{"rangeName", "pods"}, {"ipCidrRange", kPodCidr}}}},
         {"privateIpGoogleAccess", true}},
        {"net"});
    if (internal_) {
      Add("gcp.subnetwork", "proxy-subnet", region_ + "/subnetworks",
          {{"network", network},
           {"ipCidrRange", kProxyCidr},
           {"purpose", "REGIONAL_MANAGED_PROXY"},
           {"role", "ACTIVE"}},
          {"net"});
      Add("gcp.subnetwork", "lb-subnet", region_ + "/subnetworks",
          {{"network", network}, {"ipCidrRange", kBalancerCidr}}, {"net"});
    }
    // Nodes have no addresses of their own outside. A fixed one for all, so
    // that the load balancer can know it.
    Add("gcp.address", "nat-address", region_ + "/addresses",
        {{"addressType", "EXTERNAL"}}, {});
    Add("gcp.router", "router", region_ + "/routers",
        {{"network", network},
         {"nats",
          {{{"name", "nat"},
            {"natIpAllocateOption", "MANUAL_ONLY"},
            {"natIps", {Regional("addresses", "nat-address")}},
            {"sourceSubnetworkIpRangesToNat",
             "ALL_SUBNETWORKS_ALL_IP_RANGES"}}}}},
        {"net", "nat-address"});
  }

  // The ports that the balancer forwards, as the firewall wants them.
  json PortTexts() const {
    json ports = json::array();
    for (const ServicePort& port : ServicePorts(request_.debug)) {
      ports.push_back(fmt::format("{}", port.port));
    }
    return ports;
  }

  // Aimed at machines by network tag.
  void AddFirewall(const std::string& name, json sources, json allowed,
                   std::string_view target) {
    Add("gcp.firewall", name, global_ + "/firewalls",
        {{"network", Global("networks", "net")},
         {"direction", "INGRESS"},
         {"sourceRanges", std::move(sources)},
         {"targetTags", {Name(target)}},
         {"allowed", std::move(allowed)}},
        {"net"});
  }

  // The balancers are proxies: what nodes see are Google's addresses. Who may
  // speak to the balancer is the security policy's business.
  void AddFirewalls() {
    const json everything = {{{"IPProtocol", "tcp"}},
                             {{"IPProtocol", "udp"}},
                             {{"IPProtocol", "icmp"}}};
    AddFirewall("fw-nodes", {request_.node_cidr}, everything, "node");
    AddFirewall("fw-pods", {kPodCidr}, everything, "node");
    json proxies = kGoogleProxies;
    if (internal_) {
      proxies.push_back(kProxyCidr);
    }
    AddFirewall("fw-balancer", proxies,
                {{{"IPProtocol", "tcp"}, {"ports", PortTexts()}}},
                "control-plane");
  }

  // Known before the balancer is made, because the nodes' metadata and the
  // certificate need it.
  void AddAddress() {
    if (internal_) {
      Add("gcp.address", "address", region_ + "/addresses",
          {{"addressType", "INTERNAL"},
           {"purpose", "SHARED_LOADBALANCER_VIP"},
           {"subnetwork", Regional("subnetworks", "lb-subnet")}},
          {"lb-subnet"});
    } else {
      Add("gcp.address", "address", global_ + "/addresses",
          {{"addressType", "EXTERNAL"}, {"ipVersion", "IPV4"}}, {});
    }
  }

  // A rule of Cloud Armor for source ranges.
  static json Rule(int64_t priority, std::string_view action, json ranges) {
    return {{"priority", priority},
            {"action", action},
            {"match",
             {{"versionedExpr", "SRC_IPS_V1"},
              {"config", {{"srcIpRanges", std::move(ranges)}}}}}};
  }

  // Who may reach the load balancer. Ten ranges fit into a rule; everything
  // else is denied by the last one.
  void AddSecurityPolicy() {
    std::vector<std::string> sources = request_.allowed_sources;
    // Nodes reach the API server through the balancer, too.
    sources.emplace_back("{ref:nat-address:address}/32");
    json rules = json::array();
    for (size_t i = 0; i < sources.size(); i += kRangesPerRule) {
      const size_t end = std::min(sources.size(), i + kRangesPerRule);
      rules.push_back(Rule(1000 + static_cast<int64_t>(i), "allow",
                           std::vector<std::string>(
                               sources.begin() + static_cast<ptrdiff_t>(i),
                               sources.begin() + static_cast<ptrdiff_t>(end))));
    }
    rules.push_back(Rule(kLastPriority, "deny(403)", {"*"}));
    Add("gcp.security-policy", "sources", global_ + "/securityPolicies",
        {{"type", "CLOUD_ARMOR"}, {"rules", std::move(rules)}},
        {"nat-address"});
  }

  // Google's names have no underscore. Two groups that become the same name are
  // refused by CheckRequest().
  static std::string GroupName(const NodeGroupRequest& group) {
    std::string name = group.name;
    std::ranges::replace(name, '_', '-');
    return name;
  }
  const std::string& ZoneOf(const NodeGroupRequest& group) const {
    return group.zone.empty() ? settings_.zone : group.zone;
  }

  // Ten GB are enough for any image of ours; the state disk is found by its
  // device name.
  json Disk(bool boot, const NodeGroupRequest& group) const {
    json parameters = {
        {"diskSizeGb", fmt::format("{}", boot ? 10 : group.state_disk_size_gb)},
        {"diskType", boot ? "pd-balanced" : group.state_disk_type},
        {"labels", Labels()}};
    json disk = {{"boot", boot},
                 {"autoDelete", true},
                 {"type", "PERSISTENT"},
                 {"mode", "READ_WRITE"}};
    if (boot) {
      parameters["sourceImage"] = request_.image;
    } else {
      disk["deviceName"] = "state-disk";
    }
    disk["initializeParams"] = std::move(parameters);
    return disk;
  }

  // What the node finds in its metadata server. No secret: of the init secret
  // only the digest. The endpoint is filled in when the address is known.
  json Metadata(const NodeGroupRequest& group) const {
    json items = json::array();
    const auto add = [&items](std::string_view key, std::string value) {
      items.push_back({{"key", key}, {"value", std::move(value)}});
    };
    add(kUidKey, request_.identity.uid);
    add(kRoleKey, std::string(NodeRoleName(group.role)));
    add(kGroupKey, group.name);
    add(kInitSecretKey, request_.init_secret_sha256);
    add(kEndpointKey, "{ref:address:address}:6443");
    add("enable-guest-attributes", "TRUE");  // where nodes report
    if (request_.debug) {
      add("serial-port-enable", "TRUE");
    }
    return {{"items", std::move(items)}};
  }

  // One machine of the group. Secure boot is off, as the image is judged by its
  // measurements; confidential VMs cannot migrate, hence TERMINATE.
  json Properties(const NodeGroupRequest& group) const {
    const Confidentiality& wanted =
        *ConfidentialityOf(request_.attestation_variant);
    json labels = Labels();
    labels[std::string(kRoleKey)] = NodeRoleName(group.role);
    labels[std::string(kGroupKey)] = GroupName(group);
    json tags = {Name("node")};
    if (group.role == NodeRole::kControlPlane) {
      tags.push_back(Name("control-plane"));
    }
    json properties = {
        {"machineType", group.instance_type},
        {"labels", std::move(labels)},
        {"tags", {{"items", std::move(tags)}}},
        {"confidentialInstanceConfig",
         {{"enableConfidentialCompute", true},
          {"confidentialInstanceType", wanted.type}}},
        {"scheduling",
         {{"onHostMaintenance", "TERMINATE"}, {"automaticRestart", true}}},
        {"shieldedInstanceConfig",
         {{"enableSecureBoot", false},
          {"enableVtpm", true},
          {"enableIntegrityMonitoring", true}}},
        {"disks", {Disk(true, group), Disk(false, group)}},
        {"networkInterfaces",
         {{{"network", Global("networks", "net")},
           {"subnetwork", Regional("subnetworks", "subnet")},
           {"nicType", "GVNIC"},
           {"aliasIpRanges",
            {{{"ipCidrRange", "/24"}, {"subnetworkRangeName", "pods"}}}}}}},
        {"metadata", Metadata(group)},
        {"serviceAccounts",
         {{{"email", settings_.iam_service_account_vm},
           {"scopes", {kCloudPlatform}}}}}};
    if (!wanted.min_platform.empty()) {
      properties["minCpuPlatform"] = wanted.min_platform;
    }
    return properties;
  }

  // A managed instance group with its template. OPPORTUNISTIC: a new template
  // replaces nobody by itself, as nodes are replaced one by one, attested.
  // Control planes also offer named ports to the balancer.
  void AddGroup(const NodeGroupRequest& group) {
    const std::string name = GroupName(group);
    const std::string zone =
        fmt::format("projects/{}/zones/{}", settings_.project, ZoneOf(group));
    json body = {{"baseInstanceName", Name(name)},
                 {"targetSize", group.count},
                 {"updatePolicy",
                  {{"type", "OPPORTUNISTIC"}, {"minimalAction", "REPLACE"}}}};
    if (group.role == NodeRole::kControlPlane) {
      // A restarted control-plane node keeps its disk and its address.
      const json rule = {{"autoDelete", "ON_PERMANENT_INSTANCE_DELETION"}};
      body["statefulPolicy"] = {{"preservedState",
                                 {{"disks", {{"state-disk", rule}}},
                                  {"internalIPs", {{"nic0", rule}}}}}};
    }
    Add("gcp.instance-group", name, zone + "/instanceGroupManagers",
        std::move(body),
        {"subnet", "router", "fw-nodes", "fw-pods", "fw-balancer", "address"});
    resources_.back().desired["template"] = {
        {"parent", global_ + "/instanceTemplates"},
        {"properties", Properties(group)}};
    if (group.role == NodeRole::kControlPlane) {
      json ports = json::array();
      for (const ServicePort& port : ServicePorts(request_.debug)) {
        ports.push_back({{"name", port.name}, {"port", port.port}});
      }
      const std::string instances =
          fmt::format("{}/instanceGroups/{}", zone, Name(name));
      AddSetting("ports-" + name, instances, "namedPorts", std::move(ports),
                 {name});
      backends_.push_back(instances);
      backend_names_.push_back("ports-" + name);
    }
  }

  // One member of a thing that another resource makes.
  void AddSetting(const std::string& name, const std::string& target,
                  const std::string& member, json value,
                  std::vector<std::string> depends_on) {
    resources_.push_back(
        {.kind = "gcp.setting",
         .name = name,
         .desired = SettingOf(target, member, std::move(value)),
         .depends_on = std::move(depends_on)});
  }

  // The API server says whether it is ready; others only accept connections.
  void AddHealthCheck(const ServicePort& port, const std::string& name) {
    json body = {{"type", "TCP"},
                 {"checkIntervalSec", 2},
                 {"timeoutSec", 2},
                 {"tcpHealthCheck", {{"port", port.port}}}};
    if (port.name == "kubernetes") {
      body["type"] = "HTTPS";
      body.erase("tcpHealthCheck");
      body["httpsHealthCheck"] = {{"port", port.port},
                                  {"requestPath", "/readyz"}};
    }
    Add("gcp.health-check", name, BalancerPlace() + "/healthChecks",
        std::move(body), {});
  }

  // All control-plane groups. Internal balancers want a capacity.
  json Backends() const {
    json backends = json::array();
    for (const std::string& group : backends_) {
      json backend = {{"group", group}, {"balancingMode", "UTILIZATION"}};
      if (internal_) {
        backend["capacityScaler"] = 1.0;
      }
      backends.push_back(std::move(backend));
    }
    return backends;
  }

  // `names`, and the settings that the backends wait for.
  std::vector<std::string> With(std::vector<std::string> names) const {
    names.insert(names.end(), backend_names_.begin(), backend_names_.end());
    return names;
  }

  // Health check, backend service, filter, proxy and forwarding rule of one
  // port. The rule comes last: with it the port is open.
  void AddBalancer(const ServicePort& port) {
    const std::string suffix(port.name);
    const std::string check = "check-" + suffix;
    const std::string service = "service-" + suffix;
    const std::string proxy = "proxy-" + suffix;
    const std::string_view scheme = internal_ ? "INTERNAL_MANAGED" : "EXTERNAL";
    AddHealthCheck(port, check);
    Add("gcp.backend-service", service, BalancerPlace() + "/backendServices",
        {{"protocol", "TCP"},
         {"loadBalancingScheme", scheme},
         {"portName", port.name},
         {"timeoutSec", kBalancerTimeoutSeconds},
         {"healthChecks", {BalancerPart("healthChecks", check)}},
         {"backends", Backends()},
         {"connectionDraining", {{"drainingTimeoutSec", 0}}}},
        With(internal_ ? std::vector<std::string>{check, "proxy-subnet"}
                       : std::vector<std::string>{check}));
    std::vector<std::string> rule_after = {proxy, "address"};
    if (!internal_ && !OpenToAll()) {
      const std::string guard = "guard-" + suffix;
      AddSetting(guard, BalancerPart("backendServices", service),
                 "securityPolicy", Global("securityPolicies", "sources"),
                 {service, "sources"});
      rule_after.push_back(guard);  // nobody comes in before it stands
    }
    Add("gcp.target-tcp-proxy", proxy, BalancerPlace() + "/targetTcpProxies",
        {{"service", BalancerPart("backendServices", service)},
         {"proxyHeader", "NONE"}},
        {service});
    AddForwardingRule(port, proxy, scheme, std::move(rule_after));
  }

  // The last link: an address and a port, forwarded to the proxy.
  void AddForwardingRule(const ServicePort& port, const std::string& proxy,
                         std::string_view scheme,
                         std::vector<std::string> after) {
    json labels = Labels();
    labels["constellation-use"] = port.name;
    json body = {{"IPAddress", BalancerPart("addresses", "address")},
                 {"IPProtocol", "TCP"},
                 {"portRange", fmt::format("{}", port.port)},
                 {"loadBalancingScheme", scheme},
                 {"target", BalancerPart("targetTcpProxies", proxy)},
                 {"labels", std::move(labels)}};
    if (internal_) {
      body["network"] = Global("networks", "net");
      body["subnetwork"] = Regional("subnetworks", "lb-subnet");
      body["allowGlobalAccess"] = true;
      after.insert(after.end(), {"lb-subnet", "proxy-subnet"});
    }
    Add("gcp.forwarding-rule", fmt::format("rule-{}", port.name),
        BalancerPlace() + "/forwardingRules", std::move(body),
        std::move(after));
  }

  const ClusterRequest& request_;
  const GcpSettings& settings_;
  const bool internal_;
  const std::string global_;
  const std::string region_;
  std::vector<std::string> backends_;       // paths of instance groups
  std::vector<std::string> backend_names_;  // of their ports, in the plan
  std::vector<Resource> resources_;
};

// Which machine types and platforms each attestation variant runs on.
const std::vector<Confidentiality>& Confidentialities() {
  // "Supported configurations" of Google's documentation of Confidential VM.
  static const std::vector<Confidentiality> kAll = {
      {"gcp-sev-es",
       "SEV",
       "",
       "SEV_CAPABLE",
       {"n2d-", "c2d-", "c3d-", "c4d-"}},
      {"gcp-sev-snp", "SEV_SNP", "AMD Milan", "SEV_SNP_CAPABLE", {"n2d-"}},
      {"gcp-tdx", "TDX", "", "TDX_CAPABLE", {"c3-standard-", "a3-highgpu-1g"}},
  };
  return kAll;
}

}  // namespace

// The debug daemon is there only in debug clusters.
std::vector<ServicePort> ServicePorts(bool debug) {
  std::vector<ServicePort> ports = {{"kubernetes", 6443},
                                    {"bootstrapper", 9000},
                                    {"recovery", 9999},
                                    {"verify", 30081},
                                    {"join", 30090}};
  if (debug) {
    ports.push_back({"debugd", 4000});
  }
  return ports;
}

const Confidentiality* ConfidentialityOf(std::string_view variant) {
  for (const Confidentiality& row : Confidentialities()) {
    if (row.variant == variant) {
      return &row;
    }
  }
  return nullptr;
}

// A row that ends in '-' stands for a family of types.
bool SupportsMachine(const Confidentiality& wanted, std::string_view type) {
  return std::ranges::any_of(wanted.machines, [&](std::string_view machine) {
    return machine.ends_with('-')
               ? type.size() > machine.size() && type.starts_with(machine) &&
                     type.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyz0123456789-") ==
                         std::string_view::npos
               : type == machine;
  });
}

// Builder trusts its request, so CheckRequest() goes first.
absl::StatusOr<std::vector<Resource>> DesiredResources(
    const ClusterRequest& request) {
  RETURN_IF_ERROR(CheckRequest(request));
  return Builder(request).Run();
}

}  // namespace constellation::cloud::gcp
