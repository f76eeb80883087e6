// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/http_transport.h"

#include <algorithm>
#include <array>

#include "absl/strings/cord.h"
#include "common/status.h"

namespace constellation::cloud {
namespace {

constexpr char kPayload[] = "constellation/transport-error";

// Name and status code of one kind of failure.
struct Row {
  TransportError error;
  std::string_view name;
  absl::StatusCode code;
};

constexpr std::array<Row, 8> kRows = {{
    {TransportError::kDns, "dns", absl::StatusCode::kUnavailable},
    {TransportError::kRefused, "refused", absl::StatusCode::kUnavailable},
    {TransportError::kTls, "tls", absl::StatusCode::kUnauthenticated},
    {TransportError::kTimeout, "timeout", absl::StatusCode::kDeadlineExceeded},
    {TransportError::kTooLarge, "too-large", absl::StatusCode::kOutOfRange},
    {TransportError::kLost, "lost", absl::StatusCode::kUnavailable},
    {TransportError::kCancelled, "cancelled", absl::StatusCode::kCancelled},
    {TransportError::kLocal, "local", absl::StatusCode::kInvalidArgument},
}};

char LowerCase(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

// Names are in lower case already.
std::optional<std::string_view> HttpResponse::Header(
    std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) {
      return value;
    }
  }
  return std::nullopt;
}

std::string_view TransportErrorName(TransportError error) {
  for (const Row& row : kRows) {
    if (row.error == error) {
      return row.name;
    }
  }
  return "none";
}

// The name goes along as a payload, which survives Annotate().
absl::Status MakeTransportError(TransportError error,
                                std::string_view message) {
  for (const Row& row : kRows) {
    if (row.error == error) {
      absl::Status status(row.code,
                          absl::string_view(message.data(), message.size()));
      status.SetPayload(kPayload, absl::Cord(absl::string_view(
                                      row.name.data(), row.name.size())));
      return status;
    }
  }
  return Internal(message);
}

// kNone for statuses that did not come from a transport.
TransportError TransportErrorOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayload);
  if (payload.has_value()) {
    for (const Row& row : kRows) {
      if (*payload == absl::string_view(row.name.data(), row.name.size())) {
        return row.error;
      }
    }
  }
  return TransportError::kNone;
}

// A handshake that failed has sent nothing of the request.
bool MayHaveBeenExecuted(const absl::Status& status) {
  switch (TransportErrorOf(status)) {
    case TransportError::kDns:
    case TransportError::kRefused:
    case TransportError::kTls:
    case TransportError::kLocal:
      return false;
    default:
      return !status.ok();
  }
}

// PUT and DELETE are idempotent by definition (RFC 9110, 9.2.2).
bool IsRepeatable(const HttpRequest& request) {
  if (request.repeatable.has_value()) {
    return *request.repeatable;
  }
  constexpr std::array<std::string_view, 5> kMethods = {"GET", "HEAD", "PUT",
                                                        "DELETE", "OPTIONS"};
  return std::ranges::find(kMethods, request.method) != kMethods.end();
}

// A backslash ends the host, too: some parsers take it for a slash, and the two
// must not disagree about whom we talk to. The last '@' counts, for the same
// reason.
std::string HostOfUrl(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) {
    return {};
  }
  std::string_view host = url.substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#\\"));
  if (const size_t at = host.rfind('@'); at != std::string_view::npos) {
    host = host.substr(at + 1);
  }
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  std::string out(host);
  std::ranges::transform(out, out.begin(), LowerCase);
  return out;
}

// By syntax. A URL without a scheme keeps all but its query.
std::string UrlForMessages(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) {
    return std::string(url);
  }
  const size_t start = scheme + 3;
  const size_t path = std::min(url.find('/', start), url.size());
  const size_t at = url.substr(0, path).rfind('@');
  if (at == std::string_view::npos || at < start) {
    return std::string(url);
  }
  return std::string(url.substr(0, start)) + std::string(url.substr(at + 1));
}

// Whoever owns these addresses is this machine or its hypervisor.
bool IsLocalHost(std::string_view host) {
  constexpr std::array<std::string_view, 4> kNames = {
      "localhost", "::1", "metadata.google.internal", "168.63.129.16"};
  if (std::ranges::find(kNames, host) != kNames.end()) {
    return true;
  }
  if (host.starts_with("fd00:ec2:")) {
    return true;
  }
  // Only addresses in full: "127.0.0.1.example.org" is somebody else.
  const bool dotted =
      host.find_first_not_of("0123456789.") == std::string_view::npos &&
      std::ranges::count(host, '.') == 3;
  return dotted && (host.starts_with("127.") || host.starts_with("169.254."));
}

}  // namespace constellation::cloud
