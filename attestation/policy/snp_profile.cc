// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/snp_profile.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

#include "attestation/policy/json_fields.h"
#include "attestation/policy/json_reader.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxOctet = std::numeric_limits<uint8_t>::max();
constexpr uint64_t kMaxVmpl = 3;
constexpr size_t kChipIdSizes[] = {64, 8};

constexpr std::string_view kKeys[] = {"allowMaskedChipId",
                                      "allowMigrationAgent",
                                      "allowVlek",
                                      "authorKeyDigests",
                                      "chipIds",
                                      "cspIds",
                                      "familyIds",
                                      "hostData",
                                      "idKeyDigests",
                                      "imageIds",
                                      "insecureAllowDebug",
                                      "insecureAnyMeasurement",
                                      "insecureRoots",
                                      "measurementCoversImage",
                                      "measurements",
                                      "minimumAbi",
                                      "minimumFirmware",
                                      "minimumGuestSvn",
                                      "products",
                                      "requireAes256Xts",
                                      "requireCiphertextHiding",
                                      "requireCxlForbidden",
                                      "requirePageSwapDisabled",
                                      "requirePlatformAliasCheck",
                                      "requirePlatformCiphertextHiding",
                                      "requirePlatformEcc",
                                      "requirePlatformRaplOff",
                                      "requirePlatformSmtOff",
                                      "requirePlatformTioOff",
                                      "requirePlatformTsme",
                                      "requireRaplOff",
                                      "requireRevocationList",
                                      "requireSingleSocket",
                                      "requireSmtForbidden",
                                      "requiredCurrentMitigations",
                                      "requiredLaunchMitigations",
                                      "vmpls"};
constexpr std::string_view kProductKeys[] = {"Genoa", "Milan", "Turin"};
constexpr std::string_view kFloorsKeys[] = {
    "minimumCommittedTCB", "minimumCurrentTCB", "minimumLaunchTCB",
    "minimumReportedTCB", "minimumTCB"};
constexpr std::string_view kFloorKeys[] = {"bootLoader", "fmc", "microcode",
                                           "snp", "tee"};
constexpr std::string_view kRootKeys[] = {"product", "spkiSHA256"};

// Booleans that are false unless given.
struct Switch {
  std::string_view key;
  bool SnpPolicy::*member;
};
constexpr Switch kSwitches[] = {
    {"insecureAllowDebug", &SnpPolicy::insecure_allow_debug},
    {"allowMigrationAgent", &SnpPolicy::allow_migration_agent},
    {"requireSmtForbidden", &SnpPolicy::require_smt_forbidden},
    {"requireSingleSocket", &SnpPolicy::require_single_socket},
    {"requireCxlForbidden", &SnpPolicy::require_cxl_forbidden},
    {"requireAes256Xts", &SnpPolicy::require_aes256_xts},
    {"requireRaplOff", &SnpPolicy::require_rapl_off},
    {"requireCiphertextHiding", &SnpPolicy::require_ciphertext_hiding},
    {"requirePageSwapDisabled", &SnpPolicy::require_page_swap_disabled},
    {"requirePlatformSmtOff", &SnpPolicy::require_platform_smt_off},
    {"requirePlatformTsme", &SnpPolicy::require_platform_tsme},
    {"requirePlatformEcc", &SnpPolicy::require_platform_ecc},
    {"requirePlatformRaplOff", &SnpPolicy::require_platform_rapl_off},
    {"requirePlatformCiphertextHiding",
     &SnpPolicy::require_platform_ciphertext_hiding},
    {"requirePlatformAliasCheck", &SnpPolicy::require_platform_alias_check},
    {"requirePlatformTioOff", &SnpPolicy::require_platform_tio_off},
    {"insecureAnyMeasurement", &SnpPolicy::insecure_any_measurement},
    {"allowMaskedChipId", &SnpPolicy::allow_masked_chip_id},
    {"allowVlek", &SnpPolicy::allow_vlek},
    {"requireRevocationList", &SnpPolicy::require_revocation_list}};

