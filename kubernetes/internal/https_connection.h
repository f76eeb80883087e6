// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_INTERNAL_HTTPS_CONNECTION_H_
#define CONSTELLATION_KUBERNETES_INTERNAL_HTTPS_CONNECTION_H_

#include <cstddef>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/unique_fd.h"
#include "crypto/tls_client.h"

namespace constellation::kubernetes::internal {

// Until when to wait, and what ends the wait earlier (noticed within 200 ms):
// either of two tokens.
struct Patience {
  absl::Time deadline;
  std::stop_token stop;
  std::stop_token other_stop;

  bool stopped() const {
    return stop.stop_requested() || other_stop.stop_requested();
  }
  bool stop_possible() const {
    return stop.stop_possible() || other_stop.stop_possible();
  }
};

// A TCP connection with TLS on it. Thread-compatible.
//
// All calls: DEADLINE_EXCEEDED and CANCELLED as `patience` says; UNAVAILABLE:
// the connection cannot be made, or broke. Looking up a host name blocks for as
// long as the system's resolver does; addresses need no look-up.
class HttpsConnection final {
 public:
  // Connects to `host` (a name or an address without brackets), trying its
  // addresses one after the other for 10 s each, and makes sure that the server
  // is `server_name`. UNAUTHENTICATED: it is not.
  static absl::StatusOr<std::unique_ptr<HttpsConnection>> Open(
      const crypto::TlsClientContext& context, const std::string& host,
      const std::string& port, std::string_view server_name,
      const Patience& patience);

  absl::Status Write(std::string_view text, const Patience& patience);
  // Waits for at least one octet. 0: the server ended the connection properly.
  absl::StatusOr<size_t> Read(std::span<uint8_t> octets,
                              const Patience& patience);

  // Whether the server has hung up, or said something unasked, since the last
  // answer: not to be used for another request.
  bool IsStale() const;

 private:
  HttpsConnection(UniqueFd socket, std::unique_ptr<crypto::TlsClient> tls)
      : socket_(std::move(socket)), tls_(std::move(tls)) {}

  absl::Status Handshake(const Patience& patience);
  absl::Status SendOutput(const Patience& patience);
  // Waits for octets and hands them, or the end, to TLS.
  absl::Status ReceiveInput(const Patience& patience);

  UniqueFd socket_;
  std::unique_ptr<crypto::TlsClient> tls_;
};

}  // namespace constellation::kubernetes::internal

#endif  // CONSTELLATION_KUBERNETES_INTERNAL_HTTPS_CONNECTION_H_
