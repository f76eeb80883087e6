// SPDX-License-Identifier: Apache-2.0
#include "cli/policy/measured_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

using Digest384 = std::array<uint8_t, 48>;

// Null if it was not predicted at all.
const LaunchValue* Find(std::span<const LaunchValue> values,
                        std::string_view technology, std::string_view name) {
  const auto found =
      std::ranges::find_if(values, [&](const LaunchValue& value) {
        return value.technology == technology && value.name == name;
      });
  return found == values.end() ? nullptr : &*found;
}

// Whether anything could be told for this technology.
bool Has(std::span<const LaunchValue> values, std::string_view technology) {
  return std::ranges::any_of(values, [&](const LaunchValue& value) {
    return value.technology == technology && value.value.ok();
  });
}

// The predictor's own words, so a wrong size is our mistake.
absl::StatusOr<Digest384> ToDigest(const LaunchValue& value) {
  RETURN_IF_ERROR(value.value.status());
  ASSIGN_OR_RETURN(const Bytes octets, HexDecode(*value.value));
  Digest384 digest{};
  if (octets.size() != digest.size()) {
    return Internal(fmt::format("{}: want {} octets, got {}", value.name,
                                digest.size(), octets.size()));
  }
  std::ranges::copy(octets, digest.begin());
  return digest;
}

// Puts the value called `name` in place of `demand`, which must not be left to
// another image's.
absl::Status Replace(std::span<const LaunchValue> values,
                     std::string_view technology, std::string_view name,
                     std::vector<Digest384>& demand) {
  const LaunchValue* value = Find(values, technology, name);
  if (value != nullptr && value->value.ok()) {
    ASSIGN_OR_RETURN(const Digest384 digest, ToDigest(*value));
    demand = {digest};
    return absl::OkStatus();
  }
  if (demand.empty()) {
    return absl::OkStatus();
  }
  return FailedPrecondition(fmt::format(
      "the profile demands {} of {}, which cannot be told: {}", name,
      technology,
      value == nullptr ? "give --firmware" : Message(value->value.status())));
}

// A profile may have both technologies' objects; at least one must take the
// values, or they would silently be dropped.
absl::Status AddLaunch(const MeasuredImage& measured,
                       attestation::Profile& profile) {
  if (profile.snp.has_value()) {
    attestation::SnpProfile& snp = *profile.snp;
    RETURN_IF_ERROR(Replace(measured.launch, "snp", "launchDigest",
                            snp.policy.measurements));
    if (Has(measured.launch, "snp")) {
      snp.policy.insecure_any_measurement = false;
      snp.measurement_covers_image = measured.kernel_in_launch;
    }
  } else if (Has(measured.launch, "snp") && !profile.tdx.has_value()) {
    return InvalidArgument(fmt::format(
        "profile {} has no sevSnp: a launch digest has no place in it",
        profile.name));
  }
  if (profile.tdx.has_value()) {
    attestation::TdxPolicy& policy = profile.tdx->policy;
    RETURN_IF_ERROR(Replace(measured.launch, "tdx", "mrtd", policy.mr_td));
    for (size_t i = 0; i < policy.rtmr.size(); ++i) {
      RETURN_IF_ERROR(Replace(measured.launch, "tdx", fmt::format("rtmr{}", i),
                              policy.rtmr[i]));
    }
  } else if (Has(measured.launch, "tdx") && !profile.snp.has_value()) {
    return InvalidArgument(fmt::format(
        "profile {} has no tdx: launch registers have no place in it",
        profile.name));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<attestation::Profile> WithMeasurements(
    const attestation::Profile& base, const MeasuredImage& measured) {
  attestation::Profile profile = base;
  if (measured.image != nullptr) {
    profile.pcrs = measured.image->pcrs;
  }
  RETURN_IF_ERROR(AddLaunch(measured, profile));
  // Parsing the result as a policy finds what may not stand together.
  ASSIGN_OR_RETURN(const attestation::Policy policy,
                   attestation::Policy::Create({std::move(profile)}, {}));
  return policy.profiles().front();
}

}  // namespace constellation::cli
