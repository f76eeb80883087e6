// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/iam_drivers.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "cloud/engine/cloud_error.h"
#include "cloud/gcp/compute.h"
#include "cloud/json_fields.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;
using Kind = CloudErrorKind;

// So that the engine takes it as gone.
absl::Status NotThere(const std::string& id) {
  return MakeCloudError({.kind = Kind::kNotFound,
                         .message = "there is no such thing",
                         .subject = id});
}

// IAM shows a new account to itself later than to its maker: what names it is
// refused for up to a minute.
absl::Status PatientAboutNewAccounts(const absl::Status& status) {
  CloudError error = CloudErrorOf(status);
  if (error.kind == Kind::kInvalid &&
      error.message.find("does not exist") != std::string::npos) {
    error.kind = Kind::kConflict;
    return MakeCloudError(error);
  }
  return status;
}

// "serviceAccount:<email>", or the form that a deleted account leaves behind:
// "deleted:serviceAccount:<email>?uid=...".
bool IsMember(const json& member, const std::string& email) {
  if (!member.is_string()) {
    return false;
  }
  std::string_view text = member.get_ref<const std::string&>();
  if (text.starts_with("deleted:")) {
    text.remove_prefix(8);
    text = text.substr(0, text.find('?'));
  }
  return text == "serviceAccount:" + email;
}

// Unconditional bindings of `policy`, changed in place.
template <typename Change>
void ForBindings(json& policy, const Change& change) {
  if (!policy.contains("bindings") || !policy["bindings"].is_array()) {
    policy["bindings"] = json::array();
  }
  for (json& binding : policy["bindings"]) {
    if (binding.is_object() && !binding.contains("condition") &&
        binding.contains("members") && binding["members"].is_array()) {
      change(TextOf(binding, "role"), binding["members"]);
    }
  }
}

// Ids of roles know letters, digits and underscores only.
std::string RoleId(const ClusterIdentity& cluster, std::string_view name) {
  std::string id = fmt::format("{}_{}", cluster.name, name);
  std::ranges::replace(id, '-', '_');
  return id;
}

}  // namespace

std::string AccountEmail(const ClusterIdentity& cluster, std::string_view name,
                         std::string_view project) {
  // "example.com:project" becomes project.example.com.
  const size_t colon = project.find(':');
  const std::string domain =
      colon == std::string_view::npos
          ? std::string(project)
          : fmt::format("{}.{}", project.substr(colon + 1),
                        project.substr(0, colon));
  return fmt::format("{}-{}@{}.iam.gserviceaccount.com", cluster.name, name,
                     domain);
}

// --- What all have in common -------------------------------------------------

// Nothing can be changed in place unless a class below says how.
std::vector<AttributeChange> IamDriver::Differs(
    const DriverContext& /*context*/, const Observed& /*observed*/) {
  return {};
}

absl::StatusOr<Observed> IamDriver::Update(const DriverContext& /*context*/,
                                           const Observed& observed) {
  return observed;
}

// By the id that its name makes, else the journal's. Accounts, roles and
// bindings are named after the cluster's prefix.
absl::StatusOr<std::vector<Observed>> IamDriver::Find(
    const DriverContext& context) {
  std::string id = IdFor(context);
  if (id.empty()) {
    id = context.known_id;
  }
  std::vector<Observed> found;
  if (id.empty()) {
    return found;
  }
  absl::StatusOr<Observed> seen = Look(id);
  if (absl::IsNotFound(seen.status())) {
    return found;
  }
  if (!seen.ok()) {
    return seen.status();
  }
  found.push_back(*std::move(seen));
  return found;
}

// IAM shows everything at once to who made it, so there is no pending state.
absl::StatusOr<Observed> IamDriver::Refresh(const DriverContext& /*context*/,
                                            const Observed& observed) {
  ASSIGN_OR_RETURN(Observed seen, Look(observed.id));
  // The private part of a key is never shown again.
  if (observed.attributes.contains("privateKeyData")) {
    seen.attributes["privateKeyData"] =
        observed.attributes.at("privateKeyData");
  }
  return seen;
}

// The id is the path behind "v1/".
absl::Status IamDriver::Delete(const DriverContext& context,
                               const Observed& observed) {
  return client_
      .Call({.service = "iam",
             .method = "DELETE",
             .path = "v1/" + observed.id,
             .stop = context.stop})
      .status();
}

// Found through what they belong to, unless a class below says how.
absl::StatusOr<std::vector<Stray>> IamDriver::List(
    const ClusterIdentity& /*cluster*/) {
  return std::vector<Stray>();
}

