// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_EVIDENCE_COLLATERAL_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_EVIDENCE_COLLATERAL_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "attestation/collateral/collateral_fetcher.h"
#include "attestation/collateral/vendor_items.h"
#include "attestation/evidence.h"
#include "attestation/intel/verification_cache.h"
#include "attestation/policy/collateral_provider.h"
#include "attestation/policy/policy.h"
#include "attestation/snp/snp_chain_cache.h"
#include "common/clock.h"

namespace constellation::attestation {

// Where verifiers of a running cluster get what Appraise() needs: certificates
// that came with the evidence, then the fetcher's bundle and cache, then the
// vendor. Everything is verified against pinned roots, and those that the
// policy names, before it is used or stored. Thread-safe: callers that miss the
// same thing cause one request.
class EvidenceCollateral final : public CollateralProvider {
 public:
  // `fetcher` outlives it.
  explicit EvidenceCollateral(CollateralFetcher& fetcher,
                              CollateralEndpoints endpoints = {});

  // Gathers for `evidence`, which is hostile: SEV-SNP reports cost at most
  // chain, VCEK and revocation list, TD quotes TCB info, identity and two
  // lists. Nothing is fetched if the policy has no profile of its variant, or
  // lists chips and the report's is none of them. Waits no longer than the
  // fetcher's options allow for each item. The result refers to this object's
  // caches, so it must not outlive it.
  GatheredCollateral For(const Evidence& evidence,
                         const Policy& policy) override;

 private:
  CollateralFetcher& fetcher_;
  const CollateralEndpoints endpoints_;
  SnpChainCache snp_cache_;
  IntelVerificationCache intel_cache_;
};

// How a program gets at collateral.
struct CollateralSetup {
  std::string folder = {};  // of the cache; empty: none is kept
  bool offline = false;     // never ask a vendor
  CollateralEndpoints endpoints = {};
};

// Waiting times that bound a join: 5 seconds for a request, 8 for an item.
CollateralFetcherOptions NodeFetcherOptions();

// An EvidenceCollateral with all that it needs, made at the first evidence that
// can make use of it: nothing is opened for variants that have a vTPM alone,
// and libcurl is loaded at the first request only. Thread-safe.
class CollateralService final : public CollateralProvider {
 public:
  // `clock` outlives it. A cache that cannot be opened is logged and done
  // without. Endpoints may be http:// mirrors: content is verified anyway.
  CollateralService(CollateralSetup setup,
                    const CollateralFetcherOptions& options, Clock& clock);
  ~CollateralService() override;

  GatheredCollateral For(const Evidence& evidence,
                         const Policy& policy) override;

 private:
  struct Parts;

  const CollateralSetup setup_;
  const CollateralFetcherOptions options_;
  Clock& clock_;
  absl::Mutex mutex_;
  std::unique_ptr<Parts> parts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_EVIDENCE_COLLATERAL_H_
