// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/chain_lists.h"

#include <algorithm>

namespace constellation::cli {
namespace {

// Amazon's chains have five.
constexpr size_t kMaxChainInSet = 6;

// Whether the key of a certificate in `chain` signed `list` under its name.
bool SignedByOneOf(const crypto::RevocationList& list,
                   std::span<const crypto::Certificate> chain) {
  return std::ranges::any_of(chain, [&](const crypto::Certificate& issuer) {
    if (!std::ranges::equal(list.issuer_name(), issuer.subject_name())) {
      return false;
    }
    const auto key = issuer.Key();
    return key.ok() && list.VerifySignedBy(*key).ok();
  });
}

// Whether `list` has a certificate of `chain` that its issuer's name fits.
bool RevokesOneOf(const crypto::RevocationList& list,
                  std::span<const crypto::Certificate> chain) {
  return std::ranges::any_of(chain, [&](const crypto::Certificate& subject) {
    return std::ranges::equal(list.issuer_name(), subject.issuer_name()) &&
           list.IsRevoked(subject.serial());
  });
}

}  // namespace

std::vector<crypto::Certificate> ChainInSet(const EvidenceSet& set,
                                            const crypto::Certificate& leaf) {
  std::vector<crypto::Certificate> chain = {leaf};
  while (chain.size() < kMaxChainInSet &&
         !std::ranges::equal(chain.back().issuer_name(),
                             chain.back().subject_name())) {
    const crypto::Certificate* issuer = set.IssuerOf(chain.back());
    if (issuer == nullptr) {
      break;
    }
    chain.push_back(*issuer);
  }
  return chain;
}

std::vector<crypto::RevocationList> ListsFor(
    const EvidenceSet& set, std::span<const crypto::Certificate> chain,
    absl::Time now) {
  std::vector<crypto::RevocationList> lists;
  for (const SetCrl& entry : set.crls()) {
    if (entry.given || ((entry.list.CheckValidAt(now).ok() ||
                         RevokesOneOf(entry.list, chain)) &&
                        SignedByOneOf(entry.list, chain))) {
      lists.push_back(entry.list);
    }
  }
  return lists;
}

}  // namespace constellation::cli
