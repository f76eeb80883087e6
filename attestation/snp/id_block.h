// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_SNP_ID_BLOCK_H_
#define CONSTELLATION_ATTESTATION_SNP_ID_BLOCK_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "attestation/snp/snp_report.h"
#include "crypto/hash.h"
#include "crypto/public_key.h"

namespace constellation::attestation {

// Octets of an ID_BLOCK, of an ID_AUTH information page, and of a public key in
// the latter (AMD 56860, SNP_LAUNCH_FINISH).
inline constexpr size_t kSnpIdBlockSize = 96;
inline constexpr size_t kSnpIdAuthSize = 4096;
inline constexpr size_t kSnpIdKeySize = 0x404;

// What a guest's owner signed before launch: the firmware starts the guest only
// if it is so, and puts digests of the keys into every report.
struct SnpIdBlock {
  std::array<uint8_t, 48> launch_digest{};
  std::array<uint8_t, 16> family_id{};
  std::array<uint8_t, 16> image_id{};
  uint32_t guest_svn = 0;
  SnpGuestPolicy policy;

  // INVALID_ARGUMENT unless `bytes` are 96 octets of version 1. Of the policy
  // nothing is judged.
  static absl::StatusOr<SnpIdBlock> ParseUnverified(
      std::span<const uint8_t> bytes);
  // The inverse: the octets that are signed.
  std::array<uint8_t, kSnpIdBlockSize> Marshal() const;
};

// The digest by which reports name an ID or author key: SHA-384 over the key as
// it stands in an ID_AUTH page. INVALID_ARGUMENT unless `key` is on P-384.
absl::StatusOr<crypto::Sha384Digest> SnpIdKeyDigest(
    const crypto::PublicKey& key);

// An ID block whose signatures hold. Whose keys they are, is for the digests.
// Only VerifySnpIdBlock() makes one.
class VerifiedSnpIdBlock final {
 public:
  const SnpIdBlock& block() const { return block_; }
  const crypto::Sha384Digest& id_key_digest() const { return id_key_digest_; }
  // Nothing if the page has no author key.
  const std::optional<crypto::Sha384Digest>& author_key_digest() const {
    return author_key_digest_;
  }
  // UNAUTHENTICATED naming the first field of `report` that is not what the
  // firmware would have put there for this block.
  absl::Status CheckReport(const SnpReportUnverified& report) const;

 private:
  friend absl::StatusOr<VerifiedSnpIdBlock> VerifySnpIdBlock(
      std::span<const uint8_t> block, std::span<const uint8_t> auth);
  VerifiedSnpIdBlock() = default;
  SnpIdBlock block_;
  crypto::Sha384Digest id_key_digest_{};
  std::optional<crypto::Sha384Digest> author_key_digest_;
};

// Verifies `block` with the 4096 octets of `auth`: the ID key signed the block,
// and the author key, if there is one, the ID key. INVALID_ARGUMENT if
// something does not parse, UNAUTHENTICATED for a wrong signature. Pure.
absl::StatusOr<VerifiedSnpIdBlock> VerifySnpIdBlock(
    std::span<const uint8_t> block, std::span<const uint8_t> auth);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_SNP_ID_BLOCK_H_
