// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/api.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_replace.h"
#include "cloud/aws/sigv4.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;

// As forms have it (WHATWG URL, 5.2): a blank is '+'. AWS takes %20, too, but
// servers that decode and encode again before they check a signature do not.
std::string FormEncode(std::string_view text) {
  return absl::StrReplaceAll(UriEncode(text), {{"%20", "+"}});
}

// Appends "key=value", with the separator where one is needed.
void Put(std::string& out, std::string_view key, std::string_view value) {
  out += fmt::format("{}{}={}", out.empty() ? "" : "&", FormEncode(key),
                     FormEncode(value));
}

// The query protocol's names: members as "Parent.Child", elements as "Parent.1"
// (EC2) or "Parent.member.1" (the others), counted from one. Null and fractions
// are left out: no action of ours has them.
// Our own bodies nest five levels deep.
void Flatten(const Service& service, const std::string& key, const Json& value,
             std::string& out) {
  if (value.is_object()) {
    // EC2 counts from one directly, the others put "member" in between.
    for (const auto& [name, member] : value.items()) {
      Flatten(service, key.empty() ? name : key + "." + name, member, out);
    }
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) {
      Flatten(service, fmt::format("{}.{}{}", key, service.list_infix, i + 1),
              value[i], out);
    }
  } else if (value.is_boolean()) {
    Put(out, key, value.get<bool>() ? "true" : "false");
  } else if (value.is_number_integer()) {
    Put(out, key, std::to_string(value.get<int64_t>()));
  } else if (value.is_string()) {
    Put(out, key, value.get_ref<const std::string&>());
  }
}

}  // namespace

std::string EncodeForm(const Service& service, std::string_view action,
                       const Json& parameters) {
  std::string out;
  Put(out, "Action", action);
  Flatten(service, "", parameters, out);
  Put(out, "Version", service.version);
  return out;
}

std::string_view DomainOfRegion(std::string_view region) {
  return region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

std::string_view PartitionOfRegion(std::string_view region) {
  if (region.starts_with("cn-")) {
    return "aws-cn";
  }
  return region.starts_with("us-gov-") ? "aws-us-gov" : "aws";
}

std::string_view GlobalRegion(std::string_view region) {
  if (region.starts_with("cn-")) {
    return "cn-north-1";
  }
  return region.starts_with("us-gov-") ? "us-gov-west-1" : "us-east-1";
}

}  // namespace constellation::cloud::aws
