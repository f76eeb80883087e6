// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <new>

#include "common/curl_library.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

using UniqueEasy = std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)>;
using UniqueList =
    std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)>;

// Where the answer goes.
struct Sink {
  std::string body = {};
  size_t max_size = 0;
  bool too_long = false;
};

// libcurl's write callback: a short count ends the transfer.
size_t Write(char* data, size_t size, size_t count, void* user) noexcept {
  auto* sink = static_cast<Sink*>(user);
  const size_t length = size * count;
  if (length > sink->max_size - sink->body.size()) {
    sink->too_long = true;
    return 0;
  }
  try {
    sink->body.append(data, length);
  } catch (const std::bad_alloc&) {
    return 0;
  }
  return length;
}

// The environment's proxies are switched off: metadata is always next door, and
// a proxy would see (or forge) it.
void SetOptions(const CurlLibrary& library, CURL* curl, const HttpCall& call,
                curl_slist* headers, Sink& sink) {
  library.easy_setopt(curl, CURLOPT_URL, call.url.c_str());
  library.easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
  library.easy_setopt(curl, CURLOPT_PROXY,
                      "");  // not what the environment says
  library.easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  library.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  library.easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  library.easy_setopt(
      curl, CURLOPT_TIMEOUT_MS,
      static_cast<long>(std::clamp<int64_t>(
          absl::ToInt64Milliseconds(call.timeout), 1, 24 * 3600 * 1000)));
  library.easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE,
                      static_cast<curl_off_t>(call.max_answer));
  library.easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Write);
  library.easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  library.easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  if (!call.unix_socket.empty()) {
    library.easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH,
                        call.unix_socket.c_str());
  }
  if (call.post_body.has_value()) {
    library.easy_setopt(curl, CURLOPT_POST, 1L);
    library.easy_setopt(curl, CURLOPT_POSTFIELDS, call.post_body->data());
    library.easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                        static_cast<curl_off_t>(call.post_body->size()));
  }
}

// Whether it is worth another try is all that callers ask.
absl::Status Failure(const CurlLibrary& library, CURLcode code,
                     const Sink& sink, const HttpCall& call) {
  if (sink.too_long || code == CURLE_FILESIZE_EXCEEDED) {
    return InvalidArgument(fmt::format("{}: answer longer than {} octets",
                                       call.url, call.max_answer));
  }
  const std::string message =
      fmt::format("{}: {}", call.url, library.easy_strerror(code));
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return DeadlineExceeded(message);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_RECV_ERROR:
    case CURLE_BAD_CONTENT_ENCODING:
      return code == CURLE_RECV_ERROR ? Unavailable(message)
                                      : InvalidArgument(message);
    default:
      return Unavailable(message);
  }
}

}  // namespace

absl::StatusOr<HttpAnswer> CallHttp(const HttpCall& call) {
  ASSIGN_OR_RETURN(const CurlLibrary* library, CurlLibrary::Get());
  const UniqueEasy curl(library->easy_init(), library->easy_cleanup);
  // No "Expect: 100-continue": our servers are too small for a dialogue.
  UniqueList headers(library->slist_append(nullptr, "Expect:"),
                     library->slist_free_all);
  if (curl == nullptr || headers == nullptr ||
      library->slist_append(headers.get(), "Content-Type: application/json") ==
          nullptr) {
    return Internal("cannot set up libcurl");
  }
  Sink sink{.max_size = call.max_answer};
  SetOptions(*library, curl.get(), call, headers.get(), sink);
  const CURLcode code = library->easy_perform(curl.get());
  if (code != CURLE_OK) {
    return Failure(*library, code, sink, call);
  }
  HttpAnswer answer{.body = std::move(sink.body)};
  library->easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

}  // namespace constellation::cloud::qemu
