// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/arm_error.h"

#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "cloud/azure/arm_names.h"
#include "cloud/json_fields.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;
using Kind = CloudErrorKind;

constexpr size_t kMaxErrorBody = size_t{1} << 20U;
constexpr size_t kMaxMessage = 1000;
constexpr int kMaxDetails = 8;  // levels that are followed

// Codes as Azure's documentation and its SDKs' tests show them. What is refused
// because something uses or changes it passes by itself; the engine repeats.
constexpr std::array<ErrorCodeRow, 69> kCodes = {{
    {"QuotaExceeded", Kind::kQuota},
    {"*CountLimitReached", Kind::kQuota},
    {"*QuotaExceeded", Kind::kQuota},
    {"RoleAssignmentLimitExceeded", Kind::kQuota},
    {"RoleDefinitionLimitExceeded", Kind::kQuota},
    {"AllocationFailed", Kind::kCapacity},
    {"ZonalAllocationFailed", Kind::kCapacity},
    {"OverconstrainedAllocationRequest", Kind::kCapacity},
    {"OverconstrainedZonalAllocationRequest", Kind::kCapacity},
    {"SkuNotAvailable", Kind::kCapacity},
    {"AuthorizationFailed", Kind::kPermission},
    {"LinkedAuthorizationFailed", Kind::kPermission},
    {"RequestDisallowedByPolicy", Kind::kPermission},
    {"ScopeLocked", Kind::kPermission},
    {"RoleAssignmentUpdateNotPermitted", Kind::kPermission},
    {"InvalidAuthenticationToken", Kind::kBadCredentials},
    {"AuthenticationFailed", Kind::kBadCredentials},
    {"InvalidAuthenticationTokenTenant", Kind::kWrongProject},
    {"ExpiredAuthenticationToken", Kind::kExpiredToken},
    {"DnsRecordInUse", Kind::kNameTaken},
    {"DnsRecordCreateConflict", Kind::kNameTaken},
    {"RoleDefinitionWithSameNameExists", Kind::kNameTaken},
    {"RoleAssignmentExists", Kind::kNameTaken},
    {"LocationNotAvailableForResourceType", Kind::kUnsupportedRegion},
    {"InvalidResourceLocation", Kind::kNameTaken},
    {"ResourceGroupLocationMismatch", Kind::kNameTaken},
    {"InvalidResourceGroupLocation", Kind::kNameTaken},
    {"NoRegisteredProviderFound", Kind::kUnsupportedRegion},
    {"LocationNotSupported*", Kind::kUnsupportedRegion},
    {"AvailabilityZoneNotSupported", Kind::kUnsupportedRegion},
    {"InvalidAvailabilityZone", Kind::kUnsupportedRegion},
    {"InvalidTemplateDeployment", Kind::kUnknown},
    {"VMSizeNotSupported", Kind::kUnsupportedType},
    {"InvalidVMSize", Kind::kUnsupportedType},
    {"SecurityTypeNotSupported*", Kind::kUnsupportedType},
    {"SubscriptionNotFound", Kind::kWrongProject},
    {"InvalidSubscriptionId", Kind::kWrongProject},
    {"ReadOnlyDisabledSubscription", Kind::kWrongProject},
    {"DisallowedOperation", Kind::kWrongProject},
    {"ResourceGroupNotFound", Kind::kWrongProject},
    {"MissingSubscriptionRegistration", Kind::kWrongProject},
    {"TooManyRequests", Kind::kThrottled},
    {"SubscriptionRequestsThrottled", Kind::kThrottled},
    {"ResourceRequestsThrottled", Kind::kThrottled},
    {"OperationPreempted", Kind::kConflict},
    {"InUse*", Kind::kDependency},
    {"NicInUse", Kind::kDependency},
    {"*CannotBeDeleted", Kind::kDependency},
    {"DiskInUse", Kind::kDependency},
    {"*InUseBy*", Kind::kDependency},
    {"CannotDeleteResource", Kind::kDependency},
    {"RoleDefinitionHasAssignments", Kind::kDependency},
    {"AnotherOperationInProgress", Kind::kConflict},
    {"OperationNotAllowedOnResourceInProgress", Kind::kConflict},
    {"RetryableError*", Kind::kConflict},
    {"CanceledAndSupersededDueToAnotherOperation", Kind::kConflict},
    {"ReferencedResourceNotProvisioned", Kind::kConflict},
    {"ResourceGroupBeingDeleted", Kind::kConflict},
    {"Conflict", Kind::kConflict},
    {"PreconditionFailed", Kind::kConflict},
    {"PrincipalNotFound", Kind::kNotFound},
    {"NotFound", Kind::kNotFound},
    {"ResourceNotFound", Kind::kNotFound},
    {"ParentResourceNotFound", Kind::kNotFound},
    {"InvalidParameter", Kind::kInvalid},
    {"BadRequest", Kind::kInvalid},
    {"PropertyChangeNotAllowed", Kind::kInvalid},
    {"Invalid*", Kind::kInvalid},
    {"MarketplacePurchaseEligibilityFailed", Kind::kInvalid},
}};

