// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/gcp_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cloud/engine/cloud_error.h"
#include "cloud/gcp/gcp_error.h"
#include "cloud/http/endpoints.h"
#include "cloud/json_fields.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;

// An aggregated list of a large project takes some megabytes.
constexpr size_t kMaxAnswer = size_t{16} << 20U;
// Against a server whose list never ends.
constexpr int kMaxPages = 1000;
// Google's own libraries renew that early.
constexpr absl::Duration kRenewBefore = absl::Seconds(225);

// What gcloud's variables have behind the host, and we add by ourselves.
std::string_view ServicePath(std::string_view service) {
  if (service == "compute") {
    return "/compute/v1";
  }
  return service == "storage" ? "/storage/v1" : "";
}

}  // namespace

// RFC 3986's unreserved characters stay.
std::string EscapeQuery(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                       c == '_' || c == '~';
    out += plain ? std::string(1, c)
                 : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// "projects/" in front or behind an address; the text itself without any.
std::string_view AfterProjects(std::string_view text) {
  constexpr std::string_view kProjects = "projects/";
  if (text.starts_with(kProjects)) {
    return text.substr(kProjects.size());
  }
  const size_t at = text.find("/projects/");
  return at == std::string_view::npos ? text
                                      : text.substr(at + 1 + kProjects.size());
}

std::string_view LastPart(std::string_view path) {
  const size_t at = path.rfind('/');
  return at == std::string_view::npos ? path : path.substr(at + 1);
}

// The API wants a UUID. The same seed gives the same one, in every process.
std::string RequestId(std::string_view seed) {
  crypto::Sha256Digest digest =
      crypto::Sha256(AsBytes(fmt::format("constellation/gcp/{}", seed)));
  // RFC 9562 section 5.5, with SHA-256 in place of SHA-1: version and variant.
  digest[6] = static_cast<uint8_t>((digest[6] & 0x0fU) | 0x50U);
  digest[8] = static_cast<uint8_t>((digest[8] & 0x3fU) | 0x80U);
  const std::string hex = HexEncode(digest);
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4),
                     hex.substr(12, 4), hex.substr(16, 4), hex.substr(20, 12));
}

// The transport asks back for each attempt, so a token that runs out during a
// wait is renewed.
GcpClient::GcpClient(Options options)
    : options_(std::move(options)),
      transport_(
          *options_.transport, *options_.clock, options_.random,
          {.rate_limit = options_.rate_limit,
           .classify = ClassifyGcpAnswer,
           .sign = [this](HttpRequest& r) { return Authorise(r); },
           .renew = [this](const HttpResponse& r) { return Renew(r); }}) {}

// A login that fails is tried again with the next request.
absl::Status GcpClient::LogIn() {
  if (!identity_) {
    auto found = options_.login();
    if (!found.ok()) {
      return found.status();
    }
    identity_ = std::move(found->first);
    source_ = std::move(found->second);
  }
  return absl::OkStatus();
}

absl::StatusOr<Identity> GcpClient::Whoami() {
  const absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(LogIn());
  return *identity_;
}

// The quota project is whom Google bills and limits, if it is not the things'
// own.
absl::Status GcpClient::Authorise(HttpRequest& request) {
  const absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(LogIn());
  if (!token_ || token_->expires - options_.clock->Now() < kRenewBefore) {
    ASSIGN_OR_RETURN(token_, source_->Fetch());
  }
  request.headers.emplace_back("Authorization", "Bearer " + token_->value);
  if (!identity_->quota_project.empty()) {
    request.headers.emplace_back("x-goog-user-project",
                                 identity_->quota_project);
  }
  return absl::OkStatus();
}

// Only 401 speaks of the token; 403 is final. Once per request, so a source
// that always gives bad tokens ends.
bool GcpClient::Renew(const HttpResponse& answer) {
  if (answer.status != 401) {
    return false;
  }
  const absl::MutexLock lock(&mutex_);
  token_.reset();  // the next attempt fetches another one
  if (source_ != nullptr) {
    source_->Refused();
  }
  return true;
}

