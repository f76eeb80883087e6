// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/client.h"

#include <fmt/format.h>

#include "common/hex.h"
#include "common/secret_bytes.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/api_error.h"
#include "kubernetes/cluster_access.h"
#include "kubernetes/https_transport.h"
#include "kubernetes/kubeconfig.h"
#include "kubernetes/names.h"

namespace constellation::kubernetes {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kApplyPatch = "application/apply-patch+yaml";
// As kubectl asks; the total is bounded, whatever the server sends.
constexpr int kPageSize = 500;
constexpr size_t kMaxItems = 100'000;

// The API server tells patches apart by this header alone.
std::string_view ContentTypeOf(PatchType type) {
  switch (type) {
    case PatchType::kMerge:
      return "application/merge-patch+json";
    case PatchType::kStrategicMerge:
      return "application/strategic-merge-patch+json";
    case PatchType::kJson:
      return "application/json-patch+json";
  }
  return kJson;
}

// The core group has no name and lives below /api.
std::string GroupPath(std::string_view api_version) {
  return fmt::format(
      "/{}/{}",
      api_version.find('/') == std::string_view::npos ? "api" : "apis",
      api_version);
}

// "v1" or "apps/v1": it becomes part of a path.
bool IsApiVersion(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return IsDnsSubdomain(text);
  return IsDnsSubdomain(text.substr(0, slash)) &&
         IsDnsSubdomain(text.substr(slash + 1));
}

}  // namespace

std::string QueryOf(const Selection& selection, char separator) {
  std::string query;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    query += fmt::format("{}{}={}", query.empty() ? separator : '&', name,
                         UrlEncode(value));
  };
  add("labelSelector", selection.labels);
  add("fieldSelector", selection.fields);
  return query;
}

absl::StatusOr<std::unique_ptr<Client>> Client::FromKubeconfig(
    std::string_view yaml, std::string_view context) {
  ASSIGN_OR_RETURN(ClusterAccess access, ParseKubeconfig(yaml, context));
  ASSIGN_OR_RETURN(std::unique_ptr<HttpsTransport> transport,
                   HttpsTransport::Create(std::move(access)));
  return std::make_unique<Client>(std::move(transport));
}

// The query is left out of messages: it may be long and tells little.
absl::StatusOr<Json> Client::Call(std::string_view method,
                                  std::string_view target,
                                  std::string_view content_type,
                                  const Json* body) {
  HttpRequest request;
  request.method = method;
  request.target = target;
  request.content_type = content_type;
  request.timeout = timeout_;
  request.stop = stop_.get_token();
  if (body != nullptr) request.body = ToText(*body);
  const absl::StatusOr<HttpResponse> response = transport_->Send(request);
  Wipe(request.body);
  const std::string action =
      fmt::format("{} {}", method, target.substr(0, target.find('?')));
  if (!response.ok()) return Annotate(response.status(), action);
  RETURN_IF_ERROR(StatusOfAnswer(response->status, response->body, action));
  ASSIGN_OR_RETURN(Json object, ParseJson(response->body, action));
  if (!object.is_object()) {
    return InvalidArgument(fmt::format("{}: answer is no object", action));
  }
  return object;
}

absl::StatusOr<Json> Client::Get(std::string_view path) {
  return Call("GET", path, kJson, nullptr);
}

absl::StatusOr<ObjectList> Client::List(std::string_view path,
                                        const Selection& selection) {
  const std::string base =
      fmt::format("{}?limit={}{}", path, kPageSize, QueryOf(selection, '&'));
  ObjectList list;
  std::string continuation;
  do {
    const std::string target =
        continuation.empty()
            ? base
            : fmt::format("{}&continue={}", base, UrlEncode(continuation));
    ASSIGN_OR_RETURN(Json page, Call("GET", target, kJson, nullptr));
    list.resource_version =
        FindString(page, {"metadata", "resourceVersion"}).value_or("");
    continuation = FindString(page, {"metadata", "continue"}).value_or("");
    const auto items = page.find("items");
    if (items == page.end() || !(items->is_array() || items->is_null())) {
      return InvalidArgument(fmt::format("GET {}: answer is no list", path));
    }
    for (Json& item : *items) list.items.push_back(std::move(item));
    if (list.items.size() > kMaxItems) {
      return InvalidArgument(
          fmt::format("GET {}: more than {} objects", path, kMaxItems));
    }
  } while (!continuation.empty());
  return list;
}

