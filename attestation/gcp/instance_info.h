// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_GCP_INSTANCE_INFO_H_
#define CONSTELLATION_ATTESTATION_GCP_INSTANCE_INFO_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "crypto/x509.h"

namespace constellation::attestation {

// Which virtual machine a vTPM belongs to: extension 1.3.6.1.4.1.11129.2.1.21
// of Google's AK and EK certificates. As trustworthy as the certificate.
struct GceInstance {
  std::string zone;  // "us-central1-a"
  uint64_t project_number = 0;
  std::string project_id;
  uint64_t instance_id = 0;
  std::string instance_name;
  // Security properties, if the certificate has them.
  std::optional<uint64_t> security_version;
  std::optional<bool> is_production;

  bool operator==(const GceInstance&) const = default;
};

// Reads the extension's value: SEQUENCE {zone UTF8String, project number
// INTEGER, project id UTF8String, instance id INTEGER, instance name
// UTF8String, [0] SEQUENCE {[0] INTEGER, [1] BOOLEAN, further tagged elements}
// OPTIONAL}. Further tagged elements are skipped, if they are DER in ascending
// order: certificates grow flags. Texts must be 1 to 256 printable ASCII
// characters. INVALID_ARGUMENT naming the field otherwise. Pure; thread-safe.
absl::StatusOr<GceInstance> ParseGceInstanceUnverified(
    std::span<const uint8_t> value);

// The same from a certificate. NOT_FOUND if it has no such extension: the vTPM
// of a host that does not tell.
absl::StatusOr<GceInstance> GceInstanceOfUnverified(
    const crypto::Certificate& certificate);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_GCP_INSTANCE_INFO_H_
