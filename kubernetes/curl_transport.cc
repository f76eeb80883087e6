// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/curl_transport.h"

#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <span>
#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "common/curl_library.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::kubernetes {
namespace {

constexpr size_t kMaxIdleHandles = 2;
constexpr size_t kMaxTokenBytes = size_t{64} << 10U;
constexpr long kConnectTimeoutSeconds = 10;
constexpr long kKeepAliveSeconds = 30;
constexpr std::string_view kScheme = "https://";

struct Authority {
  std::string host;  // IPv6 without brackets
  std::string port;
};

// Host and port of "https://host[:port][/path]".
Authority ParseAuthority(std::string_view server) {
  server.remove_prefix(kScheme.size());
  server = server.substr(0, server.find('/'));
  const size_t bracket = server.rfind(']');
  const size_t colon = server.rfind(':');
  Authority authority{std::string(server), "443"};
  if (colon != std::string_view::npos &&
      (bracket == std::string_view::npos || colon > bracket)) {
    authority.port = server.substr(colon + 1);
    authority.host = server.substr(0, colon);
  }
  return authority;
}

std::string_view PathOf(std::string_view server) {
  server.remove_prefix(kScheme.size());
  const size_t slash = server.find('/');
  std::string_view path =
      slash == std::string_view::npos ? "" : server.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// Keeps SIGPIPE from this thread: with CURLOPT_NOSIGNAL libcurl leaves it to
// us, and OpenSSL writes to sockets that the peer may have closed.
class SigpipeGuard final {
 public:
  SigpipeGuard() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;
  ~SigpipeGuard() {
    constexpr timespec kAtOnce{};
    if (!was_pending_) sigtimedwait(&sigpipe_, nullptr, &kAtOnce);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t sigpipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

curl_blob BlobOf(std::span<const uint8_t> bytes) {
  // libcurl only reads it, whatever its type says, and does not copy it.
  return {const_cast<uint8_t*>(bytes.data()), bytes.size(), CURL_BLOB_NOCOPY};
}

absl::Status StatusOfCurl(const CurlLibrary& curl, CURLcode code,
                          std::string_view server, const char* detail) {
  const std::string message = fmt::format(
      "{}: {}", server, *detail != '\0' ? detail : curl.easy_strerror(code));
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return DeadlineExceeded(message);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      return Unauthenticated(message);
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
      return InvalidArgument(message);
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_NOT_BUILT_IN:
    case CURLE_OUT_OF_MEMORY:
      return Internal(message);
    default:
      return Unavailable(message);
  }
}

}  // namespace

// One request on one handle of libcurl. Holds everything that libcurl points to
// while it works.
class CurlTransport::Exchange final {
 public:
  Exchange(const CurlLibrary& curl, CURL* handle, const ClusterAccess& access,
           const HttpRequest& request, const DataSink* sink,
           const std::stop_token& stop)
      : curl_(curl),
        handle_(handle),
        access_(access),
        request_(request),
        sink_(sink),
        stop_(stop) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    curl_.slist_free_all(headers_);
    curl_.slist_free_all(connect_to_);
    for (std::string& header : secret_headers_) {
      Wipe({reinterpret_cast<uint8_t*>(header.data()), header.size()});
    }
  }

  absl::StatusOr<HttpResponse> Run() {
    SetTransfer();
    SetTls();
    SetBody();
    RETURN_IF_ERROR(SetHeaders());
    if (option_error_ != CURLE_OK) return Failure(option_error_);
    const CURLcode code = [this] {
      const SigpipeGuard guard;
      return curl_.easy_perform(handle_);
    }();
    if (stop_.stop_requested()) return absl::CancelledError("stopped");
    if (too_large_) {
      return InvalidArgument(fmt::format("{}: answer of more than {} octets",
                                         access_.server,
                                         request_.max_response_bytes));
    }
    if (code != CURLE_OK && !sink_declined_) return Failure(code);
    response_.status = StatusCode();
    return std::move(response_);
  }

 private:
  template <typename Value>
  void Set(CURLoption option, Value value) {
    const CURLcode code = curl_.easy_setopt(handle_, option, value);
    if (option_error_ == CURLE_OK) option_error_ = code;
  }

  absl::Status Failure(CURLcode code) const {
    return StatusOfCurl(curl_, code, access_.server, error_);
  }

  int StatusCode() const {
    long status = 0;
    curl_.easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  }

  void SetTransfer() {
    error_[0] = '\0';
    Set(CURLOPT_ERRORBUFFER, error_);
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_PROTOCOLS_STR, "https");
    Set(CURLOPT_FOLLOWLOCATION, 0L);
    Set(CURLOPT_PROXY, "");
    Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    Set(CURLOPT_CONNECTTIMEOUT, kConnectTimeoutSeconds);
    Set(CURLOPT_TCP_KEEPALIVE, 1L);
    Set(CURLOPT_TCP_KEEPIDLE, kKeepAliveSeconds);
    Set(CURLOPT_TCP_KEEPINTVL, kKeepAliveSeconds);
    Set(CURLOPT_TIMEOUT_MS,
        static_cast<long>(absl::ToInt64Milliseconds(request_.timeout)));
    Set(CURLOPT_WRITEFUNCTION, &Exchange::OnData);
    Set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    Set(CURLOPT_NOPROGRESS, 0L);
    Set(CURLOPT_XFERINFOFUNCTION, &Exchange::OnProgress);
    Set(CURLOPT_XFERINFODATA, static_cast<void*>(this));
    SetAddress();
  }

