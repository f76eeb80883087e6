// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/profile_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "attestation/policy/json_reader.h"
#include "attestation/policy/variants.h"
#include "common/edit_distance.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using crypto::Sha256Digest;
using Json = nlohmann::json;

constexpr size_t kMaxProfileName = 128;
// Of an image that was measured at all, these cannot be zero.
constexpr uint32_t kImagePcrs[] = {4, 9, 11};

constexpr std::string_view kSnp = "sevSnp";
constexpr std::string_view kTdx = "tdx";
constexpr std::string_view kSgx = "sgx";
constexpr std::string_view kAzure = "azure";
constexpr std::string_view kGcp = "gcp";
constexpr std::string_view kAws = "aws";
constexpr std::string_view kProfileKeys[] = {
    kAws,   kAzure, kGcp, "name", "notAfter", "notBefore",
    "pcrs", kSnp,   kSgx, kTdx,   "variant"};
constexpr std::string_view kPcrKeys[] = {"0",  "1",  "2",  "3",  "4",
                                         "5",  "6",  "7",  "8",  "9",
                                         "10", "11", "12", "13", "14"};

bool IsPrintable(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) { return c >= 0x20 && c < 0x7f; });
}

// A placeholder of zeros would match a machine that never measured anything, so
// those of the image are refused.
absl::Status CheckPcrs(const Profile& profile, const std::string& place) {
  for (const uint32_t index : kRequiredPcrs) {
    if (!profile.pcrs.contains(index)) {
      return InvalidArgument(fmt::format("{}.pcrs.{}: missing; want all of {}",
                                         place, index,
                                         fmt::join(kRequiredPcrs, ", ")));
    }
  }
  for (const auto& [index, value] : profile.pcrs) {
    if (index >= kClusterPcr) {
      return InvalidArgument(
          fmt::format("{}.pcrs.{}: want 0 to 14 (15 belongs to the cluster, "
                      "the others are not quoted)",
                      place, index));
    }
  }
  for (const uint32_t index : kImagePcrs) {
    if (profile.pcrs.at(index) == Sha256Digest{}) {
      return InvalidArgument(fmt::format(
          "{}.pcrs.{}: want a measurement, got zeros: that is a placeholder or "
          "an image that nobody measured",
          place, index));
    }
  }
  return absl::OkStatus();
}

// Nobody means another year, and only these can be written in four digits.
absl::Status CheckYear(const std::optional<absl::Time>& time,
                       const std::string& place) {
  constexpr int64_t kFirstYear = 1970;
  constexpr int64_t kLastYear = 9999;
  if (!time.has_value()) {
    return absl::OkStatus();
  }
  const int64_t year = absl::ToCivilYear(*time, absl::UTCTimeZone()).year();
  if (year < kFirstYear || year > kLastYear) {
    return InvalidArgument(fmt::format("{}: want a year from {} to {}, got {}",
                                       place, kFirstYear, kLastYear, year));
  }
  return absl::OkStatus();
}

bool IsEnclave(const Profile& profile) {
  const Variant* const variant = FindVariant(profile.variant);
  return variant != nullptr && variant->cloud == CloudLayer::kNitroEnclave;
}

// Reads the object called `key` into `part`, if it is there.
template <typename Part, typename Read>
absl::Status ReadPart(const JsonObject& object, std::string_view key, Read read,
                      std::optional<Part>& part) {
  if (!object.Has(key)) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Json* value, object.Value(key));
  ASSIGN_OR_RETURN(part, read(*value, object.PlaceOf(key)));
  return absl::OkStatus();
}

absl::Status ReadLayers(const JsonObject& object, Profile& profile) {
  RETURN_IF_ERROR(ReadPart(object, kSnp, ReadSnpProfile, profile.snp));
  RETURN_IF_ERROR(ReadPart(object, kTdx, ReadTdxProfile, profile.tdx));
  RETURN_IF_ERROR(ReadPart(object, kSgx, ReadSgxProfile, profile.sgx));
  RETURN_IF_ERROR(ReadPart(object, kAzure, ReadAzureProfile, profile.azure));
  RETURN_IF_ERROR(ReadPart(object, kGcp, ReadGcpProfile, profile.gcp));
  const auto read_aws = [enclave = IsEnclave(profile)](
                            const Json& value, const std::string& place) {
    return ReadAwsProfile(value, place, enclave);
  };
  return ReadPart(object, kAws, read_aws, profile.aws);
}

