// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_TRUST_ANCHORS_H_
#define CONSTELLATION_ATTESTATION_INTEL_TRUST_ANCHORS_H_

#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/hash.h"
#include "crypto/public_key.h"
#include "crypto/x509.h"

namespace constellation::attestation {

// SHA-256 of the SubjectPublicKeyInfo of "Intel SGX Root CA": what every chain
// of a production quote must end at.
inline constexpr crypto::Sha256Digest kIntelRootSpkiFingerprint = {
    0xa0, 0xaf, 0x03, 0x12, 0x89, 0xf5, 0xd5, 0xd4, 0x13, 0x2f, 0x91,
    0x86, 0x06, 0x8a, 0x7f, 0xc1, 0x36, 0x28, 0x63, 0x3b, 0xa2, 0x35,
    0x77, 0x74, 0x72, 0xe2, 0x9b, 0x6b, 0x6c, 0x67, 0xa4, 0x9e};

// A root that is trusted because someone named it.
struct IntelRoot {
  crypto::Certificate certificate;
  crypto::PublicKey key;
  crypto::Sha256Digest spki_fingerprint{};
  bool is_intel = false;  // kIntelRootSpkiFingerprint; else a policy named it
};

// The roots that chains may end at. Immutable, thread-safe, cheap to copy. Make
// one and keep it: decoding the keys costs as much as checking a signature.
class IntelTrustAnchors final {
 public:
  // Intel's production root, and `further` ones that a policy names.
  // INVALID_ARGUMENT for a further root that is no CA, has no usable P-256 key
  // or did not sign itself.
  static absl::StatusOr<IntelTrustAnchors> Create(
      std::span<const crypto::Certificate> further = {});

  // Intel's root first.
  const std::vector<IntelRoot>& roots() const { return *roots_; }
  // Identifies the set of roots: SHA-256 over their certificates' digests.
  const crypto::Sha256Digest& id() const { return id_; }

  // The root whose key signed `certificate` and whose name is its issuer.
  // UNAUTHENTICATED if there is none.
  absl::StatusOr<const IntelRoot*> IssuerOf(
      const crypto::Certificate& certificate) const;
  // OK if `certificate`, which came with evidence as the end of a chain, is
  // one of the roots: the same octets, or the same key in a certificate that
  // the key itself signed. UNAUTHENTICATED otherwise.
  absl::Status CheckIsRoot(const crypto::Certificate& certificate) const;

 private:
  IntelTrustAnchors(std::shared_ptr<const std::vector<IntelRoot>> roots,
                    const crypto::Sha256Digest& id)
      : roots_(std::move(roots)), id_(id) {}
  // shared_ptr: immutable, so copies may share it.
  std::shared_ptr<const std::vector<IntelRoot>> roots_;
  crypto::Sha256Digest id_;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_TRUST_ANCHORS_H_
