// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_PCR_QUOTE_H_
#define CONSTELLATION_ATTESTATION_TPM_PCR_QUOTE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/tpm/quote.h"
#include "common/hex.h"

namespace constellation::attestation {

// The value that one register of a bank is said to have.
struct RegisterView {
  uint32_t index = 0;
  std::span<const uint8_t> value;  // as long as the bank's digests
};

// A quote of any TPM, in any of the forms in which quotes are stored. Refers to
// the caller's octets, which must outlive it. Nothing in it is verified.
struct PcrQuoteUnverified {
  std::span<const uint8_t> attest;  // TPMS_ATTEST, as the TPM signed it
  // TPMT_SIGNATURE, or for RSA keys the bare octets (as many as the modulus;
  // RSASSA unless the key says otherwise), or for EC keys a DER ECDSA-Sig-Value
  // (RFC 3279 2.2.3).
  std::span<const uint8_t> signature;
  std::span<const uint8_t> ak;  // as ParseAttestationKeyUnverified() reads
  uint16_t bank = 0;            // TPM_ALG_ID of the values' hash
  std::vector<RegisterView> registers;  // exactly those quoted, ascending
};

// Registers of any bank that a TPM vouches for by a signature. Only
// CheckPcrQuote() makes one, so a parameter of this type is the proof. Whose
// key it is, is not checked: compare ak_spki() with a key that is trusted.
class VerifiedPcrQuote final {
 public:
  // DER SubjectPublicKeyInfo of the key that signed, canonical.
  const Bytes& ak_spki() const { return ak_spki_; }
  // The key's Name, if it was given as a public area: only then its attributes
  // (restricted, fixedTPM, ...) were looked at. Empty otherwise.
  const Bytes& ak_name() const { return ak_name_; }
  // The qualifying data, which is as demanded.
  const Bytes& nonce() const { return nonce_; }
  // TPM_ALG_ID of the bank: SHA-256, SHA-384 or SHA-512.
  uint16_t bank() const { return bank_; }
  // The value of PCR `index`, or empty if it was not quoted. Lives as long as
  // this object.
  std::span<const uint8_t> pcr(uint32_t index) const;
  // Indices of the quoted registers, ascending.
  std::vector<uint32_t> indices() const;
  // TPMS_CLOCK_INFO and firmware version, as signed.
  uint64_t clock() const { return clock_; }
  uint32_t reset_count() const { return reset_count_; }
  uint32_t restart_count() const { return restart_count_; }
  uint64_t firmware_version() const { return firmware_version_; }

 private:
  friend class QuoteChecker;
  struct Register {
    uint32_t index = 0;
    Bytes value;
  };
  VerifiedPcrQuote() = default;
  Bytes ak_spki_;
  Bytes ak_name_;
  Bytes nonce_;
  uint16_t bank_ = 0;
  std::vector<Register> registers_;
  uint64_t clock_ = 0;
  uint32_t reset_count_ = 0;
  uint32_t restart_count_ = 0;
  uint64_t firmware_version_ = 0;
};

// Every check with its result; `quote` only if all passed.
struct PcrQuoteVerification {
  std::vector<QuoteCheck> checks;
  std::optional<VerifiedPcrQuote> quote;
};

// Makes every check of QuoteCheckId, also after one failed. Pure; thread-safe.
// The bank may be any; kBank is the only check that a genuine quote of a SHA-1
// bank fails. `nonce` must not be empty.
PcrQuoteVerification CheckPcrQuote(const PcrQuoteUnverified& quote,
                                   std::span<const uint8_t> nonce);

// The same for who wants a Status: INVALID_ARGUMENT if key or structure do not
// parse, PERMISSION_DENIED if only the bank is refused, UNAUTHENTICATED naming
// the first failed check otherwise.
absl::StatusOr<VerifiedPcrQuote> VerifyPcrQuote(const PcrQuoteUnverified& quote,
                                                std::span<const uint8_t> nonce);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_PCR_QUOTE_H_
