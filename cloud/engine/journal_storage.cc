// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/journal_storage.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud {
namespace {

// A name is on disk when its folder is.
absl::Status SyncFolderOf(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  folder = folder.empty() ? "." : folder;
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) {
    return ErrnoStatus(errno, "sync", folder);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> FileJournalStorage::Read() {
  return ReadFile(path_);
}

// The open descriptor belongs to the file that is replaced: it is closed first.
absl::Status FileJournalStorage::Replace(std::string_view contents) {
  file_.Reset();
  RETURN_IF_ERROR(WriteFileAtomically(path_, contents));
  return SyncFolderOf(path_);
}

// Data only: the size is written with it, times do not matter.
absl::Status FileJournalStorage::Append(std::string_view line) {
  if (!file_.valid()) {
    file_ = UniqueFd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (!file_.valid()) {
      return ErrnoStatus(errno, "open", path_);
    }
  }
  RETURN_IF_ERROR(WriteAll(file_.get(), AsBytes(line)));
  if (::fdatasync(file_.get()) != 0) {
    return ErrnoStatus(errno, "sync", path_);
  }
  return absl::OkStatus();
}

// The folder is synced, so the file does not come back after a crash.
absl::Status FileJournalStorage::Remove() {
  file_.Reset();
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "delete", path_);
  }
  return SyncFolderOf(path_);
}

}  // namespace constellation::cloud
