// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/network_drivers.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "cloud/engine/cloud_error.h"
#include "cloud/openstack/api_driver.h"
#include "cloud/openstack/bodies.h"
#include "cloud/openstack/names.h"
#include "common/status_macros.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;

constexpr Collection kNetworks{kNetwork, "/networks", "/networks", "networks",
                               "network"};
constexpr Collection kSubnets{kNetwork, "/subnets", "/subnets", "subnets",
                              "subnet"};
constexpr Collection kRouters{kNetwork, "/routers", "/routers", "routers",
                              "router"};
constexpr Collection kPorts{kNetwork, "/ports", "/ports", "ports", "port"};
constexpr Collection kGroups{kNetwork, "/security-groups", "/security-groups",
                             "security_groups", "security_group"};
constexpr Collection kRules{kNetwork, "/security-group-rules",
                            "/security-group-rules", "security_group_rules",
                            "security_group_rule"};
constexpr Collection kFloatingIps{kNetwork, "/floatingips", "/floatingips",
                                  "floatingips", "floatingip"};

constexpr char kMarkerPrefix[] = "constellation-uid-";
constexpr char kRouterOwner[] = "network:router_interface";

// Any cluster's marker: whether the thing has been tagged at all.
bool HasMarker(const json& tags) {
  return std::ranges::any_of(tags, [](const json& tag) {
    return tag.is_string() &&
           tag.get_ref<const std::string&>().starts_with(kMarkerPrefix);
  });
}

// Our ports have one address each.
std::string FirstAddress(const json& element) {
  const auto fixed = element.find("fixed_ips");
  if (fixed == element.end() || !fixed->is_array() || fixed->empty()) {
    return "";
  }
  return TextOf(fixed->front(), "ip_address");
}

// --- networks, subnets, routers, groups, ports ------------------------------

// Made with a description, then tagged in a second call (see the header).
class NeutronDriver : public ApiDriver {
 public:
  using ApiDriver::ApiDriver;

  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view token) override {
    ASSIGN_OR_RETURN(const Observed made, ApiDriver::Create(context, token));
    const absl::StatusOr<Observed> tagged = Tag(context, made);
    return tagged.ok() ? tagged : made;  // Refresh() tries again
  }

  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override {
    const json wanted = Sorted(TagsOf(context));
    const json present = Sorted(ArrayOf(observed.attributes, "tags"));
    std::vector<AttributeChange> changes;
    if (wanted != present) {
      changes.push_back({.attribute = "tags", .from = present, .to = wanted});
    }
    const std::string cidr = TextOf(context.resource.desired, "cidr");
    if (cidr != TextOf(observed.attributes, "cidr")) {
      changes.push_back({.attribute = "cidr",
                         .from = TextOf(observed.attributes, "cidr"),
                         .to = cidr,
                         .needs_replacement = true});
    }
    return changes;
  }

  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) override {
    return Tag(context, observed);
  }

  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& observed) override {
    ASSIGN_OR_RETURN(Observed now, ApiDriver::Refresh(context, observed));
    const bool untagged = now.state == ResourceState::kPending &&
                          !context.resource.name.empty() &&
                          !HasMarker(ArrayOf(now.attributes, "tags"));
    return untagged ? Tag(context, now) : now;
  }

 protected:
  std::string Query(const ClusterIdentity& cluster,
                    std::string_view name) const override {
    std::string query = "description=" + Escaped(UidMarker(cluster));
    if (!name.empty()) {
      query += "&name=" + Escaped(CloudName(cluster, name));
    }
    return query;
  }

  std::optional<std::string> ListedName(const ClusterIdentity& cluster,
                                        const json& element) const override {
    // A filter that the server does not know is ignored by it.
    if (TextOf(element, "description") != UidMarker(cluster)) {
      return std::nullopt;
    }
    return ResourceName(cluster, TextOf(element, "name"));
  }

  absl::StatusOr<json> Body(const DriverContext& context) override {
    return NetworkBody(context);
  }

  Observed Read(const json& element) const override {
    Observed observed{.id = TextOf(element, "id")};
    observed.attributes = {{"tags", ArrayOf(element, "tags")},
                           {"address", FirstAddress(element)},
                           {"cidr", TextOf(element, "cidr")}};
    const std::string status = TextOf(element, "status");
    if (status == "ERROR") {
      observed.state = ResourceState::kFailed;
      observed.detail = "neutron says ERROR";
    } else if (status == "BUILD" && where_.singular != "port") {
      observed.state = ResourceState::kPending;
      observed.detail = "BUILD";
    } else if (!HasMarker(observed.attributes["tags"])) {
      observed.state = ResourceState::kPending;
      observed.detail = "not tagged yet";
    }
    return observed;
  }

  // PUT replaces the whole list; the same twice changes nothing.
  absl::StatusOr<Observed> Tag(const DriverContext& context,
                               const Observed& observed) {
    const json tags = TagsOf(context);
    RETURN_IF_ERROR(client_
                        .Send({.service = kNetwork,
                               .method = "PUT",
                               .path = fmt::format("{}/{}/tags", where_.path,
                                                   Escaped(observed.id)),
                               .body = {{"tags", tags}},
                               .stop = context.stop})
                        .status());
    return ApiDriver::Refresh(context, observed);
  }
};