// What a variant has of a layer.
enum class Need { kForbidden, kOptional, kRequired };

// A CPU layer that a variant has is always required: a profile without it would
// demand nothing of the CPU.
Need NeedIf(bool has, bool required) {
  if (!has) {
    return Need::kForbidden;
  }
  return required ? Need::kRequired : Need::kOptional;
}

// Checks that the part called `key` is there if it must be, and that it would
// be read again.
template <typename Part, typename Read>
absl::Status CheckPart(const std::optional<Part>& part, Need need,
                       const std::string& place, std::string_view key,
                       std::string_view variant, Read read) {
  const std::string part_place = fmt::format("{}.{}", place, key);
  if (!part.has_value()) {
    return need == Need::kRequired ? InvalidArgument(fmt::format(
                                         "{}: missing; variant {} rests on it",
                                         part_place, variant))
                                   : absl::OkStatus();
  }
  if (need == Need::kForbidden) {
    return InvalidArgument(
        fmt::format("{}: variant {} has no such layer", part_place, variant));
  }
  return read(ToJsonValue(*part), part_place).status();
}

absl::Status CheckLayers(const Profile& profile, const Variant& variant,
                         const std::string& place) {
  const auto cpu = [&variant](CpuLayer layer) {
    return NeedIf(variant.cpu == layer, true);
  };
  const auto cloud = [&variant](bool has) {
    return NeedIf(has, variant.cloud_required);
  };
  const bool enclave = variant.cloud == CloudLayer::kNitroEnclave;
  RETURN_IF_ERROR(CheckPart(profile.snp, cpu(CpuLayer::kSnp), place, kSnp,
                            variant.name, ReadSnpProfile));
  RETURN_IF_ERROR(CheckPart(profile.tdx, cpu(CpuLayer::kTdx), place, kTdx,
                            variant.name, ReadTdxProfile));
  RETURN_IF_ERROR(CheckPart(profile.sgx, cpu(CpuLayer::kSgx), place, kSgx,
                            variant.name, ReadSgxProfile));
  RETURN_IF_ERROR(CheckPart(profile.azure,
                            cloud(variant.cloud == CloudLayer::kAzure), place,
                            kAzure, variant.name, ReadAzureProfile));
  RETURN_IF_ERROR(CheckPart(profile.gcp,
                            cloud(variant.cloud == CloudLayer::kGcp), place,
                            kGcp, variant.name, ReadGcpProfile));
  return CheckPart(profile.aws,
                   cloud(variant.cloud == CloudLayer::kNitroTpm || enclave),
                   place, kAws, variant.name,
                   [enclave](const Json& value, const std::string& at) {
                     return ReadAwsProfile(value, at, enclave);
                   });
}

template <typename Part>
void Put(Json& value, std::string_view key, const std::optional<Part>& part) {
  if (part.has_value()) {
    value[std::string(key)] = ToJsonValue(*part);
  }
}

absl::StatusOr<std::map<uint32_t, Sha256Digest>> ReadPcrs(
    const JsonObject& profile) {
  ASSIGN_OR_RETURN(const Json* value, profile.Value("pcrs"));
  ASSIGN_OR_RETURN(const JsonObject object,
                   JsonObject::Of(*value, profile.PlaceOf("pcrs"), kPcrKeys));
  std::map<uint32_t, Sha256Digest> pcrs;
  for (uint32_t index = 0; index < std::size(kPcrKeys); ++index) {
    if (object.Has(kPcrKeys[index])) {
      ASSIGN_OR_RETURN(const Bytes digest,
                       object.Hex(kPcrKeys[index], Sha256Digest().size()));
      std::ranges::copy(digest, pcrs[index].begin());
    }
  }
  return pcrs;
}

}  // namespace

