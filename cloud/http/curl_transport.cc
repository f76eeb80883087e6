// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/curl_transport.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/curl_exchange.h"
#include "common/curl_library.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace constellation::cloud {
namespace {

constexpr size_t kMaxHeaderOctets = size_t{256} << 10U;  // all lines together
// Connections that are kept; more than that are closed.
constexpr size_t kMaxIdleHandles = 32;

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

// Scheme, host and port of `url`: who gets to see the request's headers.
std::string_view Origin(std::string_view url) {
  const size_t scheme = url.find("://");
  return scheme == std::string_view::npos
             ? url
             : url.substr(0, url.find_first_of("/?#", scheme + 3));
}

// A line break would end the header and start another one; a NUL would cut it.
bool HasLineBreak(std::string_view text) {
  constexpr std::string_view kBreaks("\r\n\0", 3);
  return text.find_first_of(kBreaks) != std::string_view::npos;
}

// `sent`: the request had begun to leave, so the server may have executed it.
TransportError ErrorOf(CURLcode code, bool sent) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return TransportError::kDns;
    case CURLE_COULDNT_CONNECT:
      return TransportError::kRefused;
    case CURLE_OPERATION_TIMEDOUT:
      return sent ? TransportError::kTimeout : TransportError::kRefused;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
      return TransportError::kTls;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_OUT_OF_MEMORY:
      return TransportError::kLocal;
    default:
      return TransportError::kLost;
  }
}

}  // namespace

// One request. Holds everything that libcurl points to while it works.
class CurlTransport::Exchange final {
 public:
  // Takes over an idle handle; the request and the options must outlive it.
  Exchange(const CurlLibrary& curl, CURL* handle, const CurlOptions& options,
           const HttpRequest& request)
      : curl_(curl),
        handle_(handle),
        options_(options),
        request_(request),
        exchange_(curl, handle, {kMaxHeaderOctets, request.max_answer_size}) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Options first: one that libcurl refuses must not be sent without.
  absl::StatusOr<HttpResponse> Run() {
    RETURN_IF_ERROR(OpenFile());
    SetTransfer();
    SetProxy();
    exchange_.SetAuthorities(options_.ca_file);
    SetRequest();
    if (const CURLcode refused = exchange_.option_error();
        refused != CURLE_OK) {
      return MakeTransportError(TransportError::kLocal,
                                fmt::format("libcurl refuses an option: {}",
                                            curl_.easy_strerror(refused)));
    }
    if (const CURLcode code = exchange_.Perform(); code != CURLE_OK) {
      return Failure(code);
    }
    HttpResponse response;
    response.status = exchange_.status();
    response.headers = std::move(exchange_.headers());
    response.body = std::move(exchange_.body());
    return response;
  }

  // Where the answer redirects to, absolute; empty if it does not.
  std::string Redirect() const {
    char* url = nullptr;
    curl_.easy_getinfo(handle_, CURLINFO_REDIRECT_URL, &url);
    return url == nullptr ? "" : url;
  }

 private:
  template <typename Value>
  void Set(CURLoption option, Value value) {
    exchange_.Set(option, value);
  }

