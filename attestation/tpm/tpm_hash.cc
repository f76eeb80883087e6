// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tpm_hash.h"

#include <fmt/format.h>

#include "attestation/tpm/tpm_structures.h"
#include "common/status.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

template <typename Array>
Bytes ToBytes(const Array& array) {
  return {array.begin(), array.end()};
}

}  // namespace

// Also of SM3, which logs and banks may have although nothing here computes it.
std::optional<size_t> TpmDigestSize(uint16_t algorithm) {
  switch (algorithm) {
    case kTpmAlgSha1:
      return 20;
    case kTpmAlgSha256:
    case kTpmAlgSm3:
      return 32;
    case kTpmAlgSha384:
      return 48;
    case kTpmAlgSha512:
      return 64;
    default:
      return std::nullopt;
  }
}

// SHA-2 only: 32 octets could be SM3's, too.
std::optional<uint16_t> Sha2OfDigestSize(size_t size) {
  switch (size) {
    case 32:
      return kTpmAlgSha256;
    case 48:
      return kTpmAlgSha384;
    case 64:
      return kTpmAlgSha512;
    default:
      return std::nullopt;
  }
}

absl::StatusOr<Bytes> TpmDigest(uint16_t algorithm,
                                std::span<const uint8_t> data) {
  switch (algorithm) {
    case kTpmAlgSha1:
      return ToBytes(crypto::Sha1(data));
    case kTpmAlgSha256:
      return ToBytes(crypto::Sha256(data));
    case kTpmAlgSha384:
      return ToBytes(crypto::Sha384(data));
    case kTpmAlgSha512:
      return ToBytes(crypto::Sha512(data));
    default:
      return InvalidArgument(fmt::format("algorithm: want a SHA, got {}",
                                         AlgorithmName(algorithm)));
  }
}

// No SHA-1: a collision would let one signature stand under two structures.
absl::StatusOr<crypto::HashAlgorithm> TpmSigningHash(uint16_t algorithm) {
  switch (algorithm) {
    case kTpmAlgSha256:
      return crypto::HashAlgorithm::kSha256;
    case kTpmAlgSha384:
      return crypto::HashAlgorithm::kSha384;
    case kTpmAlgSha512:
      return crypto::HashAlgorithm::kSha512;
    default:
      return InvalidArgument(
          fmt::format("hash: want sha256, sha384 or sha512, got {}",
                      AlgorithmName(algorithm)));
  }
}

}  // namespace constellation::attestation
