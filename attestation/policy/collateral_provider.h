// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_COLLATERAL_PROVIDER_H_
#define CONSTELLATION_ATTESTATION_POLICY_COLLATERAL_PROVIDER_H_

#include <span>

#include "absl/status/status.h"
#include "attestation/evidence.h"
#include "attestation/policy/appraisal.h"
#include "attestation/policy/appraisal_collateral.h"
#include "attestation/policy/check_row.h"
#include "attestation/policy/policy.h"

namespace constellation::attestation {

// What could be had for one piece of evidence.
struct GatheredCollateral {
  AppraisalCollateral collateral;
  // Why something that the evidence needs could not be had; OK if all is there.
  absl::Status missing;
  // Nothing may be fetched: what is missing may still be had elsewhere.
  bool offline = false;
};

// Where a verifier gets what Appraise() needs beside the evidence.
// Implementations are thread-safe and bound the time that a call takes.
class CollateralProvider {
 public:
  virtual ~CollateralProvider() = default;

  // Gathers for `evidence`, which is hostile, as far as `policy` can make use
  // of it. The result refers to this object, so it must not outlive it.
  virtual GatheredCollateral For(const Evidence& evidence,
                                 const Policy& policy) = 0;
};

// `provider->For(...)`, or nothing at all if `provider` is null.
GatheredCollateral GatherFrom(CollateralProvider* provider,
                              const Evidence& evidence, const Policy& policy);

// `refusal` of evidence that was appraised with `gathered`. If something was
// missing, the message says what and why; if trying again may help, the code is
// UNAVAILABLE: nobody can tell yet. OK stays OK.
absl::Status ExplainRefusal(const absl::Status& refusal,
                            const GatheredCollateral& gathered);

// The same for an appraisal. What fails whatever vendors say is a refusal at
// once: trying again would not help.
absl::Status ExplainRefusal(const Appraisal& appraisal,
                            const GatheredCollateral& gathered);

// Whether what failed may be only that something of a vendor's could not be
// had: no row failed that needs nothing of the kind.
bool MayBeMissingCollateral(std::span<const CheckRow> rows);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_COLLATERAL_PROVIDER_H_
