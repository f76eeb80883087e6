// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/testing/gcp_script.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "cloud/gcp/credential_sources.h"
#include "cloud/json_fields.h"

namespace constellation::cloud::gcp::testing {
namespace {

using nlohmann::json;

constexpr std::string_view kOperation = "op-1";

// "https://iam.googleapis.com/v1/x" -> "iam v1/x"; Compute Engine's are short.
std::string PlaceOfUrl(std::string_view url) {
  constexpr std::string_view kCompute =
      "https://compute.googleapis.com/compute/v1/";
  if (url.starts_with(kCompute)) {
    return std::string(url.substr(kCompute.size()));
  }
  const size_t host = url.find("://") + 3;
  const size_t path = std::min(url.find('/', host), url.size() - 1);
  return fmt::format("{} {}", url.substr(host, url.find('.', host) - host),
                     url.substr(path + 1));
}

// Hides a request id, which is a UUID.
std::string HideIds(std::string text) {
  constexpr std::string_view kKey = "requestId=";
  constexpr size_t kUuid = 36;
  const size_t at = text.find(kKey);
  if (at != std::string::npos && text.size() >= at + kKey.size() + kUuid &&
      text[at + kKey.size() + 14] == '5') {
    text.replace(at + kKey.size(), kUuid, "*");
  }
  return text;
}

std::string NameOf(const HttpRequest& request) {
  const std::string place = PlaceOfUrl(request.url);
  return fmt::format("{} {}", request.method, place.substr(0, place.find('?')));
}

GcpClient::Options OptionsOf(HttpTransport& transport, Clock& clock) {
  return {.transport = &transport,
          .clock = &clock,
          .environment = [](std::string_view) { return std::nullopt; },
          .random = [] { return 0.0; },
          .login =
              [] {
                return std::pair<Identity, std::unique_ptr<TokenSource>>(
                    Identity{.account = "me@example.com"},
                    MakeFixedToken("ya29.test"));
              }};
}

}  // namespace

GcpScript::GcpScript() : client_(OptionsOf(*this, clock_)) {}

GcpScript& GcpScript::Answer(const std::string& call, const json& body,
                             int status) {
  answers_[call].push_back(
      {.status = status,
       .body = body.is_string() ? body.get<std::string>() : DumpJson(body)});
  return *this;
}

GcpScript& GcpScript::AnswerWith(const std::string& call, HttpResponse answer) {
  answers_[call].push_back(std::move(answer));
  return *this;
}

GcpScript& GcpScript::Only(const std::string& call, const json& body,
                           int status) {
  answers_[call].clear();
  return Answer(call, body, status);
}

GcpScript& GcpScript::Refuse(const std::string& call, int status,
                             std::string_view reason,
                             std::string_view message) {
  return Answer(call,
                {{"error",
                  {{"code", status},
                   {"message", message},
                   {"errors", {{{"reason", reason}}}}}}},
                status);
}

GcpScript& GcpScript::Start(const std::string& call, const std::string& place) {
  const json running = {{"name", kOperation}, {"status", "RUNNING"}};
  Only(fmt::format("GET {}/operations/{}", place, kOperation), running);
  return Only(call, running);
}

GcpScript& GcpScript::End(const std::string& place, std::string_view code) {
  json done = {{"name", kOperation}, {"status", "DONE"}};
  if (!code.empty()) {
    done["error"] = {{"errors", {{{"code", code}, {"message", "late"}}}}};
  }
  return Only(fmt::format("GET {}/operations/{}", place, kOperation), done);
}

absl::StatusOr<HttpResponse> GcpScript::Send(const HttpRequest& request) {
  requests_.push_back(request);
  const auto found = answers_.find(NameOf(request));
  if (found == answers_.end()) {
    return request.method == "GET"
               ? HttpResponse{.status = 404,
                              .body = R"({"error":{"code":404,"message":)"
                                      R"("nobody prepared this","errors":)"
                                      R"([{"reason":"notFound"}]}})"}
               : HttpResponse{.status = 200,
                              .body = R"({"name":"op-0","status":"DONE"})"};
  }
  HttpResponse answer = found->second.front();
  if (found->second.size() > 1) {
    found->second.pop_front();
  }
  return answer;
}

std::vector<std::string> GcpScript::calls() const {
  std::vector<std::string> out;
  for (const HttpRequest& request : requests_) {
    out.push_back(HideIds(
        fmt::format("{} {}{}{}", request.method, PlaceOfUrl(request.url),
                    request.body.empty() ? "" : " ", request.body)));
  }
  return out;
}

std::vector<std::string> GcpScript::changes() const {
  std::vector<std::string> out = calls();
  std::erase_if(
      out, [](const std::string& call) { return call.starts_with("GET "); });
  return out;
}

DriverContext DriverScene::Context() const {
  return {.cluster = cluster,
          .resource = resource,
          .known_id = known_id,
          .dependency = [this](std::string_view name) -> const Observed* {
            const auto found = known.find(std::string(name));
            return found == known.end() ? nullptr : &found->second;
          },
          .stop = {}};
}

json DriverScene::Thing(const std::string& path, std::string_view mark) const {
  json thing = {{"selfLink", "https://www.googleapis.com/compute/v1/" + path},
                {"name", LastPart(path)}};
  if (!mark.empty()) {
    thing["description"] = MarkOf(cluster, mark);
  }
  return thing;
}

}  // namespace constellation::cloud::gcp::testing
