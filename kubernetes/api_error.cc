// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/api_error.h"

#include <fmt/format.h>

#include <string>

#include "common/status.h"
#include "kubernetes/json.h"

namespace constellation::kubernetes {
namespace {

// Enough for a message of the API server, too little to fill a log.
constexpr size_t kMaxMessageBytes = 1024;

// The table in the header, which callers rely on.
absl::StatusCode CodeOf(int http_status, std::string_view reason) {
  switch (http_status) {
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
      return absl::StatusCode::kInvalidArgument;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 409:
      return reason == "AlreadyExists" ? absl::StatusCode::kAlreadyExists
                                       : absl::StatusCode::kAborted;
    case 410:
      return absl::StatusCode::kOutOfRange;
    case 429:
      return absl::StatusCode::kResourceExhausted;
    case 504:
      return absl::StatusCode::kDeadlineExceeded;
    default:
      return http_status >= 500 && http_status < 600
                 ? absl::StatusCode::kUnavailable
                 : absl::StatusCode::kFailedPrecondition;
  }
}

}  // namespace

// Bodies that are no Status object may come from a proxy in between and are not
// shown.
absl::Status StatusOfAnswer(int http_status, std::string_view body,
                            std::string_view action) {
  if (http_status >= 200 && http_status < 300) return absl::OkStatus();
  std::string reason, message;
  if (const absl::StatusOr<Json> object = ParseJson(body, "answer");
      object.ok() && FindString(*object, {"kind"}) == "Status") {
    reason = FindString(*object, {"reason"}).value_or("");
    message = FindString(*object, {"message"}).value_or("");
  }
  if (message.size() > kMaxMessageBytes) message.resize(kMaxMessageBytes);
  std::string text = fmt::format("{}: HTTP {}", action, http_status);
  if (!reason.empty()) text += fmt::format(" {}", reason);
  if (!message.empty()) text += fmt::format(": {}", message);
  return {CodeOf(http_status, reason), absl::string_view(text)};
}

}  // namespace constellation::kubernetes
