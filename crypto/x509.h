// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_X509_H_
#define CONSTELLATION_CRYPTO_X509_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/hex.h"
#include "crypto/hash.h"
#include "crypto/public_key.h"

namespace constellation::crypto {

// An X.509 certificate, parsed and nothing else: what it says is unverified
// until VerifySignedBy() and a judgement of dates and names. Immutable;
// thread-safe.
class Certificate final {
 public:
  // INVALID_ARGUMENT for more than 16 KiB, trailing octets, or malformed DER.
  static absl::StatusOr<Certificate> FromDer(std::span<const uint8_t> der);
  // The first CERTIFICATE block of `pem`.
  static absl::StatusOr<Certificate> FromPem(std::string_view pem);

  const Bytes& der() const { return der_; }
  Sha256Digest Fingerprint() const { return Sha256(der_); }
  // DER SubjectPublicKeyInfo.
  Bytes Spki() const;
  absl::StatusOr<PublicKey> Key() const;
  // RFC 2253 form, for people.
  std::string Subject() const;
  absl::StatusOr<absl::Time> NotBefore() const;
  absl::StatusOr<absl::Time> NotAfter() const;
  // UNAUTHENTICATED unless `issuer`'s key signed this certificate. Names, dates
  // and extensions are not looked at.
  absl::Status VerifySignedBy(const Certificate& issuer) const;

 private:
  struct Handle;
  Certificate(std::shared_ptr<const Handle> handle, Bytes der)
      : handle_(std::move(handle)), der_(std::move(der)) {}
  // shared_ptr: immutable, so copies may share it.
  std::shared_ptr<const Handle> handle_;
  Bytes der_;
};

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_X509_H_
