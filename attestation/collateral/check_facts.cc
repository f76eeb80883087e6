// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/check_facts.h"

#include <algorithm>

#include "common/status_macros.h"

namespace constellation::attestation {

absl::Status Narrow(CollateralFacts& facts,
                    const crypto::Certificate& certificate) {
  ASSIGN_OR_RETURN(const absl::Time from, certificate.NotBefore());
  ASSIGN_OR_RETURN(const absl::Time to, certificate.NotAfter());
  facts.not_before = std::max(facts.not_before, from);
  facts.not_after = std::min(facts.not_after, to);
  return absl::OkStatus();
}

// A list without nextUpdate never expires by itself (RFC 5280 demands the
// field, DER parsers meet lists without it).
CollateralFacts FactsOf(const crypto::RevocationList& list) {
  CollateralFacts facts;
  facts.not_before = list.ThisUpdate();
  facts.not_after = list.NextUpdate().value_or(absl::InfiniteFuture());
  facts.issued = list.ThisUpdate();
  if (const auto number = list.crl_number()) {
    facts.number.assign(number->begin(), number->end());
  }
  return facts;
}

}  // namespace constellation::attestation
