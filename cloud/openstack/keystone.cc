// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/keystone.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/time/time.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/http/endpoints.h"
#include "cloud/json_fields.h"
#include "cloud/openstack/json_access.h"
#include "cloud/openstack/openstack_error.h"
#include "cloud/openstack/refused_login.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;

constexpr size_t kMaxCatalog = size_t{4} << 20U;
constexpr size_t kMaxToken = 8192;  // fernet 250, PKI in old clouds 8 KiB
constexpr absl::Duration kRenewBefore = absl::Seconds(60);

// Absent and empty are the same in clouds.yaml.
std::string Get(const CloudEntry& entry, std::string_view key) {
  const auto found = entry.find(key);
  return found == entry.end() ? "" : found->second;
}

std::string Auth(const CloudEntry& entry, std::string_view key) {
  return Get(entry, "auth." + std::string(key));
}

// Old and new spellings of one key.
std::string FirstOf(const CloudEntry& entry,
                    std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (std::string value = Auth(entry, key); !value.empty()) {
      return value;
    }
  }
  return "";
}

// {"id"} or {"name"}; null if the entry has neither.
// From the special to the general: the user's or project's own domain, then the
// one for both, then the default. Ids win over names.
json Domain(const CloudEntry& entry, const std::string& who) {
  const std::string id =
      FirstOf(entry, {who + "_domain_id", "domain_id", "default_domain_id"});
  if (!id.empty()) {
    return {{"id", id}};
  }
  const std::string name =
      FirstOf(entry, {who + "_domain_name", "domain_name", "default_domain",
                      "default_domain_name"});
  return name.empty() ? json() : json{{"name", name}};
}

// A name is unique in a domain only; without one keystone would have to guess.
absl::StatusOr<json> User(const CloudEntry& entry) {
  const std::string id = Auth(entry, "user_id");
  if (!id.empty()) {
    return json{{"id", id}};
  }
  const std::string name = Auth(entry, "username");
  const json domain = Domain(entry, "user");
  if (name.empty() || domain.is_null()) {
    return InvalidArgument(
        "auth: want user_id, or username with user_domain_name or "
        "user_domain_id");
  }
  return json{{"name", name}, {"domain", domain}};
}

// Domain and system scopes are not offered: nothing here works without a
// project.
absl::StatusOr<json> ProjectScope(const CloudEntry& entry) {
  const std::string id = FirstOf(entry, {"project_id", "tenant_id"});
  if (!id.empty()) {
    return json{{"project", {{"id", id}}}};
  }
  const std::string name = FirstOf(entry, {"project_name", "tenant_name"});
  const json domain = Domain(entry, "project");
  if (name.empty() || domain.is_null()) {
    return InvalidArgument(
        "auth: want project_id, or project_name with project_domain_name or "
        "project_domain_id");
  }
  return json{{"project", {{"name", name}, {"domain", domain}}}};
}

// By name it needs its user as well; by id it does not.
absl::StatusOr<json> ApplicationCredential(const CloudEntry& entry) {
  json credential = {{"secret", Auth(entry, "application_credential_secret")}};
  if (credential["secret"].get_ref<const std::string&>().empty()) {
    return InvalidArgument("auth: application_credential_secret is missing");
  }
  const std::string id = Auth(entry, "application_credential_id");
  const std::string name = Auth(entry, "application_credential_name");
  if (!id.empty()) {
    credential["id"] = id;
  } else if (!name.empty()) {
    credential["name"] = name;
    ASSIGN_OR_RETURN(credential["user"], User(entry));
  } else {
    return InvalidArgument(
        "auth: want application_credential_id or application_credential_name");
  }
  return json{{"methods", {"application_credential"}},
              {"application_credential", std::move(credential)}};
}

// Which way to log in; the keys decide where auth_type does not.
std::string Method(const CloudEntry& entry) {
  std::string type = Get(entry, "auth_type");
  if (type.starts_with("v3")) {
    type = type.substr(2);
  }
  if (!type.empty()) {
    return type;
  }
  if (!FirstOf(entry,
               {"application_credential_id", "application_credential_name"})
           .empty()) {
    return "applicationcredential";
  }
  return Auth(entry, "password").empty() && !Auth(entry, "token").empty()
             ? "token"
             : "password";
}

// A row of the table below.
struct ServiceName {
  std::string_view type;
  std::string_view service;
  // What the address must end with; added if it has no version.
  std::string_view version;
};

// Catalog types and their aliases (OpenStack service types authority).
constexpr std::array<ServiceName, 8> kServices = {{
    {"identity", kIdentity, ""},
    {"compute", kCompute, ""},
    {"network", kNetwork, "/v2.0"},
    {"image", kImage, "/v2"},
    {"block-storage", kBlockStorage, ""},
    {"volumev3", kBlockStorage, ""},
    {"volume", kBlockStorage, ""},
    {"load-balancer", kLoadBalancer, "/v2"},
}};

