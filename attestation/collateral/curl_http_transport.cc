// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/curl_http_transport.h"

#include <fmt/format.h>

#include <memory>

#include "common/curl_exchange.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxHeaderOctets = size_t{128} << 10U;  // all lines together
constexpr absl::Duration kConnectTimeout = absl::Seconds(10);

// Redirects are followed, but never from https to http; the size of the answer
// is bounded while it arrives.
void SetTransfer(const CurlHttpOptions& options, const HttpRequest& request,
                 CurlExchange& exchange) {
  const bool https = request.url.starts_with("https:");
  exchange.Set(CURLOPT_URL, request.url.c_str());
  exchange.Set(
      CURLOPT_PROTOCOLS_STR,
      options.allow_plain_http || request.plain_http ? "http,https" : "https");
  // No way back from TLS.
  exchange.Set(CURLOPT_REDIR_PROTOCOLS_STR, https ? "https" : "http,https");
  exchange.Set(CURLOPT_FOLLOWLOCATION, request.max_redirects > 0 ? 1L : 0L);
  exchange.Set(CURLOPT_MAXREDIRS, static_cast<long>(request.max_redirects));
  exchange.Set(CURLOPT_PROXY, options.proxy.c_str());
  exchange.SetTimeout(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeout);
  exchange.SetTimeout(CURLOPT_TIMEOUT_MS, request.timeout);
  exchange.SetAuthorities(options.ca_file);
}

// A body makes it a POST of JSON; nothing else is ever posted.
void SetRequest(const HttpRequest& request, CurlExchange& exchange) {
  exchange.AddHeader("User-Agent: constellation");
  for (const std::string& header : request.headers) {
    exchange.AddHeader(header);
  }
  if (!request.body.empty()) {
    exchange.AddHeader("Content-Type: application/json");
    exchange.Set(CURLOPT_POST, 1L);
    exchange.Set(CURLOPT_POSTFIELDSIZE_LARGE,
                 static_cast<curl_off_t>(request.body.size()));
    exchange.Set(CURLOPT_POSTFIELDS, request.body.data());
  }
}

// UNAVAILABLE is the rest: whatever is not clearly wrong may pass by itself.
absl::Status Failure(const HttpRequest& request, const CurlExchange& exchange,
                     CURLcode code) {
  if (exchange.too_large()) {
    return InvalidArgument(
        fmt::format("{}: want an answer of at most {} octets, got more",
                    request.url, request.max_body));
  }
  const std::string message =
      fmt::format("{}: {}", request.url, exchange.ErrorText(code));
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return DeadlineExceeded(message);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      return Unauthenticated(message);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_SSL_CACERT_BADFILE:
      return InvalidArgument(message);
    case CURLE_OUT_OF_MEMORY:
      return Internal(message);
    default:
      return Unavailable(message);
  }
}

}  // namespace

// A handle per request: no state, cookie or connection is shared between hosts.
absl::StatusOr<HttpResponse> CurlHttpTransport::Send(
    const HttpRequest& request) {
  ASSIGN_OR_RETURN(const CurlLibrary* curl, CurlLibrary::Get());
  const std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)> handle(
      curl->easy_init(), curl->easy_cleanup);
  if (handle == nullptr) {
    return Internal("libcurl gives no handle");
  }
  CurlExchange exchange(*curl, handle.get(),
                        {kMaxHeaderOctets, request.max_body});
  SetTransfer(options_, request, exchange);
  SetRequest(request, exchange);
  if (exchange.option_error() != CURLE_OK) {
    return Internal(fmt::format("libcurl refuses an option: {}",
                                curl->easy_strerror(exchange.option_error())));
  }
  if (const CURLcode code = exchange.Perform(); code != CURLE_OK) {
    return Failure(request, exchange, code);
  }
  HttpResponse response;
  response.status = exchange.status();
  for (auto& [name, value] : exchange.headers()) {
    response.headers[name] = std::move(value);
  }
  response.body = std::move(exchange.body());
  return response;
}

}  // namespace constellation::attestation
