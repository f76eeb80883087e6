// SPDX-License-Identifier: Apache-2.0
#include "attestation/gcp/instance_info.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/der.h"

namespace constellation::attestation {
namespace {

// 1.3.6.1.4.1.11129.2.1.21
constexpr uint8_t kInstanceOid[] = {0x2b, 0x06, 0x01, 0x04, 0x01,
                                    0xd6, 0x79, 0x02, 0x01, 0x15};
constexpr size_t kMaxText = 256;
constexpr uint8_t kTagMask = 0xe0;  // class and "constructed"

// Names end up in messages and policies: printable ASCII only.
absl::StatusOr<std::string> ReadText(crypto::DerReader& reader,
                                     std::string_view field) {
  ASSIGN_OR_RETURN(const auto octets,
                   reader.Read(crypto::kDerUtf8String, field));
  const bool printable = std::ranges::all_of(
      octets, [](uint8_t c) { return c >= 0x20 && c <= 0x7e; });
  if (octets.empty() || octets.size() > kMaxText || !printable) {
    return InvalidArgument(
        fmt::format("{}: want 1 to {} printable characters, got {} octets",
                    field, kMaxText, octets.size()));
  }
  return std::string(AsText(octets));
}

// Project and instance numbers need all 64 bits.
absl::StatusOr<uint64_t> ReadNumber(crypto::DerReader& reader,
                                    std::string_view field) {
  ASSIGN_OR_RETURN(const auto contents,
                   reader.Read(crypto::kDerInteger, field));
  return crypto::DerUnsigned(contents, field);
}

// [0] and [1] of the security properties; what follows need only be tagged.
absl::Status ReadProperties(std::span<const uint8_t> contents,
                            GceInstance& instance) {
  crypto::DerReader reader(contents);
  int last = -1;
  while (!reader.empty()) {
    ASSIGN_OR_RETURN(const crypto::DerElement element, reader.Next());
    const int tag = element.tag - crypto::kDerContext0;
    if ((element.tag & kTagMask) != crypto::kDerContext0 || tag <= last) {
      return InvalidArgument(
          fmt::format("security properties: want ascending tags, got {:#04x}",
                      element.tag));
    }
    last = tag;
    crypto::DerReader inner(element.contents);
    if (tag == 0) {
      ASSIGN_OR_RETURN(instance.security_version,
                       ReadNumber(inner, "security version"));
      RETURN_IF_ERROR(inner.ExpectEnd("security version"));
    } else if (tag == 1) {
      ASSIGN_OR_RETURN(const auto octet,
                       inner.Read(crypto::kDerBoolean, "is production"));
      ASSIGN_OR_RETURN(instance.is_production,
                       crypto::DerBool(octet, "is production"));
      RETURN_IF_ERROR(inner.ExpectEnd("is production"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

// Google's extension: five fields, then optional security properties. Tags that
// are not known are skipped, for Google adds new ones.
absl::StatusOr<GceInstance> ParseGceInstanceUnverified(
    std::span<const uint8_t> value) {
  crypto::DerReader outer(value);
  ASSIGN_OR_RETURN(const auto contents,
                   outer.Read(crypto::kDerSequence, "GCE instance"));
  RETURN_IF_ERROR(outer.ExpectEnd("GCE instance"));
  crypto::DerReader reader(contents);
  GceInstance instance;
  ASSIGN_OR_RETURN(instance.zone, ReadText(reader, "zone"));
  ASSIGN_OR_RETURN(instance.project_number,
                   ReadNumber(reader, "project number"));
  ASSIGN_OR_RETURN(instance.project_id, ReadText(reader, "project id"));
  ASSIGN_OR_RETURN(instance.instance_id, ReadNumber(reader, "instance id"));
  ASSIGN_OR_RETURN(instance.instance_name, ReadText(reader, "instance name"));
  if (const auto tagged = reader.ReadOptional(crypto::kDerContext0);
      tagged.has_value()) {
    crypto::DerReader inner(*tagged);
    ASSIGN_OR_RETURN(const auto properties,
                     inner.Read(crypto::kDerSequence, "security properties"));
    RETURN_IF_ERROR(inner.ExpectEnd("security properties"));
    RETURN_IF_ERROR(ReadProperties(properties, instance));
  }
  RETURN_IF_ERROR(reader.ExpectEnd("GCE instance"));
  return instance;
}

absl::StatusOr<GceInstance> GceInstanceOfUnverified(
    const crypto::Certificate& certificate) {
  const auto* extension = certificate.FindExtension(kInstanceOid);
  if (extension == nullptr) {
    return NotFound("the certificate names no GCE instance");
  }
  return ParseGceInstanceUnverified(extension->value);
}

}  // namespace constellation::attestation