// gcloud's variables include the API's path, ours do not: it is cut off.
absl::StatusOr<std::string> GcpClient::Root(std::string_view service) {
  ASSIGN_OR_RETURN(const Identity identity, Whoami());
  ASSIGN_OR_RETURN(
      const Endpoint endpoint,
      ResolveEndpoint("gcp", service, {.suffix = identity.universe},
                      options_.environment));
  std::string url = endpoint.url;
  const std::string_view path = ServicePath(service);
  if (!path.empty() && url.ends_with(path)) {
    url.resize(url.size() - path.size());
  }
  return url;
}

// For uploads, which build their own requests.
absl::StatusOr<HttpResponse> GcpClient::Send(const HttpRequest& request) {
  return transport_.Send(request);
}

// A request id makes a POST repeatable. What is not JSON came from somewhere in
// between; whether the request was executed is not known.
absl::StatusOr<json> GcpClient::Call(const ApiRequest& request) {
  ASSIGN_OR_RETURN(const std::string root, Root(request.service));
  HttpRequest http{
      .method = request.method,
      .url = fmt::format("{}{}/{}", root, ServicePath(request.service),
                         request.path),
      .body = request.body,
      .max_answer_size = kMaxAnswer,
      .repeatable = request.repeatable,
      .stop = request.stop};
  auto query = request.query;
  if (!request.request_id.empty()) {
    query.emplace_back("requestId", request.request_id);
    http.repeatable = true;
  }
  char separator = '?';
  for (const auto& [key, value] : query) {
    http.url += fmt::format("{}{}={}", std::exchange(separator, '&'), key,
                            EscapeQuery(value));
  }
  if (!http.body.empty()) {
    http.headers.emplace_back("Content-Type", "application/json");
  }
  ASSIGN_OR_RETURN(const HttpResponse answer, transport_.Send(http));
  if (answer.status >= 300) {
    return MakeCloudError(GcpErrorOf(answer, request.method == "GET"));
  }
  if (answer.body.empty()) {
    return json::object();
  }
  auto parsed =
      ParseJsonObject(answer.body, "answer of Google Cloud", kMaxAnswer);
  if (!parsed.ok()) {  // some proxy's page: the request may have been executed
    return MakeCloudError({.kind = request.method == "GET"
                                       ? CloudErrorKind::kUnavailable
                                       : CloudErrorKind::kUnclear,
                           .message = std::string(Message(parsed.status()))});
  }
  return parsed;
}

// Parts of an aggregated list that are not what they should be are passed over;
// `each` has to check the type of what it gets.
absl::Status GcpClient::List(
    ApiRequest request, std::string_view aggregated,
    const std::function<absl::Status(const json&)>& each) {
  const auto base_query = request.query;
  for (int page = 0; page < kMaxPages; ++page) {
    ASSIGN_OR_RETURN(const json answer, Call(request));
    const json items = answer.value("items", json::array());
    if (aggregated.empty()) {
      for (const json& item : items) {
        RETURN_IF_ERROR(each(item));
      }
    } else if (items.is_object()) {
      for (const json& place : items) {
        if (!place.is_object() || !place.contains(aggregated)) {
          continue;
        }
        for (const json& item : place.at(std::string(aggregated))) {
          RETURN_IF_ERROR(each(item));
        }
      }
    }
    const auto next = answer.find("nextPageToken");
    if (next == answer.end() || !next->is_string() ||
        next->get_ref<const std::string&>().empty()) {
      return absl::OkStatus();
    }
    request.query = base_query;
    request.query.emplace_back("pageToken", next->get<std::string>());
  }
  return MakeCloudError({.kind = CloudErrorKind::kUnknown,
                         .message = fmt::format("{}: more than {} pages",
                                                request.path, kMaxPages)});
}

}  // namespace constellation::cloud::gcp
