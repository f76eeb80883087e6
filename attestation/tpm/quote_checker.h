// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_QUOTE_CHECKER_H_
#define CONSTELLATION_ATTESTATION_TPM_QUOTE_CHECKER_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "attestation/tpm/attestation_key.h"
#include "attestation/tpm/check_rows.h"
#include "attestation/tpm/pcr_quote.h"
#include "attestation/tpm/quote.h"

namespace constellation::attestation {

// What a quote may look like.
enum class QuoteForms {
  // Our own: TPMT_PUBLIC, TPMT_SIGNATURE, SHA-256 bank.
  kOwn,
  // Everything that PcrQuoteUnverified tells of; the bank is a row of its own.
  kAny,
};

// The checks behind CheckQuote() and CheckPcrQuote(): everything is parsed
// once. For one call; not thread-safe. Use those functions instead.
class QuoteChecker final {
 public:
  // Both arguments must outlive the checker.
  QuoteChecker(const PcrQuoteUnverified& quote, std::span<const uint8_t> nonce,
               QuoteForms forms);

  // Makes every row.
  void Run();
  bool passed() const { return rows_.AllPassed(); }
  std::vector<QuoteCheck> TakeRows() { return rows_.Take(); }

  // Proofs; only if passed().
  VerifiedQuote MakeVerifiedQuote() const;
  VerifiedPcrQuote MakeVerifiedPcrQuote() const;

 private:
  bool own() const { return forms_ == QuoteForms::kOwn; }
  void CheckAk();
  void CheckAttest();
  void CheckSignature();
  void CheckSelection(const QuoteInfoUnverified& quote);
  void CheckRegisters(const QuoteInfoUnverified& quote);
  void CheckPcrs();
  absl::StatusOr<SignatureUnverified> ReadSignature() const;
  // The hash of the signing scheme: of the public area, else of the signature,
  // else as long as the digest that the structure has.
  uint16_t SchemeHash() const;

  const PcrQuoteUnverified& quote_;
  const std::span<const uint8_t> nonce_;
  const QuoteForms forms_;
  absl::StatusOr<PublicAreaUnverified> area_;
  absl::StatusOr<TpmName> name_;  // kOwn only
  absl::StatusOr<AttestationKeyUnverified> key_;
  const absl::StatusOr<AttestUnverified> attest_;
  absl::StatusOr<SignatureUnverified> signature_;
  CheckRows<QuoteCheckId> rows_;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_QUOTE_CHECKER_H_
