// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_EVIDENCE_H_
#define CONSTELLATION_ATTESTATION_EVIDENCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/hex.h"
#include "crypto/hash.h"

namespace constellation::attestation {

// The value of one platform configuration register, SHA-256 bank.
struct PcrValue {
  uint32_t index = 0;
  crypto::Sha256Digest sha256{};

  bool operator==(const PcrValue&) const = default;
};

// A TPM 2.0 quote with what is needed to check it. Every byte is the
// attester's claim: nothing has been verified.
struct TpmEvidence {
  Bytes attest;                // TPMS_ATTEST, as the TPM signed it
  Bytes signature;             // TPMT_SIGNATURE over `attest`
  Bytes ak_public;             // TPMT_PUBLIC of the attestation key
  Bytes ek_certificate;        // DER; empty if the TPM has none
  std::vector<PcrValue> pcrs;  // exactly the quoted registers, ascending
  Bytes event_log;  // TCG log of the firmware: explains PCRs, proves nothing

  bool operator==(const TpmEvidence&) const = default;
};

// Evidence (RATS) that a program runs on a particular measured machine.
// Unverified by nature: pass it to Appraise() (attestation/policy/appraisal.h)
// and act on the Appraisal only.
struct Evidence {
  std::string variant;              // kind of platform, e.g. "qemu-vtpm"
  TpmEvidence tpm;                  // quote of the platform's vTPM
  Bytes hardware_report;            // SEV-SNP report or TDX quote, or empty
  std::vector<Bytes> endorsements;  // certificates (DER), leaf first
  // Contents of the ACPI table CCEL's area, of a TD: explains RTMRs, proves
  // nothing. Empty elsewhere.
  Bytes cc_event_log = {};

  bool operator==(const Evidence&) const = default;
};

// Length of the user data that evidence is made for: a SHA-512.
inline constexpr size_t kUserDataSize = 64;

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_EVIDENCE_H_
