// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/snp_check.h"

#include <algorithm>

namespace constellation::attestation {

// Part of the machine-readable output and of docs: never change a name.
std::string_view ToString(SnpCheckId id) {
  switch (id) {
    case SnpCheckId::kRootCertificate:
      return "ARK certificate";
    case SnpCheckId::kRootPinned:
      return "ARK pinned";
    case SnpCheckId::kRootSigned:
      return "ARK signature";
    case SnpCheckId::kIntermediateCertificate:
      return "ASK certificate";
    case SnpCheckId::kIntermediateSigned:
      return "ASK signature";
    case SnpCheckId::kSignerCertificate:
      return "signer certificate";
    case SnpCheckId::kSignerSigned:
      return "signer certificate signature";
    case SnpCheckId::kCertificateDates:
      return "certificate dates";
    case SnpCheckId::kRevocationList:
      return "revocation list";
    case SnpCheckId::kNotRevoked:
      return "not revoked";
    case SnpCheckId::kChainProduct:
      return "chain product";
    case SnpCheckId::kReport:
      return "report";
    case SnpCheckId::kSignatureAlgorithm:
      return "signature algorithm";
    case SnpCheckId::kSigningKey:
      return "signing key";
    case SnpCheckId::kProcessor:
      return "processor";
    case SnpCheckId::kTcb:
      return "TCB";
    case SnpCheckId::kChipId:
      return "chip ID";
    case SnpCheckId::kSignature:
      return "signature";
  }
  return "unknown";
}

// No checks at all is a failure: an empty list must not read as consent.
bool AllPassed(const std::vector<SnpCheck>& checks) {
  return !checks.empty() && std::ranges::all_of(checks, &SnpCheck::passed);
}

}  // namespace constellation::attestation
