// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/id_block.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "attestation/byte_reader.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using Octets = std::span<const uint8_t>;

constexpr uint32_t kBlockVersion = 1;
constexpr uint32_t kEcdsaP384Sha384 = 1;
constexpr uint32_t kCurveP384 = 2;
constexpr size_t kScalarSize = 72;
constexpr size_t kSignatureSize = 512;
constexpr size_t kCoordinateSize = 48;

using Scalar = std::array<uint8_t, kScalarSize>;

// Little-endian to big-endian.
Scalar Reversed(Octets octets) {
  Scalar scalar{};
  std::ranges::reverse_copy(octets, scalar.begin());
  return scalar;
}

// What the firmware ignores must be empty, or two pages would mean one key and
// still have two digests.
absl::Status ExpectZeros(Octets octets, std::string_view field) {
  if (std::ranges::all_of(octets, [](uint8_t octet) { return octet == 0; })) {
    return absl::OkStatus();
  }
  return InvalidArgument(fmt::format("{}: want zeros", field));
}

// Layout of AMD 56860, table ID_AUTH: curve, then X and Y of 72 octets each,
// little-endian, of which P-384 fills 48.
absl::StatusOr<crypto::PublicKey> ParseKey(Octets octets,
                                           std::string_view field) {
  LittleEndianReader reader(octets);
  ASSIGN_OR_RETURN(const auto curve, reader.Read<uint32_t>(field));
  if (curve != kCurveP384) {
    return InvalidArgument(
        fmt::format("{}: want curve 2 (P-384), got {}", field, curve));
  }
  ASSIGN_OR_RETURN(const Octets x_field, reader.Take(kScalarSize, field));
  ASSIGN_OR_RETURN(const Octets y_field, reader.Take(kScalarSize, field));
  ASSIGN_OR_RETURN(const Octets rest, reader.Take(reader.remaining(), field));
  RETURN_IF_ERROR(ExpectZeros(rest, field));
  RETURN_IF_ERROR(ExpectZeros(x_field.subspan(kCoordinateSize), field));
  RETURN_IF_ERROR(ExpectZeros(y_field.subspan(kCoordinateSize), field));
  const Scalar x = Reversed(x_field);
  const Scalar y = Reversed(y_field);
  const absl::StatusOr<crypto::PublicKey> key = crypto::PublicKey::FromEcPoint(
      crypto::EcCurve::kP384,
      std::span(x).subspan(kScalarSize - kCoordinateSize),
      std::span(y).subspan(kScalarSize - kCoordinateSize));
  if (!key.ok()) {
    return Annotate(key.status(), field);
  }
  return key;
}

// r and s stand in 72 octets each, little-endian; 368 octets of zeros follow.
absl::Status CheckSignature(const crypto::PublicKey& key, Octets message,
                            Octets signature, std::string_view field) {
  const Scalar r = Reversed(signature.first(kScalarSize));
  const Scalar s = Reversed(signature.subspan(kScalarSize, kScalarSize));
  RETURN_IF_ERROR(ExpectZeros(signature.subspan(2 * kScalarSize), field));
  const absl::Status status =
      key.VerifyEcdsa(crypto::HashAlgorithm::kSha384, message, r, s);
  return status.ok() ? status : Annotate(status, field);
}

// The fields of an ID_AUTH page; spans point into it.
struct AuthPage {
  uint32_t id_key_algorithm = 0;
  uint32_t author_key_algorithm = 0;
  Octets block_signature;
  Octets id_key;
  Octets id_key_signature;
  Octets author_key;
};

