// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/retrying_transport.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud {

// The attempts of one request.
class RetryingTransport::Attempts final {
 public:
  Attempts(RetryingTransport& owner, const HttpRequest& request)
      : owner_(owner),
        request_(request),
        host_(HostOfUrl(request.url)),
        deadline_(owner.clock_.Now() + owner.options_.deadline) {}

  // The last answer comes back as it is if no further attempt fits into the
  // deadline.
  absl::StatusOr<HttpResponse> Run() {
    for (int attempt = 0;; ++attempt) {
      absl::StatusOr<HttpResponse> answer = One();
      const std::optional<absl::Duration> delay = DelayAfter(answer, attempt);
      if (!delay || owner_.clock_.Now() + *delay > deadline_) {
        return answer;
      }
      if (!SleepUnlessStopped(owner_.clock_, *delay, request_.stop)) {
        return Cancelled();
      }
    }
  }

 private:
  absl::Status Cancelled() const {
    return MakeTransportError(TransportError::kCancelled,
                              UrlForMessages(request_.url) + ": cancelled");
  }

  // Waits for the rate limit, signs a copy, sends it. The timeout is cut to
  // what the deadline leaves.
  absl::StatusOr<HttpResponse> One() {
    const absl::Duration wait =
        owner_.limiter_.Reserve(host_, owner_.clock_.Now());
    if (!SleepUnlessStopped(owner_.clock_, wait, request_.stop)) {
      return Cancelled();
    }
    HttpRequest signed_request = request_;
    if (owner_.options_.sign) {
      RETURN_IF_ERROR(owner_.options_.sign(signed_request));
    }
    const absl::Duration left = deadline_ - owner_.clock_.Now();
    signed_request.timeout =
        std::max(std::min(signed_request.timeout, left), absl::Milliseconds(1));
    return owner_.inner_.Send(signed_request);
  }

  // How long to wait before the next attempt; nothing if there is none.
  std::optional<absl::Duration> DelayAfter(
      const absl::StatusOr<HttpResponse>& answer, int attempt) {
    if (attempt + 1 >= owner_.options_.max_attempts) {
      return std::nullopt;
    }
    const absl::Duration backoff =
        owner_.options_.backoff.Delay(attempt, owner_.random_());
    if (!answer.ok()) {
      return MayRepeat(answer.status()) ? std::optional(backoff) : std::nullopt;
    }
    switch (owner_.options_.classify(*answer)) {
      case AnswerClass::kFinal:
        return Renewed(*answer) ? std::optional(absl::ZeroDuration())
                                : std::nullopt;
      case AnswerClass::kServerError:
        if (!IsRepeatable(request_)) {
          return std::nullopt;
        }
        break;
      case AnswerClass::kThrottled:
        break;
    }
    const auto asked = RetryAfter(*answer, owner_.clock_.Now());
    if (asked) {
      owner_.limiter_.Pause(host_, owner_.clock_.Now() + *asked);
    }
    return std::max(asked.value_or(absl::ZeroDuration()), backoff);
  }

  // Whether a request without an answer may be sent again. A refused
  // certificate will be refused again.
  bool MayRepeat(const absl::Status& status) const {
    switch (TransportErrorOf(status)) {
      case TransportError::kDns:
      case TransportError::kRefused:
        return true;
      case TransportError::kTimeout:
      case TransportError::kLost:
        return IsRepeatable(request_);
      default:
        return false;
    }
  }

  // At most once per request; what the answer means is the owner's to know.
  bool Renewed(const HttpResponse& answer) {
    if (renewed_ || !owner_.options_.renew ||
        (answer.status != 400 && answer.status != 401 &&
         answer.status != 403)) {
      return false;
    }
    renewed_ = true;
    return owner_.options_.renew(answer);
  }

  RetryingTransport& owner_;
  const HttpRequest& request_;
  const std::string host_;
  const absl::Time deadline_;
  bool renewed_ = false;
};

RetryingTransport::RetryingTransport(HttpTransport& inner, Clock& clock,
                                     RandomSource random, RetryOptions options)
    : inner_(inner),
      clock_(clock),
      random_(std::move(random)),
      options_(std::move(options)),
      limiter_(options_.rate_limit) {}

absl::StatusOr<HttpResponse> RetryingTransport::Send(
    const HttpRequest& request) {
  return Attempts(*this, request).Run();
}

}  // namespace constellation::cloud
