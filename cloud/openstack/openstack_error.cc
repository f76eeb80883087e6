// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/openstack_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cloud/json_fields.h"

namespace constellation::cloud::openstack {
namespace {

using Kind = CloudErrorKind;
using nlohmann::json;

constexpr size_t kMaxErrorBody = size_t{256} << 10U;
constexpr size_t kMaxText = 300;

// Neutron's exception classes (neutron_lib.exceptions and the L3, security
// group and quota modules).
constexpr ErrorCodeRow kNeutronTypes[] = {
    {"OverQuota", Kind::kQuota},
    {"IpAddressGenerationFailure", Kind::kCapacity},
    {"ExternalIpAddressExhausted", Kind::kCapacity},
    {"IpAddressAlreadyAllocated", Kind::kConflict},
    {"IpAddressInUse", Kind::kConflict},
    {"RevisionNumberConstraintFailed", Kind::kConflict},
    {"RouterInterfaceNotFound*", Kind::kNotFound},
    {"SecurityGroupRuleExists", Kind::kNameTaken},
    {"ExternalGatewayForFloatingIPNotFound", Kind::kNotFound},
    {"PolicyNotAuthorized", Kind::kPermission},
    {"AvailabilityZoneNotFound", Kind::kUnsupportedRegion},
    {"RouterInterfaceInUse*", Kind::kDependency},
    {"FloatingIPPortAlreadyAssociated", Kind::kConflict},
    {"*InUse", Kind::kDependency},
    {"*NotFound", Kind::kNotFound},
};

// ASCII, whatever its case: services word the same thing differently.
bool Contains(std::string_view text, std::string_view word) {
  return std::search(text.begin(), text.end(), word.begin(), word.end(),
                     [](char a, char b) {
                       const auto lower = [](char c) {
                         return c >= 'A' && c <= 'Z'
                                    ? static_cast<char>(c - 'A' + 'a')
                                    : c;
                       };
                       return lower(a) == lower(b);
                     }) != text.end();
}

std::string TextAt(const json& object, const char* key) {
  if (!object.is_object()) {
    return "";
  }
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : "";
}

// Visible text of a page: tags left out, white space squeezed, bounded.
// Good enough for messages; it is not a sanitizer for HTML.
std::string PlainText(std::string_view page) {
  std::string text;
  bool in_tag = false;
  for (const char c : page.substr(0, 4 * kMaxText)) {
    if (c == '<' || c == '>') {
      in_tag = c == '<';
      continue;
    }
    const bool blank = c <= ' ' || c == 0x7f;
    if (in_tag || (blank && (text.empty() || text.back() == ' '))) {
      continue;
    }
    text += blank ? ' ' : c;
  }
  return text.substr(0, kMaxText);
}

// The order of the shapes matters: nova's has one key of any name, so it is
// last.
void ReadBody(const HttpResponse& response, CloudError& error) {
  const auto body = ParseJsonObject(response.body, "answer", kMaxErrorBody);
  if (!body.ok()) {
    error.message = PlainText(response.body);
    return;
  }
  if (const auto neutron = body->find("NeutronError"); neutron != body->end()) {
    error.code = TextAt(*neutron, "type");
    error.message = neutron->is_string() ? neutron->get<std::string>()
                                         : TextAt(*neutron, "message");
  } else if (body->contains("faultstring")) {
    error.message = TextAt(*body, "faultstring");
  } else if (body->contains("message")) {
    error.message = TextAt(*body, "message");
  } else if (body->size() == 1) {
    error.message = TextAt(*body->begin(), "message");
    error.code = body->begin().key() == "error"
                     ? TextAt(*body->begin(), "title")
                     : body->begin().key();
  }
  error.code = error.code.substr(0, 100);
  error.message = error.message.substr(0, 4 * kMaxText);
}

// No codes tell these apart, only words: what is used must wait for its user,
// what is busy passes by itself.
Kind KindOf409(std::string_view text) {
  // Nova: "Cannot 'delete' instance while it is in task_state"; octavia:
  // "is immutable and cannot be updated", "in use".
  const bool used = Contains(text, "in use") || Contains(text, "has ports") ||
                    Contains(text, "cannot be deleted because");
  return used ? Kind::kDependency : Kind::kConflict;
}

// Nova tells an exhausted quota with 403.
Kind KindOf403(std::string_view text) {
  return Contains(text, "quota") || Contains(text, "limit exceeded")
             ? Kind::kQuota
             : Kind::kPermission;
}

// What stands between `before` and the next of `after`, or the end; nothing if
// `before` is not there, or the end of it far away.
std::string Between(std::string_view text, std::string_view before,
                    std::string_view after) {
  const size_t start = text.find(before);
  if (start == std::string_view::npos) {
    return "";
  }
  const std::string_view rest = text.substr(start + before.size());
  const size_t end = rest.find_first_of(after);
  return std::min(end, rest.size()) > 100 ? ""
                                          : std::string(rest.substr(0, end));
}

// Which quota or permission, out of texts that the services have kept for
// years: nova and cinder (oslo.policy), neutron, octavia, keystone.
std::string SubjectOf(Kind kind, std::string_view text) {
  std::vector<std::pair<std::string_view, std::string_view>> marks;
  if (kind == Kind::kQuota) {
    marks = {{"for resources: ['", "'"},
             {"exceeded for quota '", "'"},
             {"met for resources: ", ",."},
             {"Quota exceeded for ", ":,."}};
  } else if (kind == Kind::kPermission) {
    marks = {{"Policy doesn't allow ", " "},
             {"(rule:", ")"},
             {"requested action: ", ". "}};
  }
  for (const auto& [before, after] : marks) {
    if (std::string subject = Between(text, before, after); !subject.empty()) {
      return subject;
    }
  }
  return "";
}

// A flavor that is not there, or that its image or host cannot serve.
bool IsAboutFlavor(std::string_view text) {
  return Contains(text, "flavorRef") || Contains(text, "Flavor's") ||
         Contains(text, "no flavor") ||
         (Contains(text, "Flavor ") && Contains(text, "could not be found"));
}

// Neutron's types say more than any status. 501 is a refusal, not a fault: the
// option is not there.
Kind KindOf(const HttpResponse& response, const CloudError& error) {
  const Kind by_type = ClassifyErrorCode(kNeutronTypes, error.code);
  if (by_type != Kind::kUnknown) {
    return by_type;
  }
  switch (response.status) {
    case 400:  // cinder refuses to delete what is attached with 400
      if (IsAboutFlavor(error.message)) {
        return Kind::kUnsupportedType;
      }
      if (Contains(error.message, "availability zone")) {
        return Kind::kUnsupportedRegion;
      }
      return Contains(error.message, "status must be") ? Kind::kConflict
                                                       : Kind::kInvalid;
    case 401:
      return Contains(error.message, "expired") ? Kind::kExpiredToken
                                                : Kind::kBadCredentials;
    case 403:
      return KindOf403(error.message);
    case 404:
    case 410:
      return Kind::kNotFound;
    case 409:
      return KindOf409(error.message);
    case 413:
      return ClassifyAnswer(response) == AnswerClass::kThrottled
                 ? Kind::kThrottled
                 : Kind::kQuota;
    case 429:
      return Kind::kThrottled;
    case 408:
      return Kind::kUnclear;
    default:
      // A proxy's 503 does not say whether the service behind it worked.
      return response.status >= 500 && response.status != 501 ? Kind::kUnclear
                                                              : Kind::kInvalid;
  }
}

}  // namespace

CloudError DecodeError(const HttpResponse& response) {
  CloudError error;
  ReadBody(response, error);
  error.kind = KindOf(response, error);
  error.subject = SubjectOf(error.kind, error.message);
  if (error.message.empty()) {
    error.message = fmt::format("HTTP status {}", response.status);
  }
  for (const std::string_view name :
       {"x-openstack-request-id", "x-compute-request-id"}) {
    if (const auto id = response.Header(name)) {
      error.request_id = std::string(id->substr(0, 100));
      break;
    }
  }
  return error;
}

AnswerClass ClassifyAnswer(const HttpResponse& response) {
  return response.status == 413 && response.Header("retry-after")
             ? AnswerClass::kThrottled
             : ClassifyByStatus(response);
}

}  // namespace constellation::cloud::openstack
