// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/curl_http_transport.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <new>
#include <string_view>

#include "common/curl_library.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxHeaderOctets = size_t{128} << 10U;  // all lines together
constexpr long kConnectTimeoutSeconds = 10;
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

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

// One request. Holds everything that libcurl points to while it works.
class Exchange final {
 public:
  Exchange(const CurlLibrary& curl, const CurlHttpOptions& options,
           const HttpRequest& request)
      : curl_(curl), options_(options), request_(request) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    if (handle_ != nullptr) {
      curl_.easy_cleanup(handle_);
    }
    curl_.slist_free_all(headers_);
  }

  absl::StatusOr<HttpResponse> Run() {
    handle_ = curl_.easy_init();
    if (handle_ == nullptr) {
      return Internal("libcurl gives no handle");
    }
    SetTransfer();
    SetTls();
    SetRequest();
    if (option_error_ != CURLE_OK) {
      return Internal(fmt::format("libcurl refuses an option: {}",
                                  curl_.easy_strerror(option_error_)));
    }
    const CURLcode code = [this] {
      const WithoutSigpipe guard;
      return curl_.easy_perform(handle_);
    }();
    if (code != CURLE_OK) {
      return Failure(code);
    }
    long status = 0;
    curl_.easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    return std::move(response_);
  }

 private:
  template <typename Value>
  void Set(CURLoption option, Value value) {
    const CURLcode code = curl_.easy_setopt(handle_, option, value);
    if (option_error_ == CURLE_OK) {
      option_error_ = code;
    }
  }

  void SetTransfer() {
    const bool https = request_.url.starts_with("https:");
    Set(CURLOPT_ERRORBUFFER, error_);
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_URL, request_.url.c_str());
    Set(CURLOPT_PROTOCOLS_STR,
        options_.allow_plain_http ? "http,https" : "https");
    // No way back from TLS.
    Set(CURLOPT_REDIR_PROTOCOLS_STR, https ? "https" : "http,https");
    Set(CURLOPT_FOLLOWLOCATION, request_.max_redirects > 0 ? 1L : 0L);
    Set(CURLOPT_MAXREDIRS, static_cast<long>(request_.max_redirects));
    Set(CURLOPT_PROXY, options_.proxy.c_str());  // "" overrides environment
    Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    Set(CURLOPT_CONNECTTIMEOUT, kConnectTimeoutSeconds);
    Set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::clamp<int64_t>(
                                absl::ToInt64Milliseconds(request_.timeout), 1,
                                kMaxTimeoutMilliseconds)));
    Set(CURLOPT_WRITEFUNCTION, &Exchange::OnData);
    Set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    Set(CURLOPT_HEADERFUNCTION, &Exchange::OnHeader);
    Set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  }

  void SetTls() {
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    Set(CURLOPT_SSL_VERIFYPEER, 1L);
    Set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options_.ca_file.empty()) {
      Set(CURLOPT_CAINFO, options_.ca_file.c_str());
      Set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
    }
  }

  void SetRequest() {
    AddHeader("Expect:");  // no waiting for "100 Continue"
    AddHeader("User-Agent: constellation");
    for (const std::string& header : request_.headers) {
      AddHeader(header);
    }
    if (!request_.body.empty()) {
      AddHeader("Content-Type: application/json");
      Set(CURLOPT_POST, 1L);
      Set(CURLOPT_POSTFIELDSIZE_LARGE,
          static_cast<curl_off_t>(request_.body.size()));
      Set(CURLOPT_POSTFIELDS, request_.body.data());
    }
    Set(CURLOPT_HTTPHEADER, headers_);
  }

  void AddHeader(const std::string& header) {
    curl_slist* longer = curl_.slist_append(headers_, header.c_str());
    if (longer == nullptr) {
      option_error_ = CURLE_OUT_OF_MEMORY;
      return;
    }
    headers_ = longer;
  }

  absl::Status Failure(CURLcode code) const {
    if (too_large_) {
      return InvalidArgument(
          fmt::format("{}: want an answer of at most {} octets, got more",
                      request_.url, request_.max_body));
    }
    const std::string message =
        fmt::format("{}: {}", request_.url,
                    error_[0] != '\0' ? error_ : curl_.easy_strerror(code));
    switch (code) {
      case CURLE_OPERATION_TIMEDOUT:
        return DeadlineExceeded(message);
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_ISSUER_ERROR:
        return Unauthenticated(message);
      case CURLE_UNSUPPORTED_PROTOCOL:
      case CURLE_URL_MALFORMAT:
      case CURLE_TOO_MANY_REDIRECTS:
      case CURLE_WEIRD_SERVER_REPLY:
      case CURLE_SSL_CACERT_BADFILE:
        return InvalidArgument(message);
      case CURLE_OUT_OF_MEMORY:
        return Internal(message);
      default:
        return Unavailable(message);
    }
  }

  // libcurl's callbacks: a short count ends the transfer.
  static size_t OnData(char* data, size_t size, size_t count,
                       void* self) noexcept {
    auto& exchange = *static_cast<Exchange*>(self);
    const std::string_view piece(data, size * count);
    try {
      return exchange.TakeData(piece) ? piece.size() : 0;
    } catch (const std::bad_alloc&) {
      return 0;
    }
  }

  static size_t OnHeader(char* data, size_t size, size_t count,
                         void* self) noexcept {
    auto& exchange = *static_cast<Exchange*>(self);
    const std::string_view line(data, size * count);
    try {
      return exchange.TakeHeader(line) ? line.size() : 0;
    } catch (const std::bad_alloc&) {
      return 0;
    }
  }

  bool TakeData(std::string_view piece) {
    if (piece.size() > request_.max_body - response_.body.size()) {
      too_large_ = true;
      return false;
    }
    response_.body.append(piece);
    return true;
  }

  bool TakeHeader(std::string_view line) {
    header_octets_ += line.size();
    if (header_octets_ > kMaxHeaderOctets) {
      too_large_ = true;
      return false;
    }
    if (line.starts_with("HTTP/")) {  // of a redirect, or the next answer
      response_.headers.clear();
      response_.body.clear();
      return true;
    }
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      response_.headers[LowerCase(Trim(line.substr(0, colon)))] =
          Trim(line.substr(colon + 1));
    }
    return true;
  }

  const CurlLibrary& curl_;
  const CurlHttpOptions& options_;
  const HttpRequest& request_;
  CURL* handle_ = nullptr;
  curl_slist* headers_ = nullptr;
  CURLcode option_error_ = CURLE_OK;
  char error_[CURL_ERROR_SIZE] = {};
  HttpResponse response_;
  size_t header_octets_ = 0;
  bool too_large_ = false;
};

}  // namespace

absl::StatusOr<HttpResponse> CurlHttpTransport::Send(
    const HttpRequest& request) {
  ASSIGN_OR_RETURN(const CurlLibrary* curl, CurlLibrary::Get());
  return Exchange(*curl, options_, request).Run();
}

}  // namespace constellation::attestation
