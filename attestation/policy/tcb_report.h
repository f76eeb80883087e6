// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_TCB_REPORT_H_
#define CONSTELLATION_ATTESTATION_POLICY_TCB_REPORT_H_

#include <string>
#include <string_view>
#include <vector>

#include "attestation/policy/layers.h"
#include "attestation/policy/policy.h"
#include "attestation/policy/variants.h"

namespace constellation::attestation {

// One of the four requirements of a confidential cloud, answered from the
// evidence of one node: does the owner's own image run ("custom image"), does a
// CPU protect it ("confidential CPU"), can the guest get the CPU's report
// itself ("raw guest attestation"), can the firmware below the image be built
// and compared by anyone ("reviewable firmware").
struct TcbAnswer {
  std::string requirement = {};
  bool met = false;
  std::string why = {};  // what in the evidence says so

  bool operator==(const TcbAnswer&) const = default;
};

// What the answers are made of. Refers to the caller's objects.
struct TcbFacts {
  const Variant* variant = nullptr;  // null: unknown
  const Profile* profile = nullptr;  // null: none of this variant
  const LayerFindings& layers;
  // A verified quote of a key that is vouched for shows the profile's
  // registers.
  bool image_known = false;
};

// Always four answers, in the order above.
std::vector<TcbAnswer> MakeTcbReport(const TcbFacts& facts);

// Whom one has to trust if the evidence is accepted: Appraisal::rests_on.
// Evidence that ends at a root which only the policy trusts is simulated.
std::string_view RestsOn(const TcbFacts& facts);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_TCB_REPORT_H_
