// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/cloud_policy.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "cli/cluster/policy_builder.h"
#include "cli/config/cloud_catalog.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// Where the policy's reader says "profile" the user wrote the config's section.
std::string InConfigWords(std::string_view message, std::string_view section) {
  std::string text(message);
  for (const std::string_view place : {"profile.", "profile:"}) {
    size_t at = text.find(place);
    while (at != std::string::npos) {
      const std::string with = std::string(section) + place.back();
      text.replace(at, place.size(), with);
      at = text.find(place, at + with.size());
    }
  }
  return text;
}

// What is most often missing, and where it comes from.
std::string_view Advice(std::string_view variant) {
  if (variant == "aws-nitro-tpm") {
    return "; SHA-384 registers of your image: start one machine with it and "
           "use `constellation attestation show` on its document";
  }
  if (variant.ends_with("-sev-snp") || variant.ends_with("-tdx")) {
    return "; `constellation image measure --firmware FILE` predicts launch "
           "measurements";
  }
  return "";
}

}  // namespace

// Goes through the policy's own parser: what it refuses can never be sent to a
// cluster.
absl::StatusOr<attestation::Profile> CloudProfileOf(const Config& config) {
  const CloudVariant* variant = FindCloudVariant(config.attestation_variant);
  const std::string section = fmt::format(
      "attestation.{}",
      variant == nullptr ? config.attestation_variant : variant->key);
  if (config.measurements.empty()) {
    return InvalidArgument(fmt::format(
        "{}.measurements is empty: nobody could tell your image from another; "
        "`constellation image upload --update-config` writes them, "
        "`constellation image measure` shows them",
        section));
  }
  ASSIGN_OR_RETURN(const attestation::Profile registers,
                   ProfileOf(config.measurements, "node-image"));
  nlohmann::json profile =
      nlohmann::json::parse(config.attestation_layers, nullptr,
                            /*allow_exceptions=*/false);
  if (!profile.is_object()) {
    return Internal("the configuration's demands are no JSON object");
  }
  profile["name"] = registers.name;
  profile["variant"] = config.attestation_variant;
  for (const auto& [index, digest] : registers.pcrs) {
    profile["pcrs"][std::to_string(index)] = HexEncode(digest);
  }
  RETURN_IF_ERROR(Annotate(
      attestation::ParseEnrolledNodes(config.enrolled_tpms).status(), section));
  absl::StatusOr<attestation::Profile> parsed =
      attestation::ParseProfile(profile.dump());
  if (!parsed.ok()) {
    return InvalidArgument(InConfigWords(Message(parsed.status()), section) +
                           std::string(Advice(config.attestation_variant)));
  }
  return parsed;
}

}  // namespace constellation::cli
