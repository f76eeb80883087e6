// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_ATTESTATION_FILE_KIND_H_
#define CONSTELLATION_CLI_ATTESTATION_FILE_KIND_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "common/hex.h"

namespace constellation::cli {

// What a file of attestation is about. The order has no meaning.
enum class FileKind {
  kUnknown,
  // AMD SEV-SNP.
  kSnpReport,            // ATTESTATION_REPORT, also of a wrong length
  kSnpExtendedReport,    // report, then the host's certificate table
  kSnpReportResponse,    // MSG_REPORT_RSP
  kSnpCertificateTable,  // GUID, offset, length, ...; then certificates
  kSnpIdBlock,
  kSnpIdAuth,
  // Intel.
  kIntelQuote,  // SGX or TDX, version 3 to 5
  kTdReport,    // TDREPORT_STRUCT
  kTcbInfo,     // JSON of Intel's service
  kEnclaveIdentity,
  kTcbEvaluationNumbers,
  // TPM 2.0.
  kTpmAttest,     // TPMS_ATTEST
  kTpmSignature,  // TPMT_SIGNATURE
  kTpmPublic,     // TPMT_PUBLIC
  kPcrFile,       // of tpm2_quote
  kPcrJson,       // {"bank": "sha256", "pcrs": {"0": "..."}}
  kEventLog,      // TCG log, also of a confidential machine (CCEL's area)
  kCcelTable,     // the ACPI table that says where that log is
  // Clouds.
  kHclReport,  // Azure
  kCose,       // Nitro Enclaves and NitroTPM
  // Keys and certificates.
  kCertificate,     // one or more
  kRevocationList,  // CRL
  kPublicKey,       // SubjectPublicKeyInfo
  kEcdsaSignature,  // DER SEQUENCE {r, s}
  kRawSignature,    // as many octets as an RSA modulus has: a guess
  // Ours.
  kEvidence,
  kPolicy,
  kCollateralBundle,
  kFirmware,  // ends with OVMF's table of GUIDs
};

// Words for people, e.g. "SEV-SNP report".
// For both: of static storage; any value of the enumeration is fine.
std::string_view ToString(FileKind kind);
// Stable word for machines, e.g. "snp-report".
std::string_view KindId(FileKind kind);

// The largest file that is looked at.
// In octets: event logs and firmware are the largest kinds; quotes have some
// kilobytes.
inline constexpr size_t kMaxAttestationFile = size_t{32} << 20U;

// A file by its content.
struct RecognisedFile {
  FileKind kind = FileKind::kUnknown;
  // What the file holds, without the wrapping that `wrapping` names.
  Bytes content;
  // What was taken off, e.g. "hex", "TPM2B" or "Open Enclave header"; empty if
  // nothing was. PEM stays on: its readers are elsewhere.
  std::string_view wrapping;
};

// Tells what `bytes` are, by their content only: magic numbers, structure, and
// for what has none, whether its reader accepts it. Damaged files keep their
// kind where the beginning shows it, so that verifying them refuses instead of
// overlooking them. Text in hex or base64 and TPM2B sizes are taken off, at
// most once each.
//
// Nothing is verified, and a hostile file can pretend to be any kind: whoever
// acts on it must verify it as what it then is. Memory: a few times the size of
// the file. Pure, thread-safe.
RecognisedFile RecogniseFile(std::span<const uint8_t> bytes);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_ATTESTATION_FILE_KIND_H_
