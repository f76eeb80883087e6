// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_BOOT_STATUS_H_
#define CONSTELLATION_CLOUD_BOOT_STATUS_H_

#include <cstddef>
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

namespace constellation::cloud {

// How a phase of the boot stands; kWaiting is for somebody else, the owner for
// instance. On the wire in small letters.
enum class BootState { kRunning, kWaiting, kDone, kFailed };

// Tells the owner how far this node is, long before Kubernetes can. Public:
// messages must hold no secrets. Implementations are thread-safe.
class BootStatus {
 public:
  virtual ~BootStatus() = default;
  // Reports that `phase` is in `state`. The elapsed time counts from when the
  // phase was first reported. The same report twice in a row is sent once.
  virtual void Report(std::string_view phase, BootState state,
                      std::string_view message) = 0;
  void Report(std::string_view phase, BootState state) {
    Report(phase, state, "");
  }
};

// Says it in a line "constellation-status: {...}" on the serial console, in a
// file on tmpfs, and to the metadata service.
class NodeBootStatus final : public BootStatus {
 public:
  // Hands a status to the metadata service; may block and fail.
  using Deliver = std::function<absl::Status(std::string_view json)>;

  struct Options {
    std::string component;  // which program speaks
    std::string file;
    int console = -1;  // a file descriptor, or -1
    // So many reports wait for a slow metadata service, at least one; the
    // oldest are dropped.
    size_t max_queue = 64;
  };

  // `deliver` is called on a thread of this object, so a slow metadata service
  // delays nothing.
  NodeBootStatus(Options options, Deliver deliver, Clock& clock);
  NodeBootStatus(const NodeBootStatus&) = delete;
  NodeBootStatus& operator=(const NodeBootStatus&) = delete;
  // Waits for a delivery under way; drops what is left.
  ~NodeBootStatus() override;

  using BootStatus::Report;
  void Report(std::string_view phase, BootState state,
              std::string_view message) override;

  // Waits until everything is delivered or `timeout` has passed.
  void Flush(absl::Duration timeout);

 private:
  void DeliverLoop();

  const Options options_;
  const Deliver deliver_;
  Clock& clock_;

  absl::Mutex mutex_;
  std::string phase_ ABSL_GUARDED_BY(mutex_);
  std::string last_ ABSL_GUARDED_BY(mutex_);
  absl::Time phase_start_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> queue_ ABSL_GUARDED_BY(mutex_);
  bool delivering_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: starts when all else is ready
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_BOOT_STATUS_H_
