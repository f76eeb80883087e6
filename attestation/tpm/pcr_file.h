// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_PCR_FILE_H_
#define CONSTELLATION_ATTESTATION_TPM_PCR_FILE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/tpm/pcr_quote.h"

namespace constellation::attestation {

// One bank of a PCR file: registers ascending. The views point into the file.
struct PcrFileBankUnverified {
  uint16_t hash_algorithm = 0;
  std::vector<RegisterView> registers;
};

// Reads what `tpm2_quote --pcr` writes (tpm2-tools, "serialized" format): a
// little-endian dump of TPML_PCR_SELECTION (count, 16 slots of 8 octets) and a
// number of TPML_DIGEST (count, 8 slots of 66 octets). Banks are in the file's
// order; one without registers is left out.
//
// INVALID_ARGUMENT for a count that no slot has room for, a hash that is not
// known, a digest whose size is not its bank's, digests too many or too few, or
// octets behind the end. The values prove nothing: pass a bank to
// CheckPcrQuote(). Pure; thread-safe.
absl::StatusOr<std::vector<PcrFileBankUnverified>> ParsePcrFileUnverified(
    std::span<const uint8_t> bytes);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_PCR_FILE_H_