// --- Service accounts --------------------------------------------------------

std::string ServiceAccountDriver::IdFor(const DriverContext& context) const {
  return fmt::format(
      "projects/{}/serviceAccounts/{}", project(),
      AccountEmail(context.cluster, context.resource.name, project()));
}

// NOT_FOUND if there is none.
absl::StatusOr<Observed> ServiceAccountDriver::Look(const std::string& id) {
  ASSIGN_OR_RETURN(json account,
                   client().Call({.service = "iam", .path = "v1/" + id}));
  return Observed{.id = id, .attributes = std::move(account)};
}

// Not repeated if the answer is lost: the name is unique, so the engine finds
// what was made.
absl::StatusOr<Observed> ServiceAccountDriver::Create(
    const DriverContext& context, std::string_view /*token*/) {
  const json body = {
      {"accountId",
       fmt::format("{}-{}", context.cluster.name, context.resource.name)},
      {"serviceAccount",
       {{"displayName", context.resource.desired.at("displayName")},
        {"description", MarkOf(context.cluster, context.resource.name)}}}};
  ASSIGN_OR_RETURN(
      json account,
      client().Call(
          {.service = "iam",
           .method = "POST",
           .path = fmt::format("v1/projects/{}/serviceAccounts", project()),
           .body = DumpJson(body),
           .stop = context.stop}));
  return Observed{.id = IdFor(context), .attributes = std::move(account)};
}

// All accounts of the project: IAM has no filter.
absl::StatusOr<std::vector<Stray>> ServiceAccountDriver::List(
    const ClusterIdentity& cluster) {
  std::vector<Stray> strays;
  ApiRequest request{
      .service = "iam",
      .path = fmt::format("v1/projects/{}/serviceAccounts", project()),
      .query = {{"pageSize", "100"}}};
  for (int page = 0; page < 100; ++page) {
    ASSIGN_OR_RETURN(const json answer, client().Call(request));
    for (const json& account : answer.value("accounts", json::array())) {
      if (const auto name = NameInMark(account, cluster)) {
        strays.push_back({.name = *name,
                          .observed = {.id = fmt::format(
                                           "projects/{}/serviceAccounts/{}",
                                           project(), TextOf(account, "email")),
                                       .attributes = account}});
      }
    }
    const std::string next = TextOf(answer, "nextPageToken");
    if (next.empty()) {
      break;
    }
    request.query = {{"pageSize", "100"}, {"pageToken", next}};
  }
  return strays;
}

// --- Keys --------------------------------------------------------------------

std::string ServiceAccountKeyDriver::IdFor(
    const DriverContext& /*context*/) const {
  return {};  // the cloud names keys
}

absl::StatusOr<Observed> ServiceAccountKeyDriver::Look(const std::string& id) {
  ASSIGN_OR_RETURN(json key,
                   client().Call({.service = "iam", .path = "v1/" + id}));
  return Observed{.id = id, .attributes = std::move(key)};
}

// The private key comes with this answer only. A key whose answer was lost
// stays unused until its account is deleted.
absl::StatusOr<Observed> ServiceAccountKeyDriver::Create(
    const DriverContext& context, std::string_view /*token*/) {
  const absl::StatusOr<json> key = client().Call(
      {.service = "iam",
       .method = "POST",
       .path = fmt::format("v1/projects/{}/serviceAccounts/{}/keys", project(),
                           TextOf(context.resource.desired, "account")),
       .body = DumpJson({{"privateKeyType", "TYPE_GOOGLE_CREDENTIALS_FILE"},
                         {"keyAlgorithm", "KEY_ALG_RSA_2048"}}),
       .stop = context.stop});
  if (!key.ok()) {
    return PatientAboutNewAccounts(key.status());
  }
  const std::string id = TextOf(*key, "name");
  if (!id.starts_with(fmt::format("projects/{}/serviceAccounts/", project()))) {
    return MakeCloudError(
        {.kind = Kind::kUnknown, .message = "the new key has no name of ours"});
  }
  return Observed{.id = id, .attributes = *key};
}

// --- Roles -------------------------------------------------------------------

std::string RoleDriver::IdFor(const DriverContext& context) const {
  return fmt::format("projects/{}/roles/{}", project(),
                     RoleId(context.cluster, context.resource.name));
}

// Deleted roles stay visible for a week and keep their id: they count as gone.
absl::StatusOr<Observed> RoleDriver::Look(const std::string& id) {
  ASSIGN_OR_RETURN(json role,
                   client().Call({.service = "iam", .path = "v1/" + id}));
  if (role.value("deleted", json(false)) == true) {
    return NotThere(id);
  }
  return Observed{.id = id, .attributes = std::move(role)};
}

