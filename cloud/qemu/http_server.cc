// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/http_server.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/time/clock.h"
#include "cloud/qemu/unix_socket.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

constexpr size_t kMaxHead = size_t{8} << 10U;
constexpr absl::Duration kWriteLimit = absl::Seconds(10);

// Optional white space around a field's value (RFC 9110, 5.5).
std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// Appends what can be read; UNAVAILABLE at the end of the stream.
absl::Status ReadMore(int fd, std::string& buffer, absl::Time deadline) {
  RETURN_IF_ERROR(WaitReadable(fd, deadline));
  std::array<char, 4096> chunk{};
  const ssize_t got = recv(fd, chunk.data(), chunk.size(), 0);
  if (got > 0) {
    buffer.append(chunk.data(), static_cast<size_t>(got));
    return absl::OkStatus();
  }
  if (got < 0 && errno == EINTR) {
    return absl::OkStatus();
  }
  return Unavailable("the peer closed the connection");
}

// RFC 9112, 3. Two spaces apart: what is between them is the path, spaces in it
// are refused.
absl::Status ParseRequestLine(std::string_view line, HttpRequest& request) {
  const size_t first = line.find(' ');
  const size_t second = line.rfind(' ');
  if (first == std::string_view::npos || second <= first) {
    return InvalidArgument("request line: want method, path, version");
  }
  const std::string_view version = line.substr(second + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return InvalidArgument("HTTP version: want 1.0 or 1.1");
  }
  request.method = line.substr(0, first);
  request.path = line.substr(first + 1, second - first - 1);
  const bool clean = std::all_of(request.path.begin(), request.path.end(),
                                 [](char c) { return c > ' ' && c < 0x7f; });
  if (request.path.empty() || request.path[0] != '/' || !clean) {
    return InvalidArgument("path: want one that begins with /");
  }
  return absl::OkStatus();
}

// Takes what matters from one header line.
absl::Status ParseHeader(std::string_view line,
                         std::optional<size_t>& body_size) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    return InvalidArgument("header without a colon");
  }
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = Trim(line.substr(colon + 1));
  if (EqualsIgnoringCase(name, "transfer-encoding")) {
    return InvalidArgument("transfer-encoding is not supported");
  }
  if (EqualsIgnoringCase(name, "content-length")) {
    size_t size = 0;
    const char* const end = value.data() + value.size();
    const auto parsed = std::from_chars(value.data(), end, size);
    if (value.empty() || parsed.ptr != end || parsed.ec != std::errc() ||
        body_size.has_value()) {
      return InvalidArgument("content-length: want one number");
    }
    body_size = size;
  }
  return absl::OkStatus();
}

// `head` without the empty line that ends it. Returns the body's size.
// Two lengths, or a length and a transfer coding, are how requests get smuggled
// past each other: both are refused.
absl::StatusOr<size_t> ParseHead(std::string_view head, HttpRequest& request) {
  std::optional<size_t> body_size;
  bool first = true;
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
    RETURN_IF_ERROR(first ? ParseRequestLine(line, request)
                          : ParseHeader(line, body_size));
    first = false;
  }
  return first ? absl::StatusOr<size_t>(InvalidArgument("empty request"))
               : body_size.value_or(0);
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

// A guest that does not read must not hold a thread for ever.
void WriteResponse(int fd, const HttpResponse& response) {
  timeval limit = absl::ToTimeval(kWriteLimit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  const std::string text = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: "
      "{}\r\nConnection: close\r\n\r\n{}",
      response.status, ReasonPhrase(response.status), response.body.size(),
      response.body);
  std::string_view left = text;
  while (!left.empty()) {
    const ssize_t sent = send(fd, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) {
      continue;
    }
    if (sent <= 0) {
      return;  // the peer is gone or does not read; nobody to tell
    }
    left.remove_prefix(static_cast<size_t>(sent));
  }
}

}  // namespace

