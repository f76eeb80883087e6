// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/bodies.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cloud/engine/cloud_error.h"
#include "cloud/openstack/names.h"
#include "common/status_macros.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;

// Connections to the API server are quiet for long (watches, logs): octavia's
// default of 50 s would cut them.
constexpr int kIdleMilliseconds = 3600 * 1000;

// Every service wants its element under the element's name.
json Wrap(const char* singular, json body) {
  return {{singular, std::move(body)}};
}

// The marker in the description is how the thing is found again.
json Named(const DriverContext& context) {
  return {{"name", CloudName(context.cluster, context.resource.name)},
          {"description", UidMarker(context.cluster)}};
}

// The first addresses are kept out of neutron's pool: the gateway and the
// cluster's endpoint have fixed ones there.
absl::StatusOr<json> SubnetBody(const DriverContext& context) {
  const json& desired = context.resource.desired;
  json body = Named(context);
  ASSIGN_OR_RETURN(body["network_id"], DependencyId(context, "network"));
  body["ip_version"] = 4;
  body["cidr"] = TextOf(desired, "cidr");
  body["gateway_ip"] = TextOf(desired, "gateway");
  body["enable_dhcp"] = true;
  body["allocation_pools"] = {{{"start", TextOf(desired, "pool_start")},
                               {"end", TextOf(desired, "pool_end")}}};
  body["dns_nameservers"] = desired.value("name_servers", json::array());
  return Wrap("subnet", std::move(body));
}

// An address is fixed for the endpoint and for the router; others are neutron's
// choice. A router's port has no security group: neutron allows none there.
absl::StatusOr<json> PortBody(const DriverContext& context) {
  const json& desired = context.resource.desired;
  json body = Named(context);
  ASSIGN_OR_RETURN(body["network_id"], DependencyId(context, "network"));
  json fixed = json::object();
  ASSIGN_OR_RETURN(fixed["subnet_id"], DependencyId(context, "subnet"));
  if (const std::string address = TextOf(desired, "address");
      !address.empty()) {
    fixed["ip_address"] = address;
  }
  body["fixed_ips"] = json::array({fixed});
  if (desired.contains("group")) {
    ASSIGN_OR_RETURN(const std::string group, DependencyId(context, "group"));
    body["security_groups"] = json::array({group});
  }
  return Wrap("port", std::move(body));
}

}  // namespace

// A plan that is being deleted has no desired fields: then nothing is found.
const Observed* Dependency(const DriverContext& context, std::string_view key) {
  const std::string name = TextOf(context.resource.desired, key);
  return name.empty() || !context.dependency ? nullptr
                                             : context.dependency(name);
}

absl::StatusOr<std::string> DependencyId(const DriverContext& context,
                                         std::string_view key) {
  const Observed* found = Dependency(context, key);
  if (found == nullptr || found->id.empty()) {
    return MakeCloudError(
        {.kind = CloudErrorKind::kNotFound,
         .message = fmt::format("{} \"{}\" is not there yet", key,
                                TextOf(context.resource.desired, key))});
  }
  return found->id;
}

json TagsOf(const DriverContext& context) {
  json tags = json::array({UidMarker(context.cluster)});
  for (const auto& [key, value] : context.resource.tags) {
    tags.push_back(key + "=" + value);
  }
  return tags;
}

// Resources know each other by their names in the plan; here they become ids.
absl::StatusOr<json> NetworkBody(const DriverContext& context) {
  const Resource& resource = context.resource;
  if (resource.kind == kKindNetwork) {
    return Wrap("network", Named(context));
  }
  if (resource.kind == kKindSubnet) {
    return SubnetBody(context);
  }
  if (resource.kind == kKindRouter) {
    json body = Named(context);
    body["external_gateway_info"] = {
        {"network_id", TextOf(resource.desired, "external_network")}};
    return Wrap("router", std::move(body));
  }
  if (resource.kind == kKindSecurityGroup) {
    return Wrap("security_group", Named(context));
  }
  if (resource.kind == kKindFloatingIp) {  // has no name in neutron
    return Wrap("floatingip", {{"floating_network_id",
                                TextOf(resource.desired, "external_network")},
                               {"description", UidMarker(context.cluster)}});
  }
  return PortBody(context);
}