// A role that was deleted lately cannot be made again under its id: it is
// undeleted and set to what is wanted.
absl::StatusOr<Observed> RoleDriver::Create(const DriverContext& context,
                                            std::string_view /*token*/) {
  const std::string id = IdFor(context);
  const json& desired = context.resource.desired;
  const json role = {
      {"title", desired.at("title")},
      {"description", MarkOf(context.cluster, context.resource.name)},
      {"includedPermissions", desired.at("includedPermissions")},
      {"stage", "GA"}};
  const absl::StatusOr<json> there =
      client().Call({.service = "iam", .path = "v1/" + id});
  if (there.ok()) {  // deleted some weeks ago, or Find() would have seen it
    RETURN_IF_ERROR(client()
                        .Call({.service = "iam",
                               .method = "POST",
                               .path = "v1/" + id + ":undelete",
                               .body = "{}"})
                        .status());
    ASSIGN_OR_RETURN(json made, client().Call({.service = "iam",
                                               .method = "PATCH",
                                               .path = "v1/" + id,
                                               .body = DumpJson(role)}));
    return Observed{.id = id, .attributes = std::move(made)};
  }
  ASSIGN_OR_RETURN(
      json made,
      client().Call(
          {.service = "iam",
           .method = "POST",
           .path = fmt::format("v1/projects/{}/roles", project()),
           .body = DumpJson(
               {{"roleId", RoleId(context.cluster, context.resource.name)},
                {"role", role}})}));
  return Observed{.id = id, .attributes = std::move(made)};
}

// Permissions only: title and description are for people.
std::vector<AttributeChange> RoleDriver::Differs(const DriverContext& context,
                                                 const Observed& observed) {
  const json& wanted = context.resource.desired.at("includedPermissions");
  const json got =
      observed.attributes.value("includedPermissions", json::array());
  if (Covers(got, wanted)) {
    return {};
  }
  return {{.attribute = "includedPermissions", .from = got, .to = wanted}};
}

absl::StatusOr<Observed> RoleDriver::Update(const DriverContext& context,
                                            const Observed& observed) {
  ASSIGN_OR_RETURN(
      json made,
      client().Call({.service = "iam",
                     .method = "PATCH",
                     .path = "v1/" + observed.id,
                     .query = {{"updateMask", "includedPermissions"}},
                     .body = DumpJson({{"includedPermissions",
                                        context.resource.desired.at(
                                            "includedPermissions")}})}));
  return Observed{.id = observed.id, .attributes = std::move(made)};
}

// By mark; without "showDeleted" deleted roles are not listed.
absl::StatusOr<std::vector<Stray>> RoleDriver::List(
    const ClusterIdentity& cluster) {
  std::vector<Stray> strays;
  ApiRequest request{.service = "iam",
                     .path = fmt::format("v1/projects/{}/roles", project()),
                     .query = {{"pageSize", "300"}}};
  for (int page = 0; page < 100; ++page) {
    ASSIGN_OR_RETURN(const json answer, client().Call(request));
    for (const json& role : answer.value("roles", json::array())) {
      if (const auto name = NameInMark(role, cluster)) {
        strays.push_back(
            {.name = *name,
             .observed = {.id = TextOf(role, "name"), .attributes = role}});
      }
    }
    const std::string next = TextOf(answer, "nextPageToken");
    if (next.empty()) {
      break;
    }
    request.query = {{"pageSize", "300"}, {"pageToken", next}};
  }
  return strays;
}

// --- The project's policy ----------------------------------------------------

// A policy belongs to the project and has no id of its own: account and project
// make one.
std::string PolicyDriver::IdFor(const DriverContext& context) const {
  const std::string account = TextOf(context.resource.desired, "account");
  return account.empty()
             ? std::string()
             : fmt::format("projects/{}/policy/{}", project(), account);
}

// Version 3 shows conditional bindings, which otherwise would be lost when the
// policy is written back.
absl::StatusOr<json> PolicyDriver::Policy() {
  return client().Call(
      {.service = "cloudresourcemanager",
       .method = "POST",
       .path = fmt::format("v1/projects/{}:getIamPolicy", project()),
       .body = R"({"options":{"requestedPolicyVersion":3}})",
       .repeatable = true});
}

