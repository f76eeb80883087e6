// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/client.h"

#include <fmt/format.h>

#include <utility>

#include "cloud/engine/cloud_error.h"
#include "cloud/json_fields.h"
#include "cloud/openstack/json_access.h"
#include "cloud/openstack/openstack_error.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;

constexpr size_t kMaxAnswer = size_t{16} << 20U;
constexpr size_t kMaxElements = 20000;
constexpr int kPageSize = 500;
constexpr char kTokenHeader[] = "X-Auth-Token";

// The token that this very request carried.
std::string TokenOf(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (name == kTokenHeader) {
      return value;
    }
  }
  return "";
}

// Drops the token that a refused request carried: RetryOptions::renew gets the
// answer only, and another thread may have renewed meanwhile.
class TokenGuard final : public HttpTransport {
 public:
  TokenGuard(HttpTransport& inner, Keystone& keystone)
      : inner_(inner), keystone_(keystone) {}

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    absl::StatusOr<HttpResponse> answer = inner_.Send(request);
    if (answer.ok() && answer->status == 401) {
      keystone_.Reject(TokenOf(request));
    }
    return answer;
  }

 private:
  HttpTransport& inner_;
  Keystone& keystone_;
};

// A login is not signed and never renewed: a 401 there is its answer.
RetryOptions LoginRetries() {
  return {.classify = ClassifyAnswer};
}