// Cut: an error's text ends in a journal and on a terminal.
std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string()
             ? found->get<std::string>().substr(0, kMaxMessage)
             : "";
}

// The word behind `before` and in front of `after`, or nothing.
std::string Between(std::string_view text, std::string_view before,
                    std::string_view after) {
  const size_t start = text.find(before);
  if (start == std::string_view::npos) {
    return "";
  }
  const std::string_view rest = text.substr(start + before.size());
  const size_t end = rest.find(after);
  return end == std::string_view::npos ? "" : std::string(rest.substr(0, end));
}

// Which quota, permission and so on, out of texts that Azure has kept for
// years; empty where it says it in other words.
std::string SubjectOf(Kind kind, const std::string& code,
                      const std::string& message) {
  if (kind == Kind::kPermission) {
    // LinkedAuthorizationFailed names what the caller has, too, and first.
    const std::string linked = Between(message, "perform action(s) '", "'");
    return linked.empty() ? Between(message, "perform action '", "'") : linked;
  }
  if (kind == Kind::kQuota) {
    const std::string quota = Between(message, "exceeding approved ", " quota");
    // "PublicIPCountLimitReached" names it; these two may mean any.
    return quota.empty() && code != "OperationNotAllowed" &&
                   code != "QuotaExceeded"
               ? code
               : quota;
  }
  return "";
}

// "OperationNotAllowed" means anything from quota to throttling.
Kind KindOfText(std::string_view code, std::string_view message) {
  const std::string lower = Lower(message);
  if (code == "OperationNotAllowed" &&
      lower.find("quota") != std::string::npos) {
    return Kind::kQuota;
  }
  if (code == "OperationNotAllowed" &&
      lower.find("being modified") != std::string::npos) {
    return Kind::kConflict;
  }
  const Kind kind = ClassifyErrorCode(kCodes, code);
  if (kind == Kind::kInvalid && lower.find("vm size") != std::string::npos) {
    return Kind::kUnsupportedType;
  }
  return kind;
}

// One level of ARM's error object: {"code", "message", "details"} (ARM RPC,
// "Error response content").
CloudError One(const json& error) {
  CloudError one{.code = Text(error, "code"),
                 .message = Text(error, "message")};
  one.kind = KindOfText(one.code, one.message);
  one.subject = SubjectOf(one.kind, one.code, one.message);
  return one;
}

// The innermost known code along the first details; else the outermost.
CloudError Innermost(const json& error) {
  CloudError best = One(error);
  const json* at = &error;
  for (int level = 0; level < kMaxDetails; ++level) {
    const auto details = at->find("details");
    if (details == at->end() || !details->is_array() || details->empty() ||
        !details->front().is_object()) {
      break;
    }
    at = &details->front();
    const CloudError inner = One(*at);
    if (inner.kind != Kind::kUnknown ||
        (best.kind == Kind::kUnknown && !inner.message.empty())) {
      best = inner;
    }
  }
  return best;
}

// What the status alone says, by RFC 9110. 412 is a lost race about an etag, so
// it passes by itself like 409.
Kind KindOfStatus(int status, bool read_only) {
  switch (status) {
    case 401:
      return Kind::kBadCredentials;
    case 403:
      return Kind::kPermission;
    case 404:
      return Kind::kNotFound;
    case 409:
    case 412:
      return Kind::kConflict;
    case 429:
      return Kind::kThrottled;
    default:
      break;
  }
  if (status == 408 || status >= 500) {
    return read_only ? Kind::kUnavailable : Kind::kUnclear;
  }
  return Kind::kInvalid;
}

}  // namespace

// A late failure without a known code is still a failure of something that
// Azure had accepted: to repeat it at once would find the same.
CloudError ArmErrorOfBody(const json& error) {
  CloudError found =
      error.is_object() ? Innermost(error) : CloudError{.kind = Kind::kUnknown};
  if (found.kind == Kind::kUnknown) {
    found.kind = Kind::kLateFailure;
  }
  if (found.message.empty()) {
    found.message = "the operation failed, Azure says no more";
  }
  return found;
}

CloudError ArmErrorOf(const HttpResponse& response, bool read_only) {
  CloudError error;
  const auto body = ParseJsonObject(response.body, "answer", kMaxErrorBody);
  if (body.ok()) {
    const auto inner = body->find("error");
    error =
        Innermost(inner != body->end() && inner->is_object() ? *inner : *body);
  }
  // The status tells more than a code that we do not know; what is a matter of
  // the server is never the request's fault.
  if (error.kind == Kind::kUnknown || response.status >= 500 ||
      response.status == 429) {
    error.kind = KindOfStatus(response.status, read_only);
  }
  if (error.message.empty()) {
    error.message = "HTTP status " + std::to_string(response.status);
  }
  for (const char* name : {"x-ms-request-id", "x-ms-correlation-request-id"}) {
    if (const auto id = response.Header(name); id && error.request_id.empty()) {
      error.request_id = std::string(id->substr(0, 128));
    }
  }
  return error;
}

}  // namespace constellation::cloud::azure