// With the etag that it was read with: somebody else's change in between is
// kConflict, and the engine asks again.
absl::Status PolicyDriver::SetPolicy(const json& policy) {
  if (TextOf(policy, "etag").empty()) {
    return MakeCloudError({.kind = Kind::kUnknown,
                           .message = "the project's policy has no etag"});
  }
  json wanted = policy;
  wanted["version"] = 3;
  return PatientAboutNewAccounts(
      client()
          .Call({.service = "cloudresourcemanager",
                 .method = "POST",
                 .path = fmt::format("v1/projects/{}:setIamPolicy", project()),
                 .body = DumpJson({{"policy", wanted}}),
                 .repeatable = true})
          .status());
}

// The roles that the account has, whoever gave them.
absl::StatusOr<Observed> PolicyDriver::Look(const std::string& id) {
  ASSIGN_OR_RETURN(json policy, Policy());
  const std::string email(LastPart(id));
  std::set<std::string> roles;
  ForBindings(policy, [&](const std::string& role, const json& members) {
    if (std::ranges::any_of(
            members, [&](const json& m) { return IsMember(m, email); })) {
      roles.insert(role);
    }
  });
  if (roles.empty()) {
    return NotThere(id);
  }
  return Observed{.id = id, .attributes = {{"roles", roles}}};
}

// Adds the account to bindings that are there, and new ones for the rest.
// Reading and writing happen under one etag, so nobody's change is lost.
absl::StatusOr<Observed> PolicyDriver::Create(const DriverContext& context,
                                              std::string_view /*token*/) {
  ASSIGN_OR_RETURN(json policy, Policy());
  const std::string email = TextOf(context.resource.desired, "account");
  std::set<std::string> missing =
      context.resource.desired.at("roles").get<std::set<std::string>>();
  const std::string member = "serviceAccount:" + email;
  ForBindings(policy, [&](const std::string& role, json& members) {
    if (missing.erase(role) != 0 &&
        std::ranges::find(members, json(member)) == members.end()) {
      members.push_back(member);
    }
  });
  for (const std::string& role : missing) {
    policy["bindings"].push_back({{"role", role}, {"members", {member}}});
  }
  RETURN_IF_ERROR(SetPolicy(policy));
  return Look(IdFor(context));
}

// Roles too many are left: somebody may have given them on purpose.
std::vector<AttributeChange> PolicyDriver::Differs(const DriverContext& context,
                                                   const Observed& observed) {
  const json& wanted = context.resource.desired.at("roles");
  const json got = observed.attributes.value("roles", json::array());
  const bool all = std::ranges::all_of(wanted, [&](const json& role) {
    return std::ranges::find(got, role) != got.end();
  });
  if (all) {
    return {};
  }
  return {{.attribute = "roles", .from = got, .to = wanted}};
}

absl::StatusOr<Observed> PolicyDriver::Update(const DriverContext& context,
                                              const Observed& observed) {
  return Create(context, observed.id);
}

// Takes the account out of all unconditional bindings, and drops those that
// become empty. Conditional ones were made by others.
absl::Status PolicyDriver::Delete(const DriverContext& /*context*/,
                                  const Observed& observed) {
  ASSIGN_OR_RETURN(json policy, Policy());
  const std::string email(LastPart(observed.id));
  bool found = false;
  ForBindings(policy, [&](const std::string& /*role*/, json& members) {
    json rest = json::array();
    for (const json& member : members) {
      if (IsMember(member, email)) {
        found = true;
      } else {
        rest.push_back(member);
      }
    }
    members = std::move(rest);
  });
  if (!found) {
    return NotThere(observed.id);
  }
  json kept = json::array();
  for (const json& binding : policy["bindings"]) {
    if (!binding.contains("members") || !binding["members"].empty()) {
      kept.push_back(binding);
    }
  }
  policy["bindings"] = std::move(kept);
  return SetPolicy(policy);
}

// By the accounts' names, also after they were deleted: bindings outlive them.
absl::StatusOr<std::vector<Stray>> PolicyDriver::List(
    const ClusterIdentity& cluster) {
  std::vector<Stray> strays;
  for (const char* name : {"cluster", "vm"}) {
    const std::string id = fmt::format("projects/{}/policy/{}", project(),
                                       AccountEmail(cluster, name, project()));
    absl::StatusOr<Observed> seen = Look(id);
    if (seen.ok()) {
      strays.push_back({.name = fmt::format("{}-roles", name),
                        .observed = *std::move(seen)});
    } else if (!absl::IsNotFound(seen.status())) {
      return seen.status();
    }
  }
  return strays;
}

}  // namespace constellation::cloud::gcp
