// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_TESTING_FUNCTION_TRANSPORT_H_
#define CONSTELLATION_CLOUD_AWS_TESTING_FUNCTION_TRANSPORT_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "cloud/http/environment.h"
#include "cloud/http/http_transport.h"

namespace constellation::cloud::aws::testing {

// Answers by a function; keeps the requests. Thread-safe if the function is.
class FunctionTransport final : public HttpTransport {
 public:
  using Answer =
      std::function<absl::StatusOr<HttpResponse>(const HttpRequest& request)>;

  explicit FunctionTransport(Answer answer) : answer_(std::move(answer)) {}

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    {
      const absl::MutexLock lock(&mutex_);
      requests_.push_back(request);
    }
    return answer_(request);
  }
  std::vector<HttpRequest> requests() const {
    const absl::MutexLock lock(&mutex_);
    return requests_;
  }

 private:
  const Answer answer_;
  mutable absl::Mutex mutex_;
  std::vector<HttpRequest> requests_ ABSL_GUARDED_BY(mutex_);
};

// An environment of `variables`, which must outlive it.
inline Environment EnvironmentOf(
    const std::map<std::string, std::string>& variables) {
  return [&variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt
                                    : std::optional(found->second);
  };
}

// The value of header `name`, or "".
inline std::string HeaderOf(const HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) {
      return value;
    }
  }
  return "";
}

}  // namespace constellation::cloud::aws::testing

#endif  // CONSTELLATION_CLOUD_AWS_TESTING_FUNCTION_TRANSPORT_H_
