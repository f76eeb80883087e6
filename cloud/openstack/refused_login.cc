// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/refused_login.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cloud/json_fields.h"
#include "cloud/openstack/json_access.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;

constexpr size_t kMaxAnswer = size_t{4} << 20U;  // with a catalog
constexpr size_t kMaxNamed = 10;
constexpr size_t kMaxName = 64;  // of a project (Keystone API v3)

// Name or id, whichever the login had.
std::string ProjectOf(const json& request) {
  const json project =
      ObjectOf(ObjectOf(ObjectOf(request, "auth"), "scope"), "project");
  const std::string name = TextOf(project, "name");
  return name.empty() ? TextOf(project, "id") : name;
}

// A token of the user alone; nothing if keystone refuses that as well.
std::optional<std::string> UnscopedToken(HttpTransport& transport,
                                         std::string_view url, json request) {
  request["auth"]["scope"] = "unscoped";
  const absl::StatusOr<HttpResponse> answer =
      transport.Send({.method = "POST",
                      .url = fmt::format("{}/auth/tokens", url),
                      .headers = {{"Content-Type", "application/json"},
                                  {"Accept", "application/json"}},
                      .body = DumpJson(request),
                      .max_answer_size = kMaxAnswer,
                      .repeatable = true});
  if (!answer.ok() || (answer->status != 201 && answer->status != 200)) {
    return std::nullopt;
  }
  return std::string(answer->Header("x-subject-token").value_or(""));
}

// What the user may choose instead, as the end of a sentence; empty if keystone
// does not say.
std::string Choices(HttpTransport& transport, std::string_view url,
                    const std::string& token) {
  const absl::StatusOr<HttpResponse> answer = transport.Send(
      {.method = "GET",
       .url = fmt::format("{}/auth/projects", url),
       .headers = {{"X-Auth-Token", token}, {"Accept", "application/json"}},
       .max_answer_size = kMaxAnswer,
       .repeatable = true});
  if (!answer.ok() || answer->status != 200) {
    return "";
  }
  const absl::StatusOr<json> list =
      ParseJsonObject(answer->body, "keystone", kMaxAnswer);
  if (!list.ok() || !list->contains("projects")) {
    return "";
  }
  std::vector<std::string> names;
  size_t more = 0;
  for (const json& project : ArrayOf(*list, "projects")) {
    const std::string name = TextOf(project, "name");
    if (name.empty() || name.size() > kMaxName) {
      continue;
    }
    if (names.size() < kMaxNamed) {
      names.push_back(name);
    } else {
      ++more;
    }
  }
  if (names.empty()) {
    return "; this user has a role in no project";
  }
  return fmt::format("; this user may choose {}{}", fmt::join(names, ", "),
                     more == 0 ? "" : fmt::format(" and {} more", more));
}

}  // namespace

CloudError ExplainRefusedLogin(HttpTransport& transport, std::string_view url,
                               const json& request, CloudError refusal) {
  const std::string project = ProjectOf(request);
  if (refusal.kind != CloudErrorKind::kBadCredentials || project.empty()) {
    return refusal;
  }
  const std::optional<std::string> token =
      UnscopedToken(transport, url, request);
  if (!token) {
    return refusal;
  }
  refusal.kind = CloudErrorKind::kWrongProject;
  refusal.subject = project;
  refusal.message = fmt::format(
      "the login is right, but project \"{}\" does not exist, is disabled, or "
      "gives this user no role{}",
      project, Choices(transport, url, *token));
  return refusal;
}

}  // namespace constellation::cloud::openstack
