// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_ADVICE_H_
#define CONSTELLATION_ATTESTATION_POLICY_ADVICE_H_

#include <cstdint>
#include <string_view>

#include "attestation/snp/snp_check.h"
#include "attestation/tpm/quote.h"

// What an owner may make of a check that failed.
namespace constellation::attestation {

std::string_view PcrAdvice(uint32_t index);
std::string_view QuoteAdvice(QuoteCheckId id);
std::string_view SnpAdvice(SnpCheckId id);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_ADVICE_H_
