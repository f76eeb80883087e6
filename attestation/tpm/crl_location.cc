// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/crl_location.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <span>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/der.h"

namespace constellation::attestation {
namespace {

// 2.5.29.31
constexpr uint8_t kCrlPointsOid[] = {0x55, 0x1d, 0x1f};
// DistributionPoint: IMPLICIT tags of RFC 5280 4.2.1.13.
constexpr uint8_t kReasonsTag = 0x81;
// GeneralName [6], RFC 5280 4.2.1.6.
constexpr uint8_t kUriTag = 0x86;
constexpr size_t kMaxCrlUrl = 512;
constexpr size_t kMaxCrlUrls = 4;

// The URIs of fullName.
absl::Status ReadFullName(std::span<const uint8_t> names,
                          std::vector<std::string>& urls) {
  crypto::DerReader reader(names);
  while (!reader.empty()) {
    ASSIGN_OR_RETURN(const crypto::DerElement name, reader.Next());
    const size_t size = name.contents.size();
    if (name.tag != kUriTag) {
      continue;
    }
    if (size == 0 || size > kMaxCrlUrl) {
      return InvalidArgument(
          fmt::format("URL of a revocation list: want 1 to {} octets, got {}",
                      kMaxCrlUrl, size));
    }
    if (urls.size() < kMaxCrlUrls) {
      urls.emplace_back(AsText(name.contents));
    }
  }
  return absl::OkStatus();
}

// DistributionPoint ::= SEQUENCE { [0] DistributionPointName, [1] reasons,
// [2] cRLIssuer }, each optional; a DistributionPointName is fullName [0] or
// nameRelativeToCRLIssuer [1].
absl::Status ReadPoint(std::span<const uint8_t> contents,
                       std::vector<std::string>& urls) {
  crypto::DerReader reader(contents);
  const auto where = reader.ReadOptional(crypto::kDerContext0);
  const bool partial = reader.ReadOptional(kReasonsTag).has_value();
  const bool indirect = reader.ReadOptional(crypto::kDerContext2).has_value();
  RETURN_IF_ERROR(reader.ExpectEnd("CRL distribution point"));
  if (!where.has_value()) {
    return absl::OkStatus();
  }
  crypto::DerReader name(*where);
  const auto full = name.ReadOptional(crypto::kDerContext0);
  const bool relative = name.ReadOptional(crypto::kDerContext1).has_value();
  RETURN_IF_ERROR(name.ExpectEnd("distribution point name"));
  if (!full.has_value() || relative || partial || indirect) {
    return absl::OkStatus();
  }
  return ReadFullName(*full, urls);
}

}  // namespace

bool NamesRevocationList(const crypto::Certificate& certificate) {
  return certificate.FindExtension(kCrlPointsOid) != nullptr;
}

absl::StatusOr<std::vector<std::string>> CrlUrlsOfUnverified(
    const crypto::Certificate& certificate) {
  std::vector<std::string> urls;
  const auto* extension = certificate.FindExtension(kCrlPointsOid);
  if (extension == nullptr) {
    return urls;
  }
  crypto::DerReader outer(extension->value);
  ASSIGN_OR_RETURN(const auto points,
                   outer.Read(crypto::kDerSequence, "CRL distribution points"));
  RETURN_IF_ERROR(outer.ExpectEnd("CRL distribution points"));
  crypto::DerReader reader(points);
  while (!reader.empty()) {
    ASSIGN_OR_RETURN(const auto point, reader.Read(crypto::kDerSequence,
                                                   "CRL distribution point"));
    RETURN_IF_ERROR(ReadPoint(point, urls));
  }
  return urls;
}

}  // namespace constellation::attestation
