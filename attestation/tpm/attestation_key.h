// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_ATTESTATION_KEY_H_
#define CONSTELLATION_ATTESTATION_TPM_ATTESTATION_KEY_H_

#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/hex.h"
#include "crypto/public_key.h"

namespace constellation::attestation {

// A TPM's attestation key as somebody claims it. Immutable by convention;
// copies share the key.
struct AttestationKeyUnverified {
  crypto::PublicKey key;
  // DER SubjectPublicKeyInfo of `key` in the canonical form (named curve,
  // uncompressed point; RSA with NULL parameters), so that keys that came in
  // different forms compare by octets. If the key came so, it is kept as it
  // came.
  Bytes spki;
  // Only if the key came as TPMT_PUBLIC: that, and the Name (part 1, 16), which
  // is empty otherwise.
  std::optional<PublicAreaUnverified> area;
  Bytes name;
};

// Reads an attestation key in whichever form it comes, told apart by the first
// octet: TPMT_PUBLIC (00), DER SubjectPublicKeyInfo (30), or an uncompressed
// point of P-256 or P-384 (04, X9.62). RSA must have 2048 to 4096 bits, EC be
// P-256 or P-384. Checks that the key is well-formed; not attributes, not whose
// it is. INVALID_ARGUMENT otherwise, or if a public area's name algorithm is
// not SHA-256, SHA-384 or SHA-512.
absl::StatusOr<AttestationKeyUnverified> ParseAttestationKeyUnverified(
    std::span<const uint8_t> bytes);

// The key of a public area: as above.
absl::StatusOr<crypto::PublicKey> KeyOfPublicArea(
    const PublicAreaUnverified& area);

// Canonical DER SubjectPublicKeyInfo of an RSA key, from a big-endian modulus
// of at most 512 octets without leading zero and an exponent. Checks neither.
Bytes EncodeRsaSpki(std::span<const uint8_t> modulus, uint32_t exponent);

// The same for a point from affine coordinates, big-endian, padded here to the
// size of the curve. INVALID_ARGUMENT if a coordinate is longer than that; not
// checked: whether the point is on the curve.
absl::StatusOr<Bytes> EncodeEcSpki(crypto::EcCurve curve,
                                   std::span<const uint8_t> x,
                                   std::span<const uint8_t> y);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_ATTESTATION_KEY_H_
