// SPDX-License-Identifier: Apache-2.0
#include "crypto/tls_client.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <utility>

#include "common/ipv4.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/internal/openssl.h"

namespace constellation::crypto {
namespace {

using internal::OpenSslError;
using internal::ReadBio;
using internal::UniqueX509;

constexpr size_t kMaxNameSize = 253;
constexpr size_t kMaxPemSize = size_t{1} << 20U;

// Never asks anybody for the password of an encrypted key.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/,
               void* /*user*/) {
  return 0;
}

// Hands every certificate in `pem` to `take`, at least one.
template <typename Take>
absl::Status ForEachCertificate(std::string_view pem, std::string_view what,
                                const Take& take) {
  if (pem.size() > kMaxPemSize) {
    return InvalidArgument(fmt::format("{}: want at most {} octets, got {}",
                                       what, kMaxPemSize, pem.size()));
  }
  const internal::UniqueBio bio = ReadBio(AsBytes(pem));
  size_t count = 0;
  while (true) {
    UniqueX509 certificate(
        PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr));
    if (certificate == nullptr) break;
    if (!take(std::move(certificate), count++)) {
      return OpenSslError(absl::StatusCode::kInvalidArgument, what);
    }
  }
  const unsigned long error = ERR_peek_last_error();  // NOLINT: OpenSSL's type
  if (count == 0 || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
    return OpenSslError(absl::StatusCode::kInvalidArgument, what);
  }
  ERR_clear_error();
  return absl::OkStatus();
}

// The first certificate is the client's own, the others are its chain.
absl::Status UseClientCertificate(SSL_CTX* context, std::string_view pem,
                                  std::span<const uint8_t> key_pem) {
  const auto use = [context](UniqueX509 certificate, size_t index) {
    return index == 0
               ? SSL_CTX_use_certificate(context, certificate.get()) == 1
               : SSL_CTX_add1_chain_cert(context, certificate.get()) == 1;
  };
  RETURN_IF_ERROR(ForEachCertificate(pem, "client certificate", use));
  const internal::UniqueBio bio = ReadBio(key_pem);
  const internal::UniquePkey key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (key == nullptr || SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return OpenSslError(absl::StatusCode::kInvalidArgument, "client key");
  }
  return absl::OkStatus();
}

// Without this call OpenSSL checks the chain only, and any server of the same
// CA would do.
bool ExpectName(SSL* tls, const std::string& name) {
  // Addresses are matched against another kind of subject alternative name,
  // and have no place in SNI (RFC 6066 section 3).
  if (IsIp(name)) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), name.c_str()) ==
           1;
  }
  SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(tls, name.c_str()) == 1 &&
         SSL_set_tlsext_host_name(tls, name.c_str()) == 1;
}

}  // namespace

void TlsClientContext::Free::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

void TlsClient::Free::operator()(ssl_st* tls) const {
  SSL_free(tls);
}

// Trusts exactly what is given, not the system's store; PARTIAL_CHAIN lets an
// intermediate be an anchor.
absl::StatusOr<TlsClientContext> TlsClientContext::Create(
    std::string_view ca_pem, std::string_view certificate_pem,
    std::span<const uint8_t> private_key_pem) {
  if (certificate_pem.empty() != private_key_pem.empty()) {
    return InvalidArgument(
        "TLS client: want certificate and key, got one of the two");
  }
  ERR_clear_error();
  std::unique_ptr<SSL_CTX, Free> context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr ||
      SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) {
    return OpenSslError(absl::StatusCode::kInternal, "TLS client");
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  X509_STORE* trusted = SSL_CTX_get_cert_store(context.get());
  X509_STORE_set_flags(trusted, X509_V_FLAG_PARTIAL_CHAIN);
  const auto trust = [trusted](UniqueX509 certificate, size_t /*index*/) {
    return X509_STORE_add_cert(trusted, certificate.get()) == 1;
  };
  RETURN_IF_ERROR(ForEachCertificate(ca_pem, "certificate authority", trust));
  if (!certificate_pem.empty()) {
    RETURN_IF_ERROR(
        UseClientCertificate(context.get(), certificate_pem, private_key_pem));
  }
  return TlsClientContext(std::move(context));
}

