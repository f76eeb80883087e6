// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_QMP_CLIENT_H_
#define CONSTELLATION_CLOUD_QEMU_QMP_CLIENT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/unique_fd.h"

namespace constellation::cloud::qemu {

// One connection to QEMU's machine protocol (QMP). QEMU serves one at a time,
// so keep it short. Not thread-safe.
class QmpClient final {
 public:
  // Connects, reads the greeting and negotiates. UNAVAILABLE if nobody listens
  // yet, DEADLINE_EXCEEDED, INVALID_ARGUMENT if it is not QMP.
  static absl::StatusOr<QmpClient> Connect(const std::string& socket_path,
                                           absl::Duration limit);

  // Runs a command without arguments and returns its result; events that
  // arrive in between are skipped. UNAVAILABLE if QEMU closes the connection
  // (what `quit` may do), INTERNAL with QEMU's words if it refuses.
  absl::StatusOr<nlohmann::json> Execute(std::string_view command,
                                         absl::Duration limit);

 private:
  explicit QmpClient(UniqueFd fd) : fd_(std::move(fd)) {}

  // One line of at most 1 MiB that is a JSON object.
  absl::StatusOr<nlohmann::json> ReadMessage(absl::Time deadline);

  UniqueFd fd_;
  std::string buffer_;
};

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_QMP_CLIENT_H_
