// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_VERIFICATION_CACHE_H_
#define CONSTELLATION_ATTESTATION_INTEL_VERIFICATION_CACHE_H_

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "attestation/intel/pck_chain.h"
#include "crypto/hash.h"

namespace constellation::attestation {

// Remembers signatures that were found good, so that they are not checked
// again: PCK chains, who signed which CRL, and reports of quoting enclaves.
// Keys are digests of everything that the result depends on: the octets, and
// the trust anchors. Only successes are kept, and none that depends on time:
// dates and revocation are judged anew at every use. So a cache can make
// verification faster, never more lenient. Bounded: the oldest entry goes
// first. Thread-safe.
class IntelVerificationCache final {
 public:
  // Room for `capacity` chains and as many other signatures.
  explicit IntelVerificationCache(size_t capacity = 256)
      : capacity_(capacity) {}

  // How many entries it has.
  size_t size() const;

 private:
  // Only the verifier, which has just checked a signature, may add it.
  friend class IntelQuoteChecker;
  // The chain stored under `key`, or null.
  std::shared_ptr<const VerifiedPckChain> FindChain(
      const crypto::Sha256Digest& key) const;
  void StoreChain(const crypto::Sha256Digest& key,
                  std::shared_ptr<const VerifiedPckChain> chain);
  bool HasSignature(const crypto::Sha256Digest& key) const;
  void StoreSignature(const crypto::Sha256Digest& key);

  const size_t capacity_;
  mutable absl::Mutex mutex_;
  std::map<crypto::Sha256Digest, std::shared_ptr<const VerifiedPckChain>>
      chains_ ABSL_GUARDED_BY(mutex_);
  std::deque<crypto::Sha256Digest> chain_order_ ABSL_GUARDED_BY(mutex_);
  std::set<crypto::Sha256Digest> signatures_ ABSL_GUARDED_BY(mutex_);
  std::deque<crypto::Sha256Digest> signature_order_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_VERIFICATION_CACHE_H_
