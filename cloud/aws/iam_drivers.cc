// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cloud/aws/driver_support.h"
#include "cloud/aws/drivers.h"
#include "cloud/aws/names.h"
#include "common/hex.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;
using Kind = CloudErrorKind;

// Both kinds: unique names, tags, something tied to them that goes first.
class IamDriver : public ResourceDriver {
 public:
  // `word` is "Role" or "InstanceProfile", as in the actions' names.
  IamDriver(AwsClient& client, std::string_view word)
      : client_(client), word_(word), key_(word_ + "Name") {}

  DriverTraits Traits() const final { return {.create_is_idempotent = true}; }

  // By name, which is unique in the account; the tag tells whose it is. Without
  // the tag somebody else owns the name, and the caller meets kNameTaken.
  absl::StatusOr<std::vector<Observed>> Find(
      const DriverContext& context) final {
    const auto wanted = Resolve(context.resource.desired, context);
    const std::string name =
        wanted.ok() ? wanted->value(key_, context.known_id) : context.known_id;
    if (name.empty()) {
      return std::vector<Observed>();
    }
    auto found = Get(name, context.stop);
    if (IsKind(found.status(), Kind::kNotFound)) {
      return std::vector<Observed>();
    }
    RETURN_IF_ERROR(found.status());
    const Json& tags = found->attributes.at("Tags");
    if (TagOf(tags, kUidTag) != context.cluster.uid) {
      return std::vector<Observed>();  // somebody else's
    }
    return std::vector<Observed>{*found};
  }

  // Not ready at once: IAM takes some seconds until all of AWS knows the name,
  // hence kPending.
  absl::StatusOr<Observed> Create(const DriverContext& context,
                                  std::string_view /*token*/) final {
    ASSIGN_OR_RETURN(const Json wanted,
                     Resolve(context.resource.desired, context));
    const std::string name = wanted.value(key_, "");
    Json parameters = Pick(wanted, Parameters());
    parameters["Tags"] = TagList(TagsOf(context));
    const absl::Status status =
        client_
            .Call(kIam, "Create" + word_, parameters, context.stop,
                  /*repeatable=*/true)
            .status();
    if (IsKind(status, Kind::kNameTaken)) {
      ASSIGN_OR_RETURN(const std::vector<Observed> found, Find(context));
      if (found.empty()) {
        return status;
      }
    } else {
      RETURN_IF_ERROR(status);
    }
    RETURN_IF_ERROR(Finish(name, wanted, context.stop));
    return Observed{.id = name, .state = ResourceState::kPending};
  }

  std::vector<AttributeChange> Differs(const DriverContext& context,
                                       const Observed& observed) final {
    return Compare(context, observed, Changeable());
  }

  absl::StatusOr<Observed> Update(const DriverContext& context,
                                  const Observed& observed) final {
    ASSIGN_OR_RETURN(const Json wanted,
                     Resolve(context.resource.desired, context));
    RETURN_IF_ERROR(
        client_
            .Call(kIam, "Tag" + word_,
                  {{key_, observed.id}, {"Tags", TagList(TagsOf(context))}},
                  context.stop)
            .status());
    RETURN_IF_ERROR(Finish(observed.id, wanted, context.stop));
    return Refresh(context, observed);
  }

  // kNotFound if it is gone.
  absl::StatusOr<Observed> Refresh(const DriverContext& context,
                                   const Observed& observed) final {
    return Get(observed.id, context.stop);
  }

  // IAM refuses to delete what something is tied to.
  absl::Status Delete(const DriverContext& context,
                      const Observed& observed) final {
    RETURN_IF_ERROR(Empty(observed.id, context.stop));
    return client_
        .Call(kIam, "Delete" + word_, {{key_, observed.id}}, context.stop)
        .status();
  }

  // By path: IAM has no search by tag.
  absl::StatusOr<std::vector<Stray>> List(
      const ClusterIdentity& cluster) final {
    std::vector<std::string> names;
    RETURN_IF_ERROR(client_.CallPaged(
        kIam, "List" + word_ + "s",
        {{"PathPrefix", fmt::format("/constellation/{}/", cluster.uid)}}, {},
        [&](XmlElement page) {
          for (const XmlElement& item : page.List(word_ + "s")) {
            names.push_back(item.Text(key_));
          }
          return absl::OkStatus();
        }));
    std::vector<Stray> strays;
    for (const std::string& name : names) {
      auto found = Get(name, {});
      if (IsKind(found.status(), Kind::kNotFound)) {
        continue;
      }
      RETURN_IF_ERROR(found.status());
      if (IsOfCluster(found->attributes.at("Tags"), cluster)) {
        strays.push_back(
            {.name = TagOf(found->attributes.at("Tags"), kResourceTag),
             .observed = *found});
      }
    }
    return strays;
  }

