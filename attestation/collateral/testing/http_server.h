// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_TESTING_HTTP_SERVER_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_TESTING_HTTP_SERVER_H_

#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/unique_fd.h"

namespace constellation::attestation::testing {

// What a TestHttpServer sends, octet by octet.
struct ScriptedAnswer {
  std::string octets;
  bool hold = false;  // then keep the connection open instead of hanging up
};

// A whole answer with Content-Length. `headers`: lines with "\r\n".
std::string HttpAnswer(int status, std::string_view body,
                       std::string_view headers = "");

// A real HTTP server on loopback for tests: one connection after the other,
// each answered by what `handler` makes of the request's target ("/path?query")
// and octets. Ends when destroyed.
class TestHttpServer final {
 public:
  using Handler = std::function<ScriptedAnswer(const std::string& target,
                                               const std::string& request)>;

  explicit TestHttpServer(Handler handler);
  // Answers every request with the next of `answers`, the last one for ever.
  explicit TestHttpServer(std::vector<ScriptedAnswer> answers);
  TestHttpServer(const TestHttpServer&) = delete;
  TestHttpServer& operator=(const TestHttpServer&) = delete;
  ~TestHttpServer();

  std::string url() const;  // "http://127.0.0.1:<port>"
  // Requests so far: head and body.
  std::vector<std::string> requests() const;

 private:
  void Run(const std::stop_token& stop);
  void Serve(int fd, const std::stop_token& stop);

  const Handler handler_;
  UniqueFd listener_;
  int port_ = 0;
  mutable absl::Mutex mutex_;
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace constellation::attestation::testing

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_TESTING_HTTP_SERVER_H_