// Ports of servers; those of routers are another kind.
class PortDriver final : public NeutronDriver {
 public:
  using NeutronDriver::NeutronDriver;

 protected:
  std::optional<std::string> ListedName(const ClusterIdentity& cluster,
                                        const json& element) const override {
    auto name = NeutronDriver::ListedName(cluster, element);
    return name == std::string(kRouterInterfaceName) ? std::nullopt : name;
  }
};

// Kubernetes makes security groups for its load balancers.
// Those have a description of the cloud controller manager's, so all groups of
// the project are listed when strays are looked for.
class SecurityGroupDriver final : public NeutronDriver {
 public:
  using NeutronDriver::NeutronDriver;

 protected:
  std::string Query(const ClusterIdentity& cluster,
                    std::string_view name) const override {
    return name.empty() ? "" : NeutronDriver::Query(cluster, name);
  }
  std::optional<std::string> ListedName(const ClusterIdentity& cluster,
                                        const json& element) const override {
    const bool kubernetes = TextOf(element, "description")
                                .ends_with(" Service LoadBalancer in cluster " +
                                           KubernetesClusterName(cluster));
    return kubernetes ? std::string()
                      : NeutronDriver::ListedName(cluster, element);
  }
};

// --- router interfaces ------------------------------------------------------

// A port of our own that is then given to the router: the port that neutron
// would make by itself has neither name nor description.
class RouterInterfaceDriver final : public NeutronDriver {
 public:
  using NeutronDriver::NeutronDriver;

  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view token) override {
    ASSIGN_OR_RETURN(const Observed made,
                     NeutronDriver::Create(context, token));
    const absl::StatusOr<Observed> attached = Attach(context, made);
    return attached.ok() ? attached : made;
  }

  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& observed) override {
    ASSIGN_OR_RETURN(const Observed now,
                     NeutronDriver::Refresh(context, observed));
    const bool wanted = !context.resource.desired.empty();
    return wanted && now.state == ResourceState::kPending ? Attach(context, now)
                                                          : now;
  }

  // A port that a router holds cannot be deleted; taking it from the router
  // deletes it, too.
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) override {
    ASSIGN_OR_RETURN(const json port,
                     client_.Get(where_, observed.id, context.stop));
    const std::string router = TextOf(port, "device_id");
    if (TextOf(port, "device_owner") != kRouterOwner || router.empty()) {
      return NeutronDriver::Delete(context, observed);
    }
    const absl::Status status =
        client_
            .Send({.service = kNetwork,
                   .method = "PUT",
                   .path = fmt::format("/routers/{}/remove_router_interface",
                                       Escaped(router)),
                   .body = {{"port_id", observed.id}},
                   .stop = context.stop})
            .status();
    // The router or the interface went between the two calls.
    return CloudErrorKindOf(status) == CloudErrorKind::kNotFound && !status.ok()
               ? NeutronDriver::Delete(context, observed)
               : status;
  }

 protected:
  std::optional<std::string> ListedName(const ClusterIdentity& cluster,
                                        const json& element) const override {
    auto name = NeutronDriver::ListedName(cluster, element);
    return name == std::string(kRouterInterfaceName) ? name : std::nullopt;
  }

  Observed Read(const json& element) const override {
    Observed observed = NeutronDriver::Read(element);
    if (observed.state == ResourceState::kReady &&
        TextOf(element, "device_owner") != kRouterOwner) {
      observed.state = ResourceState::kPending;
      observed.detail = "not attached to the router yet";
    }
    return observed;
  }

 private:
  // Whatever the PUT answered, the port says whether it worked.
  absl::StatusOr<Observed> Attach(const DriverContext& context,
                                  const Observed& observed) {
    ASSIGN_OR_RETURN(const std::string router, DependencyId(context, "router"));
    const absl::Status status =
        client_
            .Send({.service = kNetwork,
                   .method = "PUT",
                   .path = fmt::format("/routers/{}/add_router_interface",
                                       Escaped(router)),
                   .body = {{"port_id", observed.id}},
                   .stop = context.stop})
            .status();
    // A repeat of a PUT that worked is refused: the port itself knows.
    absl::StatusOr<Observed> now = ApiDriver::Refresh(context, observed);
    return !now.ok() || now->state == ResourceState::kReady || status.ok()
               ? now
               : absl::StatusOr<Observed>(status);
  }
};

