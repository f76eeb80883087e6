// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_INTERNAL_SIGNED_DATA_H_
#define CONSTELLATION_CRYPTO_INTERNAL_SIGNED_DATA_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crypto/der.h"
#include "crypto/public_key.h"

// What certificates and revocation lists share: RFC 5280 sections 4.1.1 and
// 5.1.1.
namespace constellation::crypto::internal {

// SEQUENCE { to be signed, AlgorithmIdentifier, BIT STRING }. The spans point
// into the DER that was read.
struct SignedData {
  std::span<const uint8_t> tbs;           // signed octets, header included
  std::span<const uint8_t> tbs_contents;  // without the header
  std::span<const uint8_t> algorithm;     // AlgorithmIdentifier with header
  std::span<const uint8_t> signature;
};

// INVALID_ARGUMENT unless `der` is one such structure and nothing more; `what`
// names it in errors. The algorithm is not judged.
absl::StatusOr<SignedData> ParseSignedData(std::span<const uint8_t> der,
                                           std::string_view what);

// How a signature is checked.
struct SignatureScheme {
  enum class Kind { kEcdsa, kRsaPkcs1, kRsaPss };
  Kind kind = Kind::kEcdsa;
  HashAlgorithm hash = HashAlgorithm::kSha256;
};

// From a whole AlgorithmIdentifier: ECDSA (RFC 5758), RSASSA-PKCS1-v1_5 and
// RSASSA-PSS (RFC 4055) with SHA-256, SHA-384 or SHA-512. PSS needs the same
// hash for mask generation, a salt as long as the hash, and trailer field 1,
// written out or not. UNAUTHENTICATED naming what it is otherwise.
absl::StatusOr<SignatureScheme> ParseSignatureScheme(
    std::span<const uint8_t> algorithm);

// UNAUTHENTICATED unless `key` made `data`'s signature with a scheme that
// ParseSignatureScheme() knows; `what` names the structure.
absl::Status VerifySignedData(const SignedData& data, const PublicKey& key,
                              std::string_view what);

// The time of a Time field as sections 4.1.2.5 and 5.1.2.4 have it.
absl::StatusOr<absl::Time> ReadTime(DerReader& reader, std::string_view field);
// OK if `name`'s contents are a sequence of sets of attributes.
absl::Status CheckName(std::span<const uint8_t> name, std::string_view field);
// The first common name in `name`, DER with header. UTF-8, Printable, Teletex
// and IA5 strings are given as they are; others count as none.
std::optional<std::string> CommonNameOf(std::span<const uint8_t> name);
// RFC 2253 text of a DER Name for people; its hex if OpenSSL does not read it.
std::string NameText(std::span<const uint8_t> name);

}  // namespace constellation::crypto::internal

#endif  // CONSTELLATION_CRYPTO_INTERNAL_SIGNED_DATA_H_
