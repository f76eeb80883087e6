// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/collection_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cloud/engine/cloud_error.h"
#include "cloud/engine/find_by_sweep.h"
#include "cloud/json_fields.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;
using Kind = CloudErrorKind;

// Which things are this cluster's, by the filter expression of list calls.
// The filter saves traffic only: the mark in each thing decides.
std::string NameFilter(const ClusterIdentity& cluster) {
  return fmt::format("name eq \"{}-.*\"", BaseName(cluster));
}

}  // namespace

DriverTraits CollectionDriver::Traits() const {
  return {.create_is_idempotent = true};  // by requestId
}

bool CollectionDriver::IsOneOf(const std::vector<std::string_view>& keys,
                               std::string_view key) const {
  return std::ranges::find(keys, key) != keys.end();
}

// A thing as the API shows it. Kinds without a status are ready when they are
// there.
Observed CollectionDriver::Seen(const json& thing) const {
  const std::string status = TextOf(thing, "status");
  return {.id = IdOf(thing),
          .state = IsOneOf(kind_.pending, status) ? ResourceState::kPending
                                                  : ResourceState::kReady,
          .detail = IsOneOf(kind_.pending, status) ? status : "",
          .attributes = thing};
}

// By its path, which the name alone makes: names hold the uid. Without a parent
// (a resource of an older plan) all that the cluster has is searched.
absl::StatusOr<std::vector<Observed>> CollectionDriver::Find(
    const DriverContext& context) {
  const json& desired = context.resource.desired;
  std::string id = context.known_id;
  if (desired.contains("parent")) {
    id = fmt::format("{}/{}", TextOf(desired, "parent"),
                     CloudName(context.cluster, context.resource.name));
  }
  if (id.empty()) {  // the journal knows that it was asked for, not where
    return FindBySweep(*this, context);
  }
  std::vector<Observed> found;
  const absl::StatusOr<json> thing = compute_.Get(id, context.stop);
  if (absl::IsNotFound(thing.status())) {
    return found;
  }
  if (!thing.ok()) {
    return thing.status();
  }
  // Somebody else's namesake is not ours to find.
  if (NameInMark(*thing, context.cluster) == context.resource.name) {
    found.push_back(Seen(*thing));
    found.back().id = id;
  }
  return found;
}

// The operation's end is waited for by Refresh(). The request id is made of the
// journal's token, so a repeat, even by another process, starts nothing twice.
absl::StatusOr<Observed> CollectionDriver::Create(const DriverContext& context,
                                                  std::string_view token) {
  const json& desired = context.resource.desired;
  ASSIGN_OR_RETURN(const json body,
                   ResolveReferences(desired.at("body"), context));
  const std::string parent = TextOf(desired, "parent");
  const std::string id = fmt::format("{}/{}", parent, TextOf(body, "name"));
  RETURN_IF_ERROR(
      compute_.Start({.method = "POST",
                      .path = parent,
                      .body = DumpJson(body),
                      .request_id = RequestId(fmt::format(
                          "{}/{}/{}", token, parent, context.resource.name)),
                      .stop = context.stop},
                     id, Compute::Change::kMake));
  return Observed{.id = id, .state = ResourceState::kPending};
}

// Compared is what is wanted, member by member; what Google adds is not looked
// at. A reference that is not known yet cannot be equal, so it counts as a
// change.
std::vector<AttributeChange> CollectionDriver::Differs(
    const DriverContext& context, const Observed& observed) {
  std::vector<AttributeChange> changes;
  const json& body = context.resource.desired.at("body");
  for (const auto& [key, wanted] : body.items()) {
    if (key == "name" || key == "description" || IsOneOf(kind_.opaque, key)) {
      continue;
    }
    const absl::StatusOr<json> value = ResolveReferences(wanted, context);
    const auto got = observed.attributes.find(key);
    const bool there = got != observed.attributes.end();
    if (value.ok() &&
        Covers(observed.attributes, json::object({{key, *value}}))) {
      continue;
    }
    changes.push_back({.attribute = key,
                       .from = there ? *got : json(),
                       .to = value.ok() ? *value : wanted,
                       .needs_replacement = !IsOneOf(kind_.patchable, key)});
  }
  return changes;
}