// --- rules ------------------------------------------------------------------

// The rules of one security group as one thing. Ours are known by their
// description; neutron's own two egress rules stay.
class SecurityRulesDriver final : public ResourceDriver {
 public:
  explicit SecurityRulesDriver(Client& client) : client_(client) {}

  DriverTraits Traits() const override { return {}; }

  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) override {
    if (Dependency(context, "group") == nullptr) {
      return std::vector<Observed>();
    }
    ASSIGN_OR_RETURN(Observed found, Look(context));
    return found.attributes["rules"].empty() ? std::vector<Observed>()
                                             : std::vector{std::move(found)};
  }

  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view /*token*/) override {
    ASSIGN_OR_RETURN(const Observed now, Look(context));
    return Update(context, now);
  }

  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override {
    const json present = Plain(ArrayOf(observed.attributes, "rules"));
    const json wanted = Plain(ArrayOf(context.resource.desired, "rules"));
    if (present == wanted) {
      return {};
    }
    return {{.attribute = "rules", .from = present, .to = wanted}};
  }

  // Missing rules come first: an established cluster is never without a way in.
  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& /*observed*/) override {
    ASSIGN_OR_RETURN(const std::string group, DependencyId(context, "group"));
    ASSIGN_OR_RETURN(const Observed now, Look(context));
    const json wanted = Plain(ArrayOf(context.resource.desired, "rules"));
    json missing = json::array();
    for (const json& rule : wanted) {
      if (!Contains(now.attributes["rules"], rule)) {
        missing.push_back(RuleBody(context, rule, group));
      }
    }
    if (!missing.empty()) {
      RETURN_IF_ERROR(client_
                          .Send({.service = kNetwork,
                                 .method = "POST",
                                 .path = std::string(kRules.path),
                                 .body = {{"security_group_rules", missing}},
                                 .stop = context.stop})
                          .status());
    }
    for (const json& rule : now.attributes["rules"]) {
      if (!Contains(wanted, rule)) {
        const absl::Status status =
            client_
                .Send({.service = kNetwork,
                       .method = "DELETE",
                       .path = fmt::format("{}/{}", kRules.path,
                                           Escaped(TextOf(rule, "id"))),
                       .stop = context.stop})
                .status();
        if (CloudErrorKindOf(status) != CloudErrorKind::kNotFound) {
          RETURN_IF_ERROR(status);
        }
      }
    }
    return Look(context);
  }

  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& /*observed*/) override {
    return Look(context);
  }

  absl::Status Delete(const DriverContext& /*context*/,
                      const Observed& /*observed*/) override {
    return GoesWithOwner("security group");
  }

  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& /*cluster*/) override {
    return std::vector<Stray>();  // the group's
  }

 private:
  // Rules without ids, in order.
  static json Plain(const json& rules) {
    json plain = json::array();
    for (const json& rule : rules) {
      plain.push_back(OnlyMeaning(rule));
    }
    return Sorted(plain);
  }
  // Source and port are all that ours differ in.
  static json OnlyMeaning(const json& rule) {
    json plain = {{"source", TextOf(rule, "source")}};
    if (rule.contains("port")) {
      plain["port"] = rule["port"];
    }
    return plain;
  }
  static bool Contains(const json& rules, const json& rule) {
    return std::ranges::any_of(rules, [&](const json& each) {
      return OnlyMeaning(each) == OnlyMeaning(rule);
    });
  }

  // Rules of others in the group (neutron's egress rules, somebody's own) have
  // another description and stay.
  absl::StatusOr<Observed> Look(const DriverContext& context) {
    ASSIGN_OR_RETURN(const std::string group, DependencyId(context, "group"));
    ASSIGN_OR_RETURN(
        const std::vector<json> rules,
        client_.List(
            kRules,
            fmt::format("security_group_id={}&description={}", Escaped(group),
                        Escaped(UidMarker(context.cluster))),
            context.stop));
    Observed observed{.id = group, .attributes = {{"rules", json::array()}}};
    for (const json& rule : rules) {
      if (TextOf(rule, "description") != UidMarker(context.cluster)) {
        continue;
      }
      json mine = {{"id", TextOf(rule, "id")},
                   {"source", TextOf(rule, "remote_ip_prefix")}};
      if (rule.contains("port_range_min") &&
          rule["port_range_min"].is_number()) {
        mine["port"] = rule["port_range_min"];
      }
      observed.attributes["rules"].push_back(std::move(mine));
    }
    return observed;
  }

  Client& client_;
};

// --- floating IPs -----------------------------------------------------------

// The cluster has one of its own; those that Kubernetes took for services are
// swept.
class FloatingIpDriver final : public NeutronDriver {
 public:
  using NeutronDriver::NeutronDriver;