// Over memory BIOs: whoever owns the socket moves the octets, so that no call
// blocks here.
absl::StatusOr<std::unique_ptr<TlsClient>> TlsClient::Create(
    const TlsClientContext& context, std::string_view server_name) {
  if (server_name.empty() || server_name.size() > kMaxNameSize ||
      server_name.find('\0') != std::string_view::npos) {
    return InvalidArgument(
        fmt::format("TLS server name: want 1 to {} characters", kMaxNameSize));
  }
  ERR_clear_error();
  std::unique_ptr<SSL, Free> tls(SSL_new(context.context_.get()));
  BIO* received = BIO_new(BIO_s_mem());
  BIO* output = BIO_new(BIO_s_mem());
  if (tls != nullptr) SSL_set_bio(tls.get(), received, output);
  if (tls == nullptr || received == nullptr || output == nullptr) {
    return OpenSslError(absl::StatusCode::kInternal, "TLS client");
  }
  if (!ExpectName(tls.get(), std::string(server_name))) {
    return OpenSslError(absl::StatusCode::kInvalidArgument, "TLS server name");
  }
  SSL_set_connect_state(tls.get());
  return std::unique_ptr<TlsClient>(new TlsClient(std::move(tls)));
}

absl::Status TlsClient::Receive(std::span<const uint8_t> octets) {
  size_t taken = 0;
  if (!octets.empty() && (BIO_write_ex(SSL_get_rbio(tls_.get()), octets.data(),
                                       octets.size(), &taken) != 1 ||
                          taken != octets.size())) {
    return OpenSslError(absl::StatusCode::kInternal, "TLS input");
  }
  return absl::OkStatus();
}

// From now on the empty input is the end of the stream, not "more to come".
void TlsClient::ReceiveEnd() {
  BIO_set_mem_eof_return(SSL_get_rbio(tls_.get()), 0);
}

// Also after a failure: there may be an alert for the server.
Bytes TlsClient::TakeOutput() {
  BIO* output = SSL_get_wbio(tls_.get());
  Bytes octets(BIO_ctrl_pending(output));
  size_t taken = 0;
  if (octets.empty() ||
      BIO_read_ex(output, octets.data(), octets.size(), &taken) != 1) {
    return {};
  }
  octets.resize(taken);
  return octets;
}

// A certificate that does not verify is the one failure that trying again
// cannot mend.
absl::Status TlsClient::Failure(std::string_view what) const {
  const long verdict = SSL_get_verify_result(tls_.get());  // NOLINT
  if (verdict != X509_V_OK) {
    ERR_clear_error();
    return Unauthenticated(
        fmt::format("TLS {}: the server's certificate does not verify: {}",
                    what, X509_verify_cert_error_string(verdict)));
  }
  return OpenSslError(absl::StatusCode::kUnavailable,
                      fmt::format("TLS {}", what));
}

absl::StatusOr<bool> TlsClient::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(tls_.get());
  if (result == 1) return true;
  if (SSL_get_error(tls_.get(), result) == SSL_ERROR_WANT_READ) return false;
  return Failure("handshake");
}

absl::Status TlsClient::Write(std::span<const uint8_t> plain) {
  if (plain.empty()) return absl::OkStatus();
  ERR_clear_error();
  size_t written = 0;
  if (SSL_write_ex(tls_.get(), plain.data(), plain.size(), &written) != 1 ||
      written != plain.size()) {
    return Failure("write");
  }
  return absl::OkStatus();
}

// Zero is "nothing yet", or the end if ended() says so; a connection cut
// without close_notify is an error, or an answer could be cut short unnoticed.
absl::StatusOr<size_t> TlsClient::Read(std::span<uint8_t> plain) {
  ERR_clear_error();
  size_t count = 0;
  const int result =
      SSL_read_ex(tls_.get(), plain.data(), plain.size(), &count);
  if (result == 1) return count;
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return size_t{0};
    case SSL_ERROR_ZERO_RETURN:
      ended_ = true;
      return size_t{0};
    default:
      return Failure("read");
  }
}

}  // namespace constellation::crypto
