// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_TLS_CLIENT_H_
#define CONSTELLATION_CRYPTO_TLS_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/hex.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX and SSL, known only to tls_client.cc
struct ssl_st;

namespace constellation::crypto {

// Whom TLS clients trust and who they are, read once for many connections.
// Thread-safe.
class TlsClientContext final {
 public:
  // Trusts the certificates of `ca_pem` and no others: those of authorities,
  // also of intermediate ones, or of the server itself. `certificate_pem` and
  // `private_key_pem` name the client; both are empty or neither is. Further
  // certificates in `certificate_pem` are sent as its chain.
  //
  // INVALID_ARGUMENT: no certificate in `ca_pem`, a certificate or key that
  // cannot be read (also an encrypted one), or a key of another certificate.
  static absl::StatusOr<TlsClientContext> Create(
      std::string_view ca_pem, std::string_view certificate_pem,
      std::span<const uint8_t> private_key_pem);

 private:
  friend class TlsClient;
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  explicit TlsClientContext(std::unique_ptr<ssl_ctx_st, Free> context)
      : context_(std::move(context)) {}

  std::unique_ptr<ssl_ctx_st, Free> context_;
};

// The client's end of one TLS connection (1.2 or 1.3), without a socket: the
// caller carries octets between it and the server. Verification of the server
// cannot be switched off. After an error the connection is of no more use.
// Thread-compatible.
class TlsClient final {
 public:
  // `server_name`: the DNS name or IP address that the server's certificate
  // must carry (RFC 6125; the common name counts only if there is no DNS name
  // in it). INVALID_ARGUMENT: empty, or not a name. `context` may die earlier.
  static absl::StatusOr<std::unique_ptr<TlsClient>> Create(
      const TlsClientContext& context, std::string_view server_name);

  // Octets that came from the server. They are kept until Handshake() or Read()
  // has used them, so call those before giving more.
  absl::Status Receive(std::span<const uint8_t> octets);
  // The server has ended the connection below TLS. Without TLS's own good-bye,
  // Read() then reports UNAVAILABLE: somebody may have cut the answer.
  void ReceiveEnd();
  // Octets that want to go to the server, since the last call.
  Bytes TakeOutput();

  // Goes on with the handshake; returns whether it is complete. Until then,
  // carry octets and call it again.
  //
  // UNAUTHENTICATED: the server's certificate does not verify or is for another
  // name. UNAVAILABLE: anything else, also that the server refuses us.
  absl::StatusOr<bool> Handshake();

  // Encrypts `plain` into the output. Only after the handshake. UNAVAILABLE.
  absl::Status Write(std::span<const uint8_t> plain);

  // Decrypts into `plain`; returns the number of octets. 0: more octets from
  // the server are needed, or it said good-bye (`ended()`). UNAVAILABLE: the
  // connection is broken, or what came is not from the server.
  absl::StatusOr<size_t> Read(std::span<uint8_t> plain);
  bool ended() const { return ended_; }

 private:
  struct Free {
    void operator()(ssl_st* tls) const;
  };
  explicit TlsClient(std::unique_ptr<ssl_st, Free> tls)
      : tls_(std::move(tls)) {}
  absl::Status Failure(std::string_view what) const;

  std::unique_ptr<ssl_st, Free> tls_;
  bool ended_ = false;
};

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_TLS_CLIENT_H_
