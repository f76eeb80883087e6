// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_BOOT_STATUS_H_
#define CONSTELLATION_BOOTSTRAPPER_BOOT_STATUS_H_

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"

namespace constellation::bootstrapper {

enum class BootState { kRunning, kWaiting, kDone, kFailed };

// Tells the owner how far this node is, long before Kubernetes can: a line
// "constellation-status: {...}" on standard output (the serial console), a file
// on tmpfs, and the metadata service. Public: messages must hold no secrets.
// Thread-safe.
class BootStatus final {
 public:
  // Hands a status to the metadata service; may block and fail.
  using Deliver = std::function<absl::Status(std::string_view json)>;

  // `deliver` is called on a thread of this object, so a slow metadata service
  // delays nothing. `console` is a file descriptor, or -1.
  BootStatus(std::string component, std::string file, int console,
             Deliver deliver, Clock& clock);
  BootStatus(const BootStatus&) = delete;
  BootStatus& operator=(const BootStatus&) = delete;
  // Waits for a delivery under way; drops what is left.
  ~BootStatus();

  // Reports that `phase` is in `state`. The elapsed time counts from when the
  // phase was first reported. The same report twice in a row is sent once.
  void Report(std::string_view phase, BootState state,
              std::string_view message = "");

  // Waits until everything is delivered or `timeout` has passed.
  void Flush(absl::Duration timeout);

 private:
  void DeliverLoop();

  const std::string component_;
  const std::string file_;
  const int console_;
  const Deliver deliver_;
  Clock& clock_;

  absl::Mutex mutex_;
  std::string phase_ ABSL_GUARDED_BY(mutex_);
  std::string last_ ABSL_GUARDED_BY(mutex_);
  absl::Time phase_start_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> queue_ ABSL_GUARDED_BY(mutex_);
  bool delivering_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_BOOT_STATUS_H_
