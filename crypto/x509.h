// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_X509_H_
#define CONSTELLATION_CRYPTO_X509_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/hex.h"
#include "crypto/hash.h"
#include "crypto/public_key.h"

namespace constellation::crypto {

// Bits of key usage, RFC 5280 section 4.2.1.3, as key_usage() has them.
inline constexpr uint16_t kKeyUsageDigitalSignature = 1U << 0U;
inline constexpr uint16_t kKeyUsageCertSign = 1U << 5U;
inline constexpr uint16_t kKeyUsageCrlSign = 1U << 6U;

// An X.509 certificate (RFC 5280), parsed and nothing else: what it says is
// unverified until VerifySignedBy() and a judgement of dates, names, roles and
// critical extensions, all of which are the caller's. Parsed by our own strict
// DER reader. Immutable; thread-safe. Copies share their contents, so spans
// stay valid as long as one copy lives.
class Certificate final {
 public:
  // An extension as it stands. Its value is not interpreted.
  struct Extension {
    std::span<const uint8_t> oid;  // contents octets of the identifier
    bool critical = false;
    std::span<const uint8_t> value;  // contents of the OCTET STRING
  };

  // INVALID_ARGUMENT for more than 16 KiB, trailing octets, DER that is not
  // strict, a signature algorithm inside that differs from the one outside,
  // an extension that occurs twice, or more than 64 extensions.
  static absl::StatusOr<Certificate> FromDer(std::span<const uint8_t> der);
  // The first CERTIFICATE block of `pem`.
  static absl::StatusOr<Certificate> FromPem(std::string_view pem);
  // Every CERTIFICATE block of `pem` in order, with LF or CRLF; text between
  // blocks is skipped. INVALID_ARGUMENT if there is none, if there are more
  // than `max`, or if one is malformed.
  static absl::StatusOr<std::vector<Certificate>> ListFromPem(
      std::string_view pem, size_t max);

  const Bytes& der() const;
  // SHA-256 of der().
  Sha256Digest Fingerprint() const { return Sha256(der()); }
  // The signed octets, header included.
  std::span<const uint8_t> tbs() const;
  // Contents of the serial number's INTEGER as encoded, big-endian.
  std::span<const uint8_t> serial() const;
  // DER Names with their headers. Compare octets, not texts.
  std::span<const uint8_t> issuer_name() const;
  std::span<const uint8_t> subject_name() const;
  // RFC 2253 form, for people.
  std::string Subject() const;
  std::string Issuer() const;
  // The subject's first common name.
  std::optional<std::string> SubjectCommonName() const;

  // DER SubjectPublicKeyInfo, and its SHA-256.
  Bytes Spki() const;
  Sha256Digest SpkiFingerprint() const;
  // The key, decoded at the first call and kept. Errors as
  // PublicKey::FromSpki().
  absl::StatusOr<PublicKey> Key() const;

  absl::StatusOr<absl::Time> NotBefore() const;
  absl::StatusOr<absl::Time> NotAfter() const;
  // FAILED_PRECONDITION with both times if `now` is outside
  // [NotBefore, NotAfter].
  absl::Status CheckValidAt(absl::Time now) const;

  // In the certificate's order.
  std::span<const Extension> extensions() const;
  // The extension whose identifier's contents are `oid`, or null.
  const Extension* FindExtension(std::span<const uint8_t> oid) const;
  // Basic constraints say CA:TRUE.
  bool is_ca() const;
  // The path length that basic constraints allow below this CA, if they do.
  std::optional<uint64_t> path_length() const;
  // Bits of the key usage extension, or nothing if there is none.
  std::optional<uint16_t> key_usage() const;

  // UNAUTHENTICATED unless the key signed this certificate with ECDSA,
  // RSASSA-PKCS1-v1_5 or RSASSA-PSS (salt as long as the hash) and SHA-256,
  // SHA-384 or SHA-512. Names, dates, roles and extensions are not looked at.
  absl::Status VerifySignedBy(const PublicKey& issuer_key) const;
  // The same with `issuer`'s key; INVALID_ARGUMENT if that is malformed.
  absl::Status VerifySignedBy(const Certificate& issuer) const;

 private:
  struct Parsed;
  explicit Certificate(std::shared_ptr<const Parsed> parsed)
      : parsed_(std::move(parsed)) {}
  // shared_ptr: immutable, so copies may share it.
  std::shared_ptr<const Parsed> parsed_;
};

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_X509_H_
