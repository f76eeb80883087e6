// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_CONTROL_PROTOCOL_H_
#define CONSTELLATION_CLOUD_QEMU_CONTROL_PROTOCOL_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/qemu/supervisor_client.h"

namespace constellation::cloud::qemu {

// Between SupervisorClient and supervisor: POST /control with a JSON object
// {"op": ..., arguments}; the answer is {"result": ...} or {"error": {"code":
// <number of the absl code>, "message": ...}}. README.md lists the operations.
inline constexpr size_t kMaxControlMessage = size_t{4} << 20U;

// Times are whole seconds. Reading passes over unknown fields: the cli and a
// supervisor that still runs may be of different versions.
std::string ClusterStatusToJson(const ClusterStatus& status);
absl::StatusOr<ClusterStatus> ParseClusterStatus(std::string_view json);

// An answer from the outcome of an operation; `result_json` is any JSON value.
std::string ControlAnswer(const absl::StatusOr<std::string>& result_json);
// The result as JSON, or the error that the supervisor reported.
// INVALID_ARGUMENT if it is neither.
absl::StatusOr<std::string> ParseControlAnswer(std::string_view json);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_CONTROL_PROTOCOL_H_
