// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_HTTP_TESTING_LOCAL_SERVER_H_
#define CONSTELLATION_CLOUD_HTTP_TESTING_LOCAL_SERVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/unique_fd.h"

namespace constellation::cloud::testing {

// What a LocalServer received.
struct ReceivedRequest {
  std::string method = {};
  std::string target = {};                          // path and query
  std::map<std::string, std::string> headers = {};  // names in lower case
  std::string body = {};
  int connection = 0;  // counted from 1
};

// A real HTTP/1.1 server on 127.0.0.1, a thread per connection. The handler
// returns what is sent, to the octet; an empty text closes the connection
// without an answer. Ends when destroyed.
class LocalServer final {
 public:
  using Handler = std::function<std::string(const ReceivedRequest& request)>;

  explicit LocalServer(Handler handler);
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;
  ~LocalServer();

  // "http://127.0.0.1:port" + `path`.
  std::string Url(const std::string& path) const;
  uint16_t port() const { return port_; }
  std::vector<ReceivedRequest> requests() const;

 private:
  void Accept();
  void Serve(int fd, int connection);

  const Handler handler_;
  UniqueFd listener_;
  uint16_t port_ = 0;
  mutable absl::Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<int> open_ ABSL_GUARDED_BY(mutex_);
  std::vector<ReceivedRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> workers_;
  std::thread acceptor_;
};

// A complete answer with a Content-Length. `headers` ends each with "\r\n".
std::string Answer(int status, const std::string& body,
                   const std::string& headers = "");

}  // namespace constellation::cloud::testing

#endif  // CONSTELLATION_CLOUD_HTTP_TESTING_LOCAL_SERVER_H_
