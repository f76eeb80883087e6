// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/quote.h"

#include <utility>

#include "attestation/tpm/check_rows.h"
#include "attestation/tpm/quote_checker.h"
#include "common/hex.h"
#include "common/status.h"

namespace constellation::attestation {
namespace {

constexpr std::string_view kQuoteTag = "constellation/v1/quote";

// Length first, so that no octet can move from one field to the next.
void UpdateSized(crypto::Sha256Hasher& hasher, std::span<const uint8_t> field) {
  const auto size = static_cast<uint32_t>(field.size());
  const uint8_t length[] = {
      static_cast<uint8_t>(size >> 24U), static_cast<uint8_t>(size >> 16U),
      static_cast<uint8_t>(size >> 8U), static_cast<uint8_t>(size)};
  hasher.Update(length);
  hasher.Update(field);
}

}  // namespace

// TPM2B_DATA holds little more than one digest, so user data and report are
// hashed together. The tag keeps quotes of other protocols apart.
crypto::Sha256Digest QuoteQualifyingData(
    std::span<const uint8_t> user_data,
    std::span<const uint8_t> hardware_report) {
  crypto::Sha256Hasher hasher;
  UpdateSized(hasher, AsBytes(kQuoteTag));
  UpdateSized(hasher, user_data);
  UpdateSized(hasher, hardware_report);
  return hasher.Finish();
}

std::string_view ToString(QuoteCheckId id) {
  switch (id) {
    case QuoteCheckId::kAkPublicArea:
      return "AK public area";
    case QuoteCheckId::kAkAttributes:
      return "AK attributes";
    case QuoteCheckId::kAttest:
      return "structure";
    case QuoteCheckId::kMagic:
      return "magic";
    case QuoteCheckId::kType:
      return "type";
    case QuoteCheckId::kQualifyingData:
      return "qualifying data";
    case QuoteCheckId::kSignature:
      return "signature";
    case QuoteCheckId::kSelection:
      return "selection";
    case QuoteCheckId::kPcrList:
      return "PCR list";
    case QuoteCheckId::kPcrDigest:
      return "PCR digest";
    case QuoteCheckId::kBank:
      return "bank";
  }
  return "unknown";
}

std::optional<crypto::Sha256Digest> VerifiedQuote::pcr(uint32_t index) const {
  for (const PcrValue& pcr : pcrs_) {
    if (pcr.index == index) {
      return pcr.sha256;
    }
  }
  return std::nullopt;
}

// SHA-256 bank only: that is what our attester quotes.
QuoteVerification CheckQuote(const TpmEvidence& evidence,
                             std::span<const uint8_t> qualifying_data) {
  PcrQuoteUnverified quote{.attest = evidence.attest,
                           .signature = evidence.signature,
                           .ak = evidence.ak_public,
                           .bank = kTpmAlgSha256,
                           .registers = {}};
  quote.registers.reserve(evidence.pcrs.size());
  for (const PcrValue& pcr : evidence.pcrs) {
    quote.registers.push_back({.index = pcr.index, .value = pcr.sha256});
  }
  QuoteChecker checker(quote, qualifying_data, QuoteForms::kOwn);
  checker.Run();
  QuoteVerification result;
  if (checker.passed()) {
    result.quote = checker.MakeVerifiedQuote();
  }
  result.checks = checker.TakeRows();
  return result;
}

absl::StatusOr<VerifiedQuote> VerifyQuote(
    const TpmEvidence& evidence, std::span<const uint8_t> qualifying_data) {
  QuoteVerification result = CheckQuote(evidence, qualifying_data);
  if (result.quote.has_value()) {
    return *std::move(result.quote);
  }
  const QuoteCheck* failed = FirstFailed(result.checks);
  if (failed == nullptr) {
    return Internal("quote: no check failed, yet nothing was verified");
  }
  const std::string message = DescribeFailure("quote", *failed);
  const bool malformed = failed->id == QuoteCheckId::kAkPublicArea ||
                         failed->id == QuoteCheckId::kAttest;
  return malformed ? InvalidArgument(message) : Unauthenticated(message);
}

}  // namespace constellation::attestation
