// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/policy_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "cloud/engine/cloud_error.h"
#include "cloud/gcp/compute.h"
#include "cloud/gcp/iam_driver_base.h"
#include "cloud/gcp/iam_drivers.h"
#include "cloud/json_fields.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;

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
      return MakeCloudError({.kind = CloudErrorKind::kUnknown,
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
      return IamThingNotThere(id);
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
      return IamThingNotThere(observed.id);
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

std::unique_ptr<ResourceDriver> MakePolicyDriver(GcpClient& client,
                                                 const std::string& project) {
  return std::make_unique<PolicyDriver>(client, project);
}

}  // namespace constellation::cloud::gcp