// Offsets as in AMD 56860: signature at 0x40, ID key at 0x240, its signature at
// 0x680, author key behind it.
absl::StatusOr<AuthPage> ParseAuthPage(Octets auth) {
  if (auth.size() != kSnpIdAuthSize) {
    return InvalidArgument(fmt::format("SNP ID page: want {} octets, got {}",
                                       kSnpIdAuthSize, auth.size()));
  }
  LittleEndianReader reader(auth);
  AuthPage page;
  const auto skip = [&reader](size_t until) -> absl::Status {
    ASSIGN_OR_RETURN(const Octets gap, reader.Take(until - reader.offset(),
                                                   "SNP ID page: reserved"));
    return ExpectZeros(gap, "SNP ID page: reserved");
  };
  ASSIGN_OR_RETURN(page.id_key_algorithm,
                   reader.Read<uint32_t>("SNP ID page: ID key algorithm"));
  ASSIGN_OR_RETURN(page.author_key_algorithm,
                   reader.Read<uint32_t>("SNP ID page: author algorithm"));
  RETURN_IF_ERROR(skip(0x40));
  ASSIGN_OR_RETURN(page.block_signature,
                   reader.Take(kSignatureSize, "SNP ID page: signature"));
  ASSIGN_OR_RETURN(page.id_key,
                   reader.Take(kSnpIdKeySize, "SNP ID page: ID key"));
  RETURN_IF_ERROR(skip(0x680));
  ASSIGN_OR_RETURN(page.id_key_signature,
                   reader.Take(kSignatureSize, "SNP ID page: signature"));
  ASSIGN_OR_RETURN(page.author_key,
                   reader.Take(kSnpIdKeySize, "SNP ID page: author key"));
  RETURN_IF_ERROR(skip(kSnpIdAuthSize));
  return page;
}

// One algorithm is defined; zero stands for "no author key" and is treated by
// the caller.
absl::Status ExpectAlgorithm(uint32_t algorithm, std::string_view field) {
  if (algorithm == kEcdsaP384Sha384) {
    return absl::OkStatus();
  }
  return InvalidArgument(fmt::format(
      "{}: want 1 (ECDSA P-384 with SHA-384), got {}", field, algorithm));
}

template <typename Field>
absl::Status ExpectSame(std::string_view name, const Field& wanted,
                        const Field& got) {
  if (wanted == got) {
    return absl::OkStatus();
  }
  std::string texts[2];
  const Field* const values[] = {&wanted, &got};
  for (size_t i = 0; i < 2; ++i) {
    if constexpr (std::integral<Field>) {
      texts[i] = fmt::format("{:#x}", *values[i]);
    } else {
      texts[i] = HexEncode(*values[i]);
    }
  }
  return Unauthenticated(fmt::format("SNP ID block: {}: want {}, got {}", name,
                                     texts[0], texts[1]));
}

}  // namespace

