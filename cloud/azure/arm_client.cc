// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/arm_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "cloud/azure/arm_error.h"
#include "cloud/azure/arm_names.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/http/backoff.h"
#include "cloud/http/poll.h"
#include "cloud/json_fields.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/random.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;
using Kind = CloudErrorKind;

constexpr size_t kMaxAnswer = size_t{16} << 20U;
constexpr size_t kMaxElements = 20'000;
constexpr size_t kMaxPages = 1'000;
constexpr size_t kMaxUrl = 8'192;
constexpr size_t kMaxClaims = 4'096;
constexpr absl::Duration kLongestPause = absl::Minutes(5);

// An answer that ARM never gives: to ask again would not help.
absl::Status Malformed(std::string_view what, std::string_view problem) {
  return MakeCloudError({.kind = Kind::kInvalid,
                         .code = "MalformedAnswer",
                         .message = fmt::format("{}: {}", what, problem)});
}

// By RFC 9110, 9.2.1. ARM's POST actions may have effects, all of them.
bool IsReadOnly(std::string_view method) {
  return method == "GET" || method == "HEAD";
}

// What a 401 demands of the next token (RFC 9470 style "claims" challenge).
// Whatever cannot be read counts as no demand: the next token is then asked for
// without, and the refusal of that one is told.
std::string ClaimsOf(const HttpResponse& answer) {
  const auto challenge = answer.Header("www-authenticate");
  constexpr std::string_view kKey = "claims=\"";
  const size_t at = challenge ? challenge->find(kKey) : std::string_view::npos;
  if (at == std::string_view::npos) {
    return "";
  }
  std::string_view rest = challenge->substr(at + kKey.size());
  rest = rest.substr(0, rest.find('"'));
  std::string padded(rest);
  while (padded.size() % 4 != 0) {
    padded += '=';
  }
  const auto claims = Base64Decode(padded);
  if (!claims.ok() || claims->size() > kMaxClaims) {
    return "";
  }
  return std::string(AsText(*claims));
}

// Retry-After says when to ask next. It is believed up to five minutes: a
// larger one would outlive the timeouts of the kinds.
void Remember(const HttpResponse& answer, absl::Time now,
              ArmOperation& operation) {
  const auto wait = RetryAfter(answer, now);
  operation.next_poll =
      now + std::min(wait.value_or(absl::ZeroDuration()), kLongestPause);
}

// Of a status document: "InProgress" and its like go on.
OperationState StateOf(const json& body) {
  OperationState state{.result = body};
  const auto found = body.is_object() ? body.find("status") : body.end();
  std::string word;
  if (body.is_object() && found != body.end() && found->is_string()) {
    word = found->get<std::string>();
  }
  state.done = word == "Succeeded" || word == "Failed" || word == "Canceled";
  if (word == "Failed" || word == "Canceled") {
    const auto error = body.find("error");
    CloudError failure =
        ArmErrorOfBody(error == body.end() ? json::object() : *error);
    if (word == "Canceled" && failure.kind == Kind::kLateFailure) {
      failure.message = "the operation was cancelled by someone else";
    }
    state.failure = MakeCloudError(failure);
  }
  return state;
}

}  // namespace

ArmClient::ArmClient(HttpTransport& transport, TokenProvider& tokens,
                     Clock& clock, RandomSource random, Options options)
    : tokens_(tokens),
      clock_(clock),
      options_(options),
      transport_(transport, clock, std::move(random), [&] {
        RetryOptions retry = std::move(options.retry);
        retry.sign = [this](HttpRequest& request) { return Sign(request); };
        retry.renew = [this](const HttpResponse& answer) {
          return Renew(answer);
        };
        return retry;
      }()) {}

