// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_SAME_IMAGE_H_
#define CONSTELLATION_ATTESTATION_SAME_IMAGE_H_

#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/evidence.h"
#include "attestation/policy/policy.h"

namespace constellation::attestation {

// The registers that a node must have read from its own TPM before it calls
// PolicyOfPeersLike(): bit i is PCR i. For Tpm::ReadPcrs().
inline constexpr uint32_t kSameImagePcrMask = 1U << 4U | 1U << 8U | 1U << 9U |
                                              1U << 11U | 1U << 12U |
                                              1U << 13U | 1U << 14U;

// The policy by which a joining node judges a JoinService: it must run on the
// image that this node runs itself (same PCR 4, 9 and 11; 8, 12, 13 and 14
// zero) and on a TPM of `enrolled`. What PCR15 must be is the caller's to say
// (ClusterState), as always; so is the role (Appraisal::role).
//
// INVALID_ARGUMENT if one of these registers is missing in `own_pcrs` or occurs
// twice, FAILED_PRECONDITION if this node's own PCR 8, 12, 13 or 14 is not
// zero: it then did not boot the plain image and must not judge others by
// itself.
//
// Does not check where `enrolled` comes from: docs/adr/0006-enrolled-tpm.md
// says what a list from a hostile cloud is worth.
absl::StatusOr<Policy> PolicyOfPeersLike(std::string_view variant,
                                         std::span<const PcrValue> own_pcrs,
                                         std::vector<EnrolledNode> enrolled);

// The same for nodes of any variant: `own` is evidence that this node made for
// itself, for any user data. A peer must be of the same variant, and beside the
// registers above show what its platform has:
//
// * SEV-SNP: a genuine processor, no debugging, no migration agent, the same
//   VMPL and, if this node has them, the same ID and author keys. Launch
//   measurements depend on number and kind of virtual CPUs, so they are not
//   compared. No floors: which firmware is good enough is the owner's to say,
//   and was said when the JoinService's node was admitted; a node has no word
//   of the owner's before it is a member.
// * TDX: genuine and not revoked; the same MRTD; with own firmware (QEMU,
//   OpenStack) the same registers 1 and 2.
// * Azure: the paravisor vouches, secure boot as on this node. GCP: the same
//   project. AWS: the same registers in the NitroTPM document.
//
// INVALID_ARGUMENT also if a part of `own` does not parse or if its variant is
// unknown or not a node's. Pure.
absl::StatusOr<Policy> PolicyOfPeersLike(const Evidence& own,
                                         std::vector<EnrolledNode> enrolled);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_SAME_IMAGE_H_
