// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/config/cloud_catalog.h"
#include "cli/config/config_reading.h"
#include "cli/config/measurements.h"
#include "cli/config/syntax.h"

namespace constellation::cli {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kEnrolledKey = "qemuVTPM";
constexpr std::string_view kFloorProduct = "Milan";
// The original's keys for the floors on Milan, and a profile's.
constexpr std::pair<std::string_view, std::string_view> kFloors[] = {
    {"bootloaderVersion", "bootLoader"},
    {"teeVersion", "tee"},
    {"snpVersion", "snp"},
    {"microcodeVersion", "microcode"}};

// By the end of the name, so that a further cloud with the same technology
// needs no change here.
bool HasSnp(std::string_view variant) {
  return variant.ends_with("-sev-snp");
}
bool HasTdx(std::string_view variant) {
  return variant.ends_with("-tdx");
}

// An unquoted scalar as JSON would have it: a whole number without leading
// zeros, true, false, else text. Digests of digits only are too long for a
// number, or begin with zeros, and stay text.
Json ScalarOf(const YamlValue& value) {
  const std::string& text = value.text;
  if (!value.quoted && (text == "true" || text == "false")) {
    return text == "true";
  }
  int64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc() &&
                         end == text.data() + text.size() &&
                         (text == "0" || text.front() != '0');
  return !value.quoted && is_number ? Json(number) : Json(text);
}

// The document is bounded in depth and size by ParseYaml().
Json JsonOf(const YamlValue& value) {
  switch (value.kind) {
    case YamlValue::Kind::kNull:
      return nullptr;
    case YamlValue::Kind::kScalar:
      return ScalarOf(value);
    case YamlValue::Kind::kList: {
      Json list = Json::array();
      for (const YamlValue& item : value.items) {
        list.push_back(JsonOf(item));
      }
      return list;
    }
    case YamlValue::Kind::kMap:
      break;
  }
  Json map = Json::object();
  for (const YamlValue::Entry& entry : value.entries) {
    map[entry.key] = JsonOf(entry.value);
  }
  return map;
}

// The map under `key` as JSON; empty if absent.
Json MapOf(MapReader& reader, std::string_view key) {
  const YamlValue* map = reader.ChildMap(key);
  return map == nullptr ? Json::object() : JsonOf(*map);
}

// "latest" would ask a server for the floor; whoever answers for it could lower
// it. A floor that names some components and leaves out others is refused,
// because the missing ones would count as zero.
void ReadFloors(MapReader& reader, Json& snp) {
  Json floor = Json::object();
  for (const auto& [key, member] : kFloors) {
    if (reader.Text(key) == "latest") {
      reader.Problem(key,
                     "must be a number: \"latest\" would let whoever answers "
                     "for the vendor lower it; see `constellation attestation "
                     "show` of a verified machine");
    } else if (const auto number = reader.Number(key, 0, 255)) {
      floor[member] = *number;
    }
  }
  if (floor.empty()) {
    return;
  }
  if (snp.contains("products")) {
    reader.Problem("sevSnp",
                   "products and bootloaderVersion (and the like) say the "
                   "same; keep one of them");
    return;
  }
  for (const auto& [key, member] : kFloors) {
    if (!floor.contains(member) && !reader.Has(key)) {
      reader.Problem(key,
                     "is missing beside the other versions: a floor is "
                     "never zero by default");
    }
  }
  snp["products"][kFloorProduct]["minimumTCB"] = std::move(floor);
}

// Azure's firmware is recognised by who signed it.
void ReadFirmwareSigner(MapReader& reader, Problems& problems, Json& snp) {
  const YamlValue* signer = reader.ChildMap("firmwareSignerConfig");
  if (signer == nullptr) {
    return;
  }
  MapReader fields(*signer, reader.PathOf("firmwareSignerConfig"), problems);
  // SHA-384 of ID keys that signed Azure's paravisor.
  const std::vector<std::string> digests =
      fields.TextList("acceptedKeyDigests");
  for (const std::string& digest : digests) {
    if (!IsHexOfLength(digest, 96)) {
      fields.Problem("acceptedKeyDigests",
                     "must list digests of 96 hex digits");
    }
  }
  // The original's other words let unknown firmware pass, with or without a
  // question to Microsoft's service.
  if (const auto policy = fields.Text("enforcementPolicy");
      policy && *policy != "equal") {
    fields.Problem("enforcementPolicy",
                   fmt::format("must be equal, not \"{}\": an unknown firmware "
                               "is refused, no other service is asked",
                               *policy));
  }
  if (const auto url = fields.Text("maaURL"); url && !url->empty()) {
    fields.Problem("maaURL", "must be empty: no attestation service is asked");
  }
  fields.Finish();
  if (!digests.empty()) {
    snp["idKeyDigests"] = digests;
  }
}

// The section's own object, the floors in the original's words, and what is
// refused because it is built in.
Json ReadSnp(MapReader& reader, std::string_view variant, Problems& problems) {
  Json snp = MapOf(reader, "sevSnp");
  ReadFloors(reader, snp);
  constexpr std::string_view kRoots =
      "AMD's root certificates are part of this program";
  reader.Removed("amdRootKey", kRoots);
  reader.Removed("amdSigningKey", kRoots);
  if (variant == "azure-sev-snp") {
    ReadFirmwareSigner(reader, problems, snp);
  }
  return snp;
}

// Keys of the original that say what Intel's TCB info decides here are refused
// with the key to use instead, never silently ignored.
Json ReadTdx(MapReader& reader) {
  Json tdx = MapOf(reader, "tdx");
  for (const auto& [key, member] :
       {std::pair{"mrSeam", "mrseam"}, std::pair{"xfam", "xfam"}}) {
    const auto text = reader.Text(key);
    if (text && !text->empty()) {
      tdx[member] = *text;
    }
  }
  constexpr std::string_view kByIntel =
      "Intel's TCB info decides: tdx.acceptedStatuses, "
      "tdx.minimumEvaluationDataNumber";
  for (const std::string_view key :
       {"qeSVN", "pceSVN", "teeTCBSVN", "qeVendorID"}) {
    reader.Removed(key, kByIntel);
  }
  reader.Removed("intelRootKey",
                 "Intel's root certificate is part of this program");
  return tdx;
}

// What the provider's section already says need not be said twice.
void AddProviderDemands(const Config& config, Json& layers) {
  if (const auto* gcp = std::get_if<cloud::GcpSettings>(&config.cloud);
      gcp != nullptr && config.provider == "gcp") {
    Json& demands = layers["gcp"];
    if (!demands.contains("projectIds") &&
        !demands.contains("projectNumbers") &&
        !demands.contains("instanceIds")) {
      demands["projectIds"] = Json::array({gcp->project});
    }
  }
  if (const auto* azure = std::get_if<cloud::AzureSettings>(&config.cloud);
      azure != nullptr && config.provider == "azure" &&
      !layers["azure"].contains("requireSecureBoot")) {
    layers["azure"]["requireSecureBoot"] = azure->secure_boot;
  }
}

// A list of maps, as a policy has it; the policy's reader looks into it.
std::string ReadTpms(MapReader& reader) {
  const YamlValue* list = reader.ChildList("enrolledTPMs");
  return list == nullptr ? "[]" : JsonOf(*list).dump();
}

// Reads the one variant's section. Keys that nobody asks for are problems, so a
// demand with a typing error cannot disappear.
void ReadVariant(ConfigReading& reading, const CloudVariant& variant,
                 const YamlValue& value) {
  MapReader fields(value, fmt::format("attestation.{}", variant.key),
                   reading.problems);
  Config& config = reading.config;
  config.attestation_variant = variant.variant;
  config.measurements =
      ReadMeasurements(fields, "measurements", reading.problems);
  Json layers = Json::object();
  if (HasSnp(variant.variant)) {
    layers["sevSnp"] = ReadSnp(fields, variant.variant, reading.problems);
  }
  if (HasTdx(variant.variant)) {
    layers["tdx"] = ReadTdx(fields);
  }
  for (const std::string_view cloud : {"azure", "gcp", "aws"}) {
    if (variant.provider != cloud) {
      continue;
    }
    Json demands = MapOf(fields, cloud);
    // Of AWS's variants only NitroTPM needs the object.
    if (cloud != "aws" || !demands.empty() ||
        variant.variant == "aws-nitro-tpm") {
      // An empty object still demands the cloud's layer.
      layers[cloud] = std::move(demands);
    }
  }
  AddProviderDemands(config, layers);
  if (config.IsCloud() && variant.key == kEnrolledKey) {
    config.enrolled_tpms = ReadTpms(fields);
  }
  config.attestation_layers = layers.dump();
  fields.Finish();
}

// Variants that the original knows and this program does not run.
void RefuseOthers(MapReader& reader) {
  constexpr std::string_view kOwner =
      "needs TPMs that the owner enrolled before the first boot, which clouds "
      "do not offer";
  if (reader.Child("azureTrustedLaunch") != nullptr) {
    reader.Problem("azureTrustedLaunch", kOwner);
  }
  if (reader.Child("qemuTDX") != nullptr) {
    reader.Problem("qemuTDX", "does not fit provider qemu; use qemuVTPM");
  }
}

}  // namespace

