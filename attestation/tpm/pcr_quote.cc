// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/pcr_quote.h"

#include <utility>

#include "attestation/tpm/check_rows.h"
#include "attestation/tpm/quote_checker.h"
#include "common/status.h"

namespace constellation::attestation {

// Empty if the register is not quoted: no verified value is shorter.
std::span<const uint8_t> VerifiedPcrQuote::pcr(uint32_t index) const {
  for (const Register& value : registers_) {
    if (value.index == index) {
      return value.value;
    }
  }
  return {};
}

std::vector<uint32_t> VerifiedPcrQuote::indices() const {
  std::vector<uint32_t> indices;
  indices.reserve(registers_.size());
  for (const Register& value : registers_) {
    indices.push_back(value.index);
  }
  return indices;
}

// All forms of key and signature that clouds use; CheckQuote() takes our own
// attester's only.
PcrQuoteVerification CheckPcrQuote(const PcrQuoteUnverified& quote,
                                   std::span<const uint8_t> nonce) {
  QuoteChecker checker(quote, nonce, QuoteForms::kAny);
  checker.Run();
  PcrQuoteVerification result;
  if (checker.passed()) {
    result.quote = checker.MakeVerifiedPcrQuote();
  }
  result.checks = checker.TakeRows();
  return result;
}

// The bank is judged last, so a weak one is PERMISSION_DENIED of a quote that
// is otherwise genuine.
absl::StatusOr<VerifiedPcrQuote> VerifyPcrQuote(
    const PcrQuoteUnverified& quote, std::span<const uint8_t> nonce) {
  PcrQuoteVerification result = CheckPcrQuote(quote, nonce);
  if (result.quote.has_value()) {
    return *std::move(result.quote);
  }
  const QuoteCheck* failed = FirstFailed(result.checks);
  if (failed == nullptr) {
    return Internal("quote: no check failed, yet nothing was verified");
  }
  const std::string message = DescribeFailure("quote", *failed);
  switch (failed->id) {
    case QuoteCheckId::kAkPublicArea:
    case QuoteCheckId::kAttest:
      return InvalidArgument(message);
    case QuoteCheckId::kBank:  // the last: all others passed
      return PermissionDenied(message);
    default:
      return Unauthenticated(message);
  }
}

}  // namespace constellation::attestation
