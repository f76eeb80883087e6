// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_TLS_IDENTITY_H_
#define CONSTELLATION_CRYPTO_TLS_IDENTITY_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/hex.h"

namespace constellation::crypto {

// A key of its own for one process's end of attested connections. The
// certificate is only the wrapper that TLS wants: nobody believes its names or
// dates.
struct TlsIdentity {
  std::string certificate_pem;
  std::string private_key_pem;  // secret; gRPC keeps copies, so it lives only
                                // as long as the process
  Bytes spki_der;  // SubjectPublicKeyInfo: what evidence is bound to
};

// The common name in every such certificate.
inline constexpr char kTlsIdentityName[] = "constellation";

// A fresh P-256 key with a self-signed certificate.
absl::StatusOr<TlsIdentity> CreateTlsIdentity();

// The DER SubjectPublicKeyInfo in a PEM certificate of at most 16 KiB.
// INVALID_ARGUMENT if there is none. Checks nothing else.
absl::StatusOr<Bytes> SpkiOfCertificatePem(std::string_view pem);

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_TLS_IDENTITY_H_
