// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/cloud_profile.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include "attestation/policy/json_fields.h"
#include "attestation/policy/json_reader.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxNumber = std::numeric_limits<uint64_t>::max();
constexpr uint64_t kMaxHclVersion = 2;
constexpr uint64_t kMaxAgeSeconds = 86400;
// A signer's certificate lives for three hours; documents are made on demand.
constexpr uint64_t kDefaultAgeSeconds = 300;

constexpr std::string_view kAzureKeys[] = {
    "allowConsole",      "allowPersistedTpm", "minimumHclVersion",
    "requireSecureBoot", "requireUserData",   "vmIds"};
constexpr std::string_view kGcpKeys[] = {"anyTechnology",
                                         "insecureAnyProject",
                                         "insecureRoots",
                                         "instanceIds",
                                         "instanceNames",
                                         "minimumSecurityVersion",
                                         "projectIds",
                                         "projectNumbers",
                                         "requireProduction",
                                         "requireRevocationList",
                                         "zones"};
constexpr std::string_view kAwsKeys[] = {
    "insecureAllowDebug",   "insecureAnyPcrs", "insecureRoots",
    "maximumAgeSeconds",    "moduleIds",       "pcrs",
    "requireRevocationList"};
constexpr std::string_view kAwsPcrKeys[] = {
    "0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",  "8",  "9",  "10", "11",
    "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23"};
// As kRequiredPcrs of policy.h, in the document's SHA-384 bank.
constexpr uint32_t kNitroTpmPcrs[] = {4, 8, 9, 11, 12, 13, 14};
constexpr uint32_t kEnclavePcrs[] = {0, 1, 2};

// Registers 0 to 23 of the document's SHA-384 bank; each may have several good
// values, for the time of an update.
absl::Status ReadAwsPcrs(const JsonObject& object, NitroPolicy& policy) {
  if (!object.Has("pcrs")) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Json* value, object.Value("pcrs"));
  ASSIGN_OR_RETURN(const JsonObject pcrs,
                   JsonObject::Of(*value, object.PlaceOf("pcrs"), kAwsPcrKeys));
  for (uint32_t index = 0; index < std::size(kAwsPcrKeys); ++index) {
    if (pcrs.Has(kAwsPcrKeys[index])) {
      ASSIGN_OR_RETURN(policy.pcrs[index],
                       HexList<48>(pcrs, kAwsPcrKeys[index]));
    }
  }
  return absl::OkStatus();
}

// A register that a profile forgets accepts anything there. So those that carry
// the image must be named, or the profile must say that it does not care.
absl::Status CheckAwsPcrs(const NitroPolicy& policy, const std::string& place,
                          std::span<const uint32_t> required) {
  if (policy.any_pcrs) {
    if (!policy.pcrs.empty()) {
      return InvalidArgument(
          fmt::format("{}.insecureAnyPcrs: contradicts pcrs", place));
    }
    return absl::OkStatus();
  }
  for (const uint32_t index : required) {
    if (!policy.pcrs.contains(index)) {
      return InvalidArgument(fmt::format("{}.pcrs.{}: missing; want all of {}",
                                         place, index,
                                         fmt::join(required, ", ")));
    }
  }
  return absl::OkStatus();
}

}  // namespace

// Compared as they are written: the members are structs of other folders, and a
// field that is never written cannot matter to a reader.
bool AzureProfile::operator==(const AzureProfile& other) const {
  return ToJsonValue(*this) == ToJsonValue(other);
}
bool GcpProfile::operator==(const GcpProfile& other) const {
  return ToJsonValue(*this) == ToJsonValue(other);
}
bool AwsProfile::operator==(const AwsProfile& other) const {
  return ToJsonValue(*this) == ToJsonValue(other);
}

