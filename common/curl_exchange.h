// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_CURL_EXCHANGE_H_
#define CONSTELLATION_COMMON_CURL_EXCHANGE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/curl_library.h"

namespace constellation {

// One request on a handle of libcurl, and its answer with bounded sizes. What
// every request of ours wants is set by the constructor: HTTP/1.1, TLS 1.2 or
// later with verification, no signals, no waiting for "100 Continue", no
// redirects, no proxy but one that is set. Holds what libcurl points to, so it
// must live until Perform() is over. Thread-compatible.
class CurlExchange final {
 public:
  // In octets: all header lines of all answers together; the body.
  struct Limits {
    size_t max_headers = 0;
    size_t max_body = 0;
  };
  // Names in lower case, values without space around them, in their order.
  using Headers = std::vector<std::pair<std::string, std::string>>;

  // `curl` and `handle` (new, or reset) outlive it; the handle stays with its
  // owner.
  CurlExchange(const CurlLibrary& curl, CURL* handle, const Limits& limits);
  CurlExchange(const CurlExchange&) = delete;
  CurlExchange& operator=(const CurlExchange&) = delete;
  ~CurlExchange();

  // Sets an option. What `value` points to must live until the end.
  template <typename Value>
  void Set(CURLoption option, Value value) {
    const CURLcode code = curl_.easy_setopt(handle_, option, value);
    if (option_error_ == CURLE_OK) {
      option_error_ = code;
    }
  }
  // A limit in milliseconds: from 1 ms to a day.
  void SetTimeout(CURLoption option, absl::Duration timeout);
  // PEM file of the authorities that count instead of the system's, if any.
  void SetAuthorities(const std::string& ca_file);
  // "Name: value"; "Name:" suppresses libcurl's own.
  void AddHeader(const std::string& header);

  // Does it. Keeps SIGPIPE from this thread meanwhile.
  CURLcode Perform();

  // The first option that libcurl refused, if any: then do not perform.
  CURLcode option_error() const { return option_error_; }
  // Whether Perform() failed because of the limits.
  bool too_large() const { return too_large_; }
  // What libcurl says of `code`.
  std::string_view ErrorText(CURLcode code) const;

  // The HTTP status of the last answer; 0 if there was none. Then what came
  // with it.
  int status() const;
  Headers& headers() { return headers_; }
  std::string& body() { return body_; }

 private:
  static size_t OnBody(char* data, size_t size, size_t count,
                       void* self) noexcept;
  static size_t OnHeader(char* data, size_t size, size_t count,
                         void* self) noexcept;
  bool TakeBody(std::string_view piece);
  bool TakeHeader(std::string_view line);

  const CurlLibrary& curl_;
  CURL* const handle_;
  const Limits limits_;
  curl_slist* header_list_ = nullptr;
  CURLcode option_error_ = CURLE_OK;
  char error_[CURL_ERROR_SIZE] = {};
  size_t header_octets_ = 0;
  bool too_large_ = false;
  Headers headers_;
  std::string body_;
};

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_CURL_EXCHANGE_H_