// Levels of a floor, in the order in which messages name what is missing.
struct Level {
  std::string_view key;
  std::optional<uint8_t> SnpTcbFloor::*member;
};
constexpr Level kLevels[] = {{"bootLoader", &SnpTcbFloor::boot_loader},
                             {"tee", &SnpTcbFloor::tee},
                             {"snp", &SnpTcbFloor::snp},
                             {"microcode", &SnpTcbFloor::microcode}};
struct OwnFloor {
  std::string_view key;
  std::optional<SnpTcbFloor> SnpTcbFloors::*member;
};
constexpr OwnFloor kOwnFloors[] = {
    {"minimumReportedTCB", &SnpTcbFloors::reported},
    {"minimumCurrentTCB", &SnpTcbFloors::current},
    {"minimumCommittedTCB", &SnpTcbFloors::committed},
    {"minimumLaunchTCB", &SnpTcbFloors::launch}};

// A word like "latest" would make the verdict depend on when and where it is
// asked; whoever writes the policy resolves it.
absl::StatusOr<uint8_t> ReadLevel(const JsonObject& floor,
                                  std::string_view key) {
  ASSIGN_OR_RETURN(const Json* value, floor.Value(key));
  if (value->is_string()) {
    return InvalidArgument(fmt::format(
        "{}: want a number from 0 to {}, got \"{}\": a level must be resolved "
        "when the policy is written",
        floor.PlaceOf(key), kMaxOctet,
        ShownText(value->get_ref<const std::string&>())));
  }
  ASSIGN_OR_RETURN(const uint64_t level, NumberUpTo(floor, key, kMaxOctet));
  return static_cast<uint8_t>(level);
}

// All levels must be there: one left out would silently be a floor of zero,
// that is none.
absl::StatusOr<SnpTcbFloor> ReadFloor(const JsonObject& floors,
                                      std::string_view key,
                                      SnpProduct product) {
  ASSIGN_OR_RETURN(const Json* value, floors.Value(key));
  ASSIGN_OR_RETURN(const JsonObject object,
                   JsonObject::Of(*value, floors.PlaceOf(key), kFloorKeys));
  SnpTcbFloor floor;
  for (const Level& level : kLevels) {
    ASSIGN_OR_RETURN(floor.*level.member, ReadLevel(object, level.key));
  }
  if (product == SnpProduct::kTurin) {
    ASSIGN_OR_RETURN(floor.fmc, ReadLevel(object, "fmc"));
  } else if (object.Has("fmc")) {
    return InvalidArgument(fmt::format("{}: only Turin has it, not {}",
                                       object.PlaceOf("fmc"),
                                       ToString(product)));
  }
  return floor;
}

// `minimumTCB` is the common floor; the others replace it, whole, for one of
// the four levels of a report.
absl::StatusOr<SnpTcbFloors> ReadFloors(const JsonObject& products,
                                        std::string_view name,
                                        SnpProduct product) {
  ASSIGN_OR_RETURN(const Json* value, products.Value(name));
  ASSIGN_OR_RETURN(const JsonObject object,
                   JsonObject::Of(*value, products.PlaceOf(name), kFloorsKeys));
  SnpTcbFloors floors;
  ASSIGN_OR_RETURN(floors.minimum, ReadFloor(object, "minimumTCB", product));
  for (const OwnFloor& own : kOwnFloors) {
    if (object.Has(own.key)) {
      ASSIGN_OR_RETURN(floors.*own.member, ReadFloor(object, own.key, product));
    }
  }
  return floors;
}

