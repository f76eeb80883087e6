// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_TESTING_FAKE_TRANSPORT_H_
#define CONSTELLATION_KUBERNETES_TESTING_FAKE_TRANSPORT_H_

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/status.h"
#include "kubernetes/http_transport.h"

namespace constellation::kubernetes::testing {

// Gives the answers that a test has queued, in order, and records what was
// asked. Without an answer left: UNAVAILABLE. Thread-safe.
class FakeTransport final : public HttpTransport {
 public:
  void Answer(int status, std::string body) {
    absl::MutexLock lock(&mutex_);
    answers_.push_back(HttpResponse{status, std::move(body)});
  }
  void Fail(absl::Status status) {
    absl::MutexLock lock(&mutex_);
    answers_.push_back(std::move(status));
  }
  std::vector<HttpRequest> requests() const {
    absl::MutexLock lock(&mutex_);
    return requests_;
  }

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    absl::MutexLock lock(&mutex_);
    requests_.push_back(request);
    if (answers_.empty()) return Unavailable("no answer left");
    absl::StatusOr<HttpResponse> answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }

  // A queued 200 goes to the sink in pieces of seven octets.
  absl::StatusOr<HttpResponse> Stream(const HttpRequest& request,
                                      const DataSink& sink,
                                      const std::stop_token& stop) override {
    absl::StatusOr<HttpResponse> answer = Send(request);
    if (!answer.ok() || answer->status != 200) return answer;
    std::string_view left = answer->body;
    while (!left.empty() && !stop.stop_requested()) {
      if (!sink(left.substr(0, kPiece))) break;
      left.remove_prefix(std::min(kPiece, left.size()));
    }
    return HttpResponse{200, ""};
  }

 private:
  static constexpr size_t kPiece = 7;

  mutable absl::Mutex mutex_;
  std::deque<absl::StatusOr<HttpResponse>> answers_ ABSL_GUARDED_BY(mutex_);
  std::vector<HttpRequest> requests_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::kubernetes::testing

#endif  // CONSTELLATION_KUBERNETES_TESTING_FAKE_TRANSPORT_H_