 protected:
  // They have no names; there are few of them.
  std::string Query(const ClusterIdentity& cluster,
                    std::string_view name) const override {
    return name.empty() ? "" : NeutronDriver::Query(cluster, "");
  }
  std::optional<std::string> ListedName(const ClusterIdentity& cluster,
                                        const json& element) const override {
    const std::string description = TextOf(element, "description");
    if (description == UidMarker(cluster)) {
      return std::string(kAddressName);
    }
    const bool kubernetes = description.ends_with(
        " from cluster " + KubernetesClusterName(cluster));
    return kubernetes ? std::optional(std::string()) : std::nullopt;
  }
  Observed Read(const json& element) const override {
    Observed observed = NeutronDriver::Read(element);
    observed.attributes["address"] = TextOf(element, "floating_ip_address");
    observed.attributes["port"] = TextOf(element, "port_id");
    return observed;
  }
};

// That a floating IP leads somewhere.
class AssociationDriver final : public ResourceDriver {
 public:
  explicit AssociationDriver(Client& client) : client_(client) {}

  DriverTraits Traits() const override {
    return {.create_is_idempotent = true};
  }

  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) override {
    const Observed* address = Dependency(context, "address");
    const std::string id = address == nullptr ? context.known_id : address->id;
    if (id.empty()) {
      return std::vector<Observed>();
    }
    const absl::StatusOr<Observed> found = Refresh(context, {.id = id});
    if (!found.ok() &&
        CloudErrorKindOf(found.status()) == CloudErrorKind::kNotFound) {
      return std::vector<Observed>();
    }
    RETURN_IF_ERROR(found.status());
    return std::vector{*found};
  }

  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view /*token*/) override {
    ASSIGN_OR_RETURN(const std::string id, DependencyId(context, "address"));
    const std::string port = Target(context);
    if (port.empty()) {
      return DependencyId(context, "target").status();
    }
    RETURN_IF_ERROR(Lead(id, port, context.stop));
    return Refresh(context, {.id = id});
  }

  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override {
    const std::string wanted = Target(context);
    const std::string present = TextOf(observed.attributes, "port");
    if (wanted == present) {
      return {};
    }
    return {{.attribute = "port", .from = present, .to = wanted}};
  }

  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& /*observed*/) override {
    return Create(context, "");
  }

  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& observed) override {
    ASSIGN_OR_RETURN(const json address,
                     client_.Get(kFloatingIps, observed.id, context.stop));
    if (TextOf(address, "port_id").empty()) {
      return GoesWithOwner("floating IP");
    }
    return Observed{.id = observed.id,
                    .attributes = {{"port", TextOf(address, "port_id")}}};
  }

  // The address stays; it goes by its own resource.
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) override {
    RETURN_IF_ERROR(Refresh(context, observed).status());
    return Lead(observed.id, "", context.stop);
  }

  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& /*cluster*/) override {
    return std::vector<Stray>();  // the floating IP's
  }

 private:
  // A load balancer's port, or a port itself.
  static std::string Target(const DriverContext& context) {
    const Observed* target = Dependency(context, "target");
    if (target == nullptr) {
      return "";
    }
    const std::string vip = TextOf(target->attributes, "vip_port");
    return vip.empty() ? target->id : vip;
  }

  absl::Status Lead(const std::string& id, const std::string& port,
                    const std::stop_token& stop) {
    return client_
        .Send({.service = kNetwork,
               .method = "PUT",
               .path = fmt::format("{}/{}", kFloatingIps.path, Escaped(id)),
               .body = {{"floatingip",
                         {{"port_id", port.empty() ? json() : json(port)}}}},
               .stop = stop})
        .status();
  }

  Client& client_;
};

}  // namespace

std::unique_ptr<ResourceDriver> MakeNetworkDriver(std::string_view kind,
                                                  Client& client) {
  if (kind == kKindNetwork) {
    return std::make_unique<NeutronDriver>(client, kNetworks);
  }
  if (kind == kKindSubnet) {
    return std::make_unique<NeutronDriver>(client, kSubnets);
  }
  if (kind == kKindRouter) {
    return std::make_unique<NeutronDriver>(client, kRouters);
  }
  if (kind == kKindRouterInterface) {
    return std::make_unique<RouterInterfaceDriver>(client, kPorts);
  }
  if (kind == kKindSecurityGroup) {
    return std::make_unique<SecurityGroupDriver>(client, kGroups);
  }
  if (kind == kKindSecurityRules) {
    return std::make_unique<SecurityRulesDriver>(client);
  }
  if (kind == kKindPort) {
    return std::make_unique<PortDriver>(client, kPorts);
  }
  if (kind == kKindFloatingIp) {
    return std::make_unique<FloatingIpDriver>(client, kFloatingIps);
  }
  if (kind == kKindAssociation) {
    return std::make_unique<AssociationDriver>(client);
  }
  return nullptr;
}

}  // namespace constellation::cloud::openstack