// A guest can open this socket at will and send anything at any pace: head,
// body and time are bounded before anything is believed.
absl::StatusOr<HttpRequest> ReadHttpRequest(int fd, size_t max_body,
                                            absl::Time deadline) {
  std::string buffer;
  size_t head_end = std::string::npos;
  while ((head_end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (buffer.size() > kMaxHead) {
      return InvalidArgument("request head longer than 8 KiB");
    }
    RETURN_IF_ERROR(ReadMore(fd, buffer, deadline));
  }
  HttpRequest request;
  ASSIGN_OR_RETURN(
      const size_t body_size,
      ParseHead(std::string_view(buffer).substr(0, head_end), request));
  if (head_end > kMaxHead || body_size > max_body) {
    return InvalidArgument(fmt::format(
        "body of {} octets, at most {} are allowed", body_size, max_body));
  }
  request.body = buffer.substr(head_end + 4);
  while (request.body.size() < body_size) {
    RETURN_IF_ERROR(ReadMore(fd, request.body, deadline));
  }
  request.body.resize(body_size);  // what follows is not ours
  return request;
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Create(
    const std::string& socket_path, const Options& options, Handler handler) {
  ASSIGN_OR_RETURN(UniqueFd listener, ListenUnix(socket_path));
  UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop.valid()) {
    return ErrnoStatus(errno, "create", "eventfd");
  }
  return std::unique_ptr<HttpServer>(
      new HttpServer(socket_path, std::move(listener), std::move(stop), options,
                     std::move(handler)));
}

HttpServer::HttpServer(std::string path, UniqueFd listener, UniqueFd stop,
                       const Options& options, Handler handler)
    : path_(std::move(path)),
      listener_(std::move(listener)),
      stop_(std::move(stop)),
      options_(options),
      handler_(std::move(handler)),
      acceptor_([this] { AcceptLoop(); }) {}

// Handlers that run are waited for, since they use what their owner is about to
// destroy.
HttpServer::~HttpServer() {
  unlink(path_.c_str());
  eventfd_write(stop_.get(), 1);
  acceptor_.join();
  const absl::MutexLock lock(&mutex_);
  for (const int fd : connections_) {
    shutdown(fd, SHUT_RD);  // who has not asked yet gets no answer
  }
  mutex_.Await(absl::Condition(
      +[](std::set<int>* connections) { return connections->empty(); },
      &connections_));
}

// Without descriptors accept() fails at once and for ever: the pause keeps that
// from becoming a busy loop.
void HttpServer::AcceptLoop() {
  while (true) {
    std::array<pollfd, 2> polls{
        {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    if (poll(polls.data(), polls.size(), -1) < 0 && errno != EINTR) {
      return;
    }
    if (polls[1].revents != 0) {
      return;
    }
    if (polls[0].revents == 0) {
      continue;
    }
    UniqueFd connection(
        accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.valid()) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
        absl::SleepFor(absl::Milliseconds(100));
      }
      continue;
    }
    if (!PeerIsTrustedUser(connection.get())) {
      continue;
    }
    StartServing(std::move(connection));
  }
}

void HttpServer::StartServing(UniqueFd connection) {
  const absl::MutexLock lock(&mutex_);
  if (connections_.size() >= options_.max_connections) {
    return;  // closes it: the client tries again
  }
  const int number = connection.get();
  connections_.insert(number);
  try {
    // Detached, but counted: the destructor waits until the set is empty.
    std::thread([this, fd = std::move(connection)]() mutable {
      Serve(std::move(fd));
    }).detach();
  } catch (const std::system_error&) {
    connections_.erase(number);  // no thread to be had: closes it as well
  }
}

void HttpServer::Serve(UniqueFd connection) {
  const auto request = ReadHttpRequest(connection.get(), options_.max_body,
                                       absl::Now() + options_.read_limit);
  if (request.ok()) {
    WriteResponse(connection.get(), handler_(*request));
  } else if (absl::IsInvalidArgument(request.status())) {
    WriteResponse(connection.get(), {400, "{\"message\":\"bad request\"}"});
  }
  shutdown(connection.get(), SHUT_RDWR);
  const absl::MutexLock lock(&mutex_);
  connections_.erase(connection.get());
  connection.Reset();  // under the lock: the number is free for the next one
}

}  // namespace constellation::cloud::qemu
