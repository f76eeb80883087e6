// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_AWS_NITRO_DOCUMENT_H_
#define CONSTELLATION_ATTESTATION_AWS_NITRO_DOCUMENT_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/hex.h"

namespace constellation::attestation {

// The parts of a COSE_Sign1 message (RFC 9052 section 4.2). Spans point into
// the octets that were parsed.
struct CoseSign1Unverified {
  std::span<const uint8_t> protected_header;  // contents of the byte string
  int64_t algorithm = 0;                      // of the protected header
  std::span<const uint8_t> payload;
  std::span<const uint8_t> signature;
};

// Reads a COSE_Sign1 message, with or without tag 18. INVALID_ARGUMENT unless
// it is an array of four with an empty unprotected header, whose protected
// header holds the algorithm and nothing else. The signature is not checked.
absl::StatusOr<CoseSign1Unverified> ParseCoseSign1Unverified(
    std::span<const uint8_t> bytes);

// What is signed: CBOR of ["Signature1", protected, h'', payload] (RFC 9052
// section 4.4).
Bytes CoseSigStructure(const CoseSign1Unverified& message);

// Who made a document.
enum class NitroKind { kEnclave, kNitroTpm };
// "Nitro Enclave" or "NitroTPM".
std::string_view ToString(NitroKind kind);

// One platform configuration register, SHA-384.
struct NitroPcr {
  uint32_t index = 0;
  std::span<const uint8_t> value;  // 48 octets
};

// The payload: an attestation document of the Nitro Security Module ("pcrs") or
// of NitroTPM ("nitrotpm_pcrs"). Spans point into the octets that were parsed.
// Nothing in it is verified. Who asks for a document chooses public key, user
// data and nonce; the hypervisor writes everything else.
struct NitroDocumentUnverified {
  NitroKind kind = NitroKind::kEnclave;
  std::string module_id;
  absl::Time timestamp;                             // milliseconds
  std::vector<NitroPcr> pcrs;                       // ascending
  std::span<const uint8_t> certificate;             // DER, of the signer
  std::vector<std::span<const uint8_t>> ca_bundle;  // DER, root first
  // Nothing if absent or null.
  std::optional<std::span<const uint8_t>> public_key;
  std::optional<std::span<const uint8_t>> user_data;
  std::optional<std::span<const uint8_t>> nonce;

  // The value of register `index`, or empty.
  std::span<const uint8_t> pcr(uint32_t index) const;
};

// Reads a payload: every field of its kind and no other, digest "SHA384", 1 to
// 32 registers of 48 octets, certificates of at most 2 KiB, at most 8 in the
// bundle, optional fields of at most 1024 octets. INVALID_ARGUMENT naming the
// field otherwise. Pure; thread-safe.
absl::StatusOr<NitroDocumentUnverified> ParseNitroDocumentUnverified(
    std::span<const uint8_t> payload);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_AWS_NITRO_DOCUMENT_H_
