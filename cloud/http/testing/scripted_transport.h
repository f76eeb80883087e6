// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_HTTP_TESTING_SCRIPTED_TRANSPORT_H_
#define CONSTELLATION_CLOUD_HTTP_TESTING_SCRIPTED_TRANSPORT_H_

#include <deque>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cloud/http/http_transport.h"

namespace constellation::cloud::testing {

// Gives prepared answers, one a request, then the last one again and again;
// keeps the requests. Thread-safe.
class ScriptedTransport final : public HttpTransport {
 public:
  void Add(absl::StatusOr<HttpResponse> answer) {
    const absl::MutexLock lock(&mutex_);
    answers_.push_back(std::move(answer));
  }
  void AddStatus(int status, HttpHeaders headers = {}) {
    Add(HttpResponse{.status = status, .headers = std::move(headers)});
  }
  void AddError(TransportError error) { Add(MakeTransportError(error, "x")); }

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    const absl::MutexLock lock(&mutex_);
    requests_.push_back(request);
    if (answers_.empty()) {
      return HttpResponse{.status = 200};
    }
    absl::StatusOr<HttpResponse> answer = answers_.front();
    if (answers_.size() > 1) {
      answers_.pop_front();
    }
    return answer;
  }

  std::vector<HttpRequest> requests() const {
    const absl::MutexLock lock(&mutex_);
    return requests_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::deque<absl::StatusOr<HttpResponse>> answers_ ABSL_GUARDED_BY(mutex_);
  std::vector<HttpRequest> requests_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::cloud::testing

#endif  // CONSTELLATION_CLOUD_HTTP_TESTING_SCRIPTED_TRANSPORT_H_