// The fingerprint makes the change fail if somebody else changed the thing
// after it was read.
absl::StatusOr<Observed> CollectionDriver::Update(const DriverContext& context,
                                                  const Observed& observed) {
  json patch = json::object();
  for (const AttributeChange& change : Differs(context, observed)) {
    if (!change.needs_replacement) {
      ASSIGN_OR_RETURN(patch[change.attribute],
                       ResolveReferences(change.to, context));
    }
  }
  if (patch.empty()) {
    return observed;
  }
  if (const std::string fingerprint =
          TextOf(observed.attributes, "fingerprint");
      !fingerprint.empty()) {
    patch["fingerprint"] = fingerprint;
  }
  RETURN_IF_ERROR(compute_.Start({.method = "PATCH",
                                  .path = observed.id,
                                  .body = DumpJson(patch),
                                  .repeatable = true,
                                  .stop = context.stop},
                                 observed.id, Compute::Change::kMake));
  return Observed{.id = observed.id,
                  .state = ResourceState::kPending,
                  .attributes = observed.attributes};
}

// A change of ours that runs comes first: the thing itself may be shown before
// it is complete, or after it is gone.
absl::StatusOr<Observed> CollectionDriver::Refresh(const DriverContext& context,
                                                   const Observed& observed) {
  using Change = Compute::Change;
  using Progress = Compute::Progress;
  const auto removal =
      compute_.Check(observed.id, Change::kDelete, context.stop);
  if (removal.ok() && *removal == Progress::kRunning) {
    Observed leaving = observed;
    leaving.state = ResourceState::kDeleting;
    return leaving;
  }
  // A deletion that failed leaves the thing as it was: it is looked at below,
  // the engine asks again, and Delete() tells why.
  ASSIGN_OR_RETURN(const Progress making,
                   compute_.Check(observed.id, Change::kMake, context.stop));
  if (making == Progress::kRunning) {
    Observed pending = observed;
    pending.state = ResourceState::kPending;
    pending.detail = "the cloud works on it";
    return pending;
  }
  ASSIGN_OR_RETURN(const json thing, compute_.Get(observed.id, context.stop));
  Observed seen = Seen(thing);
  seen.id = observed.id;
  return seen;
}

// A deletion that was accepted and failed is reported before another one is
// started: most often something still uses it.
absl::Status CollectionDriver::Delete(const DriverContext& context,
                                      const Observed& observed) {
  RETURN_IF_ERROR(compute_.TakeRefusal(observed.id));
  // One that failed left perhaps something, perhaps nothing.
  const auto making =
      compute_.Check(observed.id, Compute::Change::kMake, context.stop);
  if (making.ok() && *making == Compute::Progress::kRunning) {
    return MakeCloudError({.kind = Kind::kConflict,
                           .message = "it is still being made",
                           .subject = observed.id});
  }
  return compute_.Start(
      {.method = "DELETE", .path = observed.id, .stop = context.stop},
      observed.id, Compute::Change::kDelete);
}

// Kinds that Kubernetes makes, too, are listed in full, since its names do not
// begin with ours.
absl::StatusOr<std::vector<Stray>> CollectionDriver::List(
    const ClusterIdentity& cluster) {
  const std::string_view place = kind_.aggregated ? "aggregated" : "global";
  ApiRequest request{.path = fmt::format("projects/{}/{}/{}", project_, place,
                                         kind_.collection),
                     .query = {{"maxResults", "500"}}};
  if (!kind_.leftover) {
    request.query.emplace_back("filter", NameFilter(cluster));
  }
  std::vector<Stray> strays;
  RETURN_IF_ERROR(compute_.client().List(
      request, kind_.aggregated ? kind_.collection : "",
      [&](const json& thing) -> absl::Status {
        if (!thing.is_object()) {
          return absl::OkStatus();
        }
        const auto name = NameInMark(thing, cluster);
        const bool ours = name.has_value() ||
                          (kind_.leftover && kind_.leftover(thing, cluster));
        Observed seen = Seen(thing);
        if (ours && !seen.id.empty()) {
          strays.push_back({.name = kind_.anonymous ? "" : name.value_or(""),
                            .observed = std::move(seen)});
        }
        return absl::OkStatus();
      }));
  return strays;
}

SecurityPolicyDriver::SecurityPolicyDriver(Compute& compute,
                                           std::string project)
    : CollectionDriver(compute, std::move(project),
                       {.kind = "gcp.security-policy",
                        .collection = "securityPolicies",
                        .patchable = {"rules"}}) {}

