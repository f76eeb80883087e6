// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_WORKSPACE_LOCK_H_
#define CONSTELLATION_CLOUD_ENGINE_WORKSPACE_LOCK_H_

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "common/unique_fd.h"

namespace constellation::cloud {

// Keeps a second run out of a workspace for as long as it lives. The kernel
// gives the lock up when its process dies, however it dies: the file stays, the
// lock does not, so no stale lock needs to be removed. Its text says who holds,
// or last held it. Within one machine; folders on network file systems that do
// not pass locks on are not protected.
class WorkspaceLock final {
 public:
  // Locks `path`, creating it. FAILED_PRECONDITION, naming the holder, if
  // another process (or another lock in this one) has it. `command` goes into
  // the text: "apply".
  static absl::StatusOr<WorkspaceLock> Acquire(const std::string& path,
                                               std::string_view command);
  WorkspaceLock(WorkspaceLock&&) noexcept = default;
  WorkspaceLock& operator=(WorkspaceLock&&) noexcept = default;

  // "pid 42 on host since 2026-..., apply" of a run that died while it held the
  // lock; empty if the last one ended in order.
  const std::string& died() const { return died_; }

  // Gives it up and notes that the run ended in order. The destructor gives it
  // up without the note.
  void Release();

 private:
  WorkspaceLock(UniqueFd file, std::string died)
      : file_(std::move(file)), died_(std::move(died)) {}

  UniqueFd file_;
  std::string died_;
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_ENGINE_WORKSPACE_LOCK_H_