// Floors are per product, because a level of Turin and one of Milan are
// different firmware.
absl::Status ReadProducts(const JsonObject& profile, SnpPolicy& policy) {
  ASSIGN_OR_RETURN(const Json* value, profile.Value("products"));
  ASSIGN_OR_RETURN(
      const JsonObject object,
      JsonObject::Of(*value, profile.PlaceOf("products"), kProductKeys));
  for (const std::string_view name : kProductKeys) {
    if (object.Has(name)) {
      const SnpProduct product = SnpProductFromName(name).value();
      ASSIGN_OR_RETURN(policy.products[product],
                       ReadFloors(object, name, product));
    }
  }
  if (policy.products.empty()) {
    return InvalidArgument(fmt::format("{}: want at least one of {}",
                                       object.place(),
                                       fmt::join(kProductKeys, ", ")));
  }
  return absl::OkStatus();
}

// `count` numbers of an octet with dots between them.
absl::StatusOr<std::vector<uint8_t>> ReadVersion(const JsonObject& object,
                                                 std::string_view key,
                                                 size_t count) {
  ASSIGN_OR_RETURN(const std::string text, object.String(key));
  std::vector<uint8_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (numbers.size() < count) {
    uint8_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    const bool last = numbers.size() + 1 == count;
    if (error != std::errc() || (last ? next != end : next == end) ||
        (!last && *next != '.')) {
      break;
    }
    numbers.push_back(number);
    at = last ? next : next + 1;
  }
  if (numbers.size() != count) {
    return InvalidArgument(
        fmt::format("{}: want {} numbers from 0 to {} like \"{}\", got \"{}\"",
                    object.PlaceOf(key), count, kMaxOctet,
                    count == 2 ? "1.55" : "1.55.21", ShownText(text)));
  }
  return numbers;
}

// Firmware has three parts (1.55.21), the guest policy's ABI two (1.55).
absl::Status ReadVersions(const JsonObject& object, SnpPolicy& policy) {
  if (object.Has("minimumFirmware")) {
    ASSIGN_OR_RETURN(const std::vector<uint8_t> parts,
                     ReadVersion(object, "minimumFirmware", 3));
    policy.minimum_firmware = {
        .major = parts[0], .minor = parts[1], .build = parts[2]};
  }
  if (object.Has("minimumAbi")) {
    ASSIGN_OR_RETURN(const std::vector<uint8_t> parts,
                     ReadVersion(object, "minimumAbi", 2));
    policy.minimum_abi = {.major = parts[0], .minor = parts[1]};
  }
  return absl::OkStatus();
}

// An absent `vmpls` keeps its default, level 0: the guest itself, not something
// that runs below it in the same VM.
absl::Status ReadGuest(const JsonObject& object, SnpPolicy& policy) {
  ASSIGN_OR_RETURN(policy.measurements, HexList<48>(object, "measurements"));
  ASSIGN_OR_RETURN(policy.host_data, HexList<32>(object, "hostData"));
  ASSIGN_OR_RETURN(policy.family_ids, HexList<16>(object, "familyIds"));
  ASSIGN_OR_RETURN(policy.image_ids, HexList<16>(object, "imageIds"));
  ASSIGN_OR_RETURN(policy.id_key_digests, HexList<48>(object, "idKeyDigests"));
  ASSIGN_OR_RETURN(policy.author_key_digests,
                   HexList<48>(object, "authorKeyDigests"));
  ASSIGN_OR_RETURN(const std::vector<uint64_t> vmpls,
                   NumberList(object, "vmpls", kMaxVmpl));
  if (!vmpls.empty()) {
    policy.vmpls.assign(vmpls.begin(), vmpls.end());
  }
  ASSIGN_OR_RETURN(const std::optional<uint64_t> svn,
                   OptionalNumber(object, "minimumGuestSvn",
                                  std::numeric_limits<uint32_t>::max()));
  policy.minimum_guest_svn = static_cast<uint32_t>(svn.value_or(0));
  constexpr uint64_t kAny = std::numeric_limits<uint64_t>::max();
  ASSIGN_OR_RETURN(const std::optional<uint64_t> launch,
                   OptionalNumber(object, "requiredLaunchMitigations", kAny));
  policy.required_launch_mitigations = launch.value_or(0);
  ASSIGN_OR_RETURN(const std::optional<uint64_t> current,
                   OptionalNumber(object, "requiredCurrentMitigations", kAny));
  policy.required_current_mitigations = current.value_or(0);
  return absl::OkStatus();
}

