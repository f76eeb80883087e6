// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/imds.h"

#include <fmt/format.h>

#include "cloud/http/endpoints.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

constexpr size_t kMaxAnswer = 64 * 1024;
constexpr int kAttempts = 3;
constexpr absl::Duration kPause = absl::Milliseconds(300);
constexpr absl::Duration kTokenLife = absl::Hours(5);  // of the six asked for

// One question of IMDS. The service is on the same host: what takes longer than
// two seconds will not come.
HttpRequest Request(std::string method, std::string url) {
  return {.method = std::move(method),
          .url = std::move(url),
          .timeout = absl::Seconds(2),
          .connect_timeout = absl::Seconds(1),
          .max_answer_size = kMaxAnswer};
}

// The token is sent back in a header: nothing that could end it may be in it.
bool IsToken(std::string_view token) {
  return !token.empty() && token.size() <= 4096 &&
         token.find_first_of("\r\n \t") == std::string_view::npos;
}

}  // namespace

// Three attempts at whatever has no answer or a 5xx one. An answer that is too
// large is final: the service never sends one.
absl::StatusOr<HttpResponse> InstanceMetadataService::Ask(
    const HttpRequest& request) {
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<HttpResponse> response = transport_.Send(request);
    const bool again = response.ok() ? response->status >= 500
                                     : TransportErrorOf(response.status()) !=
                                           TransportError::kTooLarge;
    if (!again || attempt == kAttempts) {
      if (!response.ok()) {
        return Annotate(response.status(), "instance metadata");
      }
      return response;
    }
    clock_.Sleep(kPause);
  }
}

// IMDSv2's session token. 403 is what EC2 answers if the service is disabled
// for this machine.
absl::StatusOr<std::string> InstanceMetadataService::Token(
    const std::string& endpoint) {
  {
    const absl::MutexLock lock(&mutex_);
    if (clock_.Now() < token_until_) {
      return token_;
    }
  }
  HttpRequest request = Request("PUT", endpoint + "/latest/api/token");
  request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}};
  ASSIGN_OR_RETURN(const HttpResponse response, Ask(request));
  if (response.status == 403) {
    return PermissionDenied("instance metadata: the service is switched off");
  }
  if (response.status != 200 || !IsToken(response.body)) {
    return InvalidArgument(fmt::format(
        "instance metadata: want a session token, got HTTP status {}",
        response.status));
  }
  const absl::MutexLock lock(&mutex_);
  token_ = response.body;
  token_until_ = clock_.Now() + kTokenLife;
  return token_;
}

// A refused token (401) is replaced once: the service may have been restarted.
absl::StatusOr<std::string> InstanceMetadataService::Get(
    std::string_view path) {
  ASSIGN_OR_RETURN(const Endpoint endpoint,
                   ResolveEndpoint("aws", "imds", {}, environment_));
  for (int attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(const std::string token, Token(endpoint.url));
    HttpRequest request =
        Request("GET", fmt::format("{}/latest{}", endpoint.url, path));
    request.headers = {{"X-aws-ec2-metadata-token", token}};
    ASSIGN_OR_RETURN(HttpResponse response, Ask(request));
    if (response.status == 200) {
      return std::move(response.body);
    }
    if (response.status == 404) {
      return NotFound(fmt::format("instance metadata: no {}", path));
    }
    if (response.status != 401 || attempt > 0) {
      return response.status >= 500
                 ? Unavailable(
                       fmt::format("instance metadata: {}: HTTP status {}",
                                   path, response.status))
                 : InvalidArgument(fmt::format(
                       "instance metadata: {}: want HTTP status 200, got {}",
                       path, response.status));
    }
    const absl::MutexLock lock(&mutex_);
    token_until_ = absl::InfinitePast();  // the service forgot it
  }
}

}  // namespace constellation::cloud::aws
