// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_SNP_SNP_CHECK_H_
#define CONSTELLATION_ATTESTATION_SNP_SNP_CHECK_H_

#include <string>
#include <string_view>
#include <vector>

namespace constellation::attestation {

// The checks of an SNP report and its chain, in this order.
enum class SnpCheckId {
  kRootCertificate,          // ARK: parses, a CA, named ARK-<product>
  kRootPinned,               // its key is built in or named by the policy
  kRootSigned,               // the certificate is AMD's own or self-signed
  kIntermediateCertificate,  // ASK or ASVK: parses, a CA, named for the product
  kIntermediateSigned,       // issued and signed by the ARK
  kSignerCertificate,        // VCEK or VLEK: parses, P-384, AMD's extensions
  kSignerSigned,             // issued and signed by the ASK or ASVK
  kCertificateDates,         // all three are valid now
  kRevocationList,           // given if demanded; the ARK's, valid now
  kNotRevoked,               // lists neither ARK nor ASK
  kChainProduct,             // root, names and extension tell one product
  kReport,                   // parses: length, version, reserved octets
  kSignatureAlgorithm,       // ECDSA P-384 with SHA-384
  kSigningKey,               // the report names the kind of certificate
  kProcessor,                // CPUID is of the product
  kTcb,                      // certificate's levels are the reported ones
  kChipId,                   // certificate's hardware ID is the chip's
  kSignature,                // over the report, by the certificate's key
};

// Stable name of a check, e.g. "ARK pinned".
std::string_view ToString(SnpCheckId id);

// One comparison with its result.
struct SnpCheck {
  SnpCheckId id{};
  std::string expected;
  std::string got;
  bool passed = false;
  // False: there was nothing to compare and nothing demands it. Such a row has
  // passed, yet must not be shown as a check that was made; `got` says why.
  bool checked = true;
};

// Whether there are checks and all of them passed.
bool AllPassed(const std::vector<SnpCheck>& checks);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_SNP_SNP_CHECK_H_
