// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_HTTP_SERVER_H_
#define CONSTELLATION_CLOUD_QEMU_HTTP_SERVER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/unique_fd.h"

namespace constellation::cloud::qemu {

// Method and path are as the peer sent them: hostile.
struct HttpRequest {
  std::string method;
  std::string path;  // as sent, query included
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string body = {};  // JSON
};

// Reads one request from `fd`. Accepts HTTP/1.0 and 1.1 with at most 8 KiB of
// head, bodies only with Content-Length and at most `max_body` octets.
// INVALID_ARGUMENT for everything else, DEADLINE_EXCEEDED, UNAVAILABLE if the
// peer went away.
absl::StatusOr<HttpRequest> ReadHttpRequest(int fd, size_t max_body,
                                            absl::Time deadline);

// A small HTTP server on a Unix socket: one request per connection, a bounded
// number of connections, every read bounded in size and time. Serves until
// destroyed; the destructor lets running handlers finish.
class HttpServer final {
 public:
  // Called from several threads at once; must not throw.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  // What one peer can cost: memory by `max_body`, threads by `max_connections`,
  // time by `read_limit` (of a whole request).
  struct Options {
    size_t max_body = size_t{16} << 10U;
    size_t max_connections = 16;
    absl::Duration read_limit = absl::Seconds(10);
  };

  // Codes of ListenUnix(). A socket that is there is replaced.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Create(
      const std::string& socket_path, const Options& options, Handler handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

 private:
  HttpServer(std::string path, UniqueFd listener, UniqueFd stop,
             const Options& options, Handler handler);

  // Runs in a thread of its own until `stop_` is readable.
  void AcceptLoop();
  // Answers on `connection` in a thread of its own.
  void StartServing(UniqueFd connection);
  // Reads one request, answers, closes.
  void Serve(UniqueFd connection);

  const std::string path_;
  const UniqueFd listener_;
  const UniqueFd stop_;  // eventfd, readable when the server must end
  const Options options_;
  const Handler handler_;
  absl::Mutex mutex_;
  std::set<int> connections_ ABSL_GUARDED_BY(mutex_);
  std::thread acceptor_;
};

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_HTTP_SERVER_H_
