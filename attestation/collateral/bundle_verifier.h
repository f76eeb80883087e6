// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_BUNDLE_VERIFIER_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_BUNDLE_VERIFIER_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/aws/nitro_verifier.h"
#include "attestation/collateral/collateral.h"
#include "attestation/collateral/collateral_bundle.h"
#include "attestation/gcp/ak_certificate.h"
#include "attestation/intel/trust_anchors.h"
#include "attestation/snp/snp_roots.h"
#include "crypto/hash.h"

namespace constellation::attestation {

// What collateral may end at.
struct CollateralTrust {
  IntelTrustAnchors intel;
  std::vector<SnpRoot> more_snp_roots = {};
  // SPKI digests.
  std::vector<crypto::Sha256Digest> google_roots = GcpTrust().roots;
  std::vector<crypto::Sha256Digest> amazon_roots = NitroExpectation().roots;
};

// The check for whatever is called `key`. Those of AMD's revocation lists and
// VCEKs need the chain, which is taken from `bundle`, under its own key.
// NOT_FOUND if it is not there, INVALID_ARGUMENT for a key of no known form.
absl::StatusOr<CollateralCheck> CheckForKey(std::string_view key,
                                            const CollateralBundle& bundle,
                                            const CollateralTrust& trust,
                                            absl::Time now);

// One entry's verdict.
struct BundleEntryResult {
  std::string key;
  // OK: genuine and valid now. UNAUTHENTICATED: forged, or of something else
  // than its key says. FAILED_PRECONDITION: expired or not yet valid.
  absl::Status status;
  absl::Time not_after;  // if it is genuine
};

// Verifies every entry at `now`, also after one failed, in the order of keys.
// The bundle can be used if all are OK. Issuer certificates (aia/) have no
// check of their own here: they are judged with the chain that they belong to,
// so they are left out. Pure.
std::vector<BundleEntryResult> VerifyBundle(const CollateralBundle& bundle,
                                            const CollateralTrust& trust,
                                            absl::Time now);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_BUNDLE_VERIFIER_H_
