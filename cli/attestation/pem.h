// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_ATTESTATION_PEM_H_
#define CONSTELLATION_CLI_ATTESTATION_PEM_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/hex.h"
#include "crypto/x509.h"

namespace constellation::cli {

// The most certificates that one file may hold.
inline constexpr size_t kMaxCertificatesInFile = 64;

// Whether `bytes` are text that may be PEM: no control characters but white
// space, and NULs at the end. Quotes and certificates in DER may have PEM
// inside of them and are not.
bool IsPemText(std::span<const uint8_t> bytes);

// Certificates of PEM text, or of DER one behind the other. INVALID_ARGUMENT if
// there is none, one is malformed or there are too many. Nothing is verified.
absl::StatusOr<std::vector<crypto::Certificate>> CertificatesOf(
    std::span<const uint8_t> bytes);

// The SubjectPublicKeyInfo (DER) of a key in PEM or DER. INVALID_ARGUMENT if
// PEM is malformed; DER is passed on as it is.
absl::StatusOr<Bytes> SpkiOf(std::span<const uint8_t> bytes);

// PEM text of one certificate.
// 64 characters a line (RFC 7468 section 2).
std::string ToPem(const crypto::Certificate& certificate);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_ATTESTATION_PEM_H_
