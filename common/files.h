// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_FILES_H_
#define CONSTELLATION_COMMON_FILES_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace constellation {

// Files in the workspace are secrets until proven otherwise.
inline constexpr mode_t kPrivateFileMode = 0600;
inline constexpr mode_t kPrivateDirectoryMode = 0700;
inline constexpr size_t kDefaultMaxFileSize = size_t{64} << 20U;

// The whole of `path`, also of files without a size (/proc, /sys).
// NOT_FOUND, PERMISSION_DENIED as errno says; INVALID_ARGUMENT if it holds more
// than `max_size` bytes.
absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     size_t max_size = kDefaultMaxFileSize);

// Replaces `path` atomically: a temporary file beside it, fsync, rename.
// Readers see the old or the new contents, never a part.
absl::Status WriteFileAtomically(const std::string& path,
                                 std::string_view contents,
                                 mode_t mode = kPrivateFileMode);

// Like WriteFileAtomically, but ALREADY_EXISTS if `path` exists; nothing is
// overwritten.
absl::Status CreateFileExclusively(const std::string& path,
                                   std::string_view contents,
                                   mode_t mode = kPrivateFileMode);

// Creates `path` and missing parents. OK if it exists and is a directory.
absl::Status MakeDirectories(const std::string& path,
                             mode_t mode = kPrivateDirectoryMode);

// Whether there is anything at `path`, links followed. False also where it
// cannot be told.
bool FileExists(const std::string& path);

// Writes all of `bytes` to `fd`. / Reads exactly `bytes.size()` octets;
// OUT_OF_RANGE at an early end.
absl::Status WriteAll(int fd, std::span<const uint8_t> bytes);
absl::Status ReadExactly(int fd, std::span<uint8_t> bytes);

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_FILES_H_
