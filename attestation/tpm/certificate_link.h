// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_CERTIFICATE_LINK_H_
#define CONSTELLATION_ATTESTATION_TPM_CERTIFICATE_LINK_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "crypto/x509.h"

// What the clouds' certificate chains have in common (RFC 5280 section 6.1).
// All pure and thread-safe.
namespace constellation::attestation {

// OK if `issuer` may issue `subject` and says it did: the names chain, `issuer`
// is a CA whose key usage has keyCertSign, and its path length allows
// `cas_below` further CAs under it. FAILED_PRECONDITION naming both otherwise.
// The signature is not checked.
absl::Status CheckMayIssue(const crypto::Certificate& issuer,
                           const crypto::Certificate& subject,
                           size_t cas_below);

// OK if `leaf` is no CA and its key usage has digitalSignature and neither
// keyCertSign nor a bit for encryption (keyEncipherment, dataEncipherment,
// keyAgreement). FAILED_PRECONDITION otherwise.
absl::Status CheckSigningLeaf(const crypto::Certificate& leaf);

// OK unless a critical extension is none of those that are understood here:
// basic constraints, key usage, extended key usage, subject alternative name.
// FAILED_PRECONDITION naming the first.
absl::Status CheckCriticalExtensions(const crypto::Certificate& certificate);

// The key identifiers of RFC 5280 4.2.1.1 and 4.2.1.2: empty if there is none
// or it is malformed. Hints for choosing an issuer, never a reason to trust it.
std::span<const uint8_t> AuthorityKeyId(const crypto::Certificate& certificate);
std::span<const uint8_t> SubjectKeyId(const crypto::Certificate& certificate);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_CERTIFICATE_LINK_H_