// An address of the catalog or of the config gets the token: "user@host" forms
// and anything that could end a request line are refused.
bool IsHttpUrl(std::string_view url) {
  return (url.starts_with("https://") || url.starts_with("http://")) &&
         !HostOfUrl(url).empty() &&
         url.find_first_of("?#@ \r\n") == std::string_view::npos;
}

// Catalogs name some services with and others without their version.
std::string WithVersion(std::string url, std::string_view version) {
  while (url.ends_with('/')) {
    url.pop_back();
  }
  // "/v2.0" satisfies "/v2", too.
  const size_t slash = url.rfind('/');
  const bool has = slash != std::string::npos &&
                   std::string_view(url).substr(slash).starts_with("/v2");
  return version.empty() || has ? url : url + std::string(version);
}

// The first endpoint of a service that fits is taken, later ones are passed
// over.
class CatalogReader final {
 public:
  CatalogReader(std::string_view region, std::string_view interface)
      : region_(region),
        interface_(interface.empty() ? "public" : std::string(interface)) {
    if (interface_.ends_with("URL")) {
      interface_.resize(interface_.size() - 3);
    }
  }

  void Read(const json& catalog) {
    for (const json& service : catalog) {
      const std::string type = TextOf(service, "type");
      for (const ServiceName& known : kServices) {
        if (type == known.type) {
          Take(known, ArrayOf(service, "endpoints"));
        }
      }
    }
  }

  // A region that nobody named is taken only if there is no other: a cluster in
  // two regions would be neither.
  absl::Status Finish(Login& login) const {
    if (!region_.empty() && !regions_.empty() && !regions_.contains(region_)) {
      return MakeCloudError(
          {.kind = CloudErrorKind::kUnsupportedRegion,
           .message = fmt::format("the catalog has no region \"{}\", only {}",
                                  region_, fmt::join(regions_, ", ")),
           .subject = region_});
    }
    if (region_.empty() && regions_.size() > 1) {
      return InvalidArgument(
          fmt::format("the catalog has several regions ({}): set "
                      "provider.openstack.regionName, or region_name in "
                      "clouds.yaml",
                      fmt::join(regions_, ", ")));
    }
    login.region =
        region_.empty() && regions_.size() == 1 ? *regions_.begin() : region_;
    login.endpoints = endpoints_;
    return absl::OkStatus();
  }

 private:
  void Take(const ServiceName& known, const json& endpoints) {
    for (const json& endpoint : endpoints) {
      if (TextOf(endpoint, "interface") != interface_) {
        continue;
      }
      const std::string region = TextOf(endpoint, "region_id").empty()
                                     ? TextOf(endpoint, "region")
                                     : TextOf(endpoint, "region_id");
      if (!region.empty()) {
        regions_.insert(region.substr(0, 255));
      }
      const std::string url = TextOf(endpoint, "url");
      if ((region_.empty() || region.empty() || region == region_) &&
          IsHttpUrl(url)) {
        endpoints_.emplace(known.service, WithVersion(url, known.version));
      }
    }
  }

  const std::string region_;
  std::string interface_;
  std::set<std::string> regions_;
  std::map<std::string, std::string, std::less<>> endpoints_;
};

}  // namespace

// Messages name keys, never values: one of them is the password.
absl::StatusOr<json> AuthRequest(const CloudEntry& entry) {
  const std::string method = Method(entry);
  if (method == "applicationcredential") {
    ASSIGN_OR_RETURN(const json identity, ApplicationCredential(entry));
    // Bound to its project: a scope is refused by keystone.
    return json{{"auth", {{"identity", identity}}}};
  }
  json identity;
  if (method == "token") {
    if (Auth(entry, "token").empty()) {
      return InvalidArgument("auth: token is missing");
    }
    identity = {{"methods", {"token"}},
                {"token", {{"id", Auth(entry, "token")}}}};
  } else if (method == "password") {
    ASSIGN_OR_RETURN(json user, User(entry));
    if (Auth(entry, "password").empty()) {
      return InvalidArgument("auth: password is missing");
    }
    user["password"] = Auth(entry, "password");
    identity = {{"methods", {"password"}}, {"password", {{"user", user}}}};
  } else {
    return InvalidArgument(fmt::format(
        "auth_type \"{}\" is not supported: want password, token or "
        "v3applicationcredential",
        method));
  }
  ASSIGN_OR_RETURN(const json scope, ProjectScope(entry));
  return json{{"auth", {{"identity", identity}, {"scope", scope}}}};
}

// Old entries end in /v2.0; that protocol is gone, /v3 is beside it.
absl::StatusOr<std::string> IdentityUrl(const CloudEntry& entry) {
  std::string url = Auth(entry, "auth_url");
  if (!IsHttpUrl(url)) {
    return InvalidArgument(
        url.empty() ? "auth: auth_url is missing"
                    : "auth: auth_url: want http(s)://host[:port][/path]");
  }
  while (url.ends_with('/')) {
    url.pop_back();
  }
  if (url.ends_with("/v2.0")) {
    url.resize(url.size() - 5);
  }
  return url.ends_with("/v3") ? url : url + "/v3";
}