// IPv4 only, as the nodes' network: an IPv6 rule would open what nobody uses.
json RuleBody(const DriverContext& context, const json& rule,
              const std::string& group) {
  json body = {{"security_group_id", group},
               {"direction", "ingress"},
               {"ethertype", "IPv4"},
               {"remote_ip_prefix", TextOf(rule, "source")},
               {"description", UidMarker(context.cluster)}};
  if (rule.contains("port")) {
    body["protocol"] = "tcp";
    body["port_range_min"] = rule["port"];
    body["port_range_max"] = rule["port"];
  }
  return body;
}

// The node finds its facts in the metadata; the config drive has them as well,
// for people. Both volumes go with the server; the node knows the state disk by
// its label, or by having none: the tag is for people, too.
absl::StatusOr<json> ServerBody(const DriverContext& context,
                                const ServerFacts& facts) {
  const json& desired = context.resource.desired;
  const Observed* port = Dependency(context, "port");
  if (port == nullptr) {
    return DependencyId(context, "port").status();
  }
  json metadata = desired.value("metadata", json::object());
  metadata[std::string(kMetaAddress)] = TextOf(port->attributes, "address");
  json state_volume = {{"boot_index", -1},
                       {"source_type", "blank"},
                       {"destination_type", "volume"},
                       {"volume_size", desired.value("state_volume_gb", 30)},
                       {"delete_on_termination", true},
                       {"tag", "state-disk"}};
  if (const std::string type = TextOf(desired, "state_volume_type");
      !type.empty()) {
    state_volume["volume_type"] = type;
  }
  json server = {{"name", CloudName(context.cluster, context.resource.name)},
                 {"flavorRef", facts.flavor_id},
                 {"networks", {{{"port", port->id}}}},
                 {"config_drive", true},
                 {"metadata", std::move(metadata)},
                 {"tags", TagsOf(context)},
                 {"block_device_mapping_v2",
                  {{{"boot_index", 0},
                    {"uuid", TextOf(desired, "image")},
                    {"source_type", "image"},
                    {"destination_type", "volume"},
                    {"volume_size", facts.boot_volume_gb},
                    {"delete_on_termination", true}},
                   std::move(state_volume)}}};
  if (const std::string zone = TextOf(desired, "zone"); !zone.empty()) {
    server["availability_zone"] = zone;
  }
  json body = {{"server", std::move(server)}};
  if (!TextOf(desired, "server_group").empty()) {
    ASSIGN_OR_RETURN(const std::string group,
                     DependencyId(context, "server_group"));
    body["os:scheduler_hints"] = {{"group", group}};
  }
  return body;
}

absl::StatusOr<json> LoadBalancerBody(const DriverContext& context) {
  json body = Named(context);
  ASSIGN_OR_RETURN(body["vip_subnet_id"], DependencyId(context, "subnet"));
  body["vip_address"] = TextOf(context.resource.desired, "address");
  body["tags"] = TagsOf(context);
  return Wrap("loadbalancer", std::move(body));
}

json ListenerBody(const json& listener, const std::string& balancer,
                  bool ranges) {
  json body = {{"name", TextOf(listener, "name")},
               {"loadbalancer_id", balancer},
               {"protocol", "TCP"},
               {"protocol_port", listener.value("port", 0)}};
  if (ranges) {
    body["timeout_client_data"] = kIdleMilliseconds;
    body["timeout_member_data"] = kIdleMilliseconds;
    body["allowed_cidrs"] = ArrayOf(listener, "sources");
  }
  return Wrap("listener", std::move(body));
}

json PoolBody(const std::string& name, const std::string& listener,
              std::string_view algorithm) {
  return Wrap("pool", {{"name", name},
                       {"listener_id", listener},
                       {"protocol", "TCP"},
                       {"lb_algorithm", algorithm}});
}

// A connection is enough: the same monitor serves ports that speak no HTTP.
json MonitorBody(const std::string& name, const std::string& pool) {
  return Wrap("healthmonitor", {{"name", name},
                                {"pool_id", pool},
                                {"type", "TCP"},
                                {"delay", 5},
                                {"timeout", 4},
                                {"max_retries", 3}});
}

}  // namespace constellation::cloud::openstack
