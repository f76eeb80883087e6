// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_BOOT_STATUS_H_
#define CONSTELLATION_DISK_MAPPER_BOOT_STATUS_H_

#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"

namespace constellation::disk_mapper {

enum class BootState { kRunning, kWaiting, kDone, kFailed };

// Tells the owner how far this node is: a line "constellation-status: {...}" on
// standard output (the serial console), a file on tmpfs and the metadata
// service. Public: messages must hold no secrets. Thread-safe.
class BootStatus {
 public:
  virtual ~BootStatus() = default;
  // Reports that `phase` is in `state`. The same report twice in a row is sent
  // once.
  virtual void Report(std::string_view phase, BootState state,
                      std::string_view message = "") = 0;
};

class NodeBootStatus final : public BootStatus {
 public:
  // Hands a status to the metadata service; may block and fail.
  using Deliver = std::function<absl::Status(std::string_view json)>;

  // `deliver` is called on a thread of this object with the newest status, so a
  // slow metadata service delays nothing. `console` is a file descriptor, or
  // -1.
  NodeBootStatus(std::string file, int console, Deliver deliver, Clock& clock);
  NodeBootStatus(const NodeBootStatus&) = delete;
  NodeBootStatus& operator=(const NodeBootStatus&) = delete;
  // Waits for a delivery under way.
  ~NodeBootStatus() override;

  void Report(std::string_view phase, BootState state,
              std::string_view message = "") override;

  // Waits until the newest status is delivered or `timeout` has passed.
  void Flush(absl::Duration timeout);

 private:
  void DeliverLoop();

  const std::string file_;
  const int console_;
  const Deliver deliver_;
  Clock& clock_;
  absl::Mutex mutex_;
  std::string phase_ ABSL_GUARDED_BY(mutex_);
  absl::Time phase_start_ ABSL_GUARDED_BY(mutex_);
  std::string last_ ABSL_GUARDED_BY(mutex_);
  std::string pending_ ABSL_GUARDED_BY(mutex_);
  bool delivering_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: starts when all else is ready
};

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_BOOT_STATUS_H_
