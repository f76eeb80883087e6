// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_QUOTE_H_
#define CONSTELLATION_ATTESTATION_TPM_QUOTE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/evidence.h"
#include "attestation/tpm/check_rows.h"
#include "attestation/tpm/enrolled_tpm.h"
#include "attestation/tpm/tpm_structures.h"
#include "crypto/hash.h"
#include "crypto/public_key.h"

namespace constellation::attestation {

// The registers that TpmAttester quotes: PCR 0-15.
inline constexpr uint32_t kQuotedPcrMask = 0xffff;

// What a quote's qualifying data must be: SHA-256 over the fields "tag", user
// data and hardware report, each behind its length as a 32-bit big-endian
// integer; the tag is "constellation/v1/quote". So one quote covers the
// channel, and the report that stands beside it.
crypto::Sha256Digest QuoteQualifyingData(
    std::span<const uint8_t> user_data,
    std::span<const uint8_t> hardware_report);

// The checks of a quote, in this order.
enum class QuoteCheckId {
  kAkPublicArea,    // TPMT_PUBLIC parses, name algorithm SHA-256
  kAkAttributes,    // restricted, sign, fixedTPM, fixedParent; not decrypt
  kAttest,          // TPMS_ATTEST parses
  kMagic,           // TPM_GENERATED_VALUE: made inside a TPM
  kType,            // a quote, not certify, creation, NV, ...
  kQualifyingData,  // as expected: fresh and bound
  kSignature,       // by the AK, with the AK's own scheme and a SHA-2
  kSelection,       // one bank, SHA-256, at least one register
  kPcrList,         // the values given are those of exactly the selection
  kPcrDigest,       // and hash to the quoted digest
  kBank,            // not SHA-1; CheckPcrQuote() only
};

// Stable name of a check, e.g. "qualifying data".
std::string_view ToString(QuoteCheckId id);

// One of them with its result.
using QuoteCheck = Check<QuoteCheckId>;

// PCR values that a TPM vouches for by a signature. Only CheckQuote() makes
// one, so a parameter of this type is the proof. Whose TPM it is, is not
// checked: compare ak_name().
class VerifiedQuote final {
 public:
  const TpmName& ak_name() const { return ak_name_; }
  const std::vector<PcrValue>& pcrs() const { return pcrs_; }
  // The value of PCR `index`, or nothing if it was not quoted.
  std::optional<crypto::Sha256Digest> pcr(uint32_t index) const;

 private:
  friend class QuoteChecker;
  VerifiedQuote() = default;
  TpmName ak_name_{};
  std::vector<PcrValue> pcrs_;
};

// Every check with its result; `quote` only if all passed.
struct QuoteVerification {
  std::vector<QuoteCheck> checks;
  std::optional<VerifiedQuote> quote;
};

// Makes every check of QuoteCheckId but kBank, also after one failed, on
// evidence of our own kind: SHA-256 bank, TPMT_PUBLIC, TPMT_SIGNATURE. For the
// quotes of others see CheckPcrQuote(). Pure; thread-safe.
QuoteVerification CheckQuote(const TpmEvidence& evidence,
                             std::span<const uint8_t> qualifying_data);

// The same for who wants a Status: INVALID_ARGUMENT if something does not
// parse, UNAUTHENTICATED naming the first failed check otherwise.
absl::StatusOr<VerifiedQuote> VerifyQuote(
    const TpmEvidence& evidence, std::span<const uint8_t> qualifying_data);

// Verifies `signature` over `message` with `key`: RSASSA or RSAPSS with 2048 to
// 4096 bits, or ECDSA P-256 or P-384, with SHA-256, SHA-384 or SHA-512, and
// with the key's own scheme. UNAUTHENTICATED if it is wrong, INVALID_ARGUMENT
// if key and signature do not fit each other or us.
absl::Status VerifyTpmSignature(const PublicAreaUnverified& key,
                                const SignatureUnverified& signature,
                                std::span<const uint8_t> message);
// The first half of it: OK if `signature` has the scheme and hash that the
// public area of `key` prescribes, INVALID_ARGUMENT otherwise.
absl::Status CheckTpmScheme(const PublicAreaUnverified& key,
                            const SignatureUnverified& signature);
// The same as VerifyTpmSignature() with a key that prescribes no scheme.
absl::Status VerifyTpmSignature(const crypto::PublicKey& key,
                                const SignatureUnverified& signature,
                                std::span<const uint8_t> message);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_QUOTE_H_
