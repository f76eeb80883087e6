// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/https_transport.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/secret_bytes.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/internal/http_response_reader.h"
#include "kubernetes/internal/https_connection.h"

namespace constellation::kubernetes {
namespace {

using internal::HttpResponseReader;
using internal::HttpsConnection;
using internal::Patience;

constexpr size_t kMaxIdleConnections = 2;
constexpr size_t kMaxTokenBytes = size_t{64} << 10U;
constexpr size_t kPieceSize = size_t{16} << 10U;
constexpr std::string_view kScheme = "https://";

// "https://host[:port][/path]" in parts.
struct Address {
  std::string authority;  // host and port as they are written
  std::string host;       // IPv6 without brackets
  std::string port;
  std::string path;  // without a slash at the end
};

// Brackets of IPv6 are kept in the authority and taken off the host.
Address ParseAddress(std::string_view server) {
  server.remove_prefix(kScheme.size());
  const size_t slash = server.find('/');
  std::string_view path =
      slash == std::string_view::npos ? "" : server.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::string_view authority = server.substr(0, slash);
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.rfind(':');
  Address address{std::string(authority), std::string(authority), "443",
                  std::string(path)};
  if (colon != std::string_view::npos &&
      (bracket == std::string_view::npos || colon > bracket)) {
    address.port = authority.substr(colon + 1);
    address.host = authority.substr(0, colon);
  }
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  return address;
}

// Whether `text` can stand in a request without ending its line or its word.
bool IsPrintable(std::string_view text, bool allow_blank = false) {
  for (const char c : text) {
    if (c < (allow_blank ? ' ' : '!') || c > '~') return false;
  }
  return true;
}

// A token from a file may end with a line feed; one inside would begin a header
// of its own.
absl::Status AppendToken(std::string_view token, std::string& head) {
  while (token.ends_with('\n')) token.remove_suffix(1);
  if (!IsPrintable(token)) {
    return InvalidArgument("token with a character outside of ASCII text");
  }
  head += "Authorization: Bearer ";
  head += token;
  head += "\r\n";
  return absl::OkStatus();
}

// The file is read each time: kubelet renews a pod's token. A client
// certificate needs nothing here; TLS shows it.
absl::Status AppendCredentials(const ClusterAccess& access, std::string& head) {
  if (!access.token_file.empty()) {
    ASSIGN_OR_RETURN(std::string token,
                     ReadFile(access.token_file, kMaxTokenBytes));
    const absl::Cleanup wipe = [&token] { Wipe(token); };
    return AppendToken(token, head);
  }
  if (access.token.empty()) return absl::OkStatus();
  return AppendToken(AsText(access.token.Expose()), head);
}

// Request line and header, up to the empty line. Holds the token: wipe it.
absl::Status MakeHead(const ClusterAccess& access, const HttpRequest& request,
                      std::string& head) {
  if (!IsPrintable(request.method) || request.method.empty() ||
      !IsPrintable(request.target) || !request.target.starts_with('/') ||
      !IsPrintable(request.content_type, /*allow_blank=*/true)) {
    return InvalidArgument(
        "HTTP request: want printable method, target and content type");
  }
  const Address address = ParseAddress(access.server);
  const std::string host =
      access.tls_server_name.empty()
          ? address.authority
          : fmt::format("{}:{}", access.tls_server_name, address.port);
  // One allocation, so that growing leaves no copies of the token.
  head.reserve(kMaxTokenBytes + 1024 + address.path.size() +
               request.target.size() + request.content_type.size());
  head += fmt::format(
      "{} {}{} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n"
      "User-Agent: constellation\r\n",
      request.method, address.path, request.target, host);
  if (!request.body.empty()) {
    head += fmt::format("Content-Type: {}\r\n", request.content_type);
  }
  if (!request.body.empty() || request.method == "POST" ||
      request.method == "PUT" || request.method == "PATCH") {
    head += fmt::format("Content-Length: {}\r\n", request.body.size());
  }
  RETURN_IF_ERROR(AppendCredentials(access, head));
  head += "\r\n";
  return absl::OkStatus();
}

}  // namespace

// One request on one connection.
class HttpsTransport::Exchange final {
 public:
  Exchange(const HttpRequest& request, const DataSink* sink,
           const Patience& patience)
      : request_(request), sink_(sink), patience_(patience) {}

  // Sends, then reads until the answer is complete. The body has no limit for a
  // sink, which may end the exchange itself.
  absl::Status Run(HttpsConnection& connection, std::string_view head) {
    RETURN_IF_ERROR(connection.Write(head, patience_));
    RETURN_IF_ERROR(connection.Write(request_.body, patience_));
    std::array<uint8_t, kPieceSize> piece;
    while (true) {
      ASSIGN_OR_RETURN(const size_t count, connection.Read(piece, patience_));
      if (count == 0) return reader_.Finish();
      heard_something_ = true;
      const absl::StatusOr<bool> complete =
          reader_.Read(AsText({piece.data(), count}));
      if (sink_declined_) return absl::OkStatus();
      if (too_large_) {
        return InvalidArgument(fmt::format("answer of more than {} octets",
                                           request_.max_response_bytes));
      }
      RETURN_IF_ERROR(complete.status());
      if (*complete) {
        can_keep_ = reader_.keep_alive();
        return absl::OkStatus();
      }
    }
  }

