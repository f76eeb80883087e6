// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_GCP_AK_CERTIFICATE_H_
#define CONSTELLATION_ATTESTATION_GCP_AK_CERTIFICATE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/gcp/instance_info.h"
#include "attestation/tpm/check_rows.h"
#include "common/hex.h"
#include "crypto/crl.h"
#include "crypto/hash.h"
#include "crypto/x509.h"

namespace constellation::attestation {

// SHA-256 of the SubjectPublicKeyInfo of Google's vTPM roots.
// "EK/AK CA Root" (RSA-4096, until 2122).
inline constexpr crypto::Sha256Digest kGoogleEkAkRootSpki = {
    0x56, 0xa6, 0x13, 0xf5, 0x71, 0x26, 0xa3, 0x85, 0xdd, 0x69, 0x49,
    0x29, 0x4e, 0x93, 0xb0, 0xb5, 0x66, 0xf9, 0x6a, 0xb0, 0x57, 0x3b,
    0xe0, 0xc2, 0x36, 0x8e, 0x6f, 0x5c, 0xa7, 0x79, 0x83, 0x1f};
// "tpm_ek_v1_cloud_host_root-signer..." (RSA-4096, until 2118), the older one.
inline constexpr crypto::Sha256Digest kGoogleTpmEkRootSpki = {
    0xf2, 0x30, 0x57, 0xf4, 0xf9, 0x7d, 0x1d, 0x90, 0xe4, 0xca, 0xe0,
    0xce, 0x91, 0xd5, 0xa0, 0xfc, 0x99, 0x06, 0x9f, 0x0a, 0x1b, 0xc1,
    0x47, 0x02, 0x1d, 0xca, 0x33, 0xb1, 0xe9, 0xc4, 0xd0, 0xd9};

// The checks of an AK certificate, in this order.
enum class GcpCertificateCheckId {
  kCertificate,  // parses
  kLeaf,         // is for signatures and no CA's: an EK's is refused
  kChain,        // leads to a pinned root, by signatures
  kValidity,     // every certificate on the way is valid now
  kExtensions,   // nothing critical that is not understood
  kRevocation,   // in no list of its issuer, as far as lists are given
  kInstance,     // names the instance
};

// Stable name of a check, e.g. "chain".
std::string_view ToString(GcpCertificateCheckId id);

using GcpCertificateCheck = Check<GcpCertificateCheckId>;

// What certificates are checked against.
struct GcpTrust {
  // SPKI digests of trusted roots. A caller that has verified an intermediate
  // once may add its digest: chains then end there, which saves an RSA-4096
  // verification; the dates above it are no longer looked at.
  std::vector<crypto::Sha256Digest> roots = {kGoogleEkAkRootSpki,
                                             kGoogleTpmEkRootSpki};
  absl::Time now;
  // Revocation lists of anybody; they must outlive the call. Those of an issuer
  // in the chain must be signed by it and valid now.
  std::span<const crypto::RevocationList> crls = {};
  // Whether lists must be given: JudgeChainRevocation().
  bool require_crls = false;
};

// An AK certificate of Google's under a pinned root. Only
// CheckGcpAkCertificate() makes one.
class VerifiedGcpAk final {
 public:
  // DER SubjectPublicKeyInfo of the attestation key.
  const Bytes& spki() const { return spki_; }
  // Which instance the key's vTPM belongs to.
  const GceInstance& instance() const { return instance_; }

 private:
  friend class GcpCertificateChecker;
  VerifiedGcpAk() = default;
  Bytes spki_;
  GceInstance instance_;
};

// Every check with its result; `ak` only if all passed.
struct GcpCertificateVerification {
  std::vector<GcpCertificateCheck> checks;
  std::optional<VerifiedGcpAk> ak;
};

// Makes every check of the AK certificate `leaf` (DER), also after one failed.
// `candidates` are intermediates and roots, in any order, from the evidence or
// from a cache; they are trusted by nothing but a chain to a pinned root. Three
// of Google's intermediates have one name and different keys: those whose key
// identifier fits are tried first, then the others, at most 8 signatures in
// all. At most 32 candidates are looked at, and 4 certificates make a chain.
// Revocation is checked where a list of an issuer is given
// (CheckChainRevocation()); without `trust.require_crls` none is needed, and
// the row says what was not checked. Pure; thread-safe.
GcpCertificateVerification CheckGcpAkCertificate(
    std::span<const uint8_t> leaf,
    std::span<const crypto::Certificate> candidates, const GcpTrust& trust);

// The same for who wants a Status: INVALID_ARGUMENT if the certificate does not
// parse, FAILED_PRECONDITION for dates, UNAUTHENTICATED naming the first failed
// check otherwise.
absl::StatusOr<VerifiedGcpAk> VerifyGcpAkCertificate(
    std::span<const uint8_t> leaf,
    std::span<const crypto::Certificate> candidates, const GcpTrust& trust);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_GCP_AK_CERTIFICATE_H_
