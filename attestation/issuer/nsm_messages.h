// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_ISSUER_NSM_MESSAGES_H_
#define CONSTELLATION_ATTESTATION_ISSUER_NSM_MESSAGES_H_

#include <cstddef>
#include <span>

#include "absl/status/statusor.h"
#include "common/hex.h"

namespace constellation::attestation {

// Each of the fields below has at most this many octets.
inline constexpr size_t kMaxNsmField = 1024;

// What a NitroTPM attestation document is asked to carry; empty fields are left
// out.
struct NsmAttestationRequest {
  Bytes user_data;
  Bytes nonce;
  Bytes public_key;
};

// The request in CBOR, as Amazon's security module reads it:
// {"Attestation": {"user_data": bytes or null, "nonce": ..., "public_key":
// ...}}. INVALID_ARGUMENT if a field is too long.
absl::StatusOr<Bytes> EncodeNsmRequest(const NsmAttestationRequest& request);

// The document (COSE_Sign1) in the answer {"Attestation": {"document": bytes}},
// which may be followed by anything: it comes in a larger buffer. The document
// is not looked at. INTERNAL with the module's word for it if the answer is
// {"Error": text}; INVALID_ARGUMENT for anything else.
absl::StatusOr<Bytes> DecodeNsmAnswer(std::span<const uint8_t> answer);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_ISSUER_NSM_MESSAGES_H_
