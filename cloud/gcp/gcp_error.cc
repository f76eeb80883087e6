// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/gcp_error.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "cloud/json_fields.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;
using Kind = CloudErrorKind;

// Octets of an answer in which an error is looked for.
constexpr size_t kMaxErrorSize = size_t{1} << 20U;
// Octets of each text that are kept.
constexpr size_t kMaxText = 2000;

// `reason` of errors[], ErrorInfo (google.api.ErrorReason), RFC 6749 `error`,
// and codes of operations (Compute Engine, "Troubleshooting API errors").
constexpr auto kCodes = std::to_array<ErrorCodeRow>({
    {"rateLimitExceeded", Kind::kThrottled},
    {"userRateLimitExceeded", Kind::kThrottled},
    {"RATE_LIMIT_EXCEEDED", Kind::kThrottled},
    {"RESOURCE_OPERATION_RATE_EXCEEDED", Kind::kThrottled},
    {"quotaExceeded", Kind::kQuota},
    {"limitExceeded", Kind::kQuota},
    {"QUOTA_EXCEEDED", Kind::kQuota},
    {"LIMIT_EXCEEDED", Kind::kQuota},
    {"RESOURCE_QUOTA_EXCEEDED", Kind::kQuota},
    {"ZONE_RESOURCE_POOL_EXHAUSTED*", Kind::kCapacity},
    {"REGION_RESOURCE_POOL_EXHAUSTED*", Kind::kCapacity},
    {"stockout", Kind::kCapacity},
    {"accessNotConfigured", Kind::kPermission},
    {"SERVICE_DISABLED", Kind::kPermission},
    {"BILLING_DISABLED", Kind::kWrongProject},
    {"CONSUMER_INVALID", Kind::kWrongProject},
    {"CONSUMER_SUSPENDED", Kind::kWrongProject},
    {"RESOURCE_PROJECT_INVALID", Kind::kWrongProject},
    {"LOCATION_ORG_POLICY_VIOLATED", Kind::kUnsupportedRegion},
    {"forbidden", Kind::kPermission},
    {"IAM_PERMISSION_DENIED", Kind::kPermission},
    {"PERMISSIONS_ERROR", Kind::kPermission},
    {"authError", Kind::kExpiredToken},
    {"ACCESS_TOKEN_EXPIRED", Kind::kExpiredToken},
    {"required", Kind::kBadCredentials},
    {"CREDENTIALS_MISSING", Kind::kBadCredentials},
    {"invalid_grant", Kind::kExpiredToken},
    {"invalid_client", Kind::kBadCredentials},
    {"unauthorized_client", Kind::kBadCredentials},
    {"alreadyExists", Kind::kNameTaken},
    {"RESOURCE_ALREADY_EXISTS", Kind::kNameTaken},
    {"ALREADY_EXISTS", Kind::kNameTaken},  // IAM gives a status, no reason
    {"resourceInUseByAnotherResource", Kind::kDependency},
    {"RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", Kind::kDependency},
    {"resourceNotReady", Kind::kConflict},
    {"RESOURCE_NOT_READY", Kind::kConflict},
    {"conditionNotMet", Kind::kConflict},
    {"CONDITION_NOT_MET", Kind::kConflict},
    {"aborted", Kind::kConflict},
    {"notFound", Kind::kNotFound},
    {"RESOURCE_NOT_FOUND", Kind::kNotFound},
    {"UNSUPPORTED_OPERATION", Kind::kUnsupportedType},
    {"backendError", Kind::kUnavailable},
    {"invalid", Kind::kInvalid},
    {"badRequest", Kind::kInvalid},
});

// Text member `key`, cut; "" for any other type. Answers are not trusted.
std::string Text(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string()
             ? found->get<std::string>().substr(0, kMaxText)
             : std::string();
}

// Member `key`; null if there is none or `object` is no object.
const json& Member(const json& object, const char* key) {
  static const json kNothing;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? kNothing : *found;
}