// Version 2 of the HCL report is the newest known. The defaults that allow a
// console or a persisted TPM are those of every Azure CVM today; secure boot is
// on by default because all images can have it.
absl::StatusOr<AzureProfile> ReadAzureProfile(const nlohmann::json& value,
                                              const std::string& place) {
  ASSIGN_OR_RETURN(const JsonObject object,
                   JsonObject::Of(value, place, kAzureKeys));
  AzureProfile profile;
  AzurePolicy& policy = profile.policy;
  ASSIGN_OR_RETURN(const std::optional<uint64_t> version,
                   OptionalNumber(object, "minimumHclVersion", kMaxHclVersion));
  policy.minimum_hcl_version = static_cast<uint32_t>(
      version.value_or(AzurePolicy().minimum_hcl_version));
  ASSIGN_OR_RETURN(policy.require_secure_boot,
                   BoolOr(object, "requireSecureBoot", true));
  ASSIGN_OR_RETURN(policy.allow_console, BoolOr(object, "allowConsole", true));
  ASSIGN_OR_RETURN(policy.allow_persisted_tpm,
                   BoolOr(object, "allowPersistedTpm", true));
  ASSIGN_OR_RETURN(profile.require_user_data,
                   BoolOr(object, "requireUserData", false));
  ASSIGN_OR_RETURN(policy.vm_ids, StringList(object, "vmIds"));
  return profile;
}

// Google's certificate says which instance holds the key, but anybody can rent
// an instance. A profile without project or instance would accept every
// customer's.
absl::StatusOr<GcpProfile> ReadGcpProfile(const nlohmann::json& value,
                                          const std::string& place) {
  ASSIGN_OR_RETURN(const JsonObject object,
                   JsonObject::Of(value, place, kGcpKeys));
  GcpProfile profile;
  GcpPolicy& policy = profile.policy;
  ASSIGN_OR_RETURN(policy.any_technology,
                   BoolOr(object, "anyTechnology", false));
  ASSIGN_OR_RETURN(profile.insecure_any_project,
                   BoolOr(object, "insecureAnyProject", false));
  ASSIGN_OR_RETURN(profile.insecure_roots,
                   HexList<32>(object, "insecureRoots"));
  ASSIGN_OR_RETURN(policy.project_ids, StringList(object, "projectIds"));
  ASSIGN_OR_RETURN(policy.project_numbers,
                   NumberList(object, "projectNumbers", kMaxNumber));
  ASSIGN_OR_RETURN(policy.zones, StringList(object, "zones"));
  ASSIGN_OR_RETURN(policy.instance_ids,
                   NumberList(object, "instanceIds", kMaxNumber));
  ASSIGN_OR_RETURN(policy.instance_names, StringList(object, "instanceNames"));
  ASSIGN_OR_RETURN(policy.require_production,
                   BoolOr(object, "requireProduction", true));
  ASSIGN_OR_RETURN(profile.require_revocation_list,
                   BoolOr(object, "requireRevocationList", false));
  ASSIGN_OR_RETURN(
      policy.minimum_security_version,
      OptionalNumber(object, "minimumSecurityVersion", kMaxNumber));
  const bool named = !policy.project_ids.empty() ||
                     !policy.project_numbers.empty() ||
                     !policy.instance_ids.empty();
  if (!named && !profile.insecure_any_project) {
    return InvalidArgument(fmt::format(
        "{}: accepts machines of any customer: want projectIds, projectNumbers "
        "or instanceIds (or insecureAnyProject, for tests)",
        place));
  }
  return profile;
}

