// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_HTTP_HTTP_TRANSPORT_H_
#define CONSTELLATION_CLOUD_HTTP_HTTP_TRANSPORT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace constellation::cloud {

// Names in any case, values as sent, in order; a name may occur again.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// A part of a file that is sent as a body, read while it is sent.
struct FileBody {
  std::string path;
  uint64_t offset = 0;  // octets from the start
  uint64_t size = 0;    // octets; a file that is shorter fails the request
};

// One request to a cloud. A value; holds no connection.
struct HttpRequest {
  std::string method = "GET";
  std::string url;  // absolute, http or https
  HttpHeaders headers = {};
  std::string body = {};
  std::optional<FileBody> file = {};  // instead of `body`
  // From the first octet sent to the last one received.
  absl::Duration timeout = absl::Seconds(60);
  absl::Duration connect_timeout = absl::Seconds(10);
  size_t max_answer_size = size_t{16} << 20U;  // octets of the answer's body
  int max_redirects = 0;  // followed for GET and HEAD only, never to plain http
  // Whether the request may be sent again although the first one may have been
  // executed. Default: by method (RFC 9110, 9.2.2). Set it for a POST that
  // carries an idempotency token, clear it for a PUT that has side effects.
  std::optional<bool> repeatable = {};
  // Ends the request (CANCELLED) and every wait between attempts.
  std::stop_token stop = {};
};

// What a server answered, whatever its status. Not trusted.
struct HttpResponse {
  int status = 0;
  HttpHeaders headers = {};  // names in lower case
  std::string body = {};

  // The first header `name` (lower case), or nothing.
  std::optional<std::string_view> Header(std::string_view name) const;
};

// Why there is no answer.
enum class TransportError {
  kNone,       // the status is not a transport's
  kDns,        // the host's name was not found
  kRefused,    // no connection: refused, unreachable, or not in time
  kTls,        // handshake or certificate
  kTimeout,    // connected, but no complete answer in time
  kTooLarge,   // the answer exceeds a limit
  kLost,       // the connection ended before the answer was complete
  kCancelled,  // by HttpRequest::stop
  kLocal       // bad URL, unreadable file, libcurl missing
};

// "dns", "refused", ...; for messages and tests.
std::string_view TransportErrorName(TransportError error);

// A status for `error` that TransportErrorOf() recognises again. Codes:
// UNAVAILABLE (dns, refused, lost), UNAUTHENTICATED (tls), DEADLINE_EXCEEDED
// (timeout), OUT_OF_RANGE (too large), CANCELLED, INVALID_ARGUMENT (local).
absl::Status MakeTransportError(TransportError error, std::string_view message);
// kNone for any other status.
TransportError TransportErrorOf(const absl::Status& status);

// Whether the server may have executed a request that failed with `status`:
// false only where nothing but a handshake was sent.
bool MayHaveBeenExecuted(const absl::Status& status);

// Whether HttpRequest::repeatable, or its default by method, allows a repeat.
bool IsRepeatable(const HttpRequest& request);

// The host of `url` in lower case, without port, brackets and user; empty if
// there is none.
std::string HostOfUrl(std::string_view url);

// `url` for messages: without user, query and fragment, which may hold
// signatures and tokens.
std::string UrlForMessages(std::string_view url);

// Whether `host` is this machine or a metadata service that speaks plain http
// by design (169.254.0.0/16, fd00:ec2::/32, metadata.google.internal,
// 168.63.129.16). By syntax; no name is looked up.
bool IsLocalHost(std::string_view host);

// The boundary to HTTP. Implementations are thread-safe. An answer of any
// status is OK; a status other than OK means that there is no answer and is
// made by MakeTransportError().
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  virtual absl::StatusOr<HttpResponse> Send(const HttpRequest& request) = 0;
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_HTTP_HTTP_TRANSPORT_H_
