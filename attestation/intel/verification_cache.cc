// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/verification_cache.h"

#include <utility>

namespace constellation::attestation {

std::shared_ptr<const VerifiedPckChain> IntelVerificationCache::FindChain(
    const crypto::Sha256Digest& key) const {
  const absl::MutexLock lock(&mutex_);
  const auto found = chains_.find(key);
  return found == chains_.end() ? nullptr : found->second;
}

// First in, first out: cheap, and platforms of a cluster come again and again.
void IntelVerificationCache::StoreChain(
    const crypto::Sha256Digest& key,
    std::shared_ptr<const VerifiedPckChain> chain) {
  const absl::MutexLock lock(&mutex_);
  if (capacity_ == 0 || !chains_.emplace(key, std::move(chain)).second) {
    return;
  }
  chain_order_.push_back(key);
  if (chain_order_.size() > capacity_) {
    chains_.erase(chain_order_.front());
    chain_order_.pop_front();
  }
}

size_t IntelVerificationCache::size() const {
  const absl::MutexLock lock(&mutex_);
  return chains_.size() + signatures_.size();
}

// Only successes are stored, so a miss costs a verification and a hit never
// hides a failure.
bool IntelVerificationCache::HasSignature(
    const crypto::Sha256Digest& key) const {
  const absl::MutexLock lock(&mutex_);
  return signatures_.contains(key);
}

void IntelVerificationCache::StoreSignature(const crypto::Sha256Digest& key) {
  const absl::MutexLock lock(&mutex_);
  if (capacity_ == 0 || !signatures_.insert(key).second) {
    return;
  }
  signature_order_.push_back(key);
  if (signature_order_.size() > capacity_) {
    signatures_.erase(signature_order_.front());
    signature_order_.pop_front();
  }
}

}  // namespace constellation::attestation
