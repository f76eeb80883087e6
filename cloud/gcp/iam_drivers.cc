// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/iam_drivers.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "cloud/engine/cloud_error.h"
#include "cloud/gcp/compute.h"
#include "cloud/gcp/iam_driver_base.h"
#include "cloud/json_fields.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;

// Ids of roles know letters, digits and underscores only.
std::string RoleId(const ClusterIdentity& cluster, std::string_view name) {
  std::string id = fmt::format("{}_{}", cluster.name, name);
  std::ranges::replace(id, '-', '_');
  return id;
}

bool IsDeleted(const json& role) {
  return role.value("deleted", json(false)) == true;
}

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
      return MakeCloudError({.kind = CloudErrorKind::kUnknown,
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
    return IsDeleted(role.attributes) ? IamThingNotThere(id)
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
          {.kind = CloudErrorKind::kNameTaken,
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

}  // namespace constellation::cloud::gcp
