// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_CLOUD_REVOCATION_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_CLOUD_REVOCATION_H_

#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "attestation/collateral/collateral.h"
#include "attestation/collateral/collateral_fetcher.h"
#include "attestation/collateral/vendor_items.h"
#include "crypto/crl.h"
#include "crypto/hash.h"
#include "crypto/x509.h"

// Revocation lists of Google's and Amazon's authorities, from where their
// certificates say that they are published.
namespace constellation::attestation {

// Accepts a revocation list that the first certificate of its issuer chain
// (PEM) signed and may sign, if that chain consists of at most 5 authorities,
// each signed by the next, the last by itself with a key in `roots` (SPKI
// digests). With `issuer` the first one must have its key: a genuine list of
// another authority would only keep the right one away. UNAUTHENTICATED or
// INVALID_ARGUMENT otherwise.
CollateralCheck CloudCrlCheck(std::vector<crypto::Sha256Digest> roots,
                              std::optional<crypto::Certificate> issuer);

// Whether lists may be fetched, or only what is kept in bundle and cache
// counts.
enum class CrlSources { kAll, kKept };

// The lists of one chain.
struct ChainCrls {
  std::vector<crypto::RevocationList> lists;
  // Why a list that a certificate names could not be had; OK if all are there.
  absl::Status missing;
};

// Gets the lists that the certificates of `chain` name: the leaf first, each
// issued by the next, the last one a root whose key is in `roots`. Nobody is
// asked for anything before all of that is verified and the authorities are
// valid now; else `missing` is UNAUTHENTICATED or FAILED_PRECONDITION. Of
// several places the first that has a list counts. What is fetched is stored
// only if CloudCrlCheck() accepts it, it is valid now, and nothing newer was
// seen.
//
// `missing` otherwise as CollateralFetcher::Get(); PERMISSION_DENIED for a
// place that is not of that cloud; NOT_FOUND if nothing is kept (`kKept`).
ChainCrls FetchChainCrls(CollateralFetcher& fetcher, CloudAuthority authority,
                         std::span<const crypto::Certificate> chain,
                         std::span<const crypto::Sha256Digest> roots,
                         CrlSources sources);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_CLOUD_REVOCATION_H_