  // The differences between the two kinds:
 protected:
  // Keys of `desired` that the create call takes.
  virtual std::span<const std::string_view> Parameters() const = 0;
  // Keys of `desired` that can be changed in place.
  virtual std::span<const std::string_view> Changeable() const = 0;
  // Adds to `attributes` what Get...() shows only elsewhere.
  virtual absl::Status ReadMore(XmlElement item, const std::stop_token& stop,
                                Json& attributes) = 0;
  // Ties to `name` what shall be tied to it, and unties all else.
  virtual absl::Status Finish(const std::string& name, const Json& wanted,
                              const std::stop_token& stop) = 0;
  // Unties everything.
  virtual absl::Status Empty(const std::string& name,
                             const std::stop_token& stop) = 0;

  // An action whose answer holds nothing of interest. IAM's Put, Attach, Add
  // and their opposites may all be repeated.
  absl::Status Run(std::string_view action, const Json& parameters,
                   const std::stop_token& stop) {
    return client_.Call(kIam, action, parameters, stop).status();
  }

  AwsClient& client_;

 private:
  // The name is compared: an answer about another one must not be acted upon.
  absl::StatusOr<Observed> Get(const std::string& name,
                               const std::stop_token& stop) {
    ASSIGN_OR_RETURN(const XmlDocument answer,
                     client_.Call(kIam, "Get" + word_, {{key_, name}}, stop));
    const XmlElement item = answer.result().At(word_);
    if (item.Text(key_) != name) {
      return MakeNotFound(name);
    }
    Observed observed{.id = name};
    observed.attributes["Arn"] = item.Text("Arn");
    observed.attributes["Tags"] = ReadTags(item.List("Tags"));
    RETURN_IF_ERROR(ReadMore(item, stop, observed.attributes));
    return observed;
  }

  const std::string word_;
  const std::string key_;
};

// Inline policies are ours as a whole; managed policies by their ARN.
class RoleDriver final : public IamDriver {
 public:
  explicit RoleDriver(AwsClient& client) : IamDriver(client, "Role") {}

 protected:
  std::span<const std::string_view> Parameters() const override {
    static constexpr std::array<std::string_view, 4> kKeys = {
        "RoleName", "Path", "AssumeRolePolicyDocument", "Description"};
    return kKeys;
  }
  std::span<const std::string_view> Changeable() const override {
    static constexpr std::array<std::string_view, 2> kKeys = {
        "Policies", "ManagedPolicies"};
    return kKeys;
  }

  // Names of policies and, for our own, their documents.
  absl::Status ReadMore(XmlElement item, const std::stop_token& stop,
                        Json& attributes) override {
    const std::string name = item.Text("RoleName");
    Json& policies = attributes["Policies"] = Json::object();
    Json& managed = attributes["ManagedPolicies"] = Json::array();
    std::vector<std::string> names;
    RETURN_IF_ERROR(
        Names(name, "ListRolePolicies", "PolicyNames", "", stop, names));
    for (const std::string& policy : names) {
      ASSIGN_OR_RETURN(
          const XmlDocument answer,
          client_.Call(kIam, "GetRolePolicy",
                       {{"RoleName", name}, {"PolicyName", policy}}, stop));
      const Json document =
          Json::parse(PercentDecode(answer.result().Text("PolicyDocument")),
                      nullptr, /*allow_exceptions=*/false);
      // A document that is no JSON differs from any that is wanted, so that it
      // is written again.
      policies[policy] = document.is_discarded() ? Json() : document;
    }
    names.clear();
    RETURN_IF_ERROR(Names(name, "ListAttachedRolePolicies", "AttachedPolicies",
                          "PolicyArn", stop, names));
    std::ranges::sort(names);
    managed = names;
    return absl::OkStatus();
  }

  // What is wanted is put before what is not wanted is removed: nodes that run
  // meanwhile never lose their rights.
  absl::Status Finish(const std::string& name, const Json& wanted,
                      const std::stop_token& stop) override {
    const Json policies = wanted.value("Policies", Json::object());
    for (const auto& [policy, document] : policies.items()) {
      RETURN_IF_ERROR(Run("PutRolePolicy",
                          {{"RoleName", name},
                           {"PolicyName", policy},
                           {"PolicyDocument", document.dump()}},
                          stop));
    }
    for (const Json& arn : wanted.value("ManagedPolicies", Json::array())) {
      RETURN_IF_ERROR(Run("AttachRolePolicy",
                          {{"RoleName", name}, {"PolicyArn", arn}}, stop));
    }
    return RemoveOthers(name, policies,
                        wanted.value("ManagedPolicies", Json::array()), stop);
  }

  absl::Status Empty(const std::string& name,
                     const std::stop_token& stop) override {
    return RemoveOthers(name, Json::object(), Json::array(), stop);
  }

