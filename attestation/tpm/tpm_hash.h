// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_TPM_HASH_H_
#define CONSTELLATION_ATTESTATION_TPM_TPM_HASH_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "common/hex.h"
#include "crypto/public_key.h"

// TPM_ALG_ID values as hash functions. All thread-safe.
namespace constellation::attestation {

// Octets of a digest: SHA-1 20, SHA-256 and SM3 32, SHA-384 48, SHA-512 64;
// nothing for an algorithm that is no hash or not known here.
std::optional<size_t> TpmDigestSize(uint16_t algorithm);

// The SHA-2 algorithm whose digests have `size` octets, or nothing. A quote's
// pcrDigest tells so which hash its signing scheme has.
std::optional<uint16_t> Sha2OfDigestSize(size_t size);

// The digest of `data`. INVALID_ARGUMENT unless `algorithm` is SHA-1, SHA-256,
// SHA-384 or SHA-512. SHA-1 is for event logs only: whoever decides by it must
// refuse it.
absl::StatusOr<Bytes> TpmDigest(uint16_t algorithm,
                                std::span<const uint8_t> data);

// The hash of a signing scheme. INVALID_ARGUMENT unless `algorithm` is SHA-256,
// SHA-384 or SHA-512: nothing weaker signs anything here.
absl::StatusOr<crypto::HashAlgorithm> TpmSigningHash(uint16_t algorithm);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_TPM_HASH_H_
