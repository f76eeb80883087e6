// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_SNP_SNP_ROOTS_H_
#define CONSTELLATION_ATTESTATION_SNP_SNP_ROOTS_H_

#include <optional>
#include <span>

#include "attestation/snp/snp_tcb.h"
#include "crypto/hash.h"

namespace constellation::attestation {

// A root key (ARK) that reports may end at.
struct SnpRoot {
  SnpProduct product = SnpProduct::kMilan;
  // SHA-256 of its DER SubjectPublicKeyInfo: what is trusted.
  crypto::Sha256Digest spki_sha256{};
  // SHA-256 of the certificate as AMD published it. Only saves the check of its
  // own signature.
  std::optional<crypto::Sha256Digest> certificate_sha256;

  bool operator==(const SnpRoot&) const = default;
};

// AMD's root keys for Milan, Genoa and Turin.
std::span<const SnpRoot> BuiltInSnpRoots();

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_SNP_SNP_ROOTS_H_
