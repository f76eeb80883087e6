// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_HTTP_TESTING_ROUTED_TRANSPORT_H_
#define CONSTELLATION_CLOUD_HTTP_TESTING_ROUTED_TRANSPORT_H_

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cloud/http/http_transport.h"

namespace constellation::cloud::testing {

// Answers by route: "GET /v2/images", method and path without query. Several
// answers of one route come one after the other, the last again and again; a
// route that nobody has prepared is 404. Keeps the requests. Thread-safe.
class RoutedTransport final : public HttpTransport {
 public:
  void On(const std::string& route, absl::StatusOr<HttpResponse> answer) {
    const absl::MutexLock lock(&mutex_);
    answers_[route].push_back(std::move(answer));
  }
  void On(const std::string& route, int status, std::string body,
          HttpHeaders headers = {}) {
    On(route, HttpResponse{.status = status,
                           .headers = std::move(headers),
                           .body = std::move(body)});
  }
  // Forgets the answers of `route`, so that others can be prepared.
  void Reset(const std::string& route) {
    const absl::MutexLock lock(&mutex_);
    answers_.erase(route);
  }

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    const absl::MutexLock lock(&mutex_);
    requests_.push_back(request);
    const auto found = answers_.find(RouteOf(request));
    if (found == answers_.end()) {
      return HttpResponse{.status = 404};
    }
    absl::StatusOr<HttpResponse> answer = found->second.front();
    if (found->second.size() > 1) {
      found->second.pop_front();
    }
    return answer;
  }

  // The requests of one route; of all with an empty one.
  std::vector<HttpRequest> requests(std::string_view route = "") const {
    const absl::MutexLock lock(&mutex_);
    std::vector<HttpRequest> some;
    for (const HttpRequest& request : requests_) {
      if (route.empty() || RouteOf(request) == route) {
        some.push_back(request);
      }
    }
    return some;
  }

 private:
  static std::string RouteOf(const HttpRequest& request) {
    const std::string_view url = request.url;
    const size_t host = url.find("://");
    const size_t path = url.find('/', host == url.npos ? 0 : host + 3);
    const std::string_view rest = path == url.npos ? "/" : url.substr(path);
    return request.method + " " + std::string(rest.substr(0, rest.find('?')));
  }

  mutable absl::Mutex mutex_;
  std::map<std::string, std::deque<absl::StatusOr<HttpResponse>>> answers_
      ABSL_GUARDED_BY(mutex_);
  std::vector<HttpRequest> requests_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::cloud::testing

#endif  // CONSTELLATION_CLOUD_HTTP_TESTING_ROUTED_TRANSPORT_H_
