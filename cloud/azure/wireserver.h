// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_WIRESERVER_H_
#define CONSTELLATION_CLOUD_AZURE_WIRESERVER_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/http/http_transport.h"
#include "common/clock.h"

namespace constellation::cloud::azure {

inline constexpr std::string_view kWireserver = "http://168.63.129.16";

// Which VM the host means.
struct GoalState {
  std::string container_id = {};  // [A-Za-z0-9-], 1-64 characters
  std::string instance_id = {};   // [A-Za-z0-9_.-], 1-128 characters
  std::string incarnation = {};   // decimal
};

// Reads a goal state of at most 64 KiB: hostile input. Looks for the three
// elements only and takes nothing into the report but what has the syntax
// above, so no XML parser is needed. INVALID_ARGUMENT names the element that is
// missing or malformed.
absl::StatusOr<GoalState> ParseGoalState(std::string_view xml);

// The report "ready" about that VM.
std::string HealthReport(const GoalState& goal);

// Tells the host that this VM is up; Azure waits for it and calls the VM failed
// (OSProvisioningTimedOut) otherwise. There is no agent in the node image, so
// the node does it itself, once at boot. Five attempts, five seconds apart (the
// service throttles). UNAVAILABLE if it does not answer, INVALID_ARGUMENT for a
// goal state that cannot be read.
absl::Status ReportReady(HttpTransport& transport, Clock& clock,
                         std::string_view address = kWireserver);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_WIRESERVER_H_
