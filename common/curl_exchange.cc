// SPDX-License-Identifier: Apache-2.0
#include "common/curl_exchange.h"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <new>

namespace constellation {
namespace {

constexpr int64_t kMaxTimeoutMilliseconds = 24 * 3600 * 1000;

// Keeps SIGPIPE from this thread: with CURLOPT_NOSIGNAL libcurl leaves it to
// the caller, and TLS may write to a socket that the peer has closed.
class WithoutSigpipe final {
 public:
  WithoutSigpipe() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;
  ~WithoutSigpipe() {
    constexpr timespec kNow{};
    if (!was_pending_) {
      sigtimedwait(&sigpipe_, nullptr, &kNow);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t sigpipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

// Header values have optional white space around them (RFC 9110 section 5.5).
std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Field names know no case.
std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

}  // namespace

// "Expect:" without a value keeps libcurl from waiting for 100 Continue.
CurlExchange::CurlExchange(const CurlLibrary& curl, CURL* handle,
                           const Limits& limits)
    : curl_(curl), handle_(handle), limits_(limits) {
  Set(CURLOPT_ERRORBUFFER, error_);
  Set(CURLOPT_NOSIGNAL, 1L);
  Set(CURLOPT_FOLLOWLOCATION, 0L);
  Set(CURLOPT_PROXY, "");  // overrides the environment
  Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  Set(CURLOPT_SSL_VERIFYPEER, 1L);
  Set(CURLOPT_SSL_VERIFYHOST, 2L);
  Set(CURLOPT_WRITEFUNCTION, &CurlExchange::OnBody);
  Set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  Set(CURLOPT_HEADERFUNCTION, &CurlExchange::OnHeader);
  Set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  AddHeader("Expect:");
}

CurlExchange::~CurlExchange() {
  curl_.slist_free_all(header_list_);
}

void CurlExchange::SetTimeout(CURLoption option, absl::Duration timeout) {
  Set(option,
      static_cast<long>(std::clamp<int64_t>(absl::ToInt64Milliseconds(timeout),
                                            1, kMaxTimeoutMilliseconds)));
}

void CurlExchange::SetAuthorities(const std::string& ca_file) {
  if (!ca_file.empty()) {
    Set(CURLOPT_CAINFO, ca_file.c_str());
    Set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  }
}

// A failed allocation is reported like a refused option.
void CurlExchange::AddHeader(const std::string& header) {
  curl_slist* longer = curl_.slist_append(header_list_, header.c_str());
  if (longer == nullptr) {
    option_error_ = CURLE_OUT_OF_MEMORY;
    return;
  }
  header_list_ = longer;
}

CURLcode CurlExchange::Perform() {
  Set(CURLOPT_HTTPHEADER, header_list_);
  const WithoutSigpipe guard;
  return curl_.easy_perform(handle_);
}

std::string_view CurlExchange::ErrorText(CURLcode code) const {
  return error_[0] != '\0' ? error_ : curl_.easy_strerror(code);
}

int CurlExchange::status() const {
  long status = 0;
  curl_.easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

// libcurl's callbacks: a short count ends the transfer.
size_t CurlExchange::OnBody(char* data, size_t size, size_t count,
                            void* self) noexcept {
  const std::string_view piece(data, size * count);
  try {
    return static_cast<CurlExchange*>(self)->TakeBody(piece) ? piece.size() : 0;
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

size_t CurlExchange::OnHeader(char* data, size_t size, size_t count,
                              void* self) noexcept {
  const std::string_view line(data, size * count);
  try {
    return static_cast<CurlExchange*>(self)->TakeHeader(line) ? line.size() : 0;
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

// Checked before anything is copied: a server cannot fill the memory.
bool CurlExchange::TakeBody(std::string_view piece) {
  if (piece.size() > limits_.max_body - body_.size()) {
    too_large_ = true;
    return false;
  }
  body_.append(piece);
  return true;
}

// Lines without a colon are dropped. Names may repeat; all are kept.
bool CurlExchange::TakeHeader(std::string_view line) {
  header_octets_ += line.size();
  if (header_octets_ > limits_.max_headers) {
    too_large_ = true;
    return false;
  }
  if (line.starts_with("HTTP/")) {  // after a redirect or "100 Continue"
    headers_.clear();
    body_.clear();
    return true;
  }
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    headers_.emplace_back(LowerCase(Trim(line.substr(0, colon))),
                          std::string(Trim(line.substr(colon + 1))));
  }
  return true;
}

}  // namespace constellation
