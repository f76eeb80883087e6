// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_APPRAISAL_COLLATERAL_H_
#define CONSTELLATION_ATTESTATION_POLICY_APPRAISAL_COLLATERAL_H_

#include <vector>

#include "attestation/intel/collateral.h"
#include "attestation/intel/verification_cache.h"
#include "attestation/snp/snp_chain_cache.h"
#include "crypto/crl.h"
#include "crypto/x509.h"

namespace constellation::attestation {

// What vendors publish and evidence needs to be verified. Appraise() fetches
// nothing: whoever calls it brings what there is. All of it is hostile until a
// signature under a pinned root says otherwise. A value; Appraise() only reads
// it, so threads may share one.
struct AppraisalCollateral {
  // Certificates of AMD (VCEK, VLEK, ASK, ASVK, ARK), Google (intermediates)
  // and of test roots that a policy names; in any order. Those in the evidence
  // come first.
  std::vector<crypto::Certificate> certificates = {};
  // Revocation lists of AMD, of Google (its vTPM authorities) and of Amazon
  // (Nitro); in any order. Whose they are their issuers' names and signatures
  // tell; a list that is given must be valid now.
  std::vector<crypto::RevocationList> crls = {};
  // Of Intel, one entry for each kind of platform. At most 16 are tried.
  std::vector<IntelCollateral> intel = {};
  // The same, verified before; tried first.
  std::vector<VerifiedIntelCollateral> verified_intel = {};
  // May be null. They only make it faster; both are thread-safe.
  SnpChainCache* snp_cache = nullptr;
  IntelVerificationCache* intel_cache = nullptr;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_APPRAISAL_COLLATERAL_H_
