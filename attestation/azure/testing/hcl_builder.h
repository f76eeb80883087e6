// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_AZURE_TESTING_HCL_BUILDER_H_
#define CONSTELLATION_ATTESTATION_AZURE_TESTING_HCL_BUILDER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "attestation/azure/hcl_report.h"
#include "common/hex.h"

namespace constellation::testing {

// Writes an HCL report whose hardware report is zero but for its report data.
struct HclBuilder {
  explicit HclBuilder(std::string_view json) : runtime_data(json) {}

  attestation::HclReportType type = attestation::HclReportType::kSnp;
  attestation::HclHashType hash = attestation::HclHashType::kSha256;
  uint32_t version = 1;
  std::string runtime_data;
  Bytes report_data;   // empty: those that bind `runtime_data`
  size_t size = 2600;  // padded to; 0: not padded

  Bytes Build() const;
};

// Text of a JWK set and claims, as paravisors write it: `modulus` is the
// attestation key's; `claims` are put behind the keys, e.g.
// R"("vm-configuration":{...},"user-data":"00...")".
std::string RuntimeJson(const Bytes& modulus, std::string_view claims,
                        std::string_view operation = "sign");

// Unpadded base64url.
std::string Base64Url(const Bytes& octets);

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_AZURE_TESTING_HCL_BUILDER_H_
