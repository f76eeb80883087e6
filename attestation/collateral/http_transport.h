// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_HTTP_TRANSPORT_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_HTTP_TRANSPORT_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace constellation::attestation {

// One HTTP request to a vendor's or cloud's service.
struct HttpRequest {
  std::string url = {};                   // http or https, with path and query
  std::vector<std::string> headers = {};  // "Name: value"
  std::string body = {};                  // POST (JSON) if not empty, else GET
  absl::Duration timeout = absl::Seconds(20);  // name lookup to last octet
  size_t max_body = size_t{1} << 20U;          // octets
  int max_redirects = 0;                       // then INVALID_ARGUMENT
  bool plain_http = false;  // http:// is fine, whatever else is allowed
};

// What came back. Hostile: whoever answered, answered.
struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  // The value of `name` (lower case), or an empty string.
  std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

// The way out to HTTP servers. Implementations are thread-safe.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;

  // Sends `request` and waits for the whole answer, whatever its HTTP status.
  //
  // UNAVAILABLE: no connection, or it broke before the answer was complete.
  // DEADLINE_EXCEEDED: no answer in time. UNAUTHENTICATED: the server's
  // certificate does not verify. INVALID_ARGUMENT: answer larger than allowed,
  // too many redirects, not HTTP, or another scheme than allowed.
  virtual absl::StatusOr<HttpResponse> Send(const HttpRequest& request) = 0;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_HTTP_TRANSPORT_H_