// Whether the answer says that there are more pages: nova, cinder, neutron and
// octavia {"<plural>_links":[{"rel":"next"}]}, glance {"next":"..."}.
bool HasNext(const json& answer, const Collection& collection) {
  if (answer.contains("next") && answer["next"].is_string()) {
    return true;
  }
  for (const json& link :
       ArrayOf(answer, fmt::format("{}_links", collection.plural))) {
    if (TextOf(link, "rel") == "next") {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                       c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// Three transports: one below the login, two with the token. Uploads of images
// may take hours, everything else minutes.
Client::Client(HttpTransport& transport, Clock& clock,
               const Environment& environment, CredentialSource source)
    : clock_(clock),
      login_transport_(transport, clock, SystemRandom(), LoginRetries()),
      keystone_(login_transport_, clock, environment, std::move(source)),
      guard_(std::make_unique<TokenGuard>(transport, keystone_)),
      transport_(*guard_, clock, SystemRandom(), Retries(absl::Minutes(5))),
      upload_transport_(*guard_, clock, SystemRandom(),
                        Retries(absl::Hours(12))) {}

RetryOptions Client::Retries(absl::Duration deadline) {
  return {
      .deadline = deadline,
      .rate_limit = {.per_second = 50, .burst = 100},
      .classify = ClassifyAnswer,
      .sign = [this](HttpRequest& request) -> absl::Status {
        ASSIGN_OR_RETURN(const Login login, keystone_.Current());
        request.headers.emplace_back(kTokenHeader, login.token);
        return absl::OkStatus();
      },
      // An application credential's access rules answer 401, too: one new
      // login a request, not more.
      .renew = [](const HttpResponse& answer) { return answer.status == 401; }};
}

absl::StatusOr<bool> Client::Has(std::string_view service) {
  ASSIGN_OR_RETURN(const Login login, keystone_.Current());
  return login.endpoints.contains(service);
}

// The address comes from keystone's catalog, to which the token belongs anyway.
// Redirects are errors: the transport follows none.
absl::StatusOr<json> Client::Send(const ServiceCall& call) {
  ASSIGN_OR_RETURN(const Login login, keystone_.Current());
  const auto endpoint = login.endpoints.find(call.service);
  if (endpoint == login.endpoints.end()) {
    return MakeCloudError(
        {.kind = CloudErrorKind::kUnsupportedRegion,
         .message = fmt::format(
             "the catalog has no service \"{}\"{}", call.service,
             login.region.empty() ? "" : " in region " + login.region),
         .subject = std::string(call.service)});
  }
  HttpRequest request{.method = call.method,
                      .url = endpoint->second + call.path,
                      .headers = {{"Accept", "application/json"}},
                      .file = call.file,
                      .timeout = call.timeout,
                      .max_answer_size = kMaxAnswer,
                      .repeatable = call.repeatable,
                      .stop = call.stop};
  if (!call.body.is_null()) {
    request.body = DumpJson(call.body);
  }
  if (!call.body.is_null() || call.file) {
    request.headers.emplace_back("Content-Type", call.content_type);
  }
  if (call.service == kCompute) {
    request.headers.emplace_back(
        "OpenStack-API-Version",
        fmt::format("compute {}", kComputeMicroversion));
  }
  ASSIGN_OR_RETURN(const HttpResponse answer,
                   (call.file ? upload_transport_ : transport_).Send(request));
  if (answer.status >= 300) {
    return MakeCloudError(DecodeError(answer));
  }
  if (answer.body.empty()) {
    return json::object();
  }
  absl::StatusOr<json> body =
      ParseJsonObject(answer.body, UrlForMessages(request.url), kMaxAnswer);
  if (!body.ok()) {
    // It was executed, but nobody knows what came of it.
    return MakeCloudError({.kind = CloudErrorKind::kUnclear,
                           .message = std::string(Message(body.status()))});
  }
  return body;
}

// An id may come from a command line or a journal, hence escaped.
absl::StatusOr<json> Client::Get(const Collection& collection,
                                 std::string_view id,
                                 const std::stop_token& stop) {
  ASSIGN_OR_RETURN(
      const json answer,
      Send({.service = collection.service,
            .path = fmt::format("{}/{}", collection.path, Escaped(id)),
            .stop = stop}));
  // Glance answers with the element itself.
  const json* element = &answer;
  if (!collection.singular.empty()) {
    const auto found = answer.find(std::string(collection.singular));
    element = found == answer.end() ? nullptr : &*found;
  }
  if (element == nullptr || TextOf(*element, "id").empty()) {
    return MakeCloudError(
        {.kind = CloudErrorKind::kUnclear,
         .message = fmt::format("{}: the answer has no \"{}\" with an id",
                                collection.path, collection.singular)});
  }
  return *element;
}

// The end is a page without elements, without a link, or one that repeats its
// marker: each of them alone occurs in some service.
absl::StatusOr<std::vector<json>> Client::List(const Collection& collection,
                                               std::string_view query,
                                               const std::stop_token& stop) {
  std::vector<json> all;
  std::string marker;
  while (true) {
    const std::string path =
        fmt::format("{}?{}{}limit={}{}{}", collection.detail, query,
                    query.empty() ? "" : "&", kPageSize,
                    marker.empty() ? "" : "&marker=", Escaped(marker));
    ASSIGN_OR_RETURN(
        const json answer,
        Send({.service = collection.service, .path = path, .stop = stop}));
    const auto page = answer.find(std::string(collection.plural));
    if (page == answer.end() || !page->is_array()) {
      return MakeCloudError(
          {.kind = CloudErrorKind::kUnclear,
           .message = fmt::format("{}: the answer has no list \"{}\"",
                                  collection.path, collection.plural)});
    }
    for (const json& element : *page) {
      if (TextOf(element, "id").empty() || all.size() >= kMaxElements) {
        return MakeCloudError(
            {.kind = CloudErrorKind::kUnclear,
             .message = fmt::format("{}: {}", collection.path,
                                    all.size() >= kMaxElements
                                        ? "too many elements"
                                        : "an element has no id")});
      }
      all.push_back(element);
    }
    if (page->empty() || !HasNext(answer, collection) ||
        TextOf(page->back(), "id") == marker) {
      return all;
    }
    marker = TextOf(page->back(), "id");
  }
}

}  // namespace constellation::cloud::openstack
