// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_POLICY_H_
#define CONSTELLATION_ATTESTATION_POLICY_POLICY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/policy/cloud_profile.h"
#include "attestation/policy/snp_profile.h"
#include "attestation/policy/tdx_profile.h"
#include "attestation/tpm/enrolled_tpm.h"
#include "crypto/hash.h"

namespace constellation::attestation {

inline constexpr std::string_view kVariantQemuVtpm = "qemu-vtpm";
inline constexpr std::string_view kRoleControlPlane = "control-plane";
inline constexpr std::string_view kRoleWorker = "worker";

// Registers that every profile must name: the boot loader and kernel (4), the
// unified kernel image (11), initrd (9), and those that stay zero unless
// something was added to the image at boot (8, 12, 13, 14). A profile that
// forgot one would accept anything there.
inline constexpr uint32_t kRequiredPcrs[] = {4, 8, 9, 11, 12, 13, 14};
// Holds the cluster's ID: never in a profile, see ClusterState.
inline constexpr uint32_t kClusterPcr = 15;

// One acceptable image on one kind of platform: which registers must hold what,
// what its CPU and its cloud must say, and when.
struct Profile {
  std::string name;
  std::string variant;
  std::optional<absl::Time> not_before;  // valid from this instant,
  std::optional<absl::Time> not_after;   // up to and including this one
  std::map<uint32_t, crypto::Sha256Digest> pcrs;  // indices 0-14
  // Those that the variant has (variants.h), and no other.
  std::optional<SnpProfile> snp = std::nullopt;
  std::optional<TdxProfile> tdx = std::nullopt;
  std::optional<SgxProfile> sgx = std::nullopt;
  std::optional<AzureProfile> azure = std::nullopt;
  std::optional<GcpProfile> gcp = std::nullopt;
  std::optional<AwsProfile> aws = std::nullopt;

  bool operator==(const Profile&) const = default;
};

// A machine that the owner admitted, with the TPM that was made for it.
struct EnrolledNode {
  std::string node_name;  // Kubernetes name: lower-case DNS label or subdomain
  std::string role;       // kRoleControlPlane or kRoleWorker
  EnrolledTpm tpm;

  bool operator==(const EnrolledNode&) const = default;
};

// What evidence is compared with: docs/formats/policy.md. Immutable, so
// thread-safe. Valid by construction: every Policy would parse again from its
// own ToJson().
class Policy final {
 public:
  // Reads a policy. Strict: INVALID_ARGUMENT names the place (JSON path), what
  // was wanted and what was there, for anything unknown (with the nearest known
  // key), missing, of another type, out of range, or given twice.
  static absl::StatusOr<Policy> Parse(std::string_view json);

  // Checks the same rules for values made in memory.
  static absl::StatusOr<Policy> Create(std::vector<Profile> profiles,
                                       std::vector<EnrolledNode> enrolled);

  // The document, with sorted keys and two blanks of indentation: equal
  // policies give equal text.
  std::string ToJson() const;

  const std::vector<Profile>& profiles() const { return profiles_; }
  const std::vector<EnrolledNode>& enrolled() const { return enrolled_; }

  bool operator==(const Policy&) const = default;

 private:
  Policy() = default;
  std::vector<Profile> profiles_;
  std::vector<EnrolledNode> enrolled_;
};

// Parts of a policy on their own: what `image measure` writes (one object of
// "profiles") and what the metadata endpoint hands out (the array
// "enrolledTPMs"). Same strictness, same errors.
absl::StatusOr<Profile> ParseProfile(std::string_view json);
std::string ProfileToJson(const Profile& profile);
absl::StatusOr<std::vector<EnrolledNode>> ParseEnrolledNodes(
    std::string_view json);
std::string EnrolledNodesToJson(std::span<const EnrolledNode> enrolled);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_POLICY_H_
