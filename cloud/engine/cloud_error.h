// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_CLOUD_ERROR_H_
#define CONSTELLATION_CLOUD_ENGINE_CLOUD_ERROR_H_

#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace constellation::cloud {

// What went wrong in a cloud, in the terms in which a user, or the engine, can
// do something about it.
enum class CloudErrorKind {
  kQuota,              // an account's limit
  kCapacity,           // the cloud has no such machine there now
  kPermission,         // the caller may not do this
  kBadCredentials,     // who the caller is was not accepted
  kExpiredToken,       // ... because it was accepted once
  kNameTaken,          // something else has the name
  kUnsupportedRegion,  // the service or feature is not there
  kUnsupportedType,    // the machine type cannot do what is wanted
  kWrongProject,       // no such subscription, project or account
  kThrottled,          // not executed, too many requests
  kUnavailable,        // not executed, the service does not work now
  kUnclear,            // may have been executed: the answer was lost
  kDependency,         // something else still uses it
  kConflict,           // something changes it at the moment
  kNotFound,           // there is no such thing, or not yet
  kInvalid,            // the request is wrong: our mistake or the config's
  kLateFailure,        // accepted, then failed while it was being made
  kTimedOut,           // accepted, but not ready in time
  kCancelled,          // by the user
  kUnknown
};

// Whether `status` was made by MakeCloudError(), perhaps annotated since.
bool IsCloudError(const absl::Status& status);

// "quota", "capacity", ...: the words in JSON output.
std::string_view CloudErrorKindName(CloudErrorKind kind);

// One failure, as a driver reports it.
struct CloudError {
  CloudErrorKind kind = CloudErrorKind::kUnknown;
  std::string code = {};     // the cloud's own word, "VcpuLimitExceeded"
  std::string message = {};  // the cloud's own text
  // Which quota, permission, name, region or type; empty if the cloud does not
  // say.
  std::string subject = {};
  std::string request_id = {};  // for the cloud's support
};

// A status for `error` that CloudErrorOf() recognises again, through Annotate()
// too. Its code: RESOURCE_EXHAUSTED (quota, capacity, throttled),
// PERMISSION_DENIED, UNAUTHENTICATED (credentials, token), ALREADY_EXISTS (name
// taken), UNAVAILABLE (unavailable, unclear), FAILED_PRECONDITION (dependency,
// conflict, late failure, wrong project), NOT_FOUND, DEADLINE_EXCEEDED,
// CANCELLED, else INVALID_ARGUMENT; UNKNOWN for kUnknown.
absl::Status MakeCloudError(const CloudError& error);

// What a status says. Transports' failures become kUnavailable (no connection),
// kBadCredentials (TLS), kInvalid (a request that cannot be sent) or kUnclear
// (anything after that, a cancellation included: it may have been on its way);
// other statuses go by their code.
CloudError CloudErrorOf(const absl::Status& status);
CloudErrorKind CloudErrorKindOf(const absl::Status& status);

// Whether the same call may succeed later without anybody doing anything.
bool MayPassByItself(CloudErrorKind kind);
// Whether the call may have changed something although it failed.
bool MayHaveHadEffect(CloudErrorKind kind);

// What the user can do next, one or two sentences ending in a full stop.
std::string NextStep(const CloudError& error);

// A cloud's own words for failures. A `code` that ends in '*' matches a prefix,
// one that starts with '*' a suffix.
struct ErrorCodeRow {
  std::string_view code;
  CloudErrorKind kind;
};

// The kind of the first row that matches; kUnknown if none does.
CloudErrorKind ClassifyErrorCode(std::span<const ErrorCodeRow> rows,
                                 std::string_view code);

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_ENGINE_CLOUD_ERROR_H_
