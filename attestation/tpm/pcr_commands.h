// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_PCR_COMMANDS_H_
#define CONSTELLATION_ATTESTATION_TPM_PCR_COMMANDS_H_

#include <tss2/tss2_esys.h>

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/evidence.h"
#include "attestation/tpm/esys.h"
#include "attestation/tpm/tpm_device.h"
#include "attestation/tpm/tpm_structures.h"

// Registers of the SHA-256 bank, read and quoted: what every attester does,
// whichever key its platform vouches for. Device side only. Errors of the TPM
// as TssStatus() gives them. Not thread-safe: one command at a time.
namespace constellation::attestation {

// The registers of `mask` (bit i is PCR i, 0-23), ascending. NOT_FOUND if the
// bank is not active, INVALID_ARGUMENT for no register or one above 23. A TPM
// gives eight at a time, so registers that change meanwhile may be torn; a
// quote shows that.
absl::StatusOr<std::vector<PcrValue>> ReadPcrsFrom(EsysContext& esys,
                                                   uint32_t mask);

// A quote of the registers of `mask` by `key` with its own scheme.
// `qualifying_data` has at most 64 octets; INVALID_ARGUMENT as above.
absl::StatusOr<TpmQuote> QuoteWith(EsysContext& esys, ESYS_TR key,
                                   std::span<const uint8_t> qualifying_data,
                                   uint32_t mask);

// Whether `attest` is a quote whose digest is that of `pcrs`, in this order:
// false if a register was extended between reading and quoting.
bool QuoteCovers(const AttestUnverified& attest,
                 std::span<const PcrValue> pcrs);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_PCR_COMMANDS_H_
