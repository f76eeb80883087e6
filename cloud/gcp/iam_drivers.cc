// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/iam_drivers.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
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

constexpr int kMaxPages = 100;  // against a server whose list never ends

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

bool IsDeleted(const json& role) {
  return role.value("deleted", json(false)) == true;
}

// --- What all have in common -------------------------------------------------

// What the drivers of IAM have in common: calls that are done when they are
// answered, nothing to wait for. Thread-safe.
class IamDriver : public ResourceDriver {
 public:
  // `client` must outlive it.
  IamDriver(GcpClient& client, std::string project)
      : client_(client), project_(std::move(project)) {}

  DriverTraits Traits() const override { return {}; }

  // Nothing can be changed in place unless a class below says how.
  std::vector<AttributeChange> Differs(const DriverContext& /*context*/,
                                       const Observed& /*observed*/) override {
    return {};
  }

  absl::StatusOr<Observed> Update(const DriverContext& /*context*/,
                                  const Observed& observed) override {
    return observed;
  }

  // By the id that its name makes, else the journal's. Accounts, roles and
  // bindings are named after the cluster's prefix.
  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) override {
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
    // Names hold no uid: a namesake may be somebody else's, whose rights must
    // neither be used nor be taken away.
    if (CarriesMark() && NameInMark(seen->attributes, context.cluster) !=
                             context.resource.name) {
      return found;
    }
    found.push_back(*std::move(seen));
    return found;
  }

  // IAM shows everything at once to who made it, so there is no pending state.
  absl::StatusOr<Observed> Refresh(const DriverContext& /*context*/,
                                   const Observed& observed) override {
    ASSIGN_OR_RETURN(Observed seen, Look(observed.id));
    // The private part of a key is never shown again.
    if (observed.attributes.contains("privateKeyData")) {
      seen.attributes["privateKeyData"] =
          observed.attributes.at("privateKeyData");
    }
    return seen;
  }

  // The id is the path behind "v1/".
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) override {
    return client_
        .Call({.service = "iam",
               .method = "DELETE",
               .path = "v1/" + observed.id,
               .stop = context.stop})
        .status();
  }

  // Found through what they belong to, unless a class below says how.
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& /*cluster*/) override {
    return std::vector<Stray>();
  }

 protected:
  // The id that follows from name and config alone; empty if there is none.
  virtual std::string IdFor(const DriverContext& context) const = 0;

  // Whether such things carry our mark, without which they are not ours.
  virtual bool CarriesMark() const { return false; }

  // What is at `id`; kNotFound if nothing is.
  virtual absl::StatusOr<Observed> Look(const std::string& id) {
    ASSIGN_OR_RETURN(json thing,
                     client_.Call({.service = "iam", .path = "v1/" + id}));
    return Observed{.id = id, .attributes = std::move(thing)};
  }

  // Everything in the project's `collection` with the cluster's mark, all
  // pages. `items` is the answer's list, `id_of` gives an element's id.
  absl::StatusOr<std::vector<Stray>> ListMarked(
      const ClusterIdentity& cluster, std::string_view collection,
      std::string_view items, const std::string& page_size,
      const std::function<std::string(const json&)>& id_of) {
    std::vector<Stray> strays;
    ApiRequest request{
        .service = "iam",
        .path = fmt::format("v1/projects/{}/{}", project_, collection),
        .query = {{"pageSize", page_size}}};
    for (int page = 0; page < kMaxPages; ++page) {
      ASSIGN_OR_RETURN(const json answer, client_.Call(request));
      for (const json& thing : answer.value(items, json::array())) {
        if (const auto name = NameInMark(thing, cluster)) {
          strays.push_back(
              {.name = *name,
               .observed = {.id = id_of(thing), .attributes = thing}});
        }
      }
      const std::string next = TextOf(answer, "nextPageToken");
      if (next.empty()) {
        break;
      }
      request.query = {{"pageSize", page_size}, {"pageToken", next}};
    }
    return strays;
  }

  GcpClient& client() { return client_; }
  const std::string& project() const { return project_; }

 private:
  GcpClient& client_;
  const std::string project_;
};

// --- Service accounts --------------------------------------------------------

// The account is named "<cluster>-<name>"; ids are
// "projects/p/serviceAccounts/<email>".
class ServiceAccountDriver final : public IamDriver {
 public:
  using IamDriver::IamDriver;
  bool CarriesMark() const override { return true; }

  std::string IdFor(const DriverContext& context) const override {
    return fmt::format(
        "projects/{}/serviceAccounts/{}", project(),
        AccountEmail(context.cluster, context.resource.name, project()));
  }

  // Not repeated if the answer is lost: the name is unique, so the engine finds
  // what was made.
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view /*token*/) override {
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
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override {
    return ListMarked(cluster, "serviceAccounts", "accounts", "100",
                      [this](const json& account) {
                        return fmt::format("projects/{}/serviceAccounts/{}",
                                           project(), TextOf(account, "email"));
                      });
  }
};

// --- Keys --------------------------------------------------------------------

// The private part comes once, in the attribute "privateKeyData", and is kept
// nowhere.
class ServiceAccountKeyDriver final : public IamDriver {
 public:
  using IamDriver::IamDriver;

  std::string IdFor(const DriverContext& /*context*/) const override {
    return {};  // the cloud names keys
  }

