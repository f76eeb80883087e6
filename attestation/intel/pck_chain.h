// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_PCK_CHAIN_H_
#define CONSTELLATION_ATTESTATION_INTEL_PCK_CHAIN_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/intel/pck_extension.h"
#include "attestation/intel/trust_anchors.h"
#include "crypto/crl.h"
#include "crypto/public_key.h"
#include "crypto/x509.h"

namespace constellation::attestation {

// Certificates of one chain, told apart by what they are, not by their order.
// Nothing is verified.
struct PckChainUnverified {
  crypto::Certificate leaf;
  crypto::Certificate ca;
  std::optional<crypto::Certificate> root;  // if it came along
};

// Certificates from PEM text (which a NUL may end, with white space between the
// blocks and nothing else) or from concatenated DER: 1 to 4 of them.
// INVALID_ARGUMENT otherwise.
absl::StatusOr<std::vector<crypto::Certificate>> ParseCertificatesUnverified(
    std::span<const uint8_t> bytes);

// A CRL from DER, PEM or hex text: servers give all three.
absl::StatusOr<crypto::RevocationList> ParseCrlUnverified(
    std::span<const uint8_t> bytes);

// The chain in the certification data of a quote. Types 1 to 3 have none, type
// 4 only the leaf: then the rest comes from `further`, certificates as in
// ParseCertificatesUnverified(), e.g. of the collateral. INVALID_ARGUMENT if
// there is not exactly one leaf, one CA and at most one root.
absl::StatusOr<PckChainUnverified> ParsePckChainUnverified(
    uint16_t certification_type, std::span<const uint8_t> certification_data,
    std::span<const uint8_t> further);

// A chain whose signatures end at a trust anchor. VerifyPckChain() alone makes
// one. Says nothing about dates and revocation, which change with time: ask
// CheckDatesAt() and the CRLs at every use. Immutable; thread-safe.
class VerifiedPckChain final {
 public:
  // The certificates, and the anchor that the chain ends at.
  const crypto::Certificate& leaf() const { return chain_.leaf; }
  const crypto::Certificate& ca() const { return chain_.ca; }
  const IntelRoot& root() const { return root_; }
  // Their keys, decoded.
  const crypto::PublicKey& leaf_key() const { return leaf_key_; }
  const crypto::PublicKey& ca_key() const { return ca_key_; }
  // What the leaf says about its platform.
  const PckExtension& extension() const { return extension_; }

  // FAILED_PRECONDITION naming the first certificate that is not valid at
  // `now`.
  absl::Status CheckDatesAt(absl::Time now) const;
  // When the first of its certificates ends.
  absl::Time NotAfter() const;

 private:
  friend class PckChainVerifier;
  VerifiedPckChain(PckChainUnverified chain, IntelRoot root,
                   crypto::PublicKey leaf_key, crypto::PublicKey ca_key,
                   const PckExtension& extension)
      : chain_(std::move(chain)),
        root_(std::move(root)),
        leaf_key_(std::move(leaf_key)),
        ca_key_(std::move(ca_key)),
        extension_(extension) {}

  PckChainUnverified chain_;
  IntelRoot root_;
  crypto::PublicKey leaf_key_;
  crypto::PublicKey ca_key_;
  PckExtension extension_;
};

// Checks roles, names (Intel's, issuer = subject), critical extensions,
// signatures, that the chain ends at one of `anchors`, and reads the SGX
// extension. UNAUTHENTICATED or INVALID_ARGUMENT otherwise. Pure.
absl::StatusOr<std::shared_ptr<const VerifiedPckChain>> VerifyPckChain(
    const PckChainUnverified& chain, const IntelTrustAnchors& anchors);

// UNAUTHENTICATED if `certificate` has a critical extension other than key
// usage and basic constraints, the only ones that Intel's profile has.
absl::Status CheckPckCriticalExtensions(const crypto::Certificate& certificate);

// UNAUTHENTICATED unless `list` is the list of `issuer_name` and is signed by
// `issuer_key`. No dates.
absl::Status VerifyCrl(const crypto::RevocationList& list,
                       std::span<const uint8_t> issuer_name,
                       const crypto::PublicKey& issuer_key);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_PCK_CHAIN_H_