absl::StatusOr<Json> Client::Create(std::string_view path, const Json& object) {
  return Call("POST", path, kJson, &object);
}

absl::StatusOr<Json> Client::Replace(std::string_view path,
                                     const Json& object) {
  return Call("PUT", path, kJson, &object);
}

absl::StatusOr<Json> Client::Apply(const Json& object,
                                   std::string_view field_manager, bool force) {
  ASSIGN_OR_RETURN(const std::string path, PathOfObject(object));
  const std::string target =
      fmt::format("{}?fieldManager={}&force={}", path, UrlEncode(field_manager),
                  force ? "true" : "false");
  return Call("PATCH", target, kApplyPatch, &object);
}

absl::StatusOr<Json> Client::Patch(std::string_view path, PatchType type,
                                   const Json& patch) {
  return Call("PATCH", path, ContentTypeOf(type), &patch);
}

absl::Status Client::Delete(std::string_view path) {
  return Call("DELETE", path, kJson, nullptr).status();
}

absl::StatusOr<std::string> Client::PathOfObject(const Json& object) {
  ASSIGN_OR_RETURN(const std::string api_version,
                   RequireString(object, {"apiVersion"}));
  ASSIGN_OR_RETURN(const std::string kind, RequireString(object, {"kind"}));
  ASSIGN_OR_RETURN(const std::string name,
                   RequireString(object, {"metadata", "name"}));
  ASSIGN_OR_RETURN(const Resource resource, FindResource(api_version, kind));
  std::string path = GroupPath(api_version);
  if (resource.namespaced) {
    const std::string name_space =
        FindString(object, {"metadata", "namespace"}).value_or("default");
    path += fmt::format("/namespaces/{}", UrlEncode(name_space));
  }
  return fmt::format("{}/{}/{}", path, resource.plural, UrlEncode(name));
}

// Answers are kept for the life of the client; a kind that is new since is
// found, because only known ones are kept.
absl::StatusOr<Client::Resource> Client::FindResource(
    const std::string& api_version, const std::string& kind) {
  if (!IsApiVersion(api_version)) {
    return InvalidArgument(fmt::format("'{}' is no API version", api_version));
  }
  const auto wanted = std::pair(api_version, kind);
  {
    absl::MutexLock lock(&mutex_);
    const auto known = resources_.find(wanted);
    if (known != resources_.end()) return known->second;
  }
  ASSIGN_OR_RETURN(const Json answer, Get(GroupPath(api_version)));
  const Json* resources = Find(answer, {"resources"});
  if (resources == nullptr || !resources->is_array()) {
    return InvalidArgument(
        fmt::format("{}: no list of resources", GroupPath(api_version)));
  }
  absl::MutexLock lock(&mutex_);
  for (const Json& entry : *resources) {
    const std::string plural = FindString(entry, {"name"}).value_or("");
    const auto entry_kind = FindString(entry, {"kind"});
    // "pods/status" and the like are parts of a resource.
    if (!entry_kind.has_value() || !IsDnsSubdomain(plural)) continue;
    resources_[{api_version, *entry_kind}] = {
        plural, FindBool(entry, {"namespaced"}).value_or(false)};
  }
  const auto found = resources_.find(wanted);
  if (found == resources_.end()) {
    return NotFound(
        fmt::format("the API server knows no {} {}", api_version, kind));
  }
  return found->second;
}

absl::Status Client::CheckReady() {
  HttpRequest request;
  request.target = "/readyz";
  request.timeout = timeout_;
  request.stop = stop_.get_token();
  ASSIGN_OR_RETURN(const HttpResponse response, transport_->Send(request));
  return StatusOfAnswer(response.status, response.body, "GET /readyz");
}

}  // namespace constellation::kubernetes