// Exactly one variant: two would mean "either", which nobody wants to happen by
// accident.
void ReadAttestationSection(ConfigReading& reading) {
  Config& config = reading.config;
  config.attestation_variant = DefaultVariant(config.provider);
  const YamlValue* attestation = reading.top.ChildMap("attestation");
  if (attestation == nullptr) {
    if (config.IsCloud()) {
      reading.top.Problem("attestation",
                          "is missing: it says which machines are believed");
    }
    return;
  }
  MapReader reader(*attestation, "attestation", reading.problems);
  std::string found;
  for (const CloudVariant& variant : CloudVariants()) {
    const YamlValue* value = reader.Child(variant.key);
    if (value == nullptr) {
      continue;
    }
    if (!VariantFits(variant, config.provider)) {
      reader.Problem(
          variant.key,
          fmt::format("does not fit provider {}; use {}", config.provider,
                      FindCloudVariant(DefaultVariant(config.provider))->key));
    } else if (!found.empty()) {
      reader.Problem(variant.key,
                     fmt::format("is there beside {}: exactly one variant is "
                                 "possible",
                                 found));
    } else {
      found = variant.key;
      ReadVariant(reading, variant, *value);
    }
  }
  RefuseOthers(reader);
  if (found.empty() && config.IsCloud() && attestation->entries.empty()) {
    reading.problems.Add(
        attestation->line,
        fmt::format("attestation needs one variant, such as "
                    "{}",
                    FindCloudVariant(config.attestation_variant)->key));
  }
  reader.Finish();
}

}  // namespace constellation::cli
