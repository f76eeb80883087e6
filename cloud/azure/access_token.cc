// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/access_token.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cloud/azure/arm_names.h"
#include "cloud/http/http_transport.h"
#include "cloud/json_fields.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;

constexpr size_t kMaxTokenAnswer = size_t{64} << 10U;
constexpr size_t kMaxToken = size_t{32} << 10U;
constexpr int64_t kLongestLife = 86'400;  // seconds that are believed
constexpr absl::Duration kRefreshBefore = absl::Minutes(5);
constexpr absl::Duration kYoung = absl::Minutes(1);
constexpr int kAttempts = 5;
constexpr absl::Duration kFirstPause = absl::Milliseconds(800);

// A number, or the decimal text of one.
std::optional<int64_t> Number(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) {
    return std::nullopt;
  }
  if (found->is_number_integer()) {
    return found->get<int64_t>();
  }
  int64_t value = 0;
  if (found->is_string()) {
    const auto& text = found->get_ref<const std::string&>();
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) {
      return value;
    }
  }
  return std::nullopt;
}

// Absent and of another type are the same: what is wanted is checked later.
std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : "";
}

// Only characters that may stand in a header (RFC 6750, 2.1).
bool IsToken(std::string_view text) {
  return !text.empty() && text.size() <= kMaxToken &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
             "UVWXYZ0123456789-._~+/=") == std::string_view::npos;
}

// Whether a refusal has the form of Entra's. Other clouds have a metadata
// service at the same address, which knows no such path.
bool IsEntras(const HttpResponse& response) {
  const auto body =
      ParseJsonObject(response.body, "token endpoint", kMaxTokenAnswer);
  return body.ok() && !Text(*body, "error").empty();
}

// The first line of Entra's words, cut: the rest is trace ids and times. The
// answer to a refused request holds no secret of ours.
absl::Status Refusal(const HttpResponse& response) {
  constexpr size_t kMaxText = 400;
  const auto body =
      ParseJsonObject(response.body, "token endpoint", kMaxTokenAnswer);
  std::string text = fmt::format("HTTP status {}", response.status);
  if (body.ok()) {
    std::string words = Text(*body, "error_description");
    words = words.substr(0, std::min(words.find_first_of("\r\n"), kMaxText));
    text = fmt::format("{}: {}", Text(*body, "error").substr(0, 80), words);
  }
  return response.status == 429 || response.status >= 500
             ? Unavailable(text)
             : Unauthenticated(text);
}

}  // namespace

// "expires_in" is preferred: it does not depend on this machine's clock. The
// token is checked for characters that would end a header, because it becomes
// one.
absl::StatusOr<AccessToken> ParseTokenAnswer(const HttpResponse& response,
                                             absl::Time now) {
  if (response.status != 200) {
    return Refusal(response);
  }
  ASSIGN_OR_RETURN(
      const json body,
      ParseJsonObject(response.body, "token endpoint", kMaxTokenAnswer));
  AccessToken token{.value = Text(body, "access_token")};
  const auto left = Number(body, "expires_in");
  const auto until = Number(body, "expires_on");
  if (!IsToken(token.value) || (!left && !until)) {
    return InvalidArgument(
        "token endpoint: want \"access_token\" and \"expires_in\" or "
        "\"expires_on\"");
  }
  const int64_t seconds = left ? *left : *until - absl::ToUnixSeconds(now);
  if (seconds <= 0) {
    return Unauthenticated(
        "the token has expired already: check the clock of this machine");
  }
  token.expires = now + absl::Seconds(std::min(seconds, kLongestLife));
  return token;
}

// The lock is held during the fetch on purpose: twenty drivers that start at
// once make one request for a token, not twenty.
absl::StatusOr<std::string> CachedToken::Get() {
  const absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_.Now();
  if (now + kRefreshBefore < token_.expires) {
    return token_.value;
  }
  absl::StatusOr<AccessToken> fresh = fetch_(claims_);
  if (!fresh.ok()) {
    return now < token_.expires ? absl::StatusOr<std::string>(token_.value)
                                : fresh.status();
  }
  token_ = *std::move(fresh);
  fetched_ = now;
  claims_.clear();
  return token_.value;
}

// Without the minute, a permission that is missing (401 with some services)
// would become an endless loop of new tokens.
bool CachedToken::Renew(std::string_view claims) {
  const absl::MutexLock lock(&mutex_);
  if (claims.empty() && clock_.Now() - fetched_ < kYoung) {
    return false;
  }
  token_ = {};
  claims_ = std::string(claims);
  return true;
}

// Codes as Microsoft documents them for retries of this endpoint: 404 and 410
// occur while the service is updated. 400 means that there is no such identity.
absl::StatusOr<AccessToken> FetchManagedIdentityToken(
    HttpTransport& transport, Clock& clock, const ManagedIdentity& identity,
    bool patient) {
  const bool app_service = !identity.identity_header.empty();
  HttpRequest request{
      .url = app_service
                 ? fmt::format("{}?api-version=2019-08-01", identity.endpoint)
                 : fmt::format("{}/metadata/identity/oauth2/token?api-version="
                               "2018-02-01",
                               identity.endpoint),
      .headers = {app_service
                      ? std::pair<std::string, std::string>(
                            "X-IDENTITY-HEADER", identity.identity_header)
                      : std::pair<std::string, std::string>("Metadata",
                                                            "true")},
      .timeout = patient ? absl::Seconds(30) : absl::Seconds(5),
      .connect_timeout = patient ? absl::Seconds(5) : absl::Seconds(1),
      .max_answer_size = kMaxTokenAnswer};
  request.url += "&resource=" + UrlEncode(identity.resource);
  if (!identity.client_id.empty()) {
    request.url += "&client_id=" + UrlEncode(identity.client_id);
  }
  for (int attempt = 0;; ++attempt) {
    const auto response = transport.Send(request);
    const bool last = !patient || attempt + 1 >= kAttempts;
    if (!response.ok() && last) {
      return Unavailable(fmt::format("no metadata service answers: {}",
                                     Message(response.status())));
    }
    const int status = response.ok() ? response->status : 503;
    if (status == 400 && !app_service) {
      return NotFound("this machine has no identity, or not this one");
    }
    const bool later =
        status == 404 || status == 410 || status == 429 || status >= 500;
    if (!patient && !app_service && status != 200 && !IsEntras(*response)) {
      return NotFound(
          fmt::format("what answers at {} is not Azure's (HTTP status {})",
                      UrlForMessages(identity.endpoint), status));
    }
    if (!later || last) {
      return ParseTokenAnswer(*response, clock.Now());
    }
    clock.Sleep(kFirstPause * (1 << attempt));
  }
}

ManagedIdentityTokens::ManagedIdentityTokens(HttpTransport& transport,
                                             Clock& clock,
                                             ManagedIdentity identity)
    : token_(clock, [&transport, &clock, identity = std::move(identity)](
                        std::string_view /*claims*/) {
        return FetchManagedIdentityToken(transport, clock, identity,
                                         /*patient=*/true);
      }) {}

}  // namespace constellation::cloud::azure