// The one place that decides who sees the token.
// "https://management.azure.com.x" is not below our host, and plain HTTP is
// never ours where the endpoint is HTTPS.
bool ArmClient::IsOurs(std::string_view url) const {
  const std::string own = HostOfUrl(options_.endpoint);
  const std::string host = HostOfUrl(url);
  const auto scheme = [](std::string_view text) {
    return Lower(text.substr(0, text.find(':')));
  };
  if (host.empty() || scheme(url) != scheme(options_.endpoint)) {
    return false;
  }
  // An emulator on this machine is told from another one by its port.
  return url.starts_with(options_.endpoint + "/") ||
         (scheme(url) == "https" && (host == own || host.ends_with("." + own)));
}

absl::Status ArmClient::Sign(HttpRequest& request) {
  if (!IsOurs(request.url)) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string token, tokens_.Token());
  request.headers.emplace_back("Authorization", "Bearer " + token);
  return absl::OkStatus();
}

bool ArmClient::Renew(const HttpResponse& answer) {
  return answer.status == 401 && tokens_.Renew(ClaimsOf(answer));
}

// Redirects are errors here: ARM makes none, and the transport follows none, so
// that no token can be led elsewhere.
absl::StatusOr<ArmAnswer> ArmClient::SendUrl(const ArmRequest& request,
                                             const std::string& url) {
  HttpRequest http{.method = request.method,
                   .url = url,
                   .headers = request.headers,
                   .max_answer_size = kMaxAnswer,
                   .stop = request.stop};
  http.headers.emplace_back("Accept", "application/json");
  http.headers.emplace_back("x-ms-client-request-id", crypto::RandomUuid());
  if (request.body) {
    http.body = DumpJson(*request.body);
    http.headers.emplace_back("Content-Type", "application/json");
  }
  ASSIGN_OR_RETURN(HttpResponse response, transport_.Send(http));
  if (response.status >= 400) {
    return MakeCloudError(ArmErrorOf(response, IsReadOnly(request.method)));
  }
  if (response.status < 200 || response.status >= 300) {
    return Malformed(UrlForMessages(url),
                     fmt::format("HTTP status {}", response.status));
  }
  ArmAnswer answer{.status = response.status};
  const bool has_text =
      response.body.find_first_not_of(" \t\r\n") != std::string::npos;
  if (has_text && request.method != "HEAD") {
    auto body = ParseJsonObject(response.body, "answer", kMaxAnswer);
    if (!body.ok()) {
      return Malformed(UrlForMessages(url), Message(body.status()));
    }
    answer.body = *std::move(body);
  }
  response.body.clear();
  answer.raw = std::move(response);
  return answer;
}

absl::StatusOr<ArmAnswer> ArmClient::Send(const ArmRequest& request) {
  if (!IsArmId(request.path)) {
    return Malformed(request.path, "not the id of anything in Azure");
  }
  return SendUrl(request,
                 fmt::format("{}{}?api-version={}{}", options_.endpoint,
                             request.path, request.api_version, request.query));
}

// The pages come from the cloud: their number, that of elements and repeated
// links are bounded, so that an answer cannot keep us here for ever.
absl::StatusOr<std::vector<json>> ArmClient::List(const ArmRequest& request) {
  std::vector<json> all;
  std::set<std::string> seen;
  ASSIGN_OR_RETURN(ArmAnswer page, Send(request));
  while (true) {
    const auto value =
        page.body.is_object() ? page.body.find("value") : page.body.end();
    if (!page.body.is_object() || value == page.body.end() ||
        !value->is_array()) {
      return Malformed(request.path, "want a list, got something else");
    }
    for (json& element : *value) {
      if (!element.is_object() || all.size() >= kMaxElements) {
        return Malformed(request.path, element.is_object()
                                           ? "more than 20,000 elements"
                                           : "want objects in the list");
      }
      all.push_back(std::move(element));
    }
    const auto next = page.body.find("nextLink");
    if (next == page.body.end() || !next->is_string() ||
        next->get_ref<const std::string&>().empty()) {
      return all;
    }
    const auto& link = next->get_ref<const std::string&>();
    if (link.size() > kMaxUrl || seen.size() >= kMaxPages ||
        !seen.insert(link).second ||
        (!IsOurs(link) && !link.starts_with("https://"))) {
      return Malformed(request.path, "the link to the next page leads nowhere");
    }
    ASSIGN_OR_RETURN(page, SendUrl({.stop = request.stop}, std::string(link)));
  }
}

