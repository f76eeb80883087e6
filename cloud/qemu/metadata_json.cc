// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/metadata_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "cloud/json_fields.h"
#include "common/ipv4.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

using nlohmann::json;

bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

// Lower case, as the kernel prints it: it is compared with that.
bool IsMac(std::string_view text) {
  if (text.size() != 17) {
    return false;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (i % 3 == 2 ? text[i] != ':' : !IsHexDigit(text[i])) {
      return false;
    }
  }
  return true;
}

// Visible ASCII only: these words end up in logs, labels and file names.
bool IsPlain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c < 0x7f; });
}

bool IsUid(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                  (c >= 'A' && c <= 'Z') || c == '-';
         });
}

// The hash of the init secret is left out where it is empty: only a node itself
// is told it.
json ToJson(const InstanceMetadata& instance) {
  json object = {{"name", instance.name},
                 {"role", NodeRoleName(instance.role)},
                 {"uid", instance.uid},
                 {"providerID", instance.provider_id},
                 {"zone", instance.zone},
                 {"clusterIP", instance.cluster_ip},
                 {"clusterPrefixLength", instance.cluster_prefix_length},
                 {"clusterMAC", instance.cluster_mac},
                 {"timeScale", instance.time_scale}};
  if (!instance.init_secret_sha256.empty()) {
    object["initSecretSHA256"] = instance.init_secret_sha256;
  }
  return object;
}

// What the node later puts into names, addresses and files of its system.
void CheckSyntax(const InstanceMetadata& instance, JsonFields& fields) {
  if (!IsNodeName(instance.name)) {
    fields.Reject("name", "not a host name of one label");
  }
  if (!IsUid(instance.uid)) {
    fields.Reject("uid", "want 1 to 64 of [a-zA-Z0-9-]");
  }
  if (!IsPlain(instance.provider_id)) {
    fields.Reject("providerID", "holds spaces or control characters");
  }
  if (!IsPlain(instance.zone)) {
    fields.Reject("zone", "holds spaces or control characters");
  }
  if (!ParseIpv4(instance.cluster_ip)) {
    fields.Reject("clusterIP", "not an IPv4 address");
  }
  if (!instance.cluster_mac.empty() && !IsMac(instance.cluster_mac)) {
    fields.Reject("clusterMAC", "not a MAC address");
  }
  if (!instance.init_secret_sha256.empty() &&
      !IsSha256Hex(instance.init_secret_sha256)) {
    fields.Reject("initSecretSHA256", "want 64 lower-case hex digits");
  }
}

// The service is the host's: nothing it says is trusted, all of it must have
// the right form.
absl::StatusOr<InstanceMetadata> FromJson(const json& object,
                                          std::string_view what) {
  JsonFields fields(object, what);
  InstanceMetadata instance;
  instance.name = fields.String("name", 63);
  const auto role = ParseNodeRole(fields.String("role", 32));
  instance.uid = fields.String("uid", 64);
  instance.provider_id = fields.String("providerID", 256);
  instance.zone = fields.String("zone", 64);
  instance.cluster_ip = fields.String("clusterIP", 15);
  instance.cluster_prefix_length =
      static_cast<unsigned>(fields.Unsigned("clusterPrefixLength", 8, 32));
  instance.cluster_mac = fields.String("clusterMAC", 17);
  instance.time_scale =
      static_cast<unsigned>(fields.Unsigned("timeScale", 1, 100));
  instance.init_secret_sha256 = fields.StringOr("initSecretSHA256", "", 64);
  if (role.ok()) {
    instance.role = *role;
  } else {
    fields.Reject("role", "want control-plane or worker");
  }
  CheckSyntax(instance, fields);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  return instance;
}

}  // namespace

bool IsSha256Hex(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), IsHexDigit);
}

std::string InstanceToJson(const InstanceMetadata& instance) {
  return ToJson(instance).dump();
}

std::string InstancesToJson(const std::vector<InstanceMetadata>& instances) {
  json array = json::array();
  for (const InstanceMetadata& instance : instances) {
    array.push_back(ToJson(instance));
  }
  return json({{"instances", array}}).dump();
}

absl::StatusOr<InstanceMetadata> ParseInstance(std::string_view text) {
  ASSIGN_OR_RETURN(const json object,
                   ParseJsonObject(text, "instance", kMaxMetadataAnswer));
  return FromJson(object, "instance");
}

absl::StatusOr<std::vector<InstanceMetadata>> ParseInstances(
    std::string_view text) {
  ASSIGN_OR_RETURN(const json object,
                   ParseJsonObject(text, "instances", kMaxMetadataAnswer));
  JsonFields fields(object, "answer");
  const json* array = fields.Array("instances", kMaxInstances);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  std::vector<InstanceMetadata> instances;
  instances.reserve(array->size());
  for (const json& element : *array) {
    ASSIGN_OR_RETURN(
        InstanceMetadata instance,
        FromJson(element, fmt::format("instances[{}]", instances.size())));
    instances.push_back(std::move(instance));
  }
  return instances;
}

std::string EndpointToJson(std::string_view endpoint) {
  return json({{"endpoint", endpoint}}).dump();
}

absl::StatusOr<std::string> ParseEndpoint(std::string_view text) {
  ASSIGN_OR_RETURN(const json object,
                   ParseJsonObject(text, "endpoint", kMaxMetadataAnswer));
  JsonFields fields(object, "answer");
  std::string endpoint = fields.String("endpoint", 32);
  const size_t colon = endpoint.find(':');
  uint16_t port = 0;
  const char* const end = endpoint.data() + endpoint.size();
  if (colon == std::string::npos || !ParseIpv4(endpoint.substr(0, colon)) ||
      std::from_chars(endpoint.data() + colon + 1, end, port).ptr != end ||
      port == 0) {
    fields.Reject("endpoint", "want <IPv4 address>:<port>");
  }
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  return endpoint;
}

std::string EnrolledTpmsToJson(std::string_view array) {
  return fmt::format("{{\"enrolledTPMs\":{}}}", array);
}

absl::StatusOr<std::string> ParseEnrolledTpms(std::string_view text) {
  ASSIGN_OR_RETURN(const json object,
                   ParseJsonObject(text, "enrolled TPMs", kMaxMetadataAnswer));
  JsonFields fields(object, "answer");
  const json* array = fields.Array("enrolledTPMs", kMaxInstances);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  return array->dump();
}

absl::Status CheckJsonArray(std::string_view text) {
  if (text.size() > kMaxMetadataAnswer / 2) {
    return InvalidArgument(fmt::format("{} octets, at most {} are allowed",
                                       text.size(), kMaxMetadataAnswer / 2));
  }
  const json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!IsShallowJson(text) || !value.is_array()) {
    return InvalidArgument("want a JSON array");
  }
  return absl::OkStatus();
}

absl::Status CheckBootStatus(std::string_view text) {
  return ParseJsonObject(text, "boot status", kMaxBootStatus).status();
}

}  // namespace constellation::cloud::qemu
