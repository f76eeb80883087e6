// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_TCB_SIGNER_H_
#define CONSTELLATION_ATTESTATION_INTEL_TCB_SIGNER_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/intel/collateral_json.h"
#include "attestation/intel/trust_anchors.h"
#include "crypto/x509.h"

namespace constellation::attestation {

// The certificate that signs Intel's documents, and the root that issued it.
// `root` points into the anchors that it was verified with.
struct TcbSigner {
  crypto::Certificate certificate;
  const IntelRoot* root = nullptr;
};

// The "Intel SGX TCB Signing" certificate in `chain` (PEM or DER, any order,
// with or without the root). Intel reissues it with the same key, and servers
// may give more than one: the first that is valid at `now` counts, else the
// last. UNAUTHENTICATED unless one of `anchors` signed it, its name and usage
// fit, and every other certificate of the chain is a trusted root;
// INVALID_ARGUMENT if the chain does not parse. Its dates are not a condition:
// they are checked with the documents'.
absl::StatusOr<TcbSigner> FindTcbSigner(std::string_view chain,
                                        const IntelTrustAnchors& anchors,
                                        absl::Time now);

// OK if `signer`'s key signed the exact text of the document's inner object
// (ECDSA P-256, SHA-256). UNAUTHENTICATED otherwise.
absl::Status VerifySignedJson(const SignedJsonUnverified& document,
                              const crypto::Certificate& signer);

// OK if `now` lies in [from, to + grace]. FAILED_PRECONDITION names `what` and
// all three times.
absl::Status CheckDateWindow(std::string_view what, absl::Time from,
                             absl::Time to, absl::Time now,
                             absl::Duration grace);

// "2025-06-19T10:32:27Z".
std::string FormatCollateralTime(absl::Time time);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_TCB_SIGNER_H_