 private:
  // Appends the texts at `element` of all pages' entries; at "" the entries'
  // own.
  absl::Status Names(const std::string& role, std::string_view action,
                     std::string_view list, std::string_view element,
                     const std::stop_token& stop,
                     std::vector<std::string>& names) {
    return client_.CallPaged(kIam, action, {{"RoleName", role}}, stop,
                             [&](XmlElement page) {
                               for (const XmlElement& one : page.List(list)) {
                                 names.push_back(one.Text(element));
                               }
                               return absl::OkStatus();
                             });
  }

  // Policies that shall not be there: those of an older version, or all.
  absl::Status RemoveOthers(const std::string& name, const Json& policies,
                            const Json& managed, const std::stop_token& stop) {
    std::vector<std::string> names;
    RETURN_IF_ERROR(
        Names(name, "ListRolePolicies", "PolicyNames", "", stop, names));
    for (const std::string& policy : names) {
      if (!policies.contains(policy)) {
        RETURN_IF_ERROR(
            Unless(Kind::kNotFound,
                   Run("DeleteRolePolicy",
                       {{"RoleName", name}, {"PolicyName", policy}}, stop)));
      }
    }
    names.clear();
    RETURN_IF_ERROR(Names(name, "ListAttachedRolePolicies", "AttachedPolicies",
                          "PolicyArn", stop, names));
    for (const std::string& arn : names) {
      if (std::find(managed.begin(), managed.end(), arn) == managed.end()) {
        RETURN_IF_ERROR(
            Unless(Kind::kNotFound,
                   Run("DetachRolePolicy",
                       {{"RoleName", name}, {"PolicyArn", arn}}, stop)));
      }
    }
    return absl::OkStatus();
  }

  // IAM percent-encodes documents (RFC 3986).
  static std::string PercentDecode(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      const auto byte = text[i] == '%' && i + 2 < text.size()
                            ? HexDecode(text.substr(i + 1, 2))
                            : absl::StatusOr<Bytes>(MakeNotFound(""));
      if (byte.ok()) {
        out += static_cast<char>(byte->front());
        i += 2;
      } else {
        out += text[i];
      }
    }
    return out;
  }
};

// What machines are given: a profile that holds a role.
class InstanceProfileDriver final : public IamDriver {
 public:
  explicit InstanceProfileDriver(AwsClient& client)
      : IamDriver(client, "InstanceProfile") {}

 protected:
  std::span<const std::string_view> Parameters() const override {
    static constexpr std::array<std::string_view, 2> kKeys = {
        "InstanceProfileName", "Path"};
    return kKeys;
  }
  std::span<const std::string_view> Changeable() const override {
    static constexpr std::array<std::string_view, 1> kKeys = {"RoleName"};
    return kKeys;
  }

  absl::Status ReadMore(XmlElement item, const std::stop_token& /*stop*/,
                        Json& attributes) override {
    const auto roles = item.List("Roles");
    attributes["RoleName"] =
        roles.empty() ? "" : roles.front().Text("RoleName");
    return absl::OkStatus();
  }

  // A profile holds one role at most.
  // The former role is taken out first, since a second one would be refused.
  absl::Status Finish(const std::string& name, const Json& wanted,
                      const std::stop_token& stop) override {
    ASSIGN_OR_RETURN(const std::string have, RoleOf(name, stop));
    const std::string want = wanted.value("RoleName", "");
    if (have == want) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(Empty(name, stop));
    return Run("AddRoleToInstanceProfile",
               {{"InstanceProfileName", name}, {"RoleName", want}}, stop);
  }

  absl::Status Empty(const std::string& name,
                     const std::stop_token& stop) override {
    ASSIGN_OR_RETURN(const std::string role, RoleOf(name, stop));
    return role.empty()
               ? absl::OkStatus()
               : Unless(Kind::kNotFound,
                        Run("RemoveRoleFromInstanceProfile",
                            {{"InstanceProfileName", name}, {"RoleName", role}},
                            stop));
  }

 private:
  // The role in the profile, or "".
  absl::StatusOr<std::string> RoleOf(const std::string& name,
                                     const std::stop_token& stop) {
    ASSIGN_OR_RETURN(const XmlDocument answer,
                     client_.Call(kIam, "GetInstanceProfile",
                                  {{"InstanceProfileName", name}}, stop));
    const auto roles = answer.result().List("InstanceProfile/Roles");
    return roles.empty() ? "" : roles.front().Text("RoleName");
  }
};

}  // namespace

std::unique_ptr<ResourceDriver> MakeRoleDriver(AwsClient& client) {
  return std::make_unique<RoleDriver>(client);
}

std::unique_ptr<ResourceDriver> MakeInstanceProfileDriver(AwsClient& client) {
  return std::make_unique<InstanceProfileDriver>(client);
}

}  // namespace constellation::cloud::aws
