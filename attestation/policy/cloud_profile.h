// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_CLOUD_PROFILE_H_
#define CONSTELLATION_ATTESTATION_POLICY_CLOUD_PROFILE_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/aws/nitro_policy.h"
#include "attestation/azure/azure_policy.h"
#include "attestation/gcp/gcp_policy.h"
#include "crypto/hash.h"

// What a profile demands of a cloud's own evidence. Values; two are equal if
// they are written in the same way. Every Read...() returns INVALID_ARGUMENT,
// naming the place, for unknown keys (with the nearest), wrong types and
// ranges, and what would accept any machine of any customer.
namespace constellation::attestation {

// "azure": the paravisor's claims. Which hardware may stand behind them follows
// from the profile's variant; `user_data` is set when evidence is appraised.
struct AzureProfile {
  AzurePolicy policy;
  // The guest's own binding (docs/formats/evidence-binding.md) must stand in
  // the runtime data, too.
  bool require_user_data = false;

  bool operator==(const AzureProfile& other) const;
};

// "gcp": the instance that the AK certificate names. The technology follows
// from the variant.
struct GcpProfile {
  GcpPolicy policy;
  bool insecure_any_project = false;
  std::vector<crypto::Sha256Digest> insecure_roots;  // SPKI, beside Google's
  // Lists of the certificate's issuers must be given (JudgeChainRevocation()).
  bool require_revocation_list = false;

  bool operator==(const GcpProfile& other) const;
};

// "aws": the attestation document. `user_data` is set when evidence is
// appraised; the kind follows from the variant.
struct AwsProfile {
  NitroPolicy policy;
  absl::Duration max_age = absl::Minutes(5);
  std::vector<crypto::Sha256Digest> insecure_roots;  // SPKI, beside Amazon's
  bool require_revocation_list = false;              // as GcpProfile's

  bool operator==(const AwsProfile& other) const;
};

absl::StatusOr<AzureProfile> ReadAzureProfile(const nlohmann::json& value,
                                              const std::string& place);
// Wants projectIds, projectNumbers or instanceIds, unless insecureAnyProject.
absl::StatusOr<GcpProfile> ReadGcpProfile(const nlohmann::json& value,
                                          const std::string& place);
// Wants SHA-384 registers: of a NitroTPM 4, 8, 9, 11, 12, 13 and 14, of an
// enclave (`enclave`) 0, 1 and 2; unless insecureAnyPcrs.
absl::StatusOr<AwsProfile> ReadAwsProfile(const nlohmann::json& value,
                                          const std::string& place,
                                          bool enclave);

// The inverse: what has its default is left out.
nlohmann::json ToJsonValue(const AzureProfile& profile);
nlohmann::json ToJsonValue(const GcpProfile& profile);
nlohmann::json ToJsonValue(const AwsProfile& profile);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_CLOUD_PROFILE_H_
