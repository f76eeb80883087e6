// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/balancer_drivers.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "cloud/engine/cloud_error.h"
#include "cloud/openstack/api_driver.h"
#include "cloud/openstack/bodies.h"
#include "cloud/openstack/names.h"
#include "common/status_macros.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;

constexpr Collection kBalancers{kLoadBalancer, "/lbaas/loadbalancers",
                                "/lbaas/loadbalancers", "loadbalancers",
                                "loadbalancer"};
constexpr Collection kListeners{kLoadBalancer, "/lbaas/listeners",
                                "/lbaas/listeners", "listeners", "listener"};

// Octavia's "provisioning_status" (Load Balancer API v2, "Status codes");
// everything that is not named there as final goes on.
ResourceState StateOf(std::string_view provisioning) {
  if (provisioning == "ACTIVE") {
    return ResourceState::kReady;
  }
  if (provisioning == "ERROR") {
    return ResourceState::kFailed;
  }
  return provisioning == "DELETED" || provisioning == "PENDING_DELETE"
             ? ResourceState::kDeleting
             : ResourceState::kPending;
}

// Whether a provider driver says that it lacks an option (octavia: 501
// UnsupportedOptionError), so that nothing was made.
bool IsUnsupported(const absl::Status& status) {
  const CloudError error = CloudErrorOf(status);
  return error.kind == CloudErrorKind::kInvalid &&
         error.message.find("does not support") != std::string::npos;
}

// The balancer with its address only; its listeners are a resource of their
// own.
class LoadBalancerDriver final : public ApiDriver {
 public:
  explicit LoadBalancerDriver(Client& client) : ApiDriver(client, kBalancers) {}

  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) override {
    ASSIGN_OR_RETURN(const bool there, client_.Has(kLoadBalancer));
    return there ? ApiDriver::Find(context) : std::vector<Observed>();
  }

  // With "cascade" its listeners, pools and monitors go in the same call: one
  // by one would be a dozen changes that wait for each other.
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) override {
    const absl::Status status = DeletePath(
        fmt::format("{}/{}?cascade=true", where_.path, Escaped(observed.id)),
        context.stop);
    if (status.ok() || CloudErrorKindOf(status) != CloudErrorKind::kConflict) {
      return status;
    }
    // "Immutable" is also what a second DELETE meets.
    const absl::StatusOr<Observed> now = Refresh(context, observed);
    return now.ok() && now->state == ResourceState::kDeleting ? absl::OkStatus()
                                                              : status;
  }

  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override {
    ASSIGN_OR_RETURN(const bool there, client_.Has(kLoadBalancer));
    return there ? ApiDriver::List(cluster) : std::vector<Stray>();
  }

 protected:
  // Kubernetes' balancers have names, not our tags: all are looked at.
  std::string Query(const ClusterIdentity& cluster,
                    std::string_view name) const override {
    return name.empty() ? ""
                        : "tags=" + Escaped(UidMarker(cluster)) +
                              "&name=" + Escaped(CloudName(cluster, name));
  }

  std::optional<std::string> ListedName(const ClusterIdentity& cluster,
                                        const json& element) const override {
    const std::string name = TextOf(element, "name");
    if (name.starts_with(
            fmt::format("kube_service_{}_", KubernetesClusterName(cluster)))) {
      return std::string();
    }
    const json tags = ArrayOf(element, "tags");
    return std::ranges::find(tags, json(UidMarker(cluster))) == tags.end()
               ? std::nullopt
               : std::optional(ResourceName(cluster, name));
  }

  absl::StatusOr<json> Body(const DriverContext& context) override {
    return LoadBalancerBody(context);
  }

  Observed Read(const json& element) const override {
    const std::string provisioning = TextOf(element, "provisioning_status");
    return {.id = TextOf(element, "id"),
            .state = StateOf(provisioning),
            .detail = "octavia says " + provisioning,
            .attributes = {{"vip_port", TextOf(element, "vip_port_id")},
                           {"address", TextOf(element, "vip_address")}}};
  }
};

// The listeners of a balancer with their pools, health monitors and members
// (the control-plane nodes) as one thing that is brought, step by step, where
// it should be. Octavia takes one change of a balancer at a time, and a change
// takes it a second or two: steps wait for each other here, for at most
// kMaxWait; what is left then is done by the engine's next attempt.
class ListenersDriver final : public ResourceDriver {
 public:
  explicit ListenersDriver(Client& client) : client_(client) {}

