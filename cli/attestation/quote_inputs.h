// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_ATTESTATION_QUOTE_INPUTS_H_
#define CONSTELLATION_CLI_ATTESTATION_QUOTE_INPUTS_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "attestation/tpm/pcr_quote.h"
#include "cli/attestation/verify_context.h"

namespace constellation::cli {

// A TPM quote with what belongs to it, put together from several files.
struct QuoteInputs {
  std::string file;  // of the TPMS_ATTEST
  Bytes attest;
  Bytes signature;  // empty: none was given
  Bytes ak;         // likewise
  // TPM_ALG_ID of the quoted bank; 0 if the quote could not be read. Registers
  // are sorted by index and only those that the quote selects.
  uint16_t bank = 0;
  std::vector<std::pair<uint32_t, Bytes>> registers;
  Bytes nonce;  // what is demanded: the context's, else the quote's own
  bool all_registers = false;  // every quoted register was given

  // Refers to this object.
  // Not to be kept longer than this object, nor while it changes.
  attestation::PcrQuoteUnverified View() const;
};

// The quotes of the set. Of several signatures and keys those are chosen that
// verify; values are the quoted ones of a file with the quote's bank. A key
// given as TPMT_PUBLIC comes before the same one in another form. Chooses only.
std::vector<QuoteInputs> CollectQuotes(const VerifyContext& context);

// Values by register of {"bank": "sha256", "pcrs": {"0": "<hex>", ...}} and the
// bank's number. INVALID_ARGUMENT if it is not that.
absl::StatusOr<std::pair<uint16_t, std::vector<std::pair<uint32_t, Bytes>>>>
ParsePcrJson(std::string_view text);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_ATTESTATION_QUOTE_INPUTS_H_
