// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "attestation/policy/policy.h"

// What parses must come back from its own text unchanged.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace constellation::attestation;  // NOLINT(build/namespaces)
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto policy = Policy::Parse(text);
  if (policy.ok()) {
    const auto again = Policy::Parse(policy->ToJson());
    if (!again.ok() || *again != *policy) {
      abort();
    }
  }
  const auto profile = ParseProfile(text);
  if (profile.ok() && !ParseProfile(ProfileToJson(*profile)).ok()) {
    abort();
  }
  (void)ParseEnrolledNodes(text);
  return 0;
}