// What stands between the first two `quote`s of `text`.
std::string Quoted(std::string_view text, char quote) {
  const size_t first = text.find(quote);
  const size_t last =
      first == std::string_view::npos ? first : text.find(quote, first + 1);
  return last == std::string_view::npos
             ? std::string()
             : std::string(text.substr(first + 1, last - first - 1));
}

// By status alone. A server's fault leaves open whether a change was made;
// reading again is harmless.
Kind KindOfStatus(int status, bool read_only) {
  switch (status) {
    case 400:
    case 413:
      return Kind::kInvalid;
    case 401:
      return Kind::kExpiredToken;
    case 403:
      return Kind::kPermission;
    case 404:
    case 410:
      return Kind::kNotFound;
    case 409:
    case 412:
      return Kind::kConflict;
    case 429:
      return Kind::kThrottled;
    default:
      break;
  }
  if (status >= 500 || status == 408) {
    return read_only ? Kind::kUnavailable : Kind::kUnclear;
  }
  return Kind::kUnknown;
}

// The word that says most: ErrorInfo's reason, errors[0].reason, status.
std::string ReasonOf(const json& error) {
  for (const json& detail : Member(error, "details")) {
    if (const std::string reason = Text(detail, "reason"); !reason.empty()) {
      return reason;
    }
  }
  for (const json& entry : Member(error, "errors")) {
    if (const std::string reason = Text(entry, "reason"); !reason.empty()) {
      return reason;
    }
  }
  return Text(error, "status");
}

// A project that does not exist, or that we may not see, comes as 403 or 404
// with a message only.
Kind Refine(Kind kind, std::string_view message) {
  const bool project = message.find("rojects/") != std::string_view::npos ||
                       message.find("project:") != std::string_view::npos;
  if ((kind == Kind::kNotFound || kind == Kind::kPermission) && project &&
      (message.starts_with("The resource 'projects/") &&
       message.substr(23).find('/') == std::string_view::npos)) {
    return Kind::kWrongProject;
  }
  if (kind == Kind::kPermission &&
      message.find("Unknown project id") != std::string_view::npos) {
    return Kind::kWrongProject;
  }
  // A wrong region, zone or type has no reason of its own.
  const auto says = [&](std::string_view words) {
    return message.find(words) != std::string_view::npos;
  };
  if (says("on 'locations/") || says("Unknown zone") ||
      says("Unknown region")) {
    return Kind::kUnsupportedRegion;
  }
  // IAM: "Maximum number of service accounts on project reached", with 429.
  if (kind == Kind::kThrottled && says("aximum number of ")) {
    return Kind::kQuota;
  }
  if (kind == Kind::kInvalid &&
      (says("machineType") || says("Machine type") || says("machine type"))) {
    return Kind::kUnsupportedType;
  }
  // The references of a request to what was made a moment ago.
  if (kind == Kind::kInvalid &&
      message.find("is not ready") != std::string_view::npos) {
    return Kind::kConflict;
  }
  return kind;
}

// Messages quote what they are about in apostrophes; there is no field for it.
std::string SubjectOf(Kind kind, std::string_view message) {
  switch (kind) {
    case Kind::kPermission:  // Required 'compute.x' permission for ...
    case Kind::kQuota:       // Quota 'N2D_CPUS' exceeded.  Limit: 24.0 ...
    case Kind::kNotFound:
    case Kind::kNameTaken:
    case Kind::kDependency:
    case Kind::kCapacity:
    case Kind::kWrongProject:
      return Quoted(message, '\'');
    default:
      return {};
  }
}

// RFC 6749 section 5.2. "rapt" is Google's word for a login that the
// organisation wants renewed: to the user it has expired.
CloudError TokenErrorOf(const json& body, const HttpResponse& response) {
  CloudError error{.code = Text(body, "error"),
                   .message = Text(body, "error_description")};
  if (Text(body, "error_subtype") == "invalid_rapt" ||
      Text(body, "error_subtype") == "rapt_required") {
    error.code = "rapt_required";
    error.kind = Kind::kExpiredToken;
    return error;
  }
  error.kind = ClassifyErrorCode(kCodes, error.code);
  if (error.kind == Kind::kUnknown) {
    error.kind =
        response.status >= 500 ? Kind::kUnavailable : Kind::kBadCredentials;
  }
  return error;
}

}  // namespace

