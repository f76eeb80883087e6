// SPDX-License-Identifier: Apache-2.0
#include "attestation/gcp/issuer_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/der.h"

namespace constellation::attestation {
namespace {

// 1.3.6.1.5.5.7.1.1 and 1.3.6.1.5.5.7.48.2
constexpr uint8_t kInformationAccessOid[] = {0x2b, 0x06, 0x01, 0x05,
                                             0x05, 0x07, 0x01, 0x01};
constexpr uint8_t kCaIssuersOid[] = {0x2b, 0x06, 0x01, 0x05,
                                     0x05, 0x07, 0x30, 0x02};
constexpr uint8_t kUriTag = 0x86;  // GeneralName [6], RFC 5280 4.2.1.6
constexpr size_t kMaxUrl = 512;

// The URL of one AccessDescription, if it is one of an issuer.
absl::StatusOr<std::optional<std::string>> ReadDescription(
    std::span<const uint8_t> contents) {
  crypto::DerReader reader(contents);
  ASSIGN_OR_RETURN(const auto method,
                   reader.Read(crypto::kDerOid, "access method"));
  ASSIGN_OR_RETURN(const crypto::DerElement location, reader.Next());
  RETURN_IF_ERROR(reader.ExpectEnd("access description"));
  if (!std::ranges::equal(method, kCaIssuersOid) || location.tag != kUriTag) {
    return std::optional<std::string>();
  }
  const size_t size = location.contents.size();
  if (size == 0 || size > kMaxUrl) {
    return InvalidArgument(
        fmt::format("issuer URL: want 1 to {} octets, got {}", kMaxUrl, size));
  }
  return std::make_optional(std::string(AsText(location.contents)));
}

}  // namespace

// RFC 5280 4.2.2.1, the first URL. Whether it may be asked is IssuerItem()'s to
// judge.
absl::StatusOr<std::string> IssuerUrlOfUnverified(
    const crypto::Certificate& certificate) {
  const auto* extension = certificate.FindExtension(kInformationAccessOid);
  if (extension == nullptr) {
    return NotFound(fmt::format("{}: does not say where its issuer is",
                                certificate.Subject()));
  }
  crypto::DerReader outer(extension->value);
  ASSIGN_OR_RETURN(
      const auto descriptions,
      outer.Read(crypto::kDerSequence, "authority information access"));
  RETURN_IF_ERROR(outer.ExpectEnd("authority information access"));
  crypto::DerReader reader(descriptions);
  while (!reader.empty()) {
    ASSIGN_OR_RETURN(const auto description,
                     reader.Read(crypto::kDerSequence, "access description"));
    ASSIGN_OR_RETURN(const std::optional<std::string> url,
                     ReadDescription(description));
    if (url.has_value()) {
      return *url;
    }
  }
  return NotFound(fmt::format("{}: does not say where its issuer is",
                              certificate.Subject()));
}

}  // namespace constellation::attestation
