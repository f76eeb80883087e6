// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_TDX_PROFILE_H_
#define CONSTELLATION_ATTESTATION_POLICY_TDX_PROFILE_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "attestation/sgx/sgx_quote.h"
#include "attestation/tdx/tdx_quote.h"

namespace constellation::attestation {

// "tdx" of a profile: what is demanded of the TD quote. Value. The report data
// of `policy` are not part of it: whoever appraises evidence sets them.
struct TdxProfile {
  TdxPolicy policy;
  // MRTD and register 1 (boot loader or unified kernel image) are compared, so
  // what runs is hardware-rooted, whoever made the vTPM.
  bool covers_image() const {
    return !policy.mr_td.empty() && !policy.rtmr[1].empty();
  }

  // Equal if both are written in the same way.
  bool operator==(const TdxProfile& other) const;
};

// "sgx" of a profile: what is demanded of an enclave's quote. Value; report
// data as above.
struct SgxProfile {
  SgxPolicy policy;

  bool operator==(const SgxProfile& other) const;
};

// Read the object at `place`. INVALID_ARGUMENT, naming the place, for unknown
// keys (with the nearest), wrong types and ranges, and if `acceptedStatuses`,
// `minimumEvaluationDataNumber`, `mrtd` (TDX), or `mrenclave` or else
// `mrsigner` with `isvprodid` and `minimumISVSVN` (SGX) are missing. Statuses
// Revoked and NotSupported cannot be accepted.
absl::StatusOr<TdxProfile> ReadTdxProfile(const nlohmann::json& value,
                                          const std::string& place);
absl::StatusOr<SgxProfile> ReadSgxProfile(const nlohmann::json& value,
                                          const std::string& place);

// The inverse: what has its default is left out.
nlohmann::json ToJsonValue(const TdxProfile& profile);
nlohmann::json ToJsonValue(const SgxProfile& profile);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_TDX_PROFILE_H_
