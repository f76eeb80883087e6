// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_CHAIN_REVOCATION_H_
#define CONSTELLATION_ATTESTATION_TPM_CHAIN_REVOCATION_H_

#include <cstddef>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "crypto/crl.h"
#include "crypto/x509.h"

namespace constellation::attestation {

// What revocation lists say of a chain.
struct ChainRevocation {
  // OK if nothing of the chain is revoked, as far as lists were given.
  absl::Status status;
  size_t lists_used = 0;
  // The first certificate that names a place of lists (CRL distribution points)
  // but could not be looked for in a valid one; empty if there is none.
  std::string unlisted;
};

// Looks for each certificate of `chain` in the lists of its issuer (RFC 5280
// section 6.3.3, complete lists only). `chain`: the leaf first, each issued by
// the next; a last one that issued itself is looked for in its own list. Lists
// come in any order and may be of anybody: those of none of the issuers do not
// matter, and without one nothing is checked.
//
// A list that is given is not ignored: UNAUTHENTICATED if a certificate is
// revoked, if no list under an issuer's name is signed by its key, or if the
// issuer may not sign lists (key usage without cRLSign); FAILED_PRECONDITION if
// none of an issuer's lists is valid at `now`, because an old one hides what
// was revoked since. What one of several lists of an issuer revokes is revoked.
// Not checked: that the chain's signatures hold. Pure; thread-safe.
ChainRevocation CheckChainRevocation(
    std::span<const crypto::Certificate* const> chain,
    std::span<const crypto::RevocationList> lists, absl::Time now);

// A verifier's row about revocation.
struct RevocationRow {
  bool passed = false;
  // Whether every certificate that names a place of lists was looked for in
  // one, and at least one list was used.
  bool checked = true;
  std::string got;  // also what could not be checked, for want of lists
};

// The row that CheckChainRevocation() gives. Without `required` nothing fails
// for want of lists. With it, at least one list must have been used, and every
// certificate that names a place of lists must have been looked for in one.
RevocationRow JudgeChainRevocation(
    std::span<const crypto::Certificate* const> chain,
    std::span<const crypto::RevocationList> lists, absl::Time now,
    bool required);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_CHAIN_REVOCATION_H_