  // The private key comes with this answer only. A key whose answer was lost
  // stays unused until its account is deleted.
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view /*token*/) override {
    const absl::StatusOr<json> key = client().Call(
        {.service = "iam",
         .method = "POST",
         .path =
             fmt::format("v1/projects/{}/serviceAccounts/{}/keys", project(),
                         TextOf(context.resource.desired, "account")),
         .body = DumpJson({{"privateKeyType", "TYPE_GOOGLE_CREDENTIALS_FILE"},
                           {"keyAlgorithm", "KEY_ALG_RSA_2048"}}),
         .stop = context.stop});
    if (!key.ok()) {
      return PatientAboutNewAccounts(key.status());
    }
    const std::string id = TextOf(*key, "name");
    if (!id.starts_with(
            fmt::format("projects/{}/serviceAccounts/", project()))) {
      return MakeCloudError({.kind = Kind::kUnknown,
                             .message = "the new key has no name of ours"});
    }
    return Observed{.id = id, .attributes = *key};
  }
};

// --- Roles -------------------------------------------------------------------

// The role's id is "<cluster>_<name>" with '_' for '-'.
class RoleDriver final : public IamDriver {
 public:
  using IamDriver::IamDriver;
  bool CarriesMark() const override { return true; }

  std::string IdFor(const DriverContext& context) const override {
    return fmt::format("projects/{}/roles/{}", project(),
                       RoleId(context.cluster, context.resource.name));
  }

  // Deleted roles stay visible for a week and keep their id: they count as
  // gone.
  absl::StatusOr<Observed> Look(const std::string& id) override {
    ASSIGN_OR_RETURN(Observed role, IamDriver::Look(id));
    return IsDeleted(role.attributes) ? NotThere(id)
                                      : absl::StatusOr<Observed>(role);
  }

  // A role that was deleted lately cannot be made again under its id: it is
  // undeleted and set to what is wanted.
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view /*token*/) override {
    const std::string id = IdFor(context);
    const json& desired = context.resource.desired;
    const json role = {
        {"title", desired.at("title")},
        {"description", MarkOf(context.cluster, context.resource.name)},
        {"includedPermissions", desired.at("includedPermissions")},
        {"stage", "GA"}};
    const absl::StatusOr<json> there =
        client().Call({.service = "iam", .path = "v1/" + id});
    if (there.ok() && !IsDeleted(*there)) {
      return MakeCloudError(
          {.kind = Kind::kNameTaken,
           .message = "there is a role of this id that is not this cluster's",
           .subject = id});
    }
    if (there.ok()) {
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
  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override {
    const json& wanted = context.resource.desired.at("includedPermissions");
    const json got =
        observed.attributes.value("includedPermissions", json::array());
    if (Covers(got, wanted)) {
      return {};
    }
    return {{.attribute = "includedPermissions", .from = got, .to = wanted}};
  }

  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) override {
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
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override {
    return ListMarked(cluster, "roles", "roles", "300",
                      [](const json& role) { return TextOf(role, "name"); });
  }
};

// --- The project's policy ----------------------------------------------------

// Changed under the policy's etag. Ids are "projects/p/policy/<email>".
class PolicyDriver final : public IamDriver {
 public:
  using IamDriver::IamDriver;

  // A policy belongs to the project and has no id of its own: account and
  // project make one.
  std::string IdFor(const DriverContext& context) const override {
    const std::string account = TextOf(context.resource.desired, "account");
    return account.empty()
               ? std::string()
               : fmt::format("projects/{}/policy/{}", project(), account);
  }

  // Version 3 shows conditional bindings, which otherwise would be lost when
  // the policy is written back.
  absl::StatusOr<json> Policy() {
    return client().Call(
        {.service = "cloudresourcemanager",
         .method = "POST",
         .path = fmt::format("v1/projects/{}:getIamPolicy", project()),
         .body = R"({"options":{"requestedPolicyVersion":3}})",
         .repeatable = true});
  }

  // With the etag that it was read with: somebody else's change in between is
  // kConflict, and the engine asks again.
  absl::Status SetPolicy(const json& policy) {
    if (TextOf(policy, "etag").empty()) {
      return MakeCloudError({.kind = Kind::kUnknown,
                             .message = "the project's policy has no etag"});
    }
    json wanted = policy;
    wanted["version"] = 3;
    return PatientAboutNewAccounts(
        client()
            .Call(
                {.service = "cloudresourcemanager",
                 .method = "POST",
                 .path = fmt::format("v1/projects/{}:setIamPolicy", project()),
                 .body = DumpJson({{"policy", wanted}}),
                 .repeatable = true})
            .status());
  }

  // The roles that the account has, whoever gave them.
  absl::StatusOr<Observed> Look(const std::string& id) override {
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
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view /*token*/) override {
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
  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) override {
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

  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) override {
    return Create(context, observed.id);
  }

  // Takes the account out of all unconditional bindings, and drops those that
  // become empty. Conditional ones were made by others.
  absl::Status Delete(const DriverContext& /*context*/,
                      const Observed& observed) override {
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

  // By the accounts' names, also after they were deleted: bindings outlive
  // them.
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) override {
    std::vector<Stray> strays;
    for (const char* name : {"cluster", "vm"}) {
      const std::string id =
          fmt::format("projects/{}/policy/{}", project(),
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
};

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

std::unique_ptr<ResourceDriver> MakeServiceAccountDriver(
    GcpClient& client, const std::string& project) {
  return std::make_unique<ServiceAccountDriver>(client, project);
}

std::unique_ptr<ResourceDriver> MakeServiceAccountKeyDriver(
    GcpClient& client, const std::string& project) {
  return std::make_unique<ServiceAccountKeyDriver>(client, project);
}

std::unique_ptr<ResourceDriver> MakeRoleDriver(GcpClient& client,
                                               const std::string& project) {
  return std::make_unique<RoleDriver>(client, project);
}

std::unique_ptr<ResourceDriver> MakePolicyDriver(GcpClient& client,
                                                 const std::string& project) {
  return std::make_unique<PolicyDriver>(client, project);
}

}  // namespace constellation::cloud::gcp
