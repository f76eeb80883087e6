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

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_SAME_IMAGE_H_
