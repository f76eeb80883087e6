// SPDX-License-Identifier: Apache-2.0
#include "common/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace constellation {
namespace {

// "." for a name without a folder.
std::string ParentOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// Makes a rename durable: the directory entry is data of the directory.
absl::Status SyncDirectory(const std::string& directory) {
  const UniqueFd fd(
      open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "open", directory);
  }
  if (fsync(fd.get()) != 0 && errno != EINVAL) {
    return ErrnoStatus(errno, "sync", directory);
  }
  return absl::OkStatus();
}

// Writes a synced temporary file beside `path` and returns its name.
absl::StatusOr<std::string> WriteTemporary(const std::string& path,
                                           std::string_view contents,
                                           mode_t mode) {
  std::string name = path + ".XXXXXX";
  const UniqueFd fd(mkostemp(name.data(), O_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "create a temporary file for", path);
  }
  absl::Status status = WriteAll(fd.get(), AsBytes(contents));
  if (status.ok() && (fchmod(fd.get(), mode) != 0 || fsync(fd.get()) != 0)) {
    status = ErrnoStatus(errno, "write", path);
  }
  if (!status.ok()) {
    unlink(name.c_str());
    return Annotate(status, path);
  }
  return name;
}

}  // namespace

// The limit counts what was read: files may grow, and some have no size.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_size) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "open", path);
  }
  std::string contents;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return ErrnoStatus(errno, "read", path);
    }
    if (got == 0) {
      return contents;
    }
    if (contents.size() + static_cast<size_t>(got) > max_size) {
      return InvalidArgument(fmt::format(
          "{}: more than the {} bytes allowed here", path, max_size));
    }
    contents.append(buffer.data(), static_cast<size_t>(got));
  }
}

absl::Status WriteFileAtomically(const std::string& path,
                                 std::string_view contents, mode_t mode) {
  ASSIGN_OR_RETURN(const std::string temporary,
                   WriteTemporary(path, contents, mode));
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return ErrnoStatus(error, "replace", path);
  }
  return SyncDirectory(ParentOf(path));
}

absl::Status CreateFileExclusively(const std::string& path,
                                   std::string_view contents, mode_t mode) {
  ASSIGN_OR_RETURN(const std::string temporary,
                   WriteTemporary(path, contents, mode));
  const absl::Cleanup remove = [&temporary] { unlink(temporary.c_str()); };
  // link(2), unlike rename(2), fails if the name is taken.
  if (link(temporary.c_str(), path.c_str()) != 0) {
    return ErrnoStatus(errno, "create", path);
  }
  return SyncDirectory(ParentOf(path));
}

// Two processes may do it at once: what the other made is fine.
absl::Status MakeDirectories(const std::string& path, mode_t mode) {
  if (path.empty() || path == "/") {
    return absl::OkStatus();
  }
  struct stat info {};
  if (stat(path.c_str(), &info) == 0) {
    return S_ISDIR(info.st_mode) ? absl::OkStatus()
                                 : ErrnoStatus(ENOTDIR, "create", path);
  }
  const std::string parent = ParentOf(path);
  if (parent != ".") {
    RETURN_IF_ERROR(MakeDirectories(parent, mode));
  }
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, "create", path);
  }
  return absl::OkStatus();
}

bool FileExists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

absl::Status WriteAll(int fd, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      return ErrnoStatus(errno, "write to", "descriptor");
    }
    bytes = bytes.subspan(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::Status ReadExactly(int fd, std::span<uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = read(fd, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return ErrnoStatus(errno, "read from", "descriptor");
    }
    if (got == 0) {
      return absl::OutOfRangeError("unexpected end of input");
    }
    bytes = bytes.subspan(static_cast<size_t>(got));
  }
  return absl::OkStatus();
}

}  // namespace constellation