// The age bounds replays of documents whose nonce the caller did not choose: it
// is at most a day because a signer lives for hours.
absl::StatusOr<AwsProfile> ReadAwsProfile(const nlohmann::json& value,
                                          const std::string& place,
                                          bool enclave) {
  ASSIGN_OR_RETURN(const JsonObject object,
                   JsonObject::Of(value, place, kAwsKeys));
  AwsProfile profile;
  NitroPolicy& policy = profile.policy;
  policy.kind = enclave ? NitroKind::kEnclave : NitroKind::kNitroTpm;
  ASSIGN_OR_RETURN(policy.allow_debug,
                   BoolOr(object, "insecureAllowDebug", false));
  ASSIGN_OR_RETURN(policy.any_pcrs, BoolOr(object, "insecureAnyPcrs", false));
  ASSIGN_OR_RETURN(profile.insecure_roots,
                   HexList<32>(object, "insecureRoots"));
  ASSIGN_OR_RETURN(const std::optional<uint64_t> age,
                   OptionalNumber(object, "maximumAgeSeconds", kMaxAgeSeconds));
  profile.max_age =
      absl::Seconds(static_cast<int64_t>(age.value_or(kDefaultAgeSeconds)));
  ASSIGN_OR_RETURN(profile.require_revocation_list,
                   BoolOr(object, "requireRevocationList", false));
  ASSIGN_OR_RETURN(policy.module_ids, StringList(object, "moduleIds"));
  RETURN_IF_ERROR(ReadAwsPcrs(object, policy));
  RETURN_IF_ERROR(CheckAwsPcrs(
      policy, place,
      enclave ? std::span<const uint32_t>(kEnclavePcrs) : kNitroTpmPcrs));
  return profile;
}

// What has its default is left out, so that a profile which demands nothing
// special stays short and equal profiles give equal text.
nlohmann::json ToJsonValue(const AzureProfile& profile) {
  const AzurePolicy& policy = profile.policy;
  Json value = Json::object();
  if (policy.minimum_hcl_version != AzurePolicy().minimum_hcl_version) {
    value["minimumHclVersion"] = policy.minimum_hcl_version;
  }
  PutBool(value, "requireSecureBoot", policy.require_secure_boot, true);
  PutBool(value, "allowConsole", policy.allow_console, true);
  PutBool(value, "allowPersistedTpm", policy.allow_persisted_tpm, true);
  PutBool(value, "requireUserData", profile.require_user_data, false);
  PutList(value, "vmIds", policy.vm_ids);
  return value;
}

nlohmann::json ToJsonValue(const GcpProfile& profile) {
  const GcpPolicy& policy = profile.policy;
  Json value = Json::object();
  PutBool(value, "anyTechnology", policy.any_technology, false);
  PutBool(value, "insecureAnyProject", profile.insecure_any_project, false);
  PutHexList(value, "insecureRoots", profile.insecure_roots);
  PutList(value, "projectIds", policy.project_ids);
  PutList(value, "projectNumbers", policy.project_numbers);
  PutList(value, "zones", policy.zones);
  PutList(value, "instanceIds", policy.instance_ids);
  PutList(value, "instanceNames", policy.instance_names);
  PutBool(value, "requireProduction", policy.require_production, true);
  PutBool(value, "requireRevocationList", profile.require_revocation_list,
          false);
  if (policy.minimum_security_version.has_value()) {
    value["minimumSecurityVersion"] = *policy.minimum_security_version;
  }
  return value;
}

nlohmann::json ToJsonValue(const AwsProfile& profile) {
  const NitroPolicy& policy = profile.policy;
  Json value = Json::object();
  PutBool(value, "insecureAllowDebug", policy.allow_debug, false);
  PutBool(value, "insecureAnyPcrs", policy.any_pcrs, false);
  PutHexList(value, "insecureRoots", profile.insecure_roots);
  if (profile.max_age != absl::Seconds(kDefaultAgeSeconds)) {
    value["maximumAgeSeconds"] = absl::ToInt64Seconds(profile.max_age);
  }
  PutBool(value, "requireRevocationList", profile.require_revocation_list,
          false);
  PutList(value, "moduleIds", policy.module_ids);
  if (!policy.pcrs.empty()) {
    Json pcrs = Json::object();
    for (const auto& [index, values] : policy.pcrs) {
      PutHexList(pcrs, std::to_string(index), values);
    }
    value["pcrs"] = std::move(pcrs);
  }
  return value;
}

}  // namespace constellation::attestation
