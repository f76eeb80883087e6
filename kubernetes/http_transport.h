// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_HTTP_TRANSPORT_H_
#define CONSTELLATION_KUBERNETES_HTTP_TRANSPORT_H_

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace constellation::kubernetes {

inline constexpr size_t kMaxResponseBytes = size_t{32} << 20U;

struct HttpRequest {
  std::string method = "GET";
  std::string target;        // path and query; begins with '/'
  std::string content_type;  // of `body`
  std::string body;
  absl::Duration timeout = absl::Seconds(30);
  size_t max_response_bytes = kMaxResponseBytes;
  std::stop_token stop = {};  // ends the exchange: CANCELLED
};

struct HttpResponse {
  int status = 0;
  std::string body;
};

// The way to one API server: authenticated, and with its certificate verified.
// Implementations are thread-safe.
class HttpTransport {
 public:
  // Takes a piece of a body; returns whether to go on.
  using DataSink = std::function<bool(std::string_view)>;

  virtual ~HttpTransport() = default;

  // Sends `request` and waits for the whole answer, whatever its HTTP status.
  //
  // UNAVAILABLE: no connection, or it broke. DEADLINE_EXCEEDED: no answer in
  // time. UNAUTHENTICATED: the server's certificate does not verify.
  // INVALID_ARGUMENT: the answer is larger than allowed. CANCELLED: as the
  // request says, noticed within a second or so.
  virtual absl::StatusOr<HttpResponse> Send(const HttpRequest& request) = 0;

  // Like Send(), but hands the body of an answer with status 200 to `sink` as
  // it comes and leaves it out of the result. CANCELLED once `stop` is
  // requested (noticed within a second or so); OK if `sink` declined to go on.
  virtual absl::StatusOr<HttpResponse> Stream(const HttpRequest& request,
                                              const DataSink& sink,
                                              const std::stop_token& stop) = 0;
};

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_HTTP_TRANSPORT_H_
