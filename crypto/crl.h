// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_CRL_H_
#define CONSTELLATION_CRYPTO_CRL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/hex.h"
#include "crypto/public_key.h"

namespace constellation::crypto {

// A certificate revocation list (RFC 5280 section 5), complete and direct:
// partial, delta and indirect lists say so in critical extensions and are
// refused. Parsed and nothing else: unverified until VerifySignedBy(),
// CheckValidAt(), and a comparison of issuer_name() with that of the
// certificates. Immutable; thread-safe. Copies share their contents.
class RevocationList final {
 public:
  // INVALID_ARGUMENT for more than 1 MiB, trailing octets, DER that is not
  // strict, or a critical extension that is not understood. Memory: a copy of
  // `der`, whatever it holds.
  static absl::StatusOr<RevocationList> FromDer(std::span<const uint8_t> der);
  // The first "X509 CRL" block of `pem`.
  static absl::StatusOr<RevocationList> FromPem(std::string_view pem);

  const Bytes& der() const;
  // DER Name with its header.
  std::span<const uint8_t> issuer_name() const;
  // RFC 2253 form, for people.
  std::string Issuer() const;
  absl::Time ThisUpdate() const;
  std::optional<absl::Time> NextUpdate() const;
  // Contents of the CRL number's INTEGER, big-endian, if there is one: a later
  // list of one issuer has a higher number.
  std::optional<std::span<const uint8_t>> crl_number() const;
  // How many certificates are listed.
  size_t revoked_count() const;

  // Whether the list has the serial number whose INTEGER has these contents.
  // Entries count whatever their reason and date. Takes time linear in the
  // list's length.
  bool IsRevoked(std::span<const uint8_t> serial) const;
  // UNAUTHENTICATED unless the key signed this list, as
  // Certificate::VerifySignedBy().
  absl::Status VerifySignedBy(const PublicKey& issuer_key) const;
  // FAILED_PRECONDITION if `now` is before ThisUpdate() or after NextUpdate().
  // A list without the latter does not end.
  absl::Status CheckValidAt(absl::Time now) const;

 private:
  struct Parsed;
  explicit RevocationList(std::shared_ptr<const Parsed> parsed)
      : parsed_(std::move(parsed)) {}
  // shared_ptr: immutable, so copies may share it.
  std::shared_ptr<const Parsed> parsed_;
};

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_CRL_H_
