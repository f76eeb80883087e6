// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/collateral_provider.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "common/retry.h"
#include "common/status.h"

namespace constellation::attestation {

// No provider is a choice: variants without CPU evidence need none, and a
// verifier without network may bring all certificates in the evidence.
GatheredCollateral GatherFrom(CollateralProvider* provider,
                              const Evidence& evidence, const Policy& policy) {
  return provider == nullptr ? GatheredCollateral()
                             : provider->For(evidence, policy);
}

// A joining node retries on UNAVAILABLE only. Without this, one failed fetch at
// the vendor would look like a node that must never join.
absl::Status ExplainRefusal(const absl::Status& refusal,
                            const GatheredCollateral& gathered) {
  if (refusal.ok() || gathered.missing.ok()) {
    return refusal;
  }
  const std::string message =
      fmt::format("{}; collateral is missing: {}", Message(refusal),
                  Message(gathered.missing));
  return IsTransient(gathered.missing) ? Unavailable(message)
                                       : absl::Status(refusal.code(), message);
}

absl::Status ExplainRefusal(const Appraisal& appraisal,
                            const GatheredCollateral& gathered) {
  const absl::Status refusal = ToStatus(appraisal);
  return MayBeMissingCollateral(appraisal.rows)
             ? ExplainRefusal(refusal, gathered)
             : refusal;
}

bool MayBeMissingCollateral(std::span<const CheckRow> rows) {
  constexpr std::string_view kIndependent[] = {"evidence", "quote", "profile",
                                               "pcr", "cluster"};
  return std::ranges::none_of(rows, [&](const CheckRow& row) {
    return row.verdict == CheckVerdict::kFailed &&
           std::ranges::find(kIndependent, row.layer) !=
               std::ranges::end(kIndependent);
  });
}

}  // namespace constellation::attestation