// An unknown variant still reads as one with a vTPM, so that CheckProfile() can
// complain about the variant's name and not about registers.
absl::StatusOr<Profile> ReadProfile(const Json& value,
                                    const std::string& place) {
  ASSIGN_OR_RETURN(const JsonObject object,
                   JsonObject::Of(value, place, kProfileKeys));
  Profile profile;
  ASSIGN_OR_RETURN(profile.name, object.String("name"));
  ASSIGN_OR_RETURN(profile.variant, object.String("variant"));
  ASSIGN_OR_RETURN(profile.not_before, object.OptionalTime("notBefore"));
  ASSIGN_OR_RETURN(profile.not_after, object.OptionalTime("notAfter"));
  const Variant* const variant = FindVariant(profile.variant);
  const bool has_tpm = variant == nullptr || variant->has_tpm;
  if (has_tpm || object.Has("pcrs")) {
    ASSIGN_OR_RETURN(profile.pcrs, ReadPcrs(object));
  }
  RETURN_IF_ERROR(ReadLayers(object, profile));
  RETURN_IF_ERROR(CheckProfile(profile, place));
  return profile;
}

// Goes through JSON for the parts (CheckPart), so that each rule stands in one
// place: the reader's.
absl::Status CheckProfile(const Profile& profile, const std::string& place) {
  if (profile.name.empty() || profile.name.size() > kMaxProfileName ||
      !IsPrintable(profile.name)) {
    return InvalidArgument(
        fmt::format("{}.name: want 1 to {} printable ASCII characters", place,
                    kMaxProfileName));
  }
  const Variant* const variant = FindVariant(profile.variant);
  if (variant == nullptr) {
    const std::vector<std::string_view> known = VariantNames();
    const std::optional<std::string> nearest =
        NearestWord(profile.variant, known);
    return InvalidArgument(fmt::format(
        "{}.variant: unknown; {}", place,
        nearest.has_value()
            ? fmt::format("did you mean \"{}\"?", *nearest)
            : fmt::format("want one of {}", fmt::join(known, ", "))));
  }
  RETURN_IF_ERROR(CheckYear(profile.not_before, place + ".notBefore"));
  RETURN_IF_ERROR(CheckYear(profile.not_after, place + ".notAfter"));
  if (profile.not_before.has_value() && profile.not_after.has_value() &&
      *profile.not_after < *profile.not_before) {
    return InvalidArgument(fmt::format("{}.notAfter: {} is before notBefore {}",
                                       place, FormatUtc(*profile.not_after),
                                       FormatUtc(*profile.not_before)));
  }
  if (variant->has_tpm) {
    RETURN_IF_ERROR(CheckPcrs(profile, place));
  } else if (!profile.pcrs.empty()) {
    return InvalidArgument(
        fmt::format("{}.pcrs: variant {} has no vTPM", place, variant->name));
  }
  return CheckLayers(profile, *variant, place);
}

nlohmann::json ToJsonValue(const Profile& profile) {
  Json value = {{"name", profile.name}, {"variant", profile.variant}};
  const Variant* const variant = FindVariant(profile.variant);
  if (variant == nullptr || variant->has_tpm || !profile.pcrs.empty()) {
    Json& pcrs = value["pcrs"] = Json::object();
    for (const auto& [index, digest] : profile.pcrs) {
      pcrs[std::to_string(index)] = HexEncode(digest);
    }
  }
  if (profile.not_before.has_value()) {
    value["notBefore"] = FormatUtc(*profile.not_before);
  }
  if (profile.not_after.has_value()) {
    value["notAfter"] = FormatUtc(*profile.not_after);
  }
  Put(value, kSnp, profile.snp);
  Put(value, kTdx, profile.tdx);
  Put(value, kSgx, profile.sgx);
  Put(value, kAzure, profile.azure);
  Put(value, kGcp, profile.gcp);
  Put(value, kAws, profile.aws);
  return value;
}

}  // namespace constellation::attestation