// Test roots are bound to a product, as AMD's are: a Milan root must not vouch
// for a report that calls itself Turin's.
absl::Status ReadRoots(const JsonObject& object, SnpPolicy& policy) {
  if (!object.Has("insecureRoots")) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Json* array, object.Array("insecureRoots"));
  constexpr size_t kMaxRoots = 16;
  if (array->empty() || array->size() > kMaxRoots) {
    return InvalidArgument(fmt::format("{}: want 1 to {} roots, got {}",
                                       object.PlaceOf("insecureRoots"),
                                       kMaxRoots, array->size()));
  }
  for (size_t i = 0; i < array->size(); ++i) {
    ASSIGN_OR_RETURN(
        const JsonObject entry,
        JsonObject::Of(
            (*array)[i],
            fmt::format("{}[{}]", object.PlaceOf("insecureRoots"), i),
            kRootKeys));
    SnpRoot root;
    ASSIGN_OR_RETURN(const std::string name, entry.String("product"));
    const auto known = std::ranges::find(kProductKeys, name);
    if (known == std::end(kProductKeys)) {
      return InvalidArgument(fmt::format(
          "{}: want one of {}, got \"{}\"", entry.PlaceOf("product"),
          fmt::join(kProductKeys, ", "), ShownText(name)));
    }
    root.product = SnpProductFromName(name).value();
    ASSIGN_OR_RETURN(const Bytes digest,
                     entry.Hex("spkiSHA256", root.spki_sha256.size()));
    std::ranges::copy(digest, root.spki_sha256.begin());
    if (std::ranges::find(policy.more_roots, root) != policy.more_roots.end()) {
      return InvalidArgument(fmt::format("{}: given twice", entry.place()));
    }
    policy.more_roots.push_back(root);
  }
  return absl::OkStatus();
}

// An ID or author key of the owner's names the guest as well as its
// measurement: the firmware compared the signed digest at launch (AMD 56860,
// SNP_LAUNCH_FINISH).
bool KeysVouch(const SnpPolicy& policy) {
  return !policy.id_key_digests.empty() || !policy.author_key_digests.empty();
}

// Rules between keys.
absl::Status CheckWhole(const SnpProfile& profile, const std::string& place) {
  const SnpPolicy& policy = profile.policy;
  if (policy.measurements.empty() && !KeysVouch(policy) &&
      !policy.insecure_any_measurement) {
    return InvalidArgument(
        fmt::format("{}: accepts any guest: want measurements, idKeyDigests or "
                    "authorKeyDigests (or insecureAnyMeasurement, for tests)",
                    place));
  }
  if (!policy.measurements.empty() && policy.insecure_any_measurement) {
    return InvalidArgument(fmt::format(
        "{}.insecureAnyMeasurement: contradicts measurements", place));
  }
  if (profile.measurement_covers_image && policy.measurements.empty()) {
    return InvalidArgument(fmt::format(
        "{}.measurementCoversImage: there are no measurements", place));
  }
  if (!policy.csp_ids.empty() && !policy.allow_vlek) {
    return InvalidArgument(
        fmt::format("{}.cspIds: only VLEKs have one; set allowVlek", place));
  }
  return absl::OkStatus();
}

Json ToJsonValue(const SnpTcbFloor& floor) {
  Json value = Json::object();
  for (const Level& level : kLevels) {
    if ((floor.*level.member).has_value()) {
      value[std::string(level.key)] = *(floor.*level.member);
    }
  }
  if (floor.fmc.has_value()) {
    value["fmc"] = *floor.fmc;
  }
  return value;
}

Json ToJsonValue(const SnpTcbFloors& floors) {
  Json value = {{"minimumTCB", ToJsonValue(floors.minimum)}};
  for (const OwnFloor& own : kOwnFloors) {
    if ((floors.*own.member).has_value()) {
      value[std::string(own.key)] = ToJsonValue(*(floors.*own.member));
    }
  }
  return value;
}

}  // namespace