// Rules cannot be patched as a list: each is added, changed or removed by its
// priority, one operation after the other, in ascending order.
absl::StatusOr<Observed> SecurityPolicyDriver::Update(
    const DriverContext& context, const Observed& observed) {
  ASSIGN_OR_RETURN(
      const json wanted,
      ResolveReferences(context.resource.desired.at("body").at("rules"),
                        context));
  // By priority: what is there, and what is wanted.
  std::map<int64_t, std::pair<json, json>> rules;
  const auto priority = [](const json& rule) {
    return rule.is_object() && rule.contains("priority") &&
                   rule["priority"].is_number_integer()
               ? rule["priority"].get<int64_t>()
               : -1;
  };
  for (const json& rule : observed.attributes.value("rules", json::array())) {
    rules[priority(rule)].first = rule;
  }
  for (const json& rule : wanted) {
    rules[priority(rule)].second = rule;
  }
  for (const auto& [number, rule] : rules) {
    const auto& [got, want] = rule;
    if (want.is_object() && got.is_object() && Covers(got, want)) {
      continue;
    }
    const std::string_view verb = want.is_null()  ? "removeRule"
                                  : got.is_null() ? "addRule"
                                                  : "patchRule";
    ApiRequest request{.method = "POST",
                       .path = fmt::format("{}/{}", observed.id, verb),
                       .body = want.is_null() ? "" : DumpJson(want),
                       .stop = context.stop};
    if (verb != "addRule") {
      request.query.emplace_back("priority", fmt::format("{}", number));
    }
    RETURN_IF_ERROR(
        compute().Start(request, observed.id, Compute::Change::kMake));
    RETURN_IF_ERROR(
        compute().Await(observed.id, Compute::Change::kMake, context.stop));
  }
  return Refresh(context, observed);
}

namespace {

// Things of our network that carry no mark: Kubernetes' controllers made them.
bool IsInOurNetwork(const json& thing, const ClusterIdentity& cluster) {
  return LastPart(TextOf(thing, "network")) == CloudName(cluster, "net");
}

// Kubernetes opens ports of our network for its services.
bool IsKubernetesFirewall(const json& thing, const ClusterIdentity& cluster) {
  return IsInOurNetwork(thing, cluster) &&
         TextOf(thing, "name").starts_with("k8s-");
}

// One for each node, where pods' addresses are no alias ranges.
bool IsKubernetesRoute(const json& thing, const ClusterIdentity& cluster) {
  return IsInOurNetwork(thing, cluster) &&
         TextOf(thing, "description") == "k8s-node-route";
}

// Volumes of Kubernetes, with the label that its driver is told to write. Those
// in use go with their machines, or are free when these are gone.
bool IsKubernetesDisk(const json& thing, const ClusterIdentity& cluster) {
  return TextOf(thing.value("labels", json::object()), "constellation-uid") ==
             cluster.uid &&
         thing.value("users", json::array()).empty();
}

// Up to the firewall: what machines stand in.
std::vector<CollectionKind> NetworkKinds() {
  return {
      {.kind = "gcp.network",
       .collection = "networks",
       .patchable = {"routingConfig"}},
      {.kind = "gcp.subnetwork",
       .collection = "subnetworks",
       .aggregated = true},
      {.kind = "gcp.address",
       .collection = "addresses",
       .aggregated = true,
       .pending = {"RESERVING"}},
      {.kind = "gcp.router",
       .collection = "routers",
       .aggregated = true,
       .patchable = {"nats"}},
      {.kind = "gcp.firewall",
       .collection = "firewalls",
       .patchable = {"sourceRanges", "targetTags", "allowed"},
       .leftover = IsKubernetesFirewall},
      {.kind = "gcp.route",
       .collection = "routes",
       .leftover = IsKubernetesRoute},
  };
}

// What leads to machines, and what they leave.
std::vector<CollectionKind> BalancerKinds() {
  return {
      {.kind = "gcp.health-check",
       .collection = "healthChecks",
       .aggregated = true,
       .patchable = {"checkIntervalSec", "timeoutSec", "tcpHealthCheck",
                     "httpsHealthCheck"}},
      // Left by a run that died before it made the group.
      {.kind = "gcp.instance-template",
       .collection = "instanceTemplates",
       .anonymous = true},
      {.kind = "gcp.backend-service",
       .collection = "backendServices",
       .aggregated = true,
       .patchable = {"backends", "timeoutSec", "portName", "healthChecks",
                     "connectionDraining"}},
      {.kind = "gcp.target-tcp-proxy",
       .collection = "targetTcpProxies",
       .aggregated = true},
      // Addresses are given as references and come back as numbers, ports as
      // ranges.
      {.kind = "gcp.forwarding-rule",
       .collection = "forwardingRules",
       .aggregated = true,
       .opaque = {"IPAddress", "portRange", "labels"}},
      {.kind = "gcp.disk",
       .collection = "disks",
       .aggregated = true,
       .leftover = IsKubernetesDisk},
  };
}

}  // namespace

// The order matters for sweeps, which go backwards: what uses comes after what
// is used.
std::vector<CollectionKind> CollectionKinds() {
  std::vector<CollectionKind> kinds = NetworkKinds();
  for (CollectionKind& kind : BalancerKinds()) {
    kinds.push_back(std::move(kind));
  }
  return kinds;
}

}  // namespace constellation::cloud::gcp