// The signature covers exactly these 96 octets, so nothing may follow.
absl::StatusOr<SnpIdBlock> SnpIdBlock::ParseUnverified(Octets bytes) {
  if (bytes.size() != kSnpIdBlockSize) {
    return InvalidArgument(fmt::format("SNP ID block: want {} octets, got {}",
                                       kSnpIdBlockSize, bytes.size()));
  }
  LittleEndianReader reader(bytes);
  SnpIdBlock block;
  const auto copy = [&reader](auto& to) -> absl::Status {
    ASSIGN_OR_RETURN(const Octets octets,
                     reader.Take(to.size(), "SNP ID block"));
    std::ranges::copy(octets, to.begin());
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(copy(block.launch_digest));
  RETURN_IF_ERROR(copy(block.family_id));
  RETURN_IF_ERROR(copy(block.image_id));
  ASSIGN_OR_RETURN(const auto version,
                   reader.Read<uint32_t>("SNP ID block: version"));
  if (version != kBlockVersion) {
    return InvalidArgument(
        fmt::format("SNP ID block: want version 1, got {}", version));
  }
  ASSIGN_OR_RETURN(block.guest_svn,
                   reader.Read<uint32_t>("SNP ID block: guest SVN"));
  ASSIGN_OR_RETURN(block.policy.raw,
                   reader.Read<uint64_t>("SNP ID block: policy"));
  return block;
}

std::array<uint8_t, kSnpIdBlockSize> SnpIdBlock::Marshal() const {
  std::array<uint8_t, kSnpIdBlockSize> out{};
  auto at = std::ranges::copy(launch_digest, out.begin()).out;
  at = std::ranges::copy(family_id, at).out;
  at = std::ranges::copy(image_id, at).out;
  const auto put = [&at](uint64_t value, unsigned octets) {
    for (unsigned i = 0; i < octets; ++i) {
      *at++ = static_cast<uint8_t>(value >> (8 * i));
    }
  };
  put(kBlockVersion, 4);
  put(guest_svn, 4);
  put(policy.raw, 8);
  return out;
}

// The digest covers the whole structure with its padding, as the firmware
// hashes it; of the key alone it would be another one.
absl::StatusOr<crypto::Sha384Digest> SnpIdKeyDigest(
    const crypto::PublicKey& key) {
  if (key.curve() != crypto::EcCurve::kP384) {
    return InvalidArgument("SNP ID key: want a key on P-384");
  }
  // An uncompressed point ends a SubjectPublicKeyInfo.
  const Bytes spki = key.ToSpki();
  const Octets point = Octets(spki).last(2 * kCoordinateSize);
  Bytes structure(kSnpIdKeySize);
  structure[0] = kCurveP384;
  std::ranges::reverse_copy(point.first(kCoordinateSize),
                            structure.begin() + 4);
  std::ranges::reverse_copy(point.last(kCoordinateSize),
                            structure.begin() + 4 + kScalarSize);
  return crypto::Sha384(structure);
}

// Each field that the firmware copies from the block. A report without author
// key must also have an empty digest of it.
absl::Status VerifiedSnpIdBlock::CheckReport(
    const SnpReportUnverified& report) const {
  RETURN_IF_ERROR(
      ExpectSame("measurement", block_.launch_digest, report.measurement));
  RETURN_IF_ERROR(ExpectSame("family ID", block_.family_id, report.family_id));
  RETURN_IF_ERROR(ExpectSame("image ID", block_.image_id, report.image_id));
  RETURN_IF_ERROR(ExpectSame("guest SVN", block_.guest_svn, report.guest_svn));
  RETURN_IF_ERROR(ExpectSame("policy", block_.policy.raw, report.policy.raw));
  RETURN_IF_ERROR(
      ExpectSame("ID key digest", id_key_digest_, report.id_key_digest));
  RETURN_IF_ERROR(ExpectSame("author key",
                             uint32_t{author_key_digest_.has_value()},
                             uint32_t{report.author_key_enabled}));
  return ExpectSame("author key digest",
                    author_key_digest_.value_or(crypto::Sha384Digest{}),
                    report.author_key_digest);
}

// The author key is optional. Without it, its fields must be empty, so that no
// half-written author looks like one that signed.
absl::StatusOr<VerifiedSnpIdBlock> VerifySnpIdBlock(Octets block, Octets auth) {
  VerifiedSnpIdBlock verified;
  ASSIGN_OR_RETURN(verified.block_, SnpIdBlock::ParseUnverified(block));
  ASSIGN_OR_RETURN(const AuthPage page, ParseAuthPage(auth));
  RETURN_IF_ERROR(
      ExpectAlgorithm(page.id_key_algorithm, "SNP ID page: ID key algorithm"));
  ASSIGN_OR_RETURN(const crypto::PublicKey id_key,
                   ParseKey(page.id_key, "SNP ID page: ID key"));
  RETURN_IF_ERROR(CheckSignature(id_key, block, page.block_signature,
                                 "SNP ID block: signature"));
  verified.id_key_digest_ = crypto::Sha384(page.id_key);
  if (page.author_key_algorithm == 0) {
    RETURN_IF_ERROR(ExpectZeros(page.author_key, "SNP ID page: author key"));
    RETURN_IF_ERROR(
        ExpectZeros(page.id_key_signature, "SNP ID page: author signature"));
    return verified;
  }
  RETURN_IF_ERROR(ExpectAlgorithm(page.author_key_algorithm,
                                  "SNP ID page: author key algorithm"));
  ASSIGN_OR_RETURN(const crypto::PublicKey author_key,
                   ParseKey(page.author_key, "SNP ID page: author key"));
  RETURN_IF_ERROR(CheckSignature(author_key, page.id_key, page.id_key_signature,
                                 "SNP ID key: author's signature"));
  verified.author_key_digest_ = crypto::Sha384(page.author_key);
  return verified;
}

}  // namespace constellation::attestation