  // Opened before the connection: a missing file costs nobody a request.
  absl::Status OpenFile() {
    if (!request_.file) {
      return absl::OkStatus();
    }
    file_ = UniqueFd(::open(request_.file->path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_.valid()) {
      return MakeTransportError(
          TransportError::kLocal,
          Message(ErrnoStatus(errno, "open", request_.file->path)));
    }
    return absl::OkStatus();
  }

  // Plain http is allowed to local addresses only, and libcurl is told so, so
  // that no redirect or proxy can lead it elsewhere.
  void SetTransfer() {
    Set(CURLOPT_URL, request_.url.c_str());
    Set(CURLOPT_PATH_AS_IS, 1L);  // what was signed is what is sent
    const bool plain =
        options_.allow_plain_http || IsLocalHost(HostOfUrl(request_.url));
    Set(CURLOPT_PROTOCOLS_STR, plain ? "http,https" : "https");
    exchange_.SetTimeout(CURLOPT_CONNECTTIMEOUT_MS, request_.connect_timeout);
    exchange_.SetTimeout(CURLOPT_TIMEOUT_MS, request_.timeout);
    Set(CURLOPT_TCP_KEEPALIVE, 1L);
    // On a kept connection that ends without an answer libcurl sends again, of
    // its own accord and whatever the method. The server may have executed it.
    Set(CURLOPT_FRESH_CONNECT, IsRepeatable(request_) ? 0L : 1L);
    Set(CURLOPT_XFERINFOFUNCTION, &Exchange::OnProgress);
    Set(CURLOPT_XFERINFODATA, static_cast<void*>(this));
    Set(CURLOPT_NOPROGRESS, request_.stop.stop_possible() ? 0L : 1L);
  }

  // Always explicit, so that libcurl reads no variable by itself.
  void SetProxy() {
    const bool local = IsLocalHost(HostOfUrl(request_.url));
    const bool https = request_.url.starts_with("https:");
    const std::string& proxy =
        https ? options_.proxy.https : options_.proxy.http;
    Set(CURLOPT_PROXY, local ? "" : proxy.c_str());
    Set(CURLOPT_NOPROXY, options_.proxy.except.c_str());
  }

  // Headers as they were signed; nothing is added but the agent's name.
  void SetRequest() {
    exchange_.AddHeader("User-Agent: constellation");
    for (const auto& [name, value] : request_.headers) {
      // "Name;" is libcurl's way to write a header without a value.
      exchange_.AddHeader(value.empty() ? name + ";" : name + ": " + value);
    }
    if (request_.method == "HEAD") {
      Set(CURLOPT_NOBODY, 1L);
    } else if (file_.valid()) {
      Set(CURLOPT_UPLOAD, 1L);
      Set(CURLOPT_READFUNCTION, &Exchange::OnRead);
      Set(CURLOPT_READDATA, static_cast<void*>(this));
      Set(CURLOPT_SEEKFUNCTION, &Exchange::OnSeek);
      Set(CURLOPT_SEEKDATA, static_cast<void*>(this));
      Set(CURLOPT_INFILESIZE_LARGE,
          static_cast<curl_off_t>(request_.file->size));
    } else if (!request_.body.empty() || request_.method != "GET") {
      SetBody();
    }
    if (request_.method != "HEAD") {
      Set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    }
  }

  // Content-Type is the caller's. A DELETE without a body has no length either:
  // some services refuse one.
  void SetBody() {
    const bool typed =
        std::ranges::any_of(request_.headers, [](const auto& header) {
          return LowerCase(header.first) == "content-type";
        });
    if (!typed) {
      exchange_.AddHeader("Content-Type:");  // libcurl's own guess is "form"
    }
    if (request_.method == "DELETE" && request_.body.empty()) {
      return;
    }
    Set(CURLOPT_POST, 1L);
    Set(CURLOPT_POSTFIELDSIZE_LARGE,
        static_cast<curl_off_t>(request_.body.size()));
    Set(CURLOPT_POSTFIELDS, request_.body.data());
  }

  // Which of the limits, the caller's stop or the network ended it.
  absl::Status Failure(CURLcode code) const {
    const std::string url = UrlForMessages(request_.url);
    if (exchange_.too_large()) {
      return MakeTransportError(
          TransportError::kTooLarge,
          fmt::format("{}: want an answer of at most {} octets, got more", url,
                      request_.max_answer_size));
    }
    if (code == CURLE_ABORTED_BY_CALLBACK) {
      return MakeTransportError(
          file_failed_ ? TransportError::kLocal : TransportError::kCancelled,
          file_failed_ ? fmt::format("{}: ended before the {} octets to send",
                                     request_.file->path, request_.file->size)
                       : url + ": cancelled");
    }
    curl_off_t pretransfer = 0;
    curl_.easy_getinfo(handle_, CURLINFO_PRETRANSFER_TIME_T, &pretransfer);
    return MakeTransportError(
        ErrorOf(code, pretransfer > 0),
        fmt::format("{}: {}", url, exchange_.ErrorText(code)));
  }

  // libcurl's callbacks.
  // pread() with its own offset: the file may be sent from the middle, and
  // again.
  static size_t OnRead(char* data, size_t size, size_t count,
                       void* self) noexcept {
    auto& exchange = *static_cast<Exchange*>(self);
    const FileBody& file = *exchange.request_.file;
    const uint64_t want =
        std::min<uint64_t>(size * count, file.size - exchange.file_sent_);
    if (want == 0) {
      return 0;
    }
    const ssize_t got =
        ::pread(exchange.file_.get(), data, want,
                static_cast<off_t>(file.offset + exchange.file_sent_));
    if (got <= 0) {
      exchange.file_failed_ = true;
      return CURL_READFUNC_ABORT;
    }
    exchange.file_sent_ += static_cast<uint64_t>(got);
    return static_cast<size_t>(got);
  }

  // A kept connection that turns out to be dead makes libcurl start anew.
  static int OnSeek(void* self, curl_off_t offset, int origin) noexcept {
    auto& exchange = *static_cast<Exchange*>(self);
    if (origin != SEEK_SET || offset < 0 ||
        static_cast<uint64_t>(offset) > exchange.request_.file->size) {
      return CURL_SEEKFUNC_FAIL;
    }
    exchange.file_sent_ = static_cast<uint64_t>(offset);
    return CURL_SEEKFUNC_OK;
  }

  // Called about once a second, and more often while data flow.
  static int OnProgress(void* self, curl_off_t /*download*/,
                        curl_off_t /*downloaded*/, curl_off_t /*upload*/,
                        curl_off_t /*uploaded*/) noexcept {
    return static_cast<Exchange*>(self)->request_.stop.stop_requested() ? 1 : 0;
  }

  const CurlLibrary& curl_;
  CURL* const handle_;
  const CurlOptions& options_;
  const HttpRequest& request_;
  CurlExchange exchange_;
  UniqueFd file_;
  uint64_t file_sent_ = 0;
  bool file_failed_ = false;
};

// Requests must have ended; connections are closed.
CurlTransport::~CurlTransport() {
  const absl::StatusOr<const CurlLibrary*> curl = CurlLibrary::Get();
  if (curl.ok()) {
    const absl::MutexLock lock(&mutex_);
    for (void* handle : idle_handles_) {
      (*curl)->easy_cleanup(handle);
    }
  }
}

// Null if libcurl is not there.
void* CurlTransport::TakeHandle() {
  {
    const absl::MutexLock lock(&mutex_);
    if (!idle_handles_.empty()) {
      void* handle = idle_handles_.back();
      idle_handles_.pop_back();
      return handle;
    }
  }
  const absl::StatusOr<const CurlLibrary*> curl = CurlLibrary::Get();
  return curl.ok() ? (*curl)->easy_init() : nullptr;
}

// Options go, connections and TLS sessions stay.
void CurlTransport::ReturnHandle(void* handle) {
  const CurlLibrary* curl = *CurlLibrary::Get();
  curl->easy_reset(handle);  // keeps the connections
  const absl::MutexLock lock(&mutex_);
  if (idle_handles_.size() < kMaxIdleHandles) {
    idle_handles_.push_back(handle);
  } else {
    curl->easy_cleanup(handle);
  }
}

// One request without redirects. The handle goes back in any case.
absl::StatusOr<HttpResponse> CurlTransport::One(const HttpRequest& request,
                                                std::string& redirect) {
  const absl::StatusOr<const CurlLibrary*> curl = CurlLibrary::Get();
  void* handle = curl.ok() ? TakeHandle() : nullptr;
  if (handle == nullptr) {
    return MakeTransportError(
        TransportError::kLocal,
        curl.ok() ? "libcurl gives no handle" : Message(curl.status()));
  }
  absl::StatusOr<HttpResponse> answer = [&] {
    Exchange exchange(**curl, handle, options_, request);
    absl::StatusOr<HttpResponse> result = exchange.Run();
    if (result.ok()) {
      redirect = exchange.Redirect();
    }
    return result;
  }();
  ReturnHandle(handle);
  return answer;
}

// Redirects are followed here, not by libcurl: never to plain http, never with
// the request's headers to another origin, which could hold tokens.
absl::StatusOr<HttpResponse> CurlTransport::Send(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || HasLineBreak(name) || HasLineBreak(value)) {
      return MakeTransportError(TransportError::kLocal,
                                "header with a line break or without a name");
    }
  }
  if (request.stop.stop_requested()) {
    return MakeTransportError(TransportError::kCancelled,
                              UrlForMessages(request.url) + ": cancelled");
  }
  HttpRequest current = request;
  const bool may_follow = request.method == "GET" || request.method == "HEAD";
  for (int redirects = 0;; ++redirects) {
    std::string target;
    absl::StatusOr<HttpResponse> answer = One(current, target);
    if (!answer.ok() || target.empty() || !may_follow ||
        redirects >= request.max_redirects ||
        (current.url.starts_with("https:") && !target.starts_with("https:"))) {
      return answer;
    }
    if (Origin(target) != Origin(current.url)) {
      current.headers.clear();
    }
    current.url = target;
  }
}

}  // namespace constellation::cloud
