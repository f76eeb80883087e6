// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_VARIANTS_H_
#define CONSTELLATION_ATTESTATION_POLICY_VARIANTS_H_

#include <string_view>
#include <vector>

namespace constellation::attestation {

// What a verdict may rest on, from the strongest to the weakest; words of
// Appraisal::rests_on.
inline constexpr std::string_view kHardwareRooted = "hardware-rooted";
inline constexpr std::string_view kParavisorRooted = "paravisor-rooted";
inline constexpr std::string_view kHypervisorTrusting = "hypervisor-trusting";
inline constexpr std::string_view kSimulated = "simulated";

// Whose CPU evidence a variant has, and what a cloud adds to it.
enum class CpuLayer { kNone, kSnp, kTdx, kSgx };
enum class CloudLayer { kNone, kAzure, kGcp, kNitroTpm, kNitroEnclave };

// A kind of platform that Appraise() can judge.
struct Variant {
  std::string_view name;
  // Whom accepted evidence makes one trust at best: see Appraisal::rests_on.
  std::string_view rests_on;
  CpuLayer cpu = CpuLayer::kNone;
  CloudLayer cloud = CloudLayer::kNone;
  // Profiles must have an object for the cloud; else they may.
  bool cloud_required = false;
  // Only a TPM that the owner pinned can speak for it: nothing else vouches for
  // its attestation key.
  bool enrolled_only = false;
  // A vTPM is part of the evidence, so profiles have "pcrs". False for enclaves
  // (raw files only: Appraise() refuses them).
  bool has_tpm = true;
};

// The variant called `name`, or nullptr. Lives for ever.
const Variant* FindVariant(std::string_view name);

std::vector<std::string_view> VariantNames();

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_VARIANTS_H_
