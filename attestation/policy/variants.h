// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_VARIANTS_H_
#define CONSTELLATION_ATTESTATION_POLICY_VARIANTS_H_

#include <string_view>
#include <vector>

namespace constellation::attestation {

// A kind of platform that Appraise() can judge.
struct Variant {
  std::string_view name;
  // Whom accepted evidence makes one trust: see Appraisal::rests_on.
  std::string_view rests_on;
};

// The variant called `name`, or nullptr. Lives for ever.
const Variant* FindVariant(std::string_view name);

std::vector<std::string_view> VariantNames();

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_VARIANTS_H_
