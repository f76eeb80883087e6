// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_QUOTE_H_
#define CONSTELLATION_ATTESTATION_INTEL_QUOTE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"

namespace constellation::attestation {

// Which kind of machine a quote speaks for; the number is the header's.
enum class IntelTee : uint32_t { kSgx = 0x00, kTdx = 0x81 };

// "SGX" or "TDX".
std::string_view ToString(IntelTee tee);

// What follows the header; the number is that of quote version 5.
enum class IntelBodyType : uint16_t { kSgx = 1, kTd10 = 2, kTd15 = 3 };

// The only key type there is: ECDSA, P-256, SHA-256.
inline constexpr uint16_t kIntelEcdsaP256 = 2;
// Intel's quoting enclaves, 939a7233-f79c-4ca9-940a-0db3957f0607.
inline constexpr uint8_t kIntelQeVendor[] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c,
                                             0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3,
                                             0x95, 0x7f, 0x06, 0x07};

// Kinds of certification data inside the signature section.
inline constexpr uint16_t kPckIdPlain = 1;        // PPID, CPUSVN, PCESVN
inline constexpr uint16_t kPckIdRsa2048Oaep = 2;  // the same, PPID encrypted
inline constexpr uint16_t kPckIdRsa3072Oaep = 3;
inline constexpr uint16_t kPckLeafCertificate = 4;
inline constexpr uint16_t kPckCertificateChain = 5;
inline constexpr uint16_t kQeReportCertification = 6;  // outer, v4 and v5

// A quote ("Intel SGX ECDSA QuoteLibReference API" A.4 for version 3, "Intel
// TDX DCAP Quoting Library API" A.3 and A.4 for 4 and 5), cut into its fields.
// Nothing is verified. The spans point into the bytes that were parsed, which
// must outlive it.
struct IntelQuoteUnverified {
  uint16_t version = 0;
  uint16_t attestation_key_type = 0;
  IntelTee tee{};
  uint16_t qe_svn = 0;                 // version 3 only
  uint16_t pce_svn = 0;                // version 3 only
  std::span<const uint8_t> qe_vendor;  // 16
  std::span<const uint8_t> user_data;  // 20
  IntelBodyType body_type{};
  std::span<const uint8_t> body;             // 384, 584 or 648, by body_type
  std::span<const uint8_t> signed_bytes;     // header to end of body
  std::span<const uint8_t> signature;        // r, s: 32 each, big-endian
  std::span<const uint8_t> attestation_key;  // x, y: 32 each, big-endian
  std::span<const uint8_t> qe_report;        // 384
  std::span<const uint8_t> qe_report_signature;  // 64
  std::span<const uint8_t> qe_auth_data;
  uint16_t certification_type = 0;  // 1 to 5
  std::span<const uint8_t> certification_data;
  // What lies behind the signature section: padding on Azure and GCP, claims of
  // Open Enclave, anything. NOT authenticated.
  std::span<const uint8_t> trailing;
};

// Cuts a quote of version 3, 4 or 5, at most 64 KiB, into its fields; allocates
// nothing. INVALID_ARGUMENT names field and offset if a length contradicts
// another, if the version, the TEE, the body type or the certification type is
// unknown. Key type and vendor are read, not judged.
absl::StatusOr<IntelQuoteUnverified> ParseIntelQuoteUnverified(
    std::span<const uint8_t> bytes);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_QUOTE_H_