bool SnpProfile::operator==(const SnpProfile& other) const {
  return attestation::ToJsonValue(*this) == attestation::ToJsonValue(other);
}

absl::StatusOr<SnpProfile> ReadSnpProfile(const nlohmann::json& value,
                                          const std::string& place) {
  ASSIGN_OR_RETURN(const JsonObject object,
                   JsonObject::Of(value, place, kKeys));
  SnpProfile profile;
  SnpPolicy& policy = profile.policy;
  RETURN_IF_ERROR(ReadProducts(object, policy));
  for (const Switch& one : kSwitches) {
    ASSIGN_OR_RETURN(policy.*one.member, BoolOr(object, one.key, false));
  }
  ASSIGN_OR_RETURN(profile.measurement_covers_image,
                   BoolOr(object, "measurementCoversImage", false));
  RETURN_IF_ERROR(ReadVersions(object, policy));
  RETURN_IF_ERROR(ReadGuest(object, policy));
  ASSIGN_OR_RETURN(policy.chip_ids, BytesList(object, "chipIds", kChipIdSizes));
  ASSIGN_OR_RETURN(policy.csp_ids, StringList(object, "cspIds"));
  RETURN_IF_ERROR(ReadRoots(object, policy));
  RETURN_IF_ERROR(CheckWhole(profile, place));
  return profile;
}

nlohmann::json ToJsonValue(const SnpProfile& profile) {
  const SnpPolicy& policy = profile.policy;
  Json value = Json::object();
  for (const auto& [product, floors] : policy.products) {
    value["products"][std::string(ToString(product))] = ToJsonValue(floors);
  }
  for (const Switch& one : kSwitches) {
    PutBool(value, one.key, policy.*one.member, false);
  }
  PutBool(value, "measurementCoversImage", profile.measurement_covers_image,
          false);
  if (policy.minimum_firmware.has_value()) {
    value["minimumFirmware"] = ToString(*policy.minimum_firmware);
  }
  if (policy.minimum_abi.has_value()) {
    value["minimumAbi"] = fmt::format("{}.{}", policy.minimum_abi->major,
                                      policy.minimum_abi->minor);
  }
  PutHexList(value, "measurements", policy.measurements);
  PutHexList(value, "hostData", policy.host_data);
  PutHexList(value, "familyIds", policy.family_ids);
  PutHexList(value, "imageIds", policy.image_ids);
  PutHexList(value, "idKeyDigests", policy.id_key_digests);
  PutHexList(value, "authorKeyDigests", policy.author_key_digests);
  if (policy.vmpls != SnpPolicy().vmpls) {
    PutList(value, "vmpls", policy.vmpls);
  }
  const std::pair<const char*, uint64_t> numbers[] = {
      {"minimumGuestSvn", policy.minimum_guest_svn},
      {"requiredLaunchMitigations", policy.required_launch_mitigations},
      {"requiredCurrentMitigations", policy.required_current_mitigations}};
  for (const auto& [key, number] : numbers) {
    if (number != 0) {
      value[key] = number;
    }
  }
  PutHexList(value, "chipIds", policy.chip_ids);
  PutList(value, "cspIds", policy.csp_ids);
  for (const SnpRoot& root : policy.more_roots) {
    value["insecureRoots"].push_back(
        {{"product", std::string(ToString(root.product))},
         {"spkiSHA256", HexEncode(root.spki_sha256)}});
  }
  return value;
}

SnpPolicy EffectiveSnpPolicy(const SnpProfile& profile, std::string_view name) {
  SnpPolicy policy = profile.policy;
  policy.profile = std::string(name);
  if (policy.measurements.empty() && KeysVouch(policy)) {
    policy.insecure_any_measurement = true;
  }
  return policy;
}

}  // namespace constellation::attestation
