// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_CURL_HTTP_TRANSPORT_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_CURL_HTTP_TRANSPORT_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "attestation/collateral/http_transport.h"

namespace constellation::attestation {

// How a CurlHttpTransport may reach servers.
struct CurlHttpOptions {
  // Also http:// URLs. For metadata services (link-local, no TLS there) and
  // caches on the own machine; a request may ask for it, too. A redirect from
  // https to http stays refused.
  bool allow_plain_http = false;
  // "http://host:port" of a proxy; empty: none. The environment's proxy
  // variables never count.
  std::string proxy = {};
  // PEM file of the authorities that servers are verified with; empty: the
  // system's.
  std::string ca_file = {};
};

// HTTP/1.1 over libcurl, one connection a request, no state. TLS verification
// cannot be switched off. libcurl is loaded at the first request, not when the
// program starts. Thread-safe.
class CurlHttpTransport final : public HttpTransport {
 public:
  explicit CurlHttpTransport(CurlHttpOptions options = {})
      : options_(std::move(options)) {}

  // As HttpTransport says; FAILED_PRECONDITION if there is no libcurl.
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override;

 private:
  const CurlHttpOptions options_;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_CURL_HTTP_TRANSPORT_H_
