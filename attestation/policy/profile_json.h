// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_PROFILE_JSON_H_
#define CONSTELLATION_ATTESTATION_POLICY_PROFILE_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/policy/policy.h"

// One object of "profiles". Every error is INVALID_ARGUMENT and names the
// place. Pure; thread-safe.
namespace constellation::attestation {

// Reads the object at `place` and checks it.
absl::StatusOr<Profile> ReadProfile(const nlohmann::json& value,
                                    const std::string& place);

// Checks a profile made in memory by the same rules, so that ReadProfile()
// accepts what ToJsonValue() gives.
absl::Status CheckProfile(const Profile& profile, const std::string& place);

// The inverse of ReadProfile().
nlohmann::json ToJsonValue(const Profile& profile);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_PROFILE_JSON_H_
