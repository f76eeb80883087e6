// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_SNP_SNP_CHAIN_H_
#define CONSTELLATION_ATTESTATION_SNP_SNP_CHAIN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "attestation/snp/snp_certificates.h"
#include "attestation/snp/snp_check.h"
#include "attestation/snp/snp_roots.h"
#include "common/hex.h"
#include "crypto/public_key.h"
#include "crypto/x509.h"

namespace constellation::attestation {

class SnpChainCache;

// What vouches for the key that signed a report; DER, empty if absent. The
// octets must outlive the call that they are given to.
struct SnpEndorsements {
  std::span<const uint8_t> signer;        // VCEK or VLEK
  std::span<const uint8_t> intermediate;  // ASK, or ASVK of a VLEK
  std::span<const uint8_t> root;          // ARK
  std::span<const uint8_t> crl;           // the ARK's revocation list
};

// The first certificate of each role among `certificates`, told apart by common
// names; of ASK and ASVK the one that fits the signer, if there is one. A VCEK
// comes before a VLEK. Spans point into the certificates. Selects only:
// verifies nothing.
SnpEndorsements SelectSnpEndorsements(
    std::span<const crypto::Certificate> certificates);

// What a chain may end at and must have.
struct SnpChainOptions {
  // Beside the built-in ones, e.g. a test root that a policy names. A chain
  // that ends at one says so: VerifiedSnpChain::root_is_built_in().
  std::span<const SnpRoot> more_roots;
  // Whether a revocation list must be given. One that is given is checked
  // anyway.
  bool crl_required = false;
};

// What the revocation list said of itself.
struct SnpCrlFacts {
  absl::Time this_update;
  std::optional<absl::Time> next_update;
  Bytes number;  // big-endian; empty if it has none
};

// A VCEK or VLEK whose chain to a pinned root was verified. Only
// CheckSnpChain() makes one, so it is the proof. Immutable; thread-safe.
class VerifiedSnpChain final {
 public:
  // The certificate that signs reports, its key and what it says.
  const crypto::Certificate& signer() const { return signer_; }
  const crypto::PublicKey& signer_key() const { return signer_key_; }
  const SnpSignerFactsUnverified& facts() const { return facts_; }
  const crypto::Sha256Digest& root_spki_sha256() const { return root_spki_; }
  // Whether the root is AMD's, not one that the caller named.
  bool root_is_built_in() const { return root_is_built_in_; }
  // Facts of the revocation list, if one was given.
  const std::optional<SnpCrlFacts>& crl() const { return crl_; }
  // Between these times, both included, every date in the chain holds.
  absl::Time valid_from() const { return valid_from_; }
  absl::Time valid_until() const { return valid_until_; }

 private:
  friend class SnpChainChecker;
  VerifiedSnpChain(crypto::Certificate signer, crypto::PublicKey signer_key,
                   SnpSignerFactsUnverified facts)
      : signer_(std::move(signer)),
        signer_key_(std::move(signer_key)),
        facts_(std::move(facts)) {}
  crypto::Certificate signer_;
  crypto::PublicKey signer_key_;
  SnpSignerFactsUnverified facts_;
  crypto::Sha256Digest root_spki_{};
  bool root_is_built_in_ = false;
  std::optional<SnpCrlFacts> crl_;
  absl::Time valid_from_;
  absl::Time valid_until_;
};

// A signer's certificate, decoded, so that a report can be compared with it
// even if its chain is refused.
struct SnpSignerUnverified {
  SnpSignerFactsUnverified facts;
  crypto::PublicKey key;  // on P-384
};

// Every check of a chain, kRootCertificate to kChainProduct; `chain` only if
// all passed.
struct SnpChainVerification {
  std::vector<SnpCheck> checks;
  std::optional<SnpSignerUnverified> signer;
  // shared_ptr: a cache may hold it too.
  std::shared_ptr<const VerifiedSnpChain> chain;
};

// Makes every check, also after one failed. Pure but for `cache`, which may be
// null: chains that passed are kept there and found again by the digest of all
// octets and options, as long as all their dates hold. Nothing about the report
// is looked at.
SnpChainVerification CheckSnpChain(const SnpEndorsements& endorsements,
                                   const SnpChainOptions& options,
                                   absl::Time now,
                                   SnpChainCache* cache = nullptr);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_SNP_SNP_CHAIN_H_
