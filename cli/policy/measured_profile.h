// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_POLICY_MEASURED_PROFILE_H_
#define CONSTELLATION_CLI_POLICY_MEASURED_PROFILE_H_

#include <span>

#include "absl/status/statusor.h"
#include "attestation/policy/policy.h"
#include "cli/image/launch_prediction.h"

namespace constellation::cli {

// What was measured of one image.
struct MeasuredImage {
  const attestation::Profile* image = nullptr;  // registers; null: no image
  std::span<const LaunchValue> launch = {};     // of the firmware; may be empty
  // The launch digest covers kernel, initrd and command line.
  bool kernel_in_launch = false;
};

// `base` with what was measured in place of its own values: "pcrs" of the
// image, "sevSnp.measurements", "tdx.mrtd" and "tdx.rtmr0" to "rtmr3". All
// other demands stay: floors, statuses, roots are the owner's and cannot be
// measured.
//
// FAILED_PRECONDITION if a value that `base` demands cannot be told, with the
// reason: a demand must neither vanish nor stay that of another image.
// INVALID_ARGUMENT if values of a technology were given that `base` has no
// object for, or if the result is no valid profile. Pure.
absl::StatusOr<attestation::Profile> WithMeasurements(
    const attestation::Profile& base, const MeasuredImage& measured);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_POLICY_MEASURED_PROFILE_H_