  void SetAddress() {
    if (access_.tls_server_name.empty()) {
      url_ = access_.server.substr(0, access_.server.find_last_not_of('/') + 1);
    } else {
      // The certificate is for another name: ask for that name, but connect to
      // the address.
      const Authority to = ParseAuthority(access_.server);
      url_ = fmt::format("{}{}:{}{}", kScheme, access_.tls_server_name, to.port,
                         PathOf(access_.server));
      connect_to_ = curl_.slist_append(
          nullptr, fmt::format("::{}:{}", to.host, to.port).c_str());
      Set(CURLOPT_CONNECT_TO, connect_to_);
    }
    url_ += request_.target;
    Set(CURLOPT_URL, url_.c_str());
    Set(CURLOPT_PATH_AS_IS, 1L);
  }

  void SetTls() {
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    Set(CURLOPT_SSL_VERIFYPEER, 1L);
    Set(CURLOPT_SSL_VERIFYHOST, 2L);
    Set(CURLOPT_CAINFO, static_cast<char*>(nullptr));
    Set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
    ca_ = BlobOf(AsBytes(access_.ca_pem));
    Set(CURLOPT_CAINFO_BLOB, &ca_);
    if (access_.client_certificate_pem.empty()) return;
    certificate_ = BlobOf(AsBytes(access_.client_certificate_pem));
    key_ = BlobOf(access_.client_key_pem.Expose());
    Set(CURLOPT_SSLCERTTYPE, "PEM");
    Set(CURLOPT_SSLCERT_BLOB, &certificate_);
    Set(CURLOPT_SSLKEYTYPE, "PEM");
    Set(CURLOPT_SSLKEY_BLOB, &key_);
  }

  void SetBody() {
    if (request_.body.empty()) {
      Set(CURLOPT_HTTPGET, 1L);
    } else {
      Set(CURLOPT_POST, 1L);
      Set(CURLOPT_POSTFIELDSIZE_LARGE,
          static_cast<curl_off_t>(request_.body.size()));
      Set(CURLOPT_POSTFIELDS, request_.body.data());
    }
    Set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }

  absl::Status SetHeaders() {
    AddHeader("Accept: application/json");
    AddHeader("User-Agent: constellation");
    AddHeader("Expect:");  // no waiting for "100 Continue"
    if (!request_.body.empty()) {
      AddHeader("Content-Type: " + request_.content_type);
    }
    if (!access_.token_file.empty()) {
      ASSIGN_OR_RETURN(std::string token,
                       ReadFile(access_.token_file, kMaxTokenBytes));
      secret_headers_.push_back(std::move(token));
      RETURN_IF_ERROR(AddToken(secret_headers_.back()));
    } else if (!access_.token.empty()) {
      RETURN_IF_ERROR(AddToken(AsText(access_.token.Expose())));
    }
    Set(CURLOPT_HTTPHEADER, headers_);
    return absl::OkStatus();
  }

  absl::Status AddToken(std::string_view token) {
    while (token.ends_with('\n')) token.remove_suffix(1);
    for (const char c : token) {
      if (c <= ' ' || c > '~') {
        return InvalidArgument("token with a character outside of ASCII text");
      }
    }
    secret_headers_.push_back(fmt::format("Authorization: Bearer {}", token));
    AddHeader(secret_headers_.back());
    return absl::OkStatus();
  }

  void AddHeader(const std::string& header) {
    curl_slist* longer = curl_.slist_append(headers_, header.c_str());
    if (longer != nullptr) headers_ = longer;
  }

