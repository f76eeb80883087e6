// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/internal/https_connection.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/time/clock.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::kubernetes::internal {
namespace {

constexpr absl::Duration kConnectTimeout = absl::Seconds(10);
constexpr absl::Duration kStopInterval = absl::Milliseconds(200);
constexpr int kKeepAliveSeconds = 30;
// As much as a TLS record holds.
constexpr size_t kPieceSize = size_t{16} << 10U;

struct FreeAddresses {
  void operator()(addrinfo* addresses) const { ::freeaddrinfo(addresses); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

absl::StatusOr<Addresses> LookUp(const std::string& host,
                                 const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  Addresses addresses(found);
  if (error != 0 || found == nullptr) {
    return Unavailable(
        fmt::format("look up {}: {}", host, ::gai_strerror(error)));
  }
  return addresses;
}

// Waits until `socket` is ready for `events`.
absl::Status WaitFor(int socket, int16_t events, const Patience& patience) {
  while (true) {
    if (patience.stopped()) return absl::CancelledError("stopped");
    const absl::Duration left = patience.deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return DeadlineExceeded("no answer");
    // Rounded up, so that the last wait does not spin.
    const absl::Duration wait = patience.stop_possible()
                                    ? std::min(left, kStopInterval)
                                    : std::min(left, absl::Minutes(1));
    pollfd ready{socket, events, 0};
    const int count = ::poll(
        &ready, 1, static_cast<int>(absl::ToInt64Milliseconds(wait)) + 1);
    if (count > 0) return absl::OkStatus();
    if (count < 0 && errno != EINTR)
      return ErrnoStatus(errno, "poll", "socket");
  }
}

// Keep-alive probes notice a server that vanished during a watch.
absl::StatusOr<UniqueFd> ConnectTo(const addrinfo& address,
                                   const Patience& patience) {
  UniqueFd socket(::socket(address.ai_family,
                           SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return ErrnoStatus(errno, "make", "socket");
  const int on = 1;
  const auto set = [&socket](int level, int option, int value) {
    (void)::setsockopt(socket.get(), level, option, &value, sizeof(value));
  };
  set(IPPROTO_TCP, TCP_NODELAY, on);
  set(SOL_SOCKET, SO_KEEPALIVE, on);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveSeconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveSeconds);
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) != 0 &&
      errno != EINPROGRESS) {
    return Unavailable(fmt::format("connect: {}", strerrordesc_np(errno)));
  }
  const Patience bounded{
      std::min(patience.deadline, absl::Now() + kConnectTimeout), patience.stop,
      patience.other_stop};
  RETURN_IF_ERROR(WaitFor(socket.get(), POLLOUT, bounded));
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    error = errno;
  }
  if (error != 0) {
    return Unavailable(fmt::format("connect: {}", strerrordesc_np(error)));
  }
  return socket;
}

absl::StatusOr<UniqueFd> Connect(const std::string& host,
                                 const std::string& port,
                                 const Patience& patience) {
  ASSIGN_OR_RETURN(const Addresses addresses, LookUp(host, port));
  absl::Status last;
  for (const addrinfo* address = addresses.get(); address != nullptr;
       address = address->ai_next) {
    absl::StatusOr<UniqueFd> socket = ConnectTo(*address, patience);
    if (socket.ok() || absl::IsCancelled(socket.status()) ||
        absl::Now() >= patience.deadline) {
      return socket;
    }
    last = socket.status();
  }
  // The caller's time is not over, so that is not what it hears.
  return absl::IsDeadlineExceeded(last)
             ? Unavailable("connect: no answer from any address")
             : last;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpsConnection>> HttpsConnection::Open(
    const crypto::TlsClientContext& context, const std::string& host,
    const std::string& port, std::string_view server_name,
    const Patience& patience) {
  ASSIGN_OR_RETURN(UniqueFd socket, Connect(host, port, patience));
  ASSIGN_OR_RETURN(std::unique_ptr<crypto::TlsClient> tls,
                   crypto::TlsClient::Create(context, server_name));
  std::unique_ptr<HttpsConnection> connection(
      new HttpsConnection(std::move(socket), std::move(tls)));
  RETURN_IF_ERROR(connection->Handshake(patience));
  return connection;
}

absl::Status HttpsConnection::Handshake(const Patience& patience) {
  while (true) {
    const absl::StatusOr<bool> complete = tls_->Handshake();
    // Also when it failed: the server may want to know why.
    const absl::Status sent = SendOutput(patience);
    RETURN_IF_ERROR(complete.status());
    RETURN_IF_ERROR(sent);
    if (*complete) return absl::OkStatus();
    RETURN_IF_ERROR(ReceiveInput(patience));
  }
}

absl::Status HttpsConnection::Write(std::string_view text,
                                    const Patience& patience) {
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, kPieceSize);
    RETURN_IF_ERROR(tls_->Write(AsBytes(piece)));
    RETURN_IF_ERROR(SendOutput(patience));
    text.remove_prefix(piece.size());
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> HttpsConnection::Read(std::span<uint8_t> octets,
                                             const Patience& patience) {
  while (true) {
    ASSIGN_OR_RETURN(const size_t count, tls_->Read(octets));
    // TLS 1.3 answers a change of keys.
    RETURN_IF_ERROR(SendOutput(patience));
    if (count > 0 || tls_->ended()) return count;
    RETURN_IF_ERROR(ReceiveInput(patience));
  }
}

bool HttpsConnection::IsStale() const {
  pollfd ready{socket_.get(), POLLIN, 0};
  return ::poll(&ready, 1, 0) != 0;
}

// MSG_NOSIGNAL: a closed connection is an error, not a signal.
absl::Status HttpsConnection::SendOutput(const Patience& patience) {
  const Bytes output = tls_->TakeOutput();
  std::span<const uint8_t> left = output;
  while (!left.empty()) {
    const ssize_t sent =
        ::send(socket_.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      left = left.subspan(static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      RETURN_IF_ERROR(WaitFor(socket_.get(), POLLOUT, patience));
    } else if (errno != EINTR) {
      return Unavailable(fmt::format("send: {}", strerrordesc_np(errno)));
    }
  }
  return absl::OkStatus();
}

absl::Status HttpsConnection::ReceiveInput(const Patience& patience) {
  std::array<uint8_t, kPieceSize> piece;
  while (true) {
    RETURN_IF_ERROR(WaitFor(socket_.get(), POLLIN, patience));
    const ssize_t count = ::recv(socket_.get(), piece.data(), piece.size(), 0);
    if (count > 0) {
      return tls_->Receive({piece.data(), static_cast<size_t>(count)});
    }
    if (count == 0) {
      tls_->ReceiveEnd();
      return absl::OkStatus();
    }
    if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
      return Unavailable(fmt::format("receive: {}", strerrordesc_np(errno)));
    }
  }
}

}  // namespace constellation::kubernetes::internal
