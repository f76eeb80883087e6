// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_HTTP_CLIENT_H_
#define CONSTELLATION_CLOUD_QEMU_HTTP_CLIENT_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace constellation::cloud::qemu {

// A question to a metadata service or to a supervisor.
struct HttpCall {
  std::string url;  // http only
  // Connects there instead of the URL's host, if not empty.
  std::string unix_socket = {};
  std::optional<std::string> post_body = {};   // JSON; GET without
  absl::Duration timeout = absl::Seconds(10);  // name lookup to last octet
  size_t max_answer = size_t{1} << 20U;
};

// What came back; the body is as hostile as its sender.
struct HttpAnswer {
  long status = 0;
  std::string body = {};
};

// Makes one HTTP request over a connection of its own: no proxy, no redirect,
// no compression. Any status code is an answer. UNAVAILABLE if the server
// cannot be reached or breaks off, DEADLINE_EXCEEDED, INVALID_ARGUMENT if the
// answer is too long or not HTTP. Thread-safe.
absl::StatusOr<HttpAnswer> CallHttp(const HttpCall& call);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_HTTP_CLIENT_H_
