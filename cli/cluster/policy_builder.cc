// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/policy_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// Registers that stay zero unless something was added to the image at boot.
constexpr std::array<uint32_t, 4> kZeroPcrs = {8, 12, 13, 14};

// Hex of exactly the array's size; `what` names it in the message.
template <size_t kSize>
absl::Status DecodeInto(std::string_view hex, std::string_view what,
                        std::array<uint8_t, kSize>& out) {
  ASSIGN_OR_RETURN(const Bytes bytes, HexDecode(hex));
  if (bytes.size() != kSize) {
    return InvalidArgument(
        fmt::format("{}: want {} octets, got {}", what, kSize, bytes.size()));
  }
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return absl::OkStatus();
}

}  // namespace

Measurements MeasurementsOf(const attestation::Profile& profile) {
  Measurements measurements;
  for (const auto& [index, digest] : profile.pcrs) {
    measurements[index] = {.expected = HexEncode(digest), .warn_only = false};
  }
  return measurements;
}

absl::StatusOr<attestation::Profile> ProfileOf(const Measurements& measurements,
                                               std::string_view name) {
  attestation::Profile profile;
  profile.name = name;
  profile.variant = attestation::kVariantQemuVtpm;
  for (const uint32_t index : kZeroPcrs) {
    profile.pcrs[index] = {};
  }
  for (const auto& [index, measurement] : measurements) {
    if (measurement.warn_only) {
      continue;
    }
    RETURN_IF_ERROR(DecodeInto(measurement.expected,
                               fmt::format("measurement of PCR {}", index),
                               profile.pcrs[index]));
  }
  return profile;
}

absl::StatusOr<std::vector<attestation::EnrolledNode>> EnrolledNodesOf(
    const State& state) {
  std::vector<attestation::EnrolledNode> enrolled;
  for (const StateNode& node : state.infrastructure.qemu.nodes) {
    if (node.ak_name.empty() || node.ek_certificate_sha256.empty()) {
      continue;
    }
    attestation::EnrolledNode entry;
    entry.node_name = node.name;
    entry.role = node.role;
    RETURN_IF_ERROR(DecodeInto(node.ek_certificate_sha256,
                               "ekCertificateSHA256 of " + node.name,
                               entry.tpm.ek_certificate_sha256));
    RETURN_IF_ERROR(
        DecodeInto(node.ak_name, "akName of " + node.name, entry.tpm.ak_name));
    enrolled.push_back(std::move(entry));
  }
  return enrolled;
}

namespace {

absl::StatusOr<attestation::Policy> BuildCloudPolicy(const CloudState& cloud) {
  if (cloud.attestation_profile.empty()) {
    return FailedPrecondition(
        "the state file does not say by what nodes are judged; `constellation "
        "apply` takes it from the config");
  }
  ASSIGN_OR_RETURN(attestation::Profile profile,
                   attestation::ParseProfile(cloud.attestation_profile));
  ASSIGN_OR_RETURN(std::vector<attestation::EnrolledNode> enrolled,
                   attestation::ParseEnrolledNodes(cloud.enrolled_tpms.empty()
                                                       ? "[]"
                                                       : cloud.enrolled_tpms));
  return attestation::Policy::Create({std::move(profile)}, std::move(enrolled));
}

}  // namespace

absl::StatusOr<attestation::Policy> BuildPolicy(const State& state) {
  if (state.IsCloud()) {
    return BuildCloudPolicy(state.infrastructure.cloud);
  }
  const QemuState& qemu = state.infrastructure.qemu;
  if (!state.HasInfrastructure() || qemu.measurements.empty()) {
    return FailedPrecondition(
        "no infrastructure yet; create it with: constellation apply");
  }
  ASSIGN_OR_RETURN(attestation::Profile profile,
                   ProfileOf(qemu.measurements, "node-image"));
  ASSIGN_OR_RETURN(std::vector<attestation::EnrolledNode> enrolled,
                   EnrolledNodesOf(state));
  return attestation::Policy::Create({std::move(profile)}, std::move(enrolled));
}

}  // namespace constellation::cli
