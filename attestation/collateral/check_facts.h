// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_CHECK_FACTS_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_CHECK_FACTS_H_

#include "absl/status/status.h"
#include "attestation/collateral/collateral.h"
#include "crypto/crl.h"
#include "crypto/x509.h"

// What checks of this folder say about age. Pure; thread-safe; no signature is
// looked at.
namespace constellation::attestation {

// Content is valid no longer than what signed it: narrows not_before and
// not_after to the certificate's. INVALID_ARGUMENT if its dates cannot be read.
absl::Status Narrow(CollateralFacts& facts,
                    const crypto::Certificate& certificate);

// Dates and number of a revocation list.
CollateralFacts FactsOf(const crypto::RevocationList& list);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_CHECK_FACTS_H_
