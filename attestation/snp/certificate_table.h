// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_SNP_CERTIFICATE_TABLE_H_
#define CONSTELLATION_ATTESTATION_SNP_CERTIFICATE_TABLE_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/hex.h"

namespace constellation::attestation {

// The largest table that is read: hosts give a few pages.
inline constexpr size_t kMaxSnpCertificateTableSize = size_t{64} * 1024;

// Identifiers of a table's entries, octets in textual order.
using SnpTableGuid = std::array<uint8_t, 16>;
inline constexpr SnpTableGuid kSnpGuidVcek = {
    0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
    0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd};
inline constexpr SnpTableGuid kSnpGuidVlek = {
    0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e,
    0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1};
// ASK, or ASVK beside a VLEK.
inline constexpr SnpTableGuid kSnpGuidAsk = {0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac,
                                             0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae,
                                             0xf3, 0x27, 0xc7, 0x82};
inline constexpr SnpTableGuid kSnpGuidArk = {0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03,
                                             0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6,
                                             0x01, 0x4c, 0xd0, 0xae};

// The certificates in the table behind an extended report (AMD 56421 "SEV-ES
// Guest-Hypervisor Communication Block", MSG_REPORT_REQ). Given by the host:
// nothing is verified, not even that they are certificates. DER; empty if
// absent. The spans point into the table.
struct SnpCertificateTableUnverified {
  std::span<const uint8_t> vcek;
  std::span<const uint8_t> vlek;
  std::span<const uint8_t> ask;
  std::span<const uint8_t> ark;

  // Entries of 24 octets {GUID, u32 offset, u32 length}, little-endian, up to
  // an all-zero one; offsets count from the table's start. Entries with other
  // GUIDs are skipped, yet must lie inside.
  //
  // INVALID_ARGUMENT for more than 64 KiB, no all-zero entry, contents outside
  // the table or over the entries, or a GUID of the four given twice. An empty
  // table has no certificates.
  static absl::StatusOr<SnpCertificateTableUnverified> Parse(
      std::span<const uint8_t> table);
};

// The table with these certificates; empty ones are left out. For issuers and
// tests.
Bytes BuildSnpCertificateTable(const SnpCertificateTableUnverified& entries);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_SNP_CERTIFICATE_TABLE_H_