  DriverTraits Traits() const override {
    return {.create_is_idempotent = true};
  }

  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) override {
    if (Dependency(context, "balancer") == nullptr) {
      return std::vector<Observed>();
    }
    const absl::StatusOr<Observed> found = Look(context);
    if (!found.ok() &&
        CloudErrorKindOf(found.status()) == CloudErrorKind::kNotFound) {
      return std::vector<Observed>();
    }
    RETURN_IF_ERROR(found.status());
    return found->attributes["listeners"].empty() ? std::vector<Observed>()
                                                  : std::vector{*found};
  }

  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view /*token*/) override {
    absl::Duration waited;
    while (true) {
      ASSIGN_OR_RETURN(Observed now, Look(context));
      if (now.state == ResourceState::kFailed) {
        return now;
      }
      absl::Status step = Conflict();
      if (now.state == ResourceState::kReady) {
        ASSIGN_OR_RETURN(const std::optional<ServiceCall> call,
                         NextStep(context, now));
        if (!call) {
          return now;
        }
        step = Send(*call);
      }
      if (!step.ok() && CloudErrorKindOf(step) != CloudErrorKind::kConflict) {
        return step;
      }
      if (waited >= kMaxWait || !client_.Pause(kPause, context.stop)) {
        return Conflict();
      }
      waited += kPause;
    }
  }

  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override {
    std::vector<AttributeChange> changes;
    const json members = Wanted(context);
    const json present = ObjectOf(observed.attributes, "listeners");
    for (const json& wanted : ArrayOf(context.resource.desired, "listeners")) {
      const std::string name = TextOf(wanted, "name");
      const json now = ObjectOf(present, name);
      if (TextOf(now, "monitor").empty()) {
        changes.push_back(
            {.attribute = "listener " + name, .from = json(), .to = wanted});
        continue;
      }
      if (SourcesDiffer(now, wanted)) {
        changes.push_back({.attribute = "sources of " + name,
                           .from = Sorted(ArrayOf(now, "sources")),
                           .to = Sorted(ArrayOf(wanted, "sources"))});
      }
      if (ObjectOf(now, "members") != members) {
        changes.push_back({.attribute = "members of " + name,
                           .from = ObjectOf(now, "members"),
                           .to = members});
      }
    }
    return changes;
  }

  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& /*observed*/) override {
    return Create(context, "");
  }

  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& /*observed*/) override {
    return Look(context);
  }

  absl::Status Delete(const DriverContext& /*context*/,
                      const Observed& /*observed*/) override {
    return GoesWithOwner("load balancer");
  }

  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& /*cluster*/) override {
    return std::vector<Stray>();  // the balancer's
  }

 private:
  static constexpr absl::Duration kPause = absl::Milliseconds(500);
  static constexpr absl::Duration kMaxWait = absl::Minutes(2);

  // The engine asks again after this one.
  static absl::Status Conflict() {
    return MakeCloudError({.kind = CloudErrorKind::kConflict,
                           .message = "octavia is busy with the balancer"});
  }

  // A provider without source ranges shows none.
  static bool SourcesDiffer(const json& now, const json& wanted) {
    const json sources = Sorted(ArrayOf(now, "sources"));
    return !sources.empty() && sources != Sorted(ArrayOf(wanted, "sources"));
  }

  // {port name: address}; the address is empty while it is not known.
  // By the ports' names, so that a node that is replaced keeps its place.
  static json Wanted(const DriverContext& context) {
    json wanted = json::object();
    for (const json& name : ArrayOf(context.resource.desired, "ports")) {
      const std::string& port = name.get_ref<const std::string&>();
      const Observed* observed = context.dependency(port);
      wanted[port] =
          observed == nullptr ? "" : TextOf(observed->attributes, "address");
    }
    return wanted;
  }

  // Octavia's paths all begin the same.
  static ServiceCall Post(std::string path, json body) {
    return {.service = kLoadBalancer,
            .method = "POST",
            .path = "/lbaas/" + std::move(path),
            .body = std::move(body)};
  }
  static ServiceCall Put(std::string path, json body) {
    ServiceCall call = Post(std::move(path), std::move(body));
    call.method = "PUT";
    return call;
  }

  // The first change that is still to be made; nothing if there is none.
  // Everything is derived from what is there now: a run that dies between two
  // steps leaves nothing that the next one would not understand.
  static absl::StatusOr<std::optional<ServiceCall>> NextStep(
      const DriverContext& context, const Observed& now) {
    const json members = Wanted(context);
    for (const json& wanted : ArrayOf(context.resource.desired, "listeners")) {
      const std::string name = TextOf(wanted, "name");
      const json listener =
          ObjectOf(ObjectOf(now.attributes, "listeners"), name);
      const std::string id = TextOf(listener, "id");
      const std::string pool = TextOf(listener, "pool");
      if (id.empty()) {
        return Post("listeners", ListenerBody(wanted, now.id, true));
      }
      if (SourcesDiffer(listener, wanted)) {
        return Put(
            "listeners/" + Escaped(id),
            {{"listener", {{"allowed_cidrs", ArrayOf(wanted, "sources")}}}});
      }
      if (pool.empty()) {
        return Post("pools", PoolBody(name, id, "ROUND_ROBIN"));
      }
      if (TextOf(listener, "monitor").empty()) {
        return Post("healthmonitors", MonitorBody(name, pool));
      }
      if (ObjectOf(listener, "members") != members) {
        ASSIGN_OR_RETURN(json body, Members(context, members, wanted));
        return Put(fmt::format("pools/{}/members", Escaped(pool)),
                   {{"members", std::move(body)}});
      }
    }
    return std::nullopt;
  }

  // PUT replaces the whole list of members, so those of removed nodes go with
  // it.
  static absl::StatusOr<json> Members(const DriverContext& context,
                                      const json& wanted,
                                      const json& listener) {
    ASSIGN_OR_RETURN(const std::string subnet, DependencyId(context, "subnet"));
    json members = json::array();
    for (const auto& [node, address] : wanted.items()) {
      if (address == "") {
        return MakeCloudError({.kind = CloudErrorKind::kNotFound,
                               .message = node + " has no address yet"});
      }
      members.push_back({{"name", node},
                         {"address", address},
                         {"protocol_port", listener.value("port", 0)},
                         {"subnet_id", subnet}});
    }
    return members;
  }

  // Sends it; if the provider lacks an option, once more with less.
  // OVN's provider balances by source and port only, and has neither source
  // ranges nor timeouts. What it drops, the nodes' security group still
  // enforces.
  absl::Status Send(ServiceCall call) {
    const absl::Status status = client_.Send(call).status();
    if (!IsUnsupported(status)) {
      return status;
    }
    if (call.body.contains("pool")) {
      call.body["pool"]["lb_algorithm"] = "SOURCE_IP_PORT";
    } else if (call.body.contains("listener")) {
      for (const char* option :
           {"allowed_cidrs", "timeout_client_data", "timeout_member_data"}) {
        call.body["listener"].erase(option);
      }
    }
    return client_.Send(call).status();
  }

  // Listeners by name: {"id", "sources", "pool", "monitor", "members"}; the
  // latter three come from the status tree, which holds no sources.
  absl::StatusOr<Observed> Look(const DriverContext& context) {
    ASSIGN_OR_RETURN(const std::string id, DependencyId(context, "balancer"));
    ASSIGN_OR_RETURN(const std::vector<json> listeners,
                     client_.List(kListeners, "loadbalancer_id=" + Escaped(id),
                                  context.stop));
    ASSIGN_OR_RETURN(
        const json answer,
        client_.Send(
            {.service = kLoadBalancer,
             .path = fmt::format("{}/{}/status", kBalancers.path, Escaped(id)),
             .stop = context.stop}));
    const json tree = ObjectOf(ObjectOf(answer, "statuses"), "loadbalancer");
    Observed observed{.id = id,
                      .state = StateOf(TextOf(tree, "provisioning_status")),
                      .attributes = {{"listeners", json::object()}}};
    json& found = observed.attributes["listeners"];
    for (const json& listener : listeners) {
      found[TextOf(listener, "name")] = {
          {"id", TextOf(listener, "id")},
          {"sources", ArrayOf(listener, "allowed_cidrs")}};
    }
    for (const json& listener : ArrayOf(tree, "listeners")) {
      const json pools = ArrayOf(listener, "pools");
      const json pool = pools.empty() ? json::object() : pools.front();
      json members = json::object();
      for (const json& member : ArrayOf(pool, "members")) {
        members[TextOf(member, "name")] = TextOf(member, "address");
      }
      json& entry = found[TextOf(listener, "name")];
      entry["pool"] = TextOf(pool, "id");
      entry["monitor"] = TextOf(ObjectOf(pool, "health_monitor"), "id");
      entry["members"] = std::move(members);
    }
    return observed;
  }

  Client& client_;
};

}  // namespace

std::unique_ptr<ResourceDriver> MakeBalancerDriver(std::string_view kind,
                                                   Client& client) {
  if (kind == kKindLoadBalancer) {
    return std::make_unique<LoadBalancerDriver>(client);
  }
  if (kind == kKindListeners) {
    return std::make_unique<ListenersDriver>(client);
  }
  return nullptr;
}

}  // namespace constellation::cloud::openstack
