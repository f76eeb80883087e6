// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_IMAGE_LAUNCH_PREDICTION_H_
#define CONSTELLATION_CLI_IMAGE_LAUNCH_PREDICTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace constellation::cli {

// How a confidential machine is started, in the words of the command line.
// Paths are files; absent: the firmware boots from the disk.
struct LaunchRequest {
  std::string firmware;
  std::string vmm = "qemu";          // or ec2, gce
  std::string vcpus = "1";           // decimal
  std::string vcpu_type = {};        // e.g. EPYC-Milan; QEMU and SNP need one
  std::string sev_features = "0x1";  // VMSA.SEV_FEATURES, hexadecimal
  std::optional<std::string> kernel = {};
  std::optional<std::string> initrd = {};
  std::optional<std::string> command_line = {};
  std::optional<std::string> image = {};  // the node's disk
  // Event log (CCEL) of a machine of the same shape, for RTMR0. Believed.
  std::optional<std::string> event_log = {};
};

// One register or digest: its value in hex, or why it cannot be told.
struct LaunchValue {
  std::string technology;  // "snp", "tdx"
  std::string name;        // "launchDigest", "mrtd", "rtmr0", ...
  absl::StatusOr<std::string> value;
};

// Reads the files of `request` and predicts every value that they determine;
// the others say why not.
//
// INVALID_ARGUMENT for options or firmware that are malformed, NOT_FOUND and
// PERMISSION_DENIED for files; FAILED_PRECONDITION if not a single value can be
// told, with all reasons.
absl::StatusOr<std::vector<LaunchValue>> PredictLaunch(
    const LaunchRequest& request);

// {"snp": {"launchDigest": "..."}, "tdx": {"mrtd": "...", "notPredictable":
// {"rtmr0": "why"}}}.
std::string LaunchValuesToJson(const std::vector<LaunchValue>& values);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_IMAGE_LAUNCH_PREDICTION_H_
