// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_TESTING_SYNTHETIC_H_
#define CONSTELLATION_ATTESTATION_INTEL_TESTING_SYNTHETIC_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "attestation/intel/check.h"
#include "attestation/intel/collateral.h"
#include "attestation/intel/quote_verifier.h"
#include "attestation/intel/trust_anchors.h"
#include "attestation/testing/intel_signer.h"

// Evidence of IntelSigner in the verifier's types. For tests only.
namespace constellation::testing {

// Inside the validity of everything that IntelSigner makes: 2026-01-01.
inline constexpr absl::Time kSyntheticNow = absl::FromUnixSeconds(1767225600);

// The collateral of `evidence`, without the optional parts.
attestation::IntelCollateral SyntheticCollateral(
    const IntelTestEvidence& evidence);
// Intel's root and that of IntelSigner::Get().
const attestation::IntelTrustAnchors& SyntheticAnchors();

// Everything that CheckIntelQuote() says about `evidence` at `now`, with
// collateral that must be good by itself.
attestation::IntelQuoteVerification CheckSynthetic(
    const IntelTestEvidence& evidence, absl::Time now = kSyntheticNow,
    attestation::IntelVerificationCache* cache = nullptr);

// A list with these serial numbers.
crypto::testing::TestCrl Revoking(std::vector<Bytes> serials);

// The checks that failed, in order.
std::vector<attestation::IntelCheckId> FailedChecks(
    const std::vector<attestation::IntelCheck>& rows);
// What the row of `id` got; empty if there is no such row.
std::string GotOf(const std::vector<attestation::IntelCheck>& rows,
                  attestation::IntelCheckId id);
// What may be done about it.
std::string FixOf(const std::vector<attestation::IntelCheck>& rows,
                  attestation::IntelCheckId id);

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_INTEL_TESTING_SYNTHETIC_H_
