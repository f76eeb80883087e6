// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_SNP_SNP_CHAIN_CACHE_H_
#define CONSTELLATION_ATTESTATION_SNP_SNP_CHAIN_CACHE_H_

#include <list>
#include <map>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "attestation/snp/snp_chain.h"
#include "crypto/hash.h"

namespace constellation::attestation {

// Chains that passed every check, so that many reports of one chip cost one
// signature check each. Thread-safe.
//
// It cannot turn a refusal into an acceptance: only chains that passed are
// kept; they are found by the SHA-256 of everything that was given (all
// octets, roots, options), so nothing else finds them; and outside the dates of
// their certificates and revocation list they are not found at all. A refusal
// is never kept. Memory: some 8 KiB per entry.
class SnpChainCache final {
 public:
  // Keeps the `max_entries` chains that were used last, at least one.
  explicit SnpChainCache(size_t max_entries);

  // The key of a call of CheckSnpChain().
  static crypto::Sha256Digest KeyOf(const SnpEndorsements& endorsements,
                                    const SnpChainOptions& options);
  // What passed under `key`, if its dates include `now`.
  std::optional<SnpChainVerification> Find(const crypto::Sha256Digest& key,
                                           absl::Time now);
  // Keeps `verification` unless something in it failed.
  void Insert(const crypto::Sha256Digest& key,
              const SnpChainVerification& verification);
  // How many chains are kept.
  size_t size() const;

 private:
  struct Entry {
    crypto::Sha256Digest key;
    SnpChainVerification verification;
  };
  const size_t max_entries_;
  mutable absl::Mutex mutex_;
  // The one that was used last comes first.
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::map<crypto::Sha256Digest, std::list<Entry>::iterator> by_key_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_SNP_SNP_CHAIN_CACHE_H_
