// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/setting_driver.h"

#include <fmt/format.h>

#include <utility>

#include "cloud/engine/cloud_error.h"
#include "cloud/json_fields.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;
using Kind = CloudErrorKind;

constexpr std::string_view kNamedPorts = "namedPorts";

// An id is "<path of the thing>#<member>".
std::string TargetOf(const std::string& id) {
  return id.substr(0, id.find('#'));
}

std::string MemberOf(const std::string& id) {
  const size_t at = id.find('#');
  return at == std::string::npos ? std::string() : id.substr(at + 1);
}

absl::Status NotSet(const std::string& id) {
  return MakeCloudError({.kind = Kind::kNotFound,
                         .message = fmt::format("{} is not set", MemberOf(id)),
                         .subject = TargetOf(id)});
}

}  // namespace

// `value` may hold references, which are resolved when it is set.
json SettingOf(const std::string& target, const std::string& member,
               json value) {
  return {{"target", target}, {"member", member}, {"value", std::move(value)}};
}

DriverTraits SettingDriver::Traits() const {
  return {.create_is_idempotent = true};  // it sets a value
}

// The member as it is now; kNotFound if it is empty or the thing is gone.
absl::StatusOr<Observed> SettingDriver::Look(const std::string& id,
                                             const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const json thing, compute_.Get(TargetOf(id), stop));
  const auto value = thing.find(MemberOf(id));
  if (value == thing.end() || value->empty()) {
    return NotSet(id);
  }
  return Observed{.id = id, .attributes = {{"value", *value}}};
}

// There are no marks: a setting is the cluster's because its target is.
absl::StatusOr<std::vector<Observed>> SettingDriver::Find(
    const DriverContext& context) {
  const json& desired = context.resource.desired;
  const std::string id = desired.contains("target")
                             ? fmt::format("{}#{}", TextOf(desired, "target"),
                                           TextOf(desired, "member"))
                             : context.known_id;
  std::vector<Observed> found;
  if (id.empty()) {
    return found;  // goes with its target
  }
  absl::StatusOr<Observed> seen = Look(id, context.stop);
  if (absl::IsNotFound(seen.status())) {
    return found;
  }
  if (!seen.ok()) {
    return seen.status();
  }
  found.push_back(*std::move(seen));
  return found;
}

// Named ports are written with the fingerprint that they were read with, so a
// change in between is refused, not lost. Null takes the setting away.
absl::Status SettingDriver::Set(const std::string& id, const json& value,
                                Compute::Change change,
                                const std::stop_token& stop) {
  const std::string target = TargetOf(id);
  json body = json::object();
  std::string method = "setSecurityPolicy";
  if (MemberOf(id) == kNamedPorts) {
    method = "setNamedPorts";
    ASSIGN_OR_RETURN(const json thing, compute_.Get(target, stop));
    body["fingerprint"] = TextOf(thing, "fingerprint");
    body["namedPorts"] = value.is_null() ? json::array() : value;
  } else if (!value.is_null()) {
    body["securityPolicy"] = value;
  }
  return compute_.Start({.method = "POST",
                         .path = fmt::format("{}/{}", target, method),
                         .body = DumpJson(body),
                         .repeatable = true,
                         .stop = stop},
                        id, change);
}

// Setting is idempotent, so making and changing are one.
absl::StatusOr<Observed> SettingDriver::Create(const DriverContext& context,
                                               std::string_view /*token*/) {
  const json& desired = context.resource.desired;
  const std::string id = fmt::format("{}#{}", TextOf(desired, "target"),
                                     TextOf(desired, "member"));
  ASSIGN_OR_RETURN(const json value,
                   ResolveReferences(desired.at("value"), context));
  RETURN_IF_ERROR(Set(id, value, Compute::Change::kMake, context.stop));
  return Observed{.id = id, .state = ResourceState::kPending};
}

std::vector<AttributeChange> SettingDriver::Differs(
    const DriverContext& context, const Observed& observed) {
  const json& wanted = context.resource.desired.at("value");
  const json got = observed.attributes.value("value", json());
  if (Covers(got, wanted)) {
    return {};
  }
  return {{.attribute = TextOf(context.resource.desired, "member"),
           .from = got,
           .to = wanted}};
}

absl::StatusOr<Observed> SettingDriver::Update(const DriverContext& context,
                                               const Observed& observed) {
  return Create(context, observed.id);
}

// kMake is looked at first: its failure is the caller's to see.
absl::StatusOr<Observed> SettingDriver::Refresh(const DriverContext& context,
                                                const Observed& observed) {
  ASSIGN_OR_RETURN(
      const Compute::Progress making,
      compute_.Check(observed.id, Compute::Change::kMake, context.stop));
  const auto removal =
      compute_.Check(observed.id, Compute::Change::kDelete, context.stop);
  Observed busy = observed;
  if (making == Compute::Progress::kRunning) {
    busy.state = ResourceState::kPending;
    return busy;
  }
  if (removal.ok() && *removal == Compute::Progress::kRunning) {
    busy.state = ResourceState::kDeleting;
    return busy;
  }
  return Look(observed.id, context.stop);
}

// Looks first: taking away what is not there would start an operation.
absl::Status SettingDriver::Delete(const DriverContext& context,
                                   const Observed& observed) {
  RETURN_IF_ERROR(compute_.TakeRefusal(observed.id));
  RETURN_IF_ERROR(Look(observed.id, context.stop).status());
  return Set(observed.id, json(), Compute::Change::kDelete, context.stop);
}

// Swept with its target.
absl::StatusOr<std::vector<Stray>> SettingDriver::List(
    const ClusterIdentity& /*cluster*/) {
  return std::vector<Stray>();
}

}  // namespace constellation::cloud::gcp