  bool heard_something() const { return heard_something_; }
  bool can_keep() const { return can_keep_; }
  HttpResponse TakeResponse() {
    response_.status = reader_.status();
    return std::move(response_);
  }

 private:
  // A piece of the body; returns whether to go on.
  bool Take(int status, std::string_view piece) {
    if (sink_ != nullptr && status == 200) {
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

  const HttpRequest& request_;
  const DataSink* const sink_;
  const Patience& patience_;
  HttpResponse response_;
  bool heard_something_ = false;
  bool sink_declined_ = false;
  bool too_large_ = false;
  bool can_keep_ = false;
  HttpResponseReader reader_{[this](int status, std::string_view piece) {
                               return Take(status, piece);
                             },
                             request_.method == "HEAD"};
};

absl::StatusOr<std::unique_ptr<HttpsTransport>> HttpsTransport::Create(
    ClusterAccess access) {
  if (!std::string_view(access.server).starts_with(kScheme) ||
      ParseAddress(access.server).host.empty() || !IsPrintable(access.server)) {
    return InvalidArgument(
        fmt::format("API server: want an address that begins with {}, got '{}'",
                    kScheme, access.server));
  }
  if (!IsPrintable(access.tls_server_name)) {
    return InvalidArgument("API server: want a printable TLS server name");
  }
  if (access.ca_pem.empty()) {
    return InvalidArgument("API server: no certificate authority to trust");
  }
  absl::StatusOr<crypto::TlsClientContext> context =
      crypto::TlsClientContext::Create(access.ca_pem,
                                       access.client_certificate_pem,
                                       access.client_key_pem.Expose());
  RETURN_IF_ERROR(Annotate(context.status(), "API server"));
  return std::make_unique<HttpsTransport>(Private(), std::move(access),
                                          *std::move(context));
}

HttpsTransport::HttpsTransport(Private /*unused*/, ClusterAccess access,
                               crypto::TlsClientContext context)
    : access_(std::move(access)), context_(std::move(context)) {}

HttpsTransport::~HttpsTransport() = default;

absl::StatusOr<HttpResponse> HttpsTransport::Send(const HttpRequest& request) {
  return Stream(request, nullptr, std::stop_token());
}

absl::StatusOr<HttpResponse> HttpsTransport::Stream(
    const HttpRequest& request, const DataSink& sink,
    const std::stop_token& stop) {
  const Patience patience{absl::Now() + request.timeout, stop, request.stop};
  absl::StatusOr<HttpResponse> response =
      Perform(request, sink == nullptr ? nullptr : &sink, patience);
  spdlog::debug("event=request method={} target={} result={}", request.method,
                request.target,
                response.ok() ? std::to_string(response->status)
                              : response.status().ToString());
  if (!response.ok()) return Annotate(response.status(), access_.server);
  return response;
}

absl::StatusOr<HttpResponse> HttpsTransport::Perform(const HttpRequest& request,
                                                     const DataSink* sink,
                                                     const Patience& patience) {
  std::string head;
  const absl::Cleanup wipe = [&head] { Wipe(head); };
  RETURN_IF_ERROR(MakeHead(access_, request, head));
  for (bool again = false;; again = true) {
    Connection connection = again ? nullptr : TakeIdle();
    const bool was_kept = connection != nullptr;
    if (!was_kept) {
      ASSIGN_OR_RETURN(connection, Connect(patience));
    }
    Exchange exchange(request, sink, patience);
    const absl::Status status = exchange.Run(*connection, head);
    // Nobody knows whether the server saw the request: only one that changes
    // nothing may be sent twice (RFC 9110 section 9.2.2).
    if (absl::IsUnavailable(status) && was_kept && request.method == "GET" &&
        !exchange.heard_something()) {
      continue;
    }
    RETURN_IF_ERROR(status);
    if (exchange.can_keep()) Keep(std::move(connection));
    return exchange.TakeResponse();
  }
}

absl::StatusOr<HttpsTransport::Connection> HttpsTransport::Connect(
    const Patience& patience) const {
  const Address address = ParseAddress(access_.server);
  return HttpsConnection::Open(
      context_, address.host, address.port,
      access_.tls_server_name.empty() ? address.host : access_.tls_server_name,
      patience);
}

HttpsTransport::Connection HttpsTransport::TakeIdle() {
  absl::MutexLock lock(&mutex_);
  while (!idle_.empty()) {
    Connection connection = std::move(idle_.back());
    idle_.pop_back();
    if (!connection->IsStale()) return connection;
  }
  return nullptr;
}

void HttpsTransport::Keep(Connection connection) {
  absl::MutexLock lock(&mutex_);
  if (idle_.size() < kMaxIdleConnections) {
    idle_.push_back(std::move(connection));
  }
}

}  // namespace constellation::kubernetes
