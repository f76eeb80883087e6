// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/snp_chain_cache.h"

#include <algorithm>
#include <array>

namespace constellation::attestation {
namespace {

// Each field behind its length, so that no two inputs have one image.
void UpdateSized(crypto::Sha256Hasher& hasher, std::span<const uint8_t> field) {
  std::array<uint8_t, 8> length{};
  for (size_t i = 0; i < length.size(); ++i) {
    length[i] = static_cast<uint8_t>(uint64_t{field.size()} >> (8 * i));
  }
  hasher.Update(length);
  hasher.Update(field);
}

}  // namespace

SnpChainCache::SnpChainCache(size_t max_entries)
    : max_entries_(std::max<size_t>(max_entries, 1)) {}

crypto::Sha256Digest SnpChainCache::KeyOf(const SnpEndorsements& endorsements,
                                          const SnpChainOptions& options) {
  crypto::Sha256Hasher hasher;
  UpdateSized(hasher, endorsements.signer);
  UpdateSized(hasher, endorsements.intermediate);
  UpdateSized(hasher, endorsements.root);
  UpdateSized(hasher, endorsements.crl);
  const uint8_t required[] = {static_cast<uint8_t>(options.crl_required)};
  UpdateSized(hasher, required);
  for (const SnpRoot& root : options.more_roots) {
    const uint8_t product[] = {static_cast<uint8_t>(root.product)};
    UpdateSized(hasher, product);
    UpdateSized(hasher, root.spki_sha256);
    UpdateSized(hasher, root.certificate_sha256.has_value()
                            ? std::span<const uint8_t>(*root.certificate_sha256)
                            : std::span<const uint8_t>());
  }
  return hasher.Finish();
}

// An entry out of its dates stays: clocks go back, and the next insertion
// pushes it out.
std::optional<SnpChainVerification> SnpChainCache::Find(
    const crypto::Sha256Digest& key, absl::Time now) {
  const absl::MutexLock lock(&mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    return std::nullopt;
  }
  const VerifiedSnpChain& chain = *found->second->verification.chain;
  if (now < chain.valid_from() || now > chain.valid_until()) {
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->verification;
}

// Two threads may verify the same chain at once; the first one's entry stays,
// as both are equal.
void SnpChainCache::Insert(const crypto::Sha256Digest& key,
                           const SnpChainVerification& verification) {
  if (verification.chain == nullptr || !AllPassed(verification.checks)) {
    return;
  }
  const absl::MutexLock lock(&mutex_);
  if (by_key_.contains(key)) {
    return;
  }
  entries_.push_front({.key = key, .verification = verification});
  by_key_[key] = entries_.begin();
  if (entries_.size() > max_entries_) {
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

size_t SnpChainCache::size() const {
  const absl::MutexLock lock(&mutex_);
  return entries_.size();
}

}  // namespace constellation::attestation
