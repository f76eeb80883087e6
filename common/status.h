// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_STATUS_H_
#define CONSTELLATION_COMMON_STATUS_H_

#include <string_view>

#include "absl/status/status.h"

namespace constellation {

// Returns `status` with `context` and ": " before its message; same code and
// payloads. An OK status stays OK. Call it once per layer.
absl::Status Annotate(const absl::Status& status, std::string_view context);

// Thin constructors that take std::string_view (the Abseil of Debian 12 has its
// own string_view type).
absl::Status InvalidArgument(std::string_view message);
absl::Status Unauthenticated(std::string_view message);
absl::Status PermissionDenied(std::string_view message);
absl::Status FailedPrecondition(std::string_view message);
absl::Status NotFound(std::string_view message);
absl::Status AlreadyExists(std::string_view message);
absl::Status Unavailable(std::string_view message);
absl::Status DataLoss(std::string_view message);
absl::Status DeadlineExceeded(std::string_view message);
absl::Status Internal(std::string_view message);

// Status for errno value `error` after `action` on `object`, e.g. "open /x: No
// such file or directory". The code follows errno (ENOENT -> NOT_FOUND,
// EACCES/EPERM/EROFS -> PERMISSION_DENIED, EEXIST -> ALREADY_EXISTS,
// EAGAIN/EBUSY... -> UNAVAILABLE, EIO/EILSEQ -> DATA_LOSS, ENOSPC ->
// RESOURCE_EXHAUSTED, else INTERNAL).
absl::Status ErrnoStatus(int error, std::string_view action,
                         std::string_view object);

// The message of `status` as a std::string_view; valid as long as `status`.
std::string_view Message(const absl::Status& status);

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_STATUS_H_
