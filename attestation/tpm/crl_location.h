// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_CRL_LOCATION_H_
#define CONSTELLATION_ATTESTATION_TPM_CRL_LOCATION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/x509.h"

namespace constellation::attestation {

// Whether `certificate` has CRL distribution points (RFC 5280 4.2.1.13), so
// that its issuer promises lists. What they say is not looked at. Pure;
// thread-safe.
bool NamesRevocationList(const crypto::Certificate& certificate);

// Where `certificate` says that its issuer's complete revocation lists are
// published: URIs of its CRL distribution points, at most 4, in their order.
// Points with reasons (partial lists), with another issuer (indirect lists) and
// names relative to the issuer are passed over. The URLs are as hostile as the
// certificate, and not looked at beyond their form: 1 to 512 octets. Ask
// CloudCrlItem() before anything is fetched from there.
//
// Empty if there are none; INVALID_ARGUMENT if the extension is not DER of that
// form. Pure; thread-safe.
absl::StatusOr<std::vector<std::string>> CrlUrlsOfUnverified(
    const crypto::Certificate& certificate);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_CRL_LOCATION_H_
