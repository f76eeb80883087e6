// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/workspace_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud {
namespace {

// Octets of the note that are read back.
constexpr size_t kMaxText = 512;

// The first line of the file, printable ASCII only: it goes to a terminal.
std::string HolderIn(int file) {
  std::array<char, kMaxText> text{};
  const ssize_t got = ::pread(file, text.data(), text.size(), 0);
  std::string holder;
  for (ssize_t i = 0; i < got && text[static_cast<size_t>(i)] != '\n'; ++i) {
    const char c = text[static_cast<size_t>(i)];
    holder += c >= ' ' && c <= '~' ? c : '?';
  }
  return holder;
}

// For the note only.
std::string HostName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "?";
}

}  // namespace

// flock() belongs to the open file: it ends with the process, however that
// ends, so a lock is never stale. No symbolic link is followed. A note that is
// left tells that the last run died.
absl::StatusOr<WorkspaceLock> WorkspaceLock::Acquire(const std::string& path,
                                                     std::string_view command) {
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                       kPrivateFileMode));
  if (!file.valid()) {
    return ErrnoStatus(errno, "open", path);
  }
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return ErrnoStatus(errno, "lock", path);
    }
    const std::string holder = HolderIn(file.get());
    return FailedPrecondition(fmt::format(
        "another run works in this folder ({}; {}): wait for it, or end it "
        "first",
        holder.empty() ? "just starting" : holder, path));
  }
  std::string died = HolderIn(file.get());
  const std::string text =
      fmt::format("pid {} on {} since {}, {}\n", ::getpid(), HostName(),
                  absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::Now(),
                                   absl::UTCTimeZone()),
                  command);
  if (::ftruncate(file.get(), 0) != 0) {
    return ErrnoStatus(errno, "write", path);
  }
  RETURN_IF_ERROR(WriteAll(file.get(), AsBytes(text)));
  return WorkspaceLock(std::move(file), std::move(died));
}

// The file stays: deleting it would race with somebody who has just opened it.
void WorkspaceLock::Release() {
  if (file_.valid() && ::ftruncate(file_.get(), 0) != 0) {
    // The note is for people only; the lock is what counts.
  }
  file_.Reset();
}

}  // namespace constellation::cloud
