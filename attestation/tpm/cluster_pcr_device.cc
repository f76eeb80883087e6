// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <vector>

#include "attestation/tpm/cluster_pcr.h"
#include "attestation/tpm/tpm_device.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr uint32_t kClusterPcrIndex = 15;
constexpr size_t kClusterIdSize = 32;

// SHA-256 bank, the one that every quote covers.
absl::StatusOr<crypto::Sha256Digest> ReadClusterPcr(Tpm& tpm) {
  ASSIGN_OR_RETURN(const std::vector<PcrValue> pcrs,
                   tpm.ReadPcrs(1U << kClusterPcrIndex));
  if (pcrs.size() != 1 || pcrs[0].index != kClusterPcrIndex) {
    return Internal("PCR15: the TPM gave another register");
  }
  return pcrs[0].sha256;
}

}  // namespace

// Idempotent, because a node that crashes after the extend runs it again. Reads
// back what it wrote: a register that is neither zero nor the ID's cannot be
// mended without a reset.
absl::Status MarkClusterMember(Tpm& tpm, std::span<const uint8_t> cluster_id) {
  if (cluster_id.size() != kClusterIdSize) {
    return InvalidArgument(fmt::format("cluster ID: want {} bytes, got {}",
                                       kClusterIdSize, cluster_id.size()));
  }
  const crypto::Sha256Digest wanted = ExpectedClusterPcr(cluster_id);
  ASSIGN_OR_RETURN(crypto::Sha256Digest value, ReadClusterPcr(tpm));
  if (value == wanted) {
    return absl::OkStatus();
  }
  if (value == crypto::Sha256Digest{}) {
    RETURN_IF_ERROR(
        tpm.ExtendPcr(kClusterPcrIndex, crypto::Sha256(cluster_id)));
    ASSIGN_OR_RETURN(value, ReadClusterPcr(tpm));
  }
  if (value != wanted) {
    return FailedPrecondition(fmt::format("PCR15: expected {}, got {}",
                                          HexEncode(wanted), HexEncode(value)));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> IsClusterMember(Tpm& tpm) {
  ASSIGN_OR_RETURN(const crypto::Sha256Digest value, ReadClusterPcr(tpm));
  return value != crypto::Sha256Digest{};
}

}  // namespace constellation::attestation
