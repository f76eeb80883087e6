// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_POLICY_SOURCE_H_
#define CONSTELLATION_JOINSERVICE_POLICY_SOURCE_H_

#include <memory>

#include "attestation/policy/policy.h"

namespace constellation::joinservice {

// The policy by which nodes are admitted at this moment. Implementations are
// thread-safe.
class PolicySource {
 public:
  virtual ~PolicySource() = default;
  // Null as long as no valid policy has been seen. shared_ptr: a request keeps
  // the policy that it began with.
  virtual std::shared_ptr<const attestation::Policy> Current() const = 0;
};

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_POLICY_SOURCE_H_
