// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_HTTP_RETRYING_TRANSPORT_H_
#define CONSTELLATION_CLOUD_HTTP_RETRYING_TRANSPORT_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cloud/http/backoff.h"
#include "cloud/http/http_transport.h"
#include "cloud/http/rate_limiter.h"
#include "common/clock.h"

namespace constellation::cloud {

// How a RetryingTransport treats one cloud.
struct RetryOptions {
  int max_attempts = 8;  // the first one included
  Backoff backoff = {};
  // All attempts and waits of one request together.
  absl::Duration deadline = absl::Minutes(5);
  RateLimit rate_limit = {};
  std::function<AnswerClass(const HttpResponse&)> classify = ClassifyByStatus;
  // Called on a copy of the request before each attempt: signatures carry the
  // time, tokens are renewed meanwhile. Its error ends the request.
  std::function<absl::Status(HttpRequest&)> sign = {};
  // Called at most once per request, for an answer of class kFinal with status
  // 400, 401 or 403: true if something was renewed (token, clock offset) and
  // the same request deserves one more attempt.
  std::function<bool(const HttpResponse&)> renew = {};
};

// Sends again what may be sent again:
//  * not sent at all (name, connection, TLS time-outs): always, except that a
//    refused certificate is final;
//  * throttled: always, after the time the server named;
//  * answer lost, timed out or 5xx: only if IsRepeatable(); a create without a
//    token comes back at once, and the engine looks for what it made.
// The last answer is returned as it came. A transport's failure keeps its type;
// DEADLINE_EXCEEDED only if that is what the last attempt met. Thread-safe.
class RetryingTransport final : public HttpTransport {
 public:
  // `inner` and `clock` must outlive it.
  RetryingTransport(HttpTransport& inner, Clock& clock, RandomSource random,
                    RetryOptions options);

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override;

 private:
  class Attempts;

  HttpTransport& inner_;
  Clock& clock_;
  const RandomSource random_;
  const RetryOptions options_;
  RateLimiter limiter_;
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_HTTP_RETRYING_TRANSPORT_H_
