// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/aws_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "cloud/aws/xml.h"
#include "cloud/json_fields.h"

namespace constellation::cloud::aws {
namespace {

using Kind = CloudErrorKind;

// Octets of an answer in which an error is looked for.
constexpr size_t kMaxError = 64 * 1024;
// Octets of the cloud's text that are shown to the user.
constexpr size_t kMaxMessage = 2000;

// Codes as the services' API references list them. Order matters: the first
// match counts.
constexpr std::array kThrottles = {
    ErrorCodeRow{"RequestLimitExceeded", Kind::kThrottled},
    ErrorCodeRow{"Throttl*", Kind::kThrottled},
    ErrorCodeRow{"RequestThrottled*", Kind::kThrottled},
    ErrorCodeRow{"TooManyRequestsException", Kind::kThrottled},
    ErrorCodeRow{"EC2ThrottledException", Kind::kThrottled},
    ErrorCodeRow{"BandwidthLimitExceeded", Kind::kThrottled},
    ErrorCodeRow{"SlowDown", Kind::kThrottled},
    ErrorCodeRow{"PriorRequestNotComplete", Kind::kThrottled},
    ErrorCodeRow{"*RateExceeded", Kind::kThrottled},
    ErrorCodeRow{"ConcurrentLimitExceededException", Kind::kThrottled},
};

// All other codes. Exact words stand before the patterns that would catch them,
// too.
constexpr std::array kCodes = {
    // Machines and limits.
    ErrorCodeRow{"InsufficientInstanceCapacity", Kind::kCapacity},
    ErrorCodeRow{"InsufficientHostCapacity", Kind::kCapacity},
    ErrorCodeRow{"InsufficientReservedInstanceCapacity", Kind::kCapacity},
    ErrorCodeRow{"Insufficient*", Kind::kCapacity},
    ErrorCodeRow{"TooMany*", Kind::kQuota},
    ErrorCodeRow{"ServiceQuotaExceededException", Kind::kQuota},
    ErrorCodeRow{"*LimitExceeded", Kind::kQuota},
    ErrorCodeRow{"LimitExceeded*", Kind::kQuota},
    ErrorCodeRow{"ResourceLimitExceeded", Kind::kQuota},
    // Who asks.
    ErrorCodeRow{"UnauthorizedOperation", Kind::kPermission},
    ErrorCodeRow{"AccessDenied*", Kind::kPermission},
    ErrorCodeRow{"ExpiredToken*", Kind::kExpiredToken},
    ErrorCodeRow{"RequestExpired", Kind::kExpiredToken},
    ErrorCodeRow{"TokenRefreshRequired", Kind::kExpiredToken},
    ErrorCodeRow{"AuthFailure", Kind::kBadCredentials},
    ErrorCodeRow{"InvalidClientTokenId", Kind::kBadCredentials},
    ErrorCodeRow{"UnrecognizedClientException", Kind::kBadCredentials},
    ErrorCodeRow{"SignatureDoesNotMatch", Kind::kBadCredentials},
    ErrorCodeRow{"InvalidSignatureException", Kind::kBadCredentials},
    ErrorCodeRow{"IncompleteSignature", Kind::kBadCredentials},
    ErrorCodeRow{"MissingAuthenticationToken*", Kind::kBadCredentials},
    ErrorCodeRow{"InvalidAccessKeyId", Kind::kBadCredentials},
    ErrorCodeRow{"RequestTimeTooSkewed", Kind::kBadCredentials},
    // Where.
    ErrorCodeRow{"OptInRequired", Kind::kUnsupportedRegion},
    ErrorCodeRow{"AvailabilityZoneNotSupported*", Kind::kUnsupportedRegion},
    ErrorCodeRow{"PendingVerification", Kind::kWrongProject},
    ErrorCodeRow{"Blocked", Kind::kWrongProject},
    ErrorCodeRow{"Unsupported*", Kind::kUnsupportedType},
    ErrorCodeRow{"InvalidParameterCombination", Kind::kUnsupportedType},
    ErrorCodeRow{"InvalidInstanceType", Kind::kUnsupportedType},
    // What is in the way.
    ErrorCodeRow{"DependencyViolation", Kind::kDependency},
    ErrorCodeRow{"ResourceInUse*", Kind::kDependency},
    ErrorCodeRow{"*.InUse", Kind::kDependency},
    ErrorCodeRow{"VolumeInUse", Kind::kDependency},
    ErrorCodeRow{"DeleteConflict", Kind::kDependency},
    ErrorCodeRow{"ScalingActivityInProgress", Kind::kConflict},
    ErrorCodeRow{"ResourceContention", Kind::kConflict},
    ErrorCodeRow{"IncorrectState", Kind::kConflict},
    ErrorCodeRow{"IncorrectInstanceState", Kind::kConflict},
    ErrorCodeRow{"OperationInProgress", Kind::kConflict},
    ErrorCodeRow{"ConcurrentModification*", Kind::kConflict},
    ErrorCodeRow{"EntityTemporarilyUnmodifiable", Kind::kConflict},
    ErrorCodeRow{"InvalidSubnet.Conflict", Kind::kNameTaken},
    ErrorCodeRow{"*.Duplicate", Kind::kNameTaken},
    ErrorCodeRow{"Duplicate*", Kind::kNameTaken},
    ErrorCodeRow{"*AlreadyExists", Kind::kNameTaken},
    ErrorCodeRow{"AlreadyExists*", Kind::kNameTaken},
    ErrorCodeRow{"*AlreadyExistsException", Kind::kNameTaken},
    ErrorCodeRow{"*.AlreadyAssociated", Kind::kNameTaken},
    // What is not there. A bad image id comes from the config.
    ErrorCodeRow{"InvalidAMIID*", Kind::kInvalid},
    ErrorCodeRow{"*.NotFound", Kind::kNotFound},
    ErrorCodeRow{"*NotFound", Kind::kNotFound},
    ErrorCodeRow{"NotFound*", Kind::kNotFound},
    ErrorCodeRow{"*NotFoundException", Kind::kNotFound},
    ErrorCodeRow{"NatGatewayNotFound", Kind::kNotFound},
    ErrorCodeRow{"NoSuch*", Kind::kNotFound},
    ErrorCodeRow{"Gateway.NotAttached", Kind::kNotFound},
    // Whether it was executed is not known, so the engine looks before it
    // repeats.
    ErrorCodeRow{"ServiceUnavailable*", Kind::kUnclear},
    ErrorCodeRow{"Unavailable", Kind::kUnclear},
    ErrorCodeRow{"InternalError", Kind::kUnclear},
    ErrorCodeRow{"InternalFailure", Kind::kUnclear},
    ErrorCodeRow{"InternalServer*", Kind::kUnclear},
    ErrorCodeRow{"ServerInternal", Kind::kUnclear},
    // Our mistake, or the config's.
    ErrorCodeRow{"Invalid*", Kind::kInvalid},
    ErrorCodeRow{"Malformed*", Kind::kInvalid},
    ErrorCodeRow{"Missing*", Kind::kInvalid},
    ErrorCodeRow{"Validation*", Kind::kInvalid},
    ErrorCodeRow{"IdempotentParameterMismatch", Kind::kInvalid},
    ErrorCodeRow{"Unknown*", Kind::kInvalid},
};

// An error answer in the one form that all services' are brought into.
struct Words {
  std::string code = {};
  std::string message = {};
  std::string request_id = {};
};

// `text` cut to `most` octets, never inside of a character: it goes into JSON
// output.
std::string Cut(std::string text, size_t most) {
  if (text.size() > most) {
    text.resize(most);
    while (!text.empty() && !IsUtf8(text)) {
      text.pop_back();
    }
    text += "...";
  }
  return text;
}

// The three shapes of the query services: Response/Errors/Error (EC2),
// ErrorResponse/Error (most others), and Error alone (S3). What does not parse
// is an error without words.
Words FromXml(std::string_view body) {
  Words words;
  const auto document = XmlDocument::Parse(body.substr(0, kMaxError));
  if (!document.ok()) {
    return words;
  }
  const XmlElement root = document->root();
  XmlElement error = root.At("Errors/Error");
  if (!error) {
    error = root.At("Error");
  }
  if (!error && root.Name() == "Error") {
    error = root;
  }
  words = {.code = error.Text("Code"), .message = error.Text("Message")};
  for (const char* name : {"RequestID", "RequestId"}) {
    if (words.request_id.empty()) {
      words.request_id = root.Text(name);
    }
  }
  return words;
}

// EBS direct and other JSON services: the header names the code, else the body
// does, under one of several names.
Words FromJson(const HttpResponse& response) {
  Words words;
  const auto json = ParseJsonObject(response.body, "error", kMaxError);
  if (json.ok()) {
    for (const auto& [key, target] :
         {std::pair("__type", &words.code), std::pair("code", &words.code),
          std::pair("message", &words.message),
          std::pair("Message", &words.message)}) {
      const auto found = json->find(key);
      if (found != json->end() && found->is_string() && target->empty()) {
        *target = found->get<std::string>();
      }
    }
  }
  if (const auto type = response.Header("x-amzn-errortype")) {
    words.code = std::string(*type);
  }
  // "namespace#Code" and "Code:http://..." occur.
  if (const size_t hash = words.code.rfind('#'); hash != std::string::npos) {
    words.code.erase(0, hash + 1);
  }
  words.code.resize(std::min(words.code.find(':'), words.code.size()));
  return words;
}

// The first character tells the format; Content-Type is not reliable in errors
// that load balancers make. Codes and ids are cut: they come from outside and
// reach terminals and logs.
Words WordsOf(const HttpResponse& response) {
  const size_t first = response.body.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  Words words = first != std::string::npos && response.body[first] == '<'
                    ? FromXml(response.body)
                    : FromJson(response);
  for (const char* name : {"x-amzn-requestid", "x-amz-request-id"}) {
    const auto id = response.Header(name);
    if (words.request_id.empty() && id) {
      words.request_id = std::string(*id);
    }
  }
  words.code = Cut(words.code, 200);
  words.request_id = Cut(words.request_id, 200);
  return words;
}

// What the status alone tells, for bodies that say nothing.
Kind KindByStatus(int status) {
  switch (status) {
    case 401:
      return Kind::kBadCredentials;
    case 403:
      return Kind::kPermission;
    case 404:
      return Kind::kNotFound;
    case 409:
      return Kind::kConflict;
    case 429:
      return Kind::kThrottled;
    default:
      return status >= 500 ? Kind::kUnclear : Kind::kInvalid;
  }
}

// "... not authorized to perform: iam:PassRole on resource ..."
std::string ActionInMessage(std::string_view message) {
  constexpr std::string_view kMark = "perform: ";
  const size_t at = message.find(kMark);
  if (at == std::string_view::npos) {
    return "";
  }
  const std::string_view rest = message.substr(at + kMark.size());
  const size_t end = rest.find_first_not_of(
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:");
  const std::string_view action = rest.substr(0, end);
  return action.find(':') == std::string_view::npos ? "" : std::string(action);
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Some codes cover what is final and what passes by itself.
// Auto Scaling and IAM share one code among many faults, so the text has to
// decide.
Kind Refine(Kind kind, const Words& words) {
  if (Contains(words.message, "Invalid IAM Instance Profile") ||
      Contains(words.message, "invalid IAM instance profile")) {
    return Kind::kConflict;  // EC2 does not see it yet
  }
  if (kind == Kind::kInvalid && Contains(words.message, "has been taken")) {
    return Kind::kNameTaken;  // service-linked roles
  }
  if (kind == Kind::kInvalid && (Contains(words.message, "InstanceType") ||
                                 Contains(words.message, "instance type"))) {
    return Kind::kUnsupportedType;  // "Invalid value 'x' for InstanceType"
  }
  if (kind == Kind::kInvalid &&
      (Contains(words.message, "parameter availabilityZone is invalid") ||
       Contains(words.message, "nvalid availability zone"))) {
    return Kind::kUnsupportedRegion;
  }
  if (kind == Kind::kInvalid && words.code == "ValidationError" &&
      Contains(words.message, "not found")) {
    return Kind::kNotFound;  // Auto Scaling has no code for it
  }
  return kind;
}

}  // namespace

// The code alone: what the retrying transport classifies by.
std::string ErrorCode(const HttpResponse& response) {
  return response.status < 400 ? "" : WordsOf(response).code;
}

CloudError DecodeError(const HttpResponse& response,
                       std::string_view permission) {
  const Words words = WordsOf(response);
  Kind kind = ClassifyErrorCode(kThrottles, words.code);
  if (kind == Kind::kUnknown) {
    kind = ClassifyErrorCode(kCodes, words.code);
  }
  if (kind == Kind::kUnknown) {
    kind = KindByStatus(response.status);
  }
  CloudError error{.kind = Refine(kind, words),
                   .code = words.code,
                   .message = Cut(words.message, kMaxMessage),
                   .request_id = words.request_id};
  if (error.message.empty()) {
    error.message =
        fmt::format("{}: HTTP status {}", permission, response.status);
  }
  if (error.kind == Kind::kPermission) {
    error.subject = ActionInMessage(words.message);
    if (error.subject.empty()) {
      error.subject = std::string(permission);
    }
  } else if (error.kind == Kind::kQuota) {
    error.subject = words.code;
  }
  return error;
}

CloudError DecodeActivity(std::string_view status_message) {
  // A phrase of an activity's text, and what it means.
  struct Phrase {
    std::string_view text;
    Kind kind;
  };
  // Activities have no code, only text for people. The narrower phrases stand
  // first.
  constexpr std::array kPhrases = {
      Phrase{"Invalid IAM Instance Profile", Kind::kUnclear},
      Phrase{"InsufficientInstanceCapacity", Kind::kCapacity},
      Phrase{"do not have sufficient", Kind::kCapacity},
      Phrase{"insufficient capacity", Kind::kCapacity},
      Phrase{"RequestLimitExceeded", Kind::kThrottled},
      Phrase{"equest limit exceeded", Kind::kThrottled},
      Phrase{"VcpuLimitExceeded", Kind::kQuota},
      Phrase{"vCPU capacity", Kind::kQuota},
      Phrase{"vCPU limit", Kind::kQuota},
      Phrase{"LimitExceeded", Kind::kQuota},
      Phrase{"exceed", Kind::kQuota},
      Phrase{"not authorized", Kind::kPermission},
      Phrase{"UnauthorizedOperation", Kind::kPermission},
      Phrase{"Access denied", Kind::kPermission},
      Phrase{"not supported", Kind::kUnsupportedType},
      Phrase{"Unsupported", Kind::kUnsupportedType},
      Phrase{"does not support", Kind::kUnsupportedType},
      Phrase{"AMI", Kind::kInvalid},
  };
  CloudError error{.kind = Kind::kLateFailure,
                   .message = Cut(std::string(status_message), kMaxMessage)};
  for (const Phrase& phrase : kPhrases) {
    if (Contains(status_message, phrase.text)) {
      error.kind = phrase.kind;
      break;
    }
  }
  if (error.kind == Kind::kPermission) {
    error.subject = ActionInMessage(status_message);
  }
  return error;
}

AnswerClass ClassifyAnswer(const HttpResponse& response) {
  if (response.status < 400) {
    return AnswerClass::kFinal;
  }
  const std::string code = ErrorCode(response);
  if (ClassifyErrorCode(kThrottles, code) == Kind::kThrottled) {
    return AnswerClass::kThrottled;
  }
  // No machine of a type is an answer, not a fault of the server's.
  return ClassifyErrorCode(kCodes, code) == Kind::kCapacity
             ? AnswerClass::kFinal
             : ClassifyByStatus(response);
}

bool IsExpired(const HttpResponse& response) {
  const std::string code = ErrorCode(response);
  return code.starts_with("ExpiredToken") || code == "RequestExpired" ||
         code == "TokenRefreshRequired" || code == "InvalidClientTokenId" ||
         code == "AuthFailure" || code == "UnrecognizedClientException";
}

bool IsClockSkew(const HttpResponse& response) {
  const Words words = WordsOf(response);
  return words.code == "RequestTimeTooSkewed" ||
         words.code == "RequestInTheFuture" || words.code == "RequestExpired" ||
         Contains(words.message, "not yet current") ||
         Contains(words.message, "Signature expired");
}

}  // namespace constellation::cloud::aws
