// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_SNP_SNP_CERTIFICATES_H_
#define CONSTELLATION_ATTESTATION_SNP_SNP_CERTIFICATES_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "attestation/snp/snp_report.h"
#include "attestation/snp/snp_tcb.h"
#include "common/hex.h"
#include "crypto/x509.h"

namespace constellation::attestation {

// What the extensions of a VCEK or VLEK certificate say (AMD 57230 "VCEK
// Certificate and KDS Interface Specification", 1.3.6.1.4.1.3704.1.*). A claim
// until the certificate's chain was verified.
struct SnpSignerFactsUnverified {
  SnpSigningKey kind = SnpSigningKey::kVcek;  // by the common name
  uint64_t structure_version = 0;
  std::string product_name;  // as written, e.g. "Milan-B0"
  SnpProduct product = SnpProduct::kMilan;
  // The levels in the layout of a report of `product`: what its reported_tcb
  // must be, octet for octet.
  SnpRawTcb tcb{};
  // The chip: 64 octets, 8 on Turin; none in a VLEK.
  std::optional<Bytes> hardware_id;
  // The cloud provider in a VLEK, e.g. "CN=cc-us-east-2.amazonaws.com".
  std::optional<std::string> csp_id;

  // INVALID_ARGUMENT unless the common name is SEV-VCEK or SEV-VLEK and every
  // extension of that kind and product is there, well-formed, and a level of
  // 0 to 255. A hardware ID may stand bare or inside an OCTET STRING.
  static absl::StatusOr<SnpSignerFactsUnverified> From(
      const crypto::Certificate& certificate);
};

// The chip ID field of a report from the chip with this hardware ID: on Turin
// 8 octets, then zeros. All zero if the size is another one.
std::array<uint8_t, 64> SnpChipIdOf(std::span<const uint8_t> hardware_id);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_SNP_SNP_CERTIFICATES_H_
