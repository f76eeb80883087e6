// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_NODE_LOCK_H_
#define CONSTELLATION_BOOTSTRAPPER_NODE_LOCK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace constellation::bootstrapper {

// Decides between init and join: whoever takes it first has the node until it
// reboots. It cannot be given back, because from then on the node changes in
// ways that only a reboot undoes. A file on tmpfs backs it, so a bootstrapper
// that crashed and was restarted finds out. Thread-safe.
class NodeLock final {
 public:
  enum class Holder { kNone, kInit, kJoin };

  // `lock_file` and `committed_file` are on a file system that a reboot
  // empties.
  NodeLock(std::string lock_file, std::string committed_file);

  // FAILED_PRECONDITION if somebody holds it, also if it is the same holder;
  // other codes if the file cannot be written: then nobody gets it any more.
  absl::Status TryLock(Holder holder);
  Holder holder() const;

  // Notes that what the holder does is finished for good.
  absl::Status MarkCommitted();

  // Whether an earlier process took the lock in this boot and did not finish:
  // the node has to be reset.
  bool WasAbandoned() const;

 private:
  const std::string lock_file_;
  const std::string committed_file_;
  mutable absl::Mutex mutex_;
  Holder holder_ ABSL_GUARDED_BY(mutex_) = Holder::kNone;
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_NODE_LOCK_H_
