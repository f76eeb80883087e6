// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_ATTESTATION_CHAIN_LISTS_H_
#define CONSTELLATION_CLI_ATTESTATION_CHAIN_LISTS_H_

#include <span>
#include <vector>

#include "absl/time/time.h"
#include "cli/attestation/evidence_set.h"
#include "crypto/crl.h"
#include "crypto/x509.h"

namespace constellation::cli {

// `leaf` and what `set` has above it, each issued by the next as far as names
// and keys tell: at most 6 certificates, up to one that issued itself. Selects,
// does not verify.
std::vector<crypto::Certificate> ChainInSet(const EvidenceSet& set,
                                            const crypto::Certificate& leaf);

// The revocation lists of `set` that a verifier of `chain` is given: all that
// were given as evidence, whatever they are; of those of the collateral folder
// the ones that a certificate of the chain signed (others may have its name)
// and that are valid at `now`, or old but revoke a certificate of the chain:
// what was revoked once stays revoked, and nothing else is known from an old
// one.
std::vector<crypto::RevocationList> ListsFor(
    const EvidenceSet& set, std::span<const crypto::Certificate> chain,
    absl::Time now);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_ATTESTATION_CHAIN_LISTS_H_
