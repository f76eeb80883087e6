// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/cloud_error.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "absl/strings/cord.h"
#include "cloud/http/http_transport.h"
#include "cloud/json_fields.h"
#include "common/status.h"

namespace constellation::cloud {
namespace {

constexpr char kPayload[] = "constellation/cloud-error";
// A message of AWS can be long; its JSON escapes may double it.
constexpr size_t kMaxPayload = 256 * 1024;

using Code = absl::StatusCode;
using Kind = CloudErrorKind;

// One kind: its word, its status code, and what to do about it. "{}" stands
// for the subject, in brackets, or for nothing.
struct Row {
  Kind kind;
  std::string_view name;
  Code code;
  std::string_view next_step;
};

constexpr std::array<Row, 20> kRows = {{
    {Kind::kQuota, "quota", Code::kResourceExhausted,
     "The account's limit{} is reached: ask the cloud for a higher one, delete "
     "what is no longer needed, or choose fewer or smaller nodes; then run the "
     "same command again."},
    {Kind::kCapacity, "capacity", Code::kResourceExhausted,
     "The cloud has no free machine of this kind{} at the moment: choose "
     "another zone or instance type in the config, or try again later."},
    {Kind::kPermission, "permission", Code::kPermissionDenied,
     "The caller lacks a permission{}: `constellation iam create` makes an "
     "identity that has all of them, docs/clouds lists them; then run the same "
     "command again."},
    {Kind::kBadCredentials, "bad-credentials", Code::kUnauthenticated,
     "The cloud did not accept the credentials{}: check which account is "
     "active with the cloud's own tool and the clock of this machine."},
    {Kind::kExpiredToken, "expired-token", Code::kUnauthenticated,
     "The login has expired{}: log in again with the cloud's own tool, then "
     "run the same command again; nothing that exists is made twice."},
    {Kind::kNameTaken, "name-taken", Code::kAlreadyExists,
     "Something that is not part of this cluster has this name{}: choose "
     "another `name` in the config, or delete it if it is a leftover."},
    {Kind::kUnsupportedRegion, "unsupported-region", Code::kInvalidArgument,
     "The region does not offer this, or is not enabled for the account{}: "
     "choose another region; `constellation config instance-types` lists what "
     "is where."},
    {Kind::kUnsupportedType, "unsupported-type", Code::kInvalidArgument,
     "This instance type cannot do what the attestation variant needs{}: "
     "`constellation config instance-types` lists those that can."},
    {Kind::kWrongProject, "wrong-project", Code::kFailedPrecondition,
     "The cloud does not know this subscription, project or account{}, or the "
     "caller cannot see it: check the config and the active login."},
    {Kind::kThrottled, "throttled", Code::kResourceExhausted,
     "The cloud refuses more requests for now{}: wait some minutes, then run "
     "the same command again; it goes on where it stopped."},
    {Kind::kUnavailable, "unavailable", Code::kUnavailable,
     "The cloud cannot be reached or does not work{}: check the network and "
     "the cloud's status page, then run the same command again."},
    {Kind::kUnclear, "unclear", Code::kUnavailable,
     "The cloud's answer was lost{}: run the same command again; it looks for "
     "what was made before it makes anything."},
    {Kind::kDependency, "dependency", Code::kFailedPrecondition,
     "Something still uses it{}: if that was not made by this cluster, detach "
     "or delete it by hand, then run the same command again."},
    {Kind::kConflict, "conflict", Code::kFailedPrecondition,
     "Another operation changes it at the moment{}: run the same command "
     "again in some minutes."},
    {Kind::kNotFound, "not-found", Code::kNotFound,
     "The cloud does not find it{}: was it deleted by hand? Run the same "
     "command again to make what is missing."},
    {Kind::kInvalid, "invalid", Code::kInvalidArgument,
     "The cloud refuses the request as wrong{}: check the config; if it is "
     "right, please report this with the request id."},
    {Kind::kLateFailure, "late-failure", Code::kFailedPrecondition,
     "The cloud accepted it but failed to make it{}: run the same command "
     "again, which deletes the failed one first; or `constellation "
     "terminate`."},
    {Kind::kTimedOut, "timed-out", Code::kDeadlineExceeded,
     "It was not ready in time{}: run the same command again, which goes on "
     "waiting."},
    {Kind::kCancelled, "cancelled", Code::kCancelled,
     "Stopped by the user: run the same command again to go on, or "
     "`constellation terminate` to delete what was made."},
    {Kind::kUnknown, "unknown", Code::kUnknown,
     "Run the same command again; if it fails the same way, please report "
     "this with the request id."},
}};

// Kinds are an enum, so the last row is a fallback that is never needed.
const Row& RowOf(Kind kind) {
  for (const Row& row : kRows) {
    if (row.kind == kind) {
      return row;
    }
  }
  return kRows.back();
}

// What a failure below HTTP means for the thing that was asked for.
Kind KindOfTransport(const absl::Status& status) {
  switch (TransportErrorOf(status)) {
    case TransportError::kDns:
    case TransportError::kRefused:
      return Kind::kUnavailable;
    case TransportError::kTls:
      return Kind::kBadCredentials;
    case TransportError::kCancelled:  // the request may have been on its way
    case TransportError::kTimeout:
    case TransportError::kTooLarge:
    case TransportError::kLost:
      return Kind::kUnclear;
    case TransportError::kLocal:
      return Kind::kInvalid;
    case TransportError::kNone:
      break;
  }
  return Kind::kUnknown;
}

// Statuses of other parts of the program, which carry no payload.
Kind KindOfCode(Code code) {
  switch (code) {
    case Code::kPermissionDenied:
      return Kind::kPermission;
    case Code::kUnauthenticated:
      return Kind::kBadCredentials;
    case Code::kAlreadyExists:
      return Kind::kNameTaken;
    case Code::kNotFound:
      return Kind::kNotFound;
    case Code::kInvalidArgument:
      return Kind::kInvalid;
    case Code::kResourceExhausted:
      return Kind::kThrottled;
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
      return Kind::kUnclear;
    case Code::kCancelled:
      return Kind::kCancelled;
    default:
      return Kind::kUnknown;
  }
}

}  // namespace

std::string_view CloudErrorKindName(CloudErrorKind kind) {
  return RowOf(kind).name;
}

// Text for people; the payload for CloudErrorOf().
absl::Status MakeCloudError(const CloudError& error) {
  const Row& row = RowOf(error.kind);
  const std::string text =
      fmt::format("{}{}{}{}", error.message, error.code.empty() ? "" : " (",
                  error.code, error.code.empty() ? "" : ")");
  absl::Status status(row.code, text);
  status.SetPayload(kPayload,
                    absl::Cord(DumpJson({{"kind", row.name},
                                         {"code", error.code},
                                         {"message", error.message},
                                         {"subject", error.subject},
                                         {"requestId", error.request_id}})));
  return status;
}

bool IsCloudError(const absl::Status& status) {
  return status.GetPayload(kPayload).has_value();
}

// A payload that cannot be read costs its details, not the error.
CloudError CloudErrorOf(const absl::Status& status) {
  const std::string text(Message(status));
  const auto payload = status.GetPayload(kPayload);
  if (!payload.has_value()) {
    const Kind transport = KindOfTransport(status);
    return {.kind = transport == Kind::kUnknown ? KindOfCode(status.code())
                                                : transport,
            .message = text};
  }
  CloudError error{.message = text};
  const auto json =
      ParseJsonObject(std::string(*payload), "cloud error", kMaxPayload);
  if (json.ok()) {
    JsonFields fields(*json, "cloud error");
    const std::string name = fields.StringOr("kind", "");
    for (const Row& row : kRows) {
      error.kind = row.name == name ? row.kind : error.kind;
    }
    error.code = fields.StringOr("code", "", kMaxPayload);
    error.message = fields.StringOr("message", text, kMaxPayload);
    error.subject = fields.StringOr("subject", "", kMaxPayload);
    error.request_id = fields.StringOr("requestId", "", kMaxPayload);
  }
  return error;
}

CloudErrorKind CloudErrorKindOf(const absl::Status& status) {
  return CloudErrorOf(status).kind;
}

// Dependencies pass because the engine deletes in parallel what uses them.
bool MayPassByItself(CloudErrorKind kind) {
  switch (kind) {
    case Kind::kThrottled:
    case Kind::kUnavailable:
    case Kind::kUnclear:
    case Kind::kDependency:
    case Kind::kConflict:
      return true;
    default:
      return false;
  }
}

// Unknown counts as "perhaps": looking is cheaper than losing something.
bool MayHaveHadEffect(CloudErrorKind kind) {
  return kind == Kind::kUnclear || kind == Kind::kLateFailure ||
         kind == Kind::kTimedOut || kind == Kind::kCancelled ||
         kind == Kind::kUnknown;
}

std::string NextStep(const CloudError& error) {
  const std::string subject =
      error.subject.empty() ? "" : " (" + error.subject + ")";
  std::string text(RowOf(error.kind).next_step);
  if (const size_t at = text.find("{}"); at != std::string::npos) {
    text.replace(at, 2, subject);
  }
  return text;
}

// Rows are tried in order, so a table puts exact codes before patterns.
CloudErrorKind ClassifyErrorCode(std::span<const ErrorCodeRow> rows,
                                 std::string_view code) {
  for (const ErrorCodeRow& row : rows) {
    std::string_view pattern = row.code;
    if (pattern == code) {
      return row.kind;
    }
    if (pattern.ends_with('*') &&
        code.starts_with(pattern.substr(0, pattern.size() - 1))) {
      return row.kind;
    }
    if (pattern.starts_with('*') && code.ends_with(pattern.substr(1))) {
      return row.kind;
    }
  }
  return CloudErrorKind::kUnknown;
}

}  // namespace constellation::cloud
