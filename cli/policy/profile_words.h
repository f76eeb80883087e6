// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_POLICY_PROFILE_WORDS_H_
#define CONSTELLATION_CLI_POLICY_PROFILE_WORDS_H_

#include <string>
#include <string_view>
#include <vector>

#include "attestation/policy/policy.h"

// A profile's demands as an operator would say them. Pure.
namespace constellation::cli {

// A clause per demand, from validity to the cloud's.
// For reading, not for comparing: the words may change with any version.
std::vector<std::string> DemandsInWords(const attestation::Profile& profile);

// The word of Appraisal::rests_on with what it means.
// Words that are not known come back as they are.
std::string RestsOnInWords(std::string_view rests_on);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_POLICY_PROFILE_WORDS_H_
