// SPDX-License-Identifier: Apache-2.0
#include "attestation/same_image.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>

#include "common/hex.h"
#include "common/status.h"

namespace constellation::attestation {
namespace {

constexpr char kProfileName[] = "same image as this node";
constexpr uint32_t kZeroPcrs[] = {8, 12, 13, 14};

}  // namespace

absl::StatusOr<Policy> PolicyOfPeersLike(std::string_view variant,
                                         std::span<const PcrValue> own_pcrs,
                                         std::vector<EnrolledNode> enrolled) {
  Profile profile{.name = kProfileName,
                  .variant = std::string(variant),
                  .not_before = std::nullopt,
                  .not_after = std::nullopt,
                  .pcrs = {}};
  for (const PcrValue& pcr : own_pcrs) {
    if (pcr.index >= 32 || (kSameImagePcrMask >> pcr.index & 1U) == 0) {
      continue;
    }
    if (!profile.pcrs.emplace(pcr.index, pcr.sha256).second) {
      return InvalidArgument(fmt::format("own PCR{}: given twice", pcr.index));
    }
  }
  for (const uint32_t index : kRequiredPcrs) {
    if (!profile.pcrs.contains(index)) {
      return InvalidArgument(fmt::format("own PCR{}: missing", index));
    }
  }
  for (const uint32_t index : kZeroPcrs) {
    const crypto::Sha256Digest& value = profile.pcrs.at(index);
    if (value != crypto::Sha256Digest{}) {
      return FailedPrecondition(
          fmt::format("own PCR{}: expected zero, got {}: this node did not "
                      "boot the plain image",
                      index, HexEncode(value)));
    }
  }
  std::vector<Profile> profiles;
  profiles.push_back(std::move(profile));
  return Policy::Create(std::move(profiles), std::move(enrolled));
}

}  // namespace constellation::attestation