  static size_t OnData(char* data, size_t size, size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    const std::string_view piece(data, size * count);
    return exchange.Take(piece) ? piece.size() : 0;
  }

  static int OnProgress(void* self, curl_off_t /*to_receive*/,
                        curl_off_t /*received*/, curl_off_t /*to_send*/,
                        curl_off_t /*sent*/) {
    return static_cast<Exchange*>(self)->stop_.stop_requested() ? 1 : 0;
  }

  // A piece of the body; returns whether to go on.
  bool Take(std::string_view piece) {
    if (sink_ != nullptr && StatusCode() == 200) {
      sink_declined_ = !(*sink_)(piece);
      return !sink_declined_;
    }
    if (piece.size() > request_.max_response_bytes - response_.body.size()) {
      too_large_ = true;
      return false;
    }
    response_.body.append(piece);
    return true;
  }

  const CurlLibrary& curl_;
  CURL* handle_;
  const ClusterAccess& access_;
  const HttpRequest& request_;
  const DataSink* sink_;
  const std::stop_token& stop_;
  std::string url_;
  curl_slist* headers_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  std::vector<std::string> secret_headers_;
  curl_blob ca_{}, certificate_{}, key_{};
  CURLcode option_error_ = CURLE_OK;
  char error_[CURL_ERROR_SIZE] = {};
  HttpResponse response_;
  bool too_large_ = false;
  bool sink_declined_ = false;
};

absl::StatusOr<std::unique_ptr<CurlTransport>> CurlTransport::Create(
    ClusterAccess access) {
  if (!std::string_view(access.server).starts_with(kScheme) ||
      access.server.size() == kScheme.size()) {
    return InvalidArgument(
        fmt::format("API server: want an address that begins with {}, got '{}'",
                    kScheme, access.server));
  }
  if (access.ca_pem.empty()) {
    return InvalidArgument("API server: no certificate authority to trust");
  }
  if (access.client_certificate_pem.empty() != access.client_key_pem.empty()) {
    return InvalidArgument(
        "API server: want client certificate and key, got one of the two");
  }
  return std::make_unique<CurlTransport>(Private(), std::move(access));
}

CurlTransport::~CurlTransport() {
  absl::MutexLock lock(&mutex_);
  if (idle_handles_.empty()) return;
  const absl::StatusOr<const CurlLibrary*> curl = CurlLibrary::Get();
  for (void* handle : idle_handles_) (*curl)->easy_cleanup(handle);
}

absl::StatusOr<HttpResponse> CurlTransport::Send(const HttpRequest& request) {
  return Perform(request, nullptr, std::stop_token());
}

absl::StatusOr<HttpResponse> CurlTransport::Stream(
    const HttpRequest& request, const DataSink& sink,
    const std::stop_token& stop) {
  return Perform(request, &sink, stop);
}

absl::StatusOr<HttpResponse> CurlTransport::Perform(
    const HttpRequest& request, const DataSink* sink,
    const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const CurlLibrary* curl, CurlLibrary::Get());
  ASSIGN_OR_RETURN(void* handle, TakeHandle());
  absl::Cleanup give_back = [this, handle] { ReturnHandle(handle); };
  absl::StatusOr<HttpResponse> response =
      Exchange(*curl, handle, access_, request, sink, stop).Run();
  spdlog::debug("event=request method={} target={} result={}", request.method,
                request.target,
                response.ok() ? std::to_string(response->status)
                              : response.status().ToString());
  return response;
}

absl::StatusOr<void*> CurlTransport::TakeHandle() {
  {
    absl::MutexLock lock(&mutex_);
    if (!idle_handles_.empty()) {
      void* handle = idle_handles_.back();
      idle_handles_.pop_back();
      return handle;
    }
  }
  ASSIGN_OR_RETURN(const CurlLibrary* curl, CurlLibrary::Get());
  void* handle = curl->easy_init();
  if (handle == nullptr) return Internal("libcurl gives no handle");
  return handle;
}

void CurlTransport::ReturnHandle(void* handle) {
  const absl::StatusOr<const CurlLibrary*> curl = CurlLibrary::Get();
  (*curl)->easy_reset(handle);  // forgets what it points to, keeps connections
  absl::MutexLock lock(&mutex_);
  if (idle_handles_.size() < kMaxIdleHandles) {
    idle_handles_.push_back(handle);
  } else {
    (*curl)->easy_cleanup(handle);
  }
}

}  // namespace constellation::kubernetes
