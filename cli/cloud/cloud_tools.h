// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLOUD_CLOUD_TOOLS_H_
#define CONSTELLATION_CLI_CLOUD_CLOUD_TOOLS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/evidence.h"
#include "attestation/policy/policy.h"
#include "cloud/engine/lifecycle.h"
#include "cloud/engine/plan.h"
#include "cloud/provider.h"
#include "cloud/provider_settings.h"

namespace constellation::attestation {
class ClusterState;
struct Appraisal;
}  // namespace constellation::attestation

namespace constellation::cli {

// A provider and whatever it stands on (transport, credentials).
class CloudConnection {
 public:
  virtual ~CloudConnection() = default;
  // Lives as long as the connection.
  virtual cloud::Provider& provider() = 0;
};

// Likewise for identities, `iam create|destroy`.
class IamConnection {
 public:
  virtual ~IamConnection() = default;
  virtual cloud::IamProvider& iam() = 0;
};

// Makes a connection for the settings of a config; asks nobody yet.
// UNIMPLEMENTED, naming the cloud, if it is not part of this build.
using ConnectCloud =
    std::function<absl::StatusOr<std::unique_ptr<CloudConnection>>(
        const cloud::ProviderSettings& settings)>;
using ConnectIam = std::function<absl::StatusOr<std::unique_ptr<IamConnection>>(
    const cloud::ProviderSettings& settings)>;

// Judges evidence of a node in a cloud, with the collateral that it needs.
using AppraiseCloudNode = std::function<absl::Status(
    const attestation::Evidence& evidence, std::span<const uint8_t> user_data,
    const attestation::ClusterState& expected,
    const attestation::Policy& policy)>;

// Asked before anything is changed; an error ends the run without a change.
using ApprovePlan = std::function<absl::Status(const cloud::Plan& plan)>;

// The outside world of commands that work on a cloud.
struct CloudTools {
  // Never null in commands that use a cloud.
  ConnectCloud connect = {};
  ConnectIam connect_iam = {};
  AppraiseCloudNode appraise = {};
  ApprovePlan approve = [](const cloud::Plan& /*plan*/) {
    return absl::OkStatus();
  };
  // Time-outs, and whether working things may be destroyed.
  cloud::EngineOptions engine = {};
  // Names of the control-plane machines, as the cloud said; for recovery.
  std::vector<std::string> control_planes = {};
  cloud::RandomSource random = cloud::SystemRandom();
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLOUD_CLOUD_TOOLS_H_