// The token becomes a header, so line ends in it are refused.
absl::StatusOr<Login> ParseLogin(std::string_view body, std::string_view token,
                                 std::string_view region,
                                 std::string_view interface) {
  ASSIGN_OR_RETURN(const json answer,
                   ParseJsonObject(body, "keystone", kMaxCatalog));
  const json about = ObjectOf(answer, "token");
  const bool clean = !token.empty() && token.size() <= kMaxToken &&
                     token.find_first_of("\r\n") == std::string_view::npos;
  if (!clean) {
    return InvalidArgument("keystone: no usable X-Subject-Token");
  }
  Login login{.token = std::string(token)};
  std::string error;
  const std::string expires = TextOf(about, "expires_at");
  if (!absl::ParseTime(absl::RFC3339_full, expires, &login.expires, &error)) {
    return InvalidArgument(fmt::format(
        "keystone: expires_at: want a time, got \"{:.40}\"", expires));
  }
  login.user_id = TextOf(ObjectOf(about, "user"), "id");
  login.user_name = TextOf(ObjectOf(about, "user"), "name");
  login.project_id = TextOf(ObjectOf(about, "project"), "id");
  login.project_name = TextOf(ObjectOf(about, "project"), "name");
  if (login.project_id.empty()) {
    return MakeCloudError(
        {.kind = CloudErrorKind::kWrongProject,
         .message = "the login is not for a project: set project_name"});
  }
  CatalogReader reader(region, interface);
  reader.Read(ArrayOf(about, "catalog"));
  RETURN_IF_ERROR(reader.Finish(login));
  return login;
}

// A minute early, so that no request carries a token that ends on its way.
absl::StatusOr<Login> Keystone::Current() {
  const absl::MutexLock lock(&mutex_);
  if (login_.token.empty() || clock_.Now() + kRenewBefore >= login_.expires) {
    ASSIGN_OR_RETURN(login_, LogIn());
  }
  return login_;
}

// Another thread may have logged in again since: its token is not dropped.
void Keystone::Reject(std::string_view token) {
  const absl::MutexLock lock(&mutex_);
  if (login_.token == token) {
    login_ = {};
  }
}

// Identity's own address stays the one that the user named: the catalog's may
// be one that only the cloud reaches.
absl::StatusOr<Login> Keystone::LogIn() {
  if (!entry_) {
    ASSIGN_OR_RETURN(entry_, source_());
  }
  ASSIGN_OR_RETURN(const std::string url, IdentityUrl(*entry_));
  ASSIGN_OR_RETURN(const json body, AuthRequest(*entry_));
  ASSIGN_OR_RETURN(
      const HttpResponse answer,
      transport_.Send({.method = "POST",
                       .url = url + "/auth/tokens",
                       .headers = {{"Content-Type", "application/json"},
                                   {"Accept", "application/json"}},
                       .body = DumpJson(body),
                       .max_answer_size = kMaxCatalog,
                       .repeatable = true}));  // a second token harms nobody
  if (answer.status != 201 && answer.status != 200) {
    CloudError error =
        ExplainRefusedLogin(transport_, url, body, DecodeError(answer));
    error.message = fmt::format("login at {}: {}", url, error.message);
    return MakeCloudError(error);
  }
  ASSIGN_OR_RETURN(
      Login login,
      ParseLogin(answer.body, answer.Header("x-subject-token").value_or(""),
                 Get(*entry_, "region_name"),
                 Get(*entry_, "interface").empty()
                     ? Get(*entry_, "endpoint_type")
                     : Get(*entry_, "interface")));
  login.endpoints.insert_or_assign(std::string(kIdentity), url);
  RETURN_IF_ERROR(Override(login));
  return login;
}

// Addresses from the entry and from OS_*_ENDPOINT_OVERRIDE, which wins.
absl::Status Keystone::Override(Login& login) const {
  for (const ServiceName& known : kServices) {
    std::string key(known.type);
    for (char& c : key) {
      c = c == '-' ? '_' : c;
    }
    if (const std::string url = Get(*entry_, key + "_endpoint_override");
        !url.empty()) {
      if (!IsHttpUrl(url)) {
        return InvalidArgument(
            fmt::format("{}_endpoint_override: want an http(s) URL", key));
      }
      login.endpoints[std::string(known.service)] =
          WithVersion(url, known.version);
    }
    if (known.type != known.service || known.service == kIdentity) {
      continue;
    }
    ASSIGN_OR_RETURN(
        const Endpoint endpoint,
        ResolveEndpoint("openstack", known.service, {}, environment_));
    if (!endpoint.url.empty()) {
      login.endpoints[std::string(known.service)] =
          WithVersion(endpoint.url, known.version);
    }
  }
  return absl::OkStatus();
}

}  // namespace constellation::cloud::openstack