// The address is asked later with the token, so it must be ARM's own. A 201
// with Location names the thing itself, not an operation (ARM RPC), hence 202
// only.
absl::StatusOr<std::optional<ArmOperation>> ArmClient::OperationOf(
    const ArmAnswer& answer) const {
  ArmOperation operation;
  if (const auto url = answer.raw.Header("azure-asyncoperation")) {
    operation.url = std::string(*url);
  } else if (const auto location = answer.raw.Header("location");
             location && answer.status == 202) {
    operation.style = ArmOperation::Style::kLocation;
    operation.url = std::string(*location);
  } else {
    return std::optional<ArmOperation>();
  }
  if (operation.url.size() > kMaxUrl || !IsOurs(operation.url)) {
    return Malformed(
        "operation",
        fmt::format("want an address on {}, got {}", options_.endpoint,
                    UrlForMessages(operation.url.substr(0, 200))));
  }
  Remember(answer.raw, clock_.Now(), operation);
  return std::optional(operation);
}

// Throttling, failures of the server and refused tokens are troubles of the
// question. Every other error of a Location operation is its end.
absl::StatusOr<OperationState> ArmClient::Poll(ArmOperation& operation,
                                               const std::stop_token& stop) {
  if (clock_.Now() < operation.next_poll) {
    return OperationState{};
  }
  const auto answer = SendUrl({.stop = stop}, operation.url);
  if (!answer.ok()) {
    const Kind kind = CloudErrorKindOf(answer.status());
    // With Location the failure itself is the answer.
    if (operation.style == ArmOperation::Style::kLocation &&
        kind != Kind::kThrottled && kind != Kind::kUnavailable &&
        kind != Kind::kUnclear && kind != Kind::kBadCredentials &&
        kind != Kind::kExpiredToken) {
      CloudError error = CloudErrorOf(answer.status());
      if (kind == Kind::kInvalid) {  // accepted, then failed for some reason
        error.kind = Kind::kLateFailure;
      }
      return OperationState{.done = true, .failure = MakeCloudError(error)};
    }
    return answer.status();
  }
  // Every answer may name another place for the next question.
  ArmAnswer moved = *answer;
  moved.status = 202;
  ASSIGN_OR_RETURN(const std::optional<ArmOperation> next, OperationOf(moved));
  if (next && next->style == operation.style) {
    operation.url = next->url;
  }
  Remember(answer->raw, clock_.Now(), operation);
  if (operation.style == ArmOperation::Style::kLocation) {
    return OperationState{.done = answer->status != 202,
                          .result = answer->body};
  }
  return StateOf(answer->body);
}

absl::StatusOr<json> ArmClient::Await(ArmOperation operation,
                                      absl::Duration timeout,
                                      const std::stop_token& stop) {
  json result;
  const absl::Status finished = cloud::Poll(
      {.timeout = timeout}, clock_, stop, "operation",
      [&]() -> absl::StatusOr<PollStep> {
        ASSIGN_OR_RETURN(OperationState state, Poll(operation, stop));
        RETURN_IF_ERROR(state.failure);
        result = std::move(state.result);
        return PollStep{.done = state.done,
                        .retry_after = operation.next_poll > clock_.Now()
                                           ? std::optional(operation.next_poll -
                                                           clock_.Now())
                                           : std::nullopt};
      });
  return finished.ok() ? absl::StatusOr<json>(std::move(result)) : finished;
}

}  // namespace constellation::cloud::azure
