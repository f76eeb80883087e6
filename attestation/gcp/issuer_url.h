// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_GCP_ISSUER_URL_H_
#define CONSTELLATION_ATTESTATION_GCP_ISSUER_URL_H_

#include <string>

#include "absl/status/statusor.h"
#include "crypto/x509.h"

namespace constellation::attestation {

// Where `certificate` says that its issuer's certificate is published: the
// first URL of "CA issuers" in its authority information access (RFC 5280,
// 4.2.2.1). Hostile, and not looked at beyond its form: 1 to 512 octets. Ask
// IssuerItem() before anything is fetched from there.
//
// NOT_FOUND if it names none, INVALID_ARGUMENT if the extension is not DER of
// that form. Pure; thread-safe.
absl::StatusOr<std::string> IssuerUrlOfUnverified(
    const crypto::Certificate& certificate);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_GCP_ISSUER_URL_H_
