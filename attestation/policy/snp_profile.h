// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_SNP_PROFILE_H_
#define CONSTELLATION_ATTESTATION_POLICY_SNP_PROFILE_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "attestation/snp/snp_policy.h"

namespace constellation::attestation {

// "sevSnp" of a profile: what is demanded of the SEV-SNP report. Value. The
// name of `policy` is not part of it: EffectiveSnpPolicy() sets it.
struct SnpProfile {
  SnpPolicy policy;
  // The launch measurement covers firmware, kernel, initrd and command line,
  // not the firmware alone. The owner knows: the report does not say it. Then
  // what runs is hardware-rooted, whoever made the vTPM.
  bool measurement_covers_image = false;

  // Equal if both are written in the same way.
  bool operator==(const SnpProfile& other) const;
};

// Reads the object at `place`. INVALID_ARGUMENT, naming the place, for unknown
// keys (with the nearest), wrong types and ranges, a product without a complete
// `minimumTCB` (a floor is never zero by default), an fmc for any product but
// Turin, and a profile that would accept any guest: without `measurements`,
// `idKeyDigests` or `authorKeyDigests`, unless `insecureAnyMeasurement`.
absl::StatusOr<SnpProfile> ReadSnpProfile(const nlohmann::json& value,
                                          const std::string& place);

// The inverse: what has its default is left out.
nlohmann::json ToJsonValue(const SnpProfile& profile);

// What AppraiseSnp() is asked with: `profile` under the name that its messages
// show. Without measurements but with key digests the firmware has compared
// the measurement with a signed ID block, so any one is good then.
SnpPolicy EffectiveSnpPolicy(const SnpProfile& profile, std::string_view name);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_SNP_PROFILE_H_