// Three shapes: token endpoints' errors, which are a text; the API's, which are
// objects; and bodies that are neither, judged by status.
CloudError GcpErrorOf(const HttpResponse& response, bool read_only) {
  const auto body =
      ParseJsonObject(response.body, "error of Google Cloud", kMaxErrorSize);
  CloudError error;
  if (body.ok() && Member(*body, "error").is_string()) {
    error = TokenErrorOf(*body, response);
  } else {
    const json nothing = json::object();
    const json& told = body.ok() ? Member(*body, "error") : nothing;
    error.code = ReasonOf(told);
    error.message = Text(told, "message");
    error.kind = ClassifyErrorCode(kCodes, error.code);
    if (error.kind == Kind::kUnknown || error.kind == Kind::kUnavailable) {
      error.kind = KindOfStatus(response.status, read_only);
    }
    // "notFound" comes with 403 where the caller may not know; "required" of a
    // missing field comes with 400.
    if (response.status == 400 && error.code == "required") {
      error.kind = Kind::kInvalid;
    }
    error.kind = Refine(error.kind, error.message);
    error.subject = SubjectOf(error.kind, error.message);
  }
  if (error.message.empty()) {
    error.message =
        fmt::format("Google Cloud answered with status {}", response.status);
  }
  error.request_id = std::string(
      response.Header("x-goog-request-id")
          .value_or(response.Header("x-guploader-uploadid").value_or("")));
  return error;
}

// An operation can be DONE and have failed.
bool OperationFailed(const json& operation) {
  const json& errors = Member(Member(operation, "error"), "errors");
  return errors.is_array() && !errors.empty();
}

// Codes of the user's doing (quota, capacity) are named as such, all else is
// kLateFailure: the request had been accepted.
CloudError ComputeErrorOf(const json& told) {
  CloudError error{.code = Text(told, "code"),
                   .message = Text(told, "message")};
  error.kind = ClassifyErrorCode(kCodes, error.code);
  if (error.kind == Kind::kUnknown || error.kind == Kind::kUnavailable) {
    error.kind = Kind::kLateFailure;
  }
  error.subject = SubjectOf(error.kind, error.message);
  for (const json& detail : Member(told, "errorDetails")) {
    const json& quota = Member(detail, "quotaInfo");
    if (const std::string name = Text(quota, "limitName"); !name.empty()) {
      const json& limit = Member(quota, "limit");
      error.subject = fmt::format(
          "{}{}{}", name,
          limit.is_number() ? fmt::format(", limit {}", limit.get<double>())
                            : "",
          Text(Member(quota, "dimensions"), "region").empty()
              ? ""
              : ", " + Text(Member(quota, "dimensions"), "region"));
    }
  }
  if (error.message.empty()) {
    error.message = "the operation failed without a message";
  }
  return error;
}

// The first error tells the cause, others its effects. The operation's name
// helps Google's support.
CloudError OperationErrorOf(const json& operation) {
  const json& errors = Member(Member(operation, "error"), "errors");
  CloudError error = ComputeErrorOf(
      errors.is_array() && !errors.empty() ? errors[0] : json::object());
  error.request_id = Text(operation, "name");
  return error;
}

// Google throttles with 403, too, where the code alone tells it from a missing
// permission.
AnswerClass ClassifyGcpAnswer(const HttpResponse& response) {
  if (response.status == 403 &&
      GcpErrorOf(response, /*read_only=*/true).kind == Kind::kThrottled) {
    return AnswerClass::kThrottled;
  }
  return ClassifyByStatus(response);
}

}  // namespace constellation::cloud::gcp
