// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/pck_extension.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/functional/function_ref.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/der.h"

namespace constellation::attestation {
namespace {

using crypto::DerElement;
using crypto::DerReader;

// Contents octets of 1.2.840.113741.1.13.1.
constexpr uint8_t kExtensionOid[] = {0x2a, 0x86, 0x48, 0x86, 0xf8,
                                     0x4d, 0x01, 0x0d, 0x01};
constexpr uint64_t kNoArc = 256;
constexpr uint64_t kCpuSvnArc = 18;
constexpr uint64_t kPceSvnArc = 17;

// The last arc of `oid` if it is one arc below kExtensionOid . `below`.
uint64_t LastArc(std::span<const uint8_t> oid, std::span<const uint8_t> below) {
  constexpr size_t kPrefix = std::size(kExtensionOid);
  if (oid.size() != kPrefix + below.size() + 1 ||
      !std::ranges::equal(oid.first(kPrefix), kExtensionOid) ||
      !std::ranges::equal(oid.subspan(kPrefix, below.size()), below)) {
    return kNoArc;
  }
  return oid.back() < 0x80 ? oid.back() : kNoArc;
}

// Fixed sizes only.
template <size_t kSize>
absl::Status ReadOctets(const DerElement& element, std::string_view field,
                        std::array<uint8_t, kSize>& to) {
  if (element.tag != crypto::kDerOctetString ||
      element.contents.size() != kSize) {
    return InvalidArgument(fmt::format(
        "{}: want an OCTET STRING of {} bytes, got tag {:#04x} with {}", field,
        kSize, element.tag, element.contents.size()));
  }
  std::ranges::copy(element.contents, to.begin());
  return absl::OkStatus();
}

// `max` comes from Intel's profile: an SVN of 300 would compare as better than
// any level.
absl::StatusOr<uint64_t> ReadUnsigned(const DerElement& element, uint8_t tag,
                                      uint64_t max, std::string_view field) {
  if (element.tag != tag) {
    return InvalidArgument(fmt::format("{}: want tag {:#04x}, got {:#04x}",
                                       field, tag, element.tag));
  }
  ASSIGN_OR_RETURN(const uint64_t value,
                   crypto::DerUnsigned(element.contents, field));
  if (value > max) {
    return InvalidArgument(
        fmt::format("{}: want at most {}, got {}", field, max, value));
  }
  return value;
}

// Calls `read` for each {OID, value} of a SEQUENCE with the OID's last arc.
absl::Status ReadPairs(
    std::span<const uint8_t> sequence, std::span<const uint8_t> below,
    std::string_view field,
    absl::FunctionRef<absl::Status(uint64_t arc, const DerElement& value)>
        read) {
  DerReader pairs(sequence);
  uint64_t seen = 0;
  while (!pairs.empty()) {
    ASSIGN_OR_RETURN(const std::span<const uint8_t> pair,
                     pairs.Read(crypto::kDerSequence, field));
    DerReader reader(pair);
    ASSIGN_OR_RETURN(const std::span<const uint8_t> oid,
                     reader.Read(crypto::kDerOid, field));
    ASSIGN_OR_RETURN(const DerElement value, reader.Next());
    RETURN_IF_ERROR(reader.ExpectEnd(field));
    const uint64_t arc = LastArc(oid, below);
    if (arc >= 64) {
      continue;  // not one of those that we know
    }
    if ((seen >> arc & 1U) != 0) {
      return InvalidArgument(
          fmt::format("{}: field {} is given twice", field, arc));
    }
    seen |= uint64_t{1} << arc;
    RETURN_IF_ERROR(read(arc, value));
  }
  return absl::OkStatus();
}

// 1.2.840.113741.1.13.1.2: sixteen components, PCESVN, CPUSVN; all of them.
absl::Status ReadTcb(const DerElement& element, PckExtension& extension) {
  if (element.tag != crypto::kDerSequence) {
    return InvalidArgument("PCK extension: TCB: want a SEQUENCE");
  }
  constexpr uint8_t kTcb[] = {2};
  uint32_t seen = 0;
  RETURN_IF_ERROR(ReadPairs(
      element.contents, kTcb, "PCK extension: TCB",
      [&](uint64_t arc, const DerElement& value) -> absl::Status {
        if (arc < 1 || arc > kCpuSvnArc) {
          return absl::OkStatus();
        }
        seen |= 1U << (arc - 1);
        if (arc == kCpuSvnArc) {
          return ReadOctets(value, "PCK extension: CPUSVN", extension.cpu_svn);
        }
        const bool pce = arc == kPceSvnArc;
        ASSIGN_OR_RETURN(
            const uint64_t svn,
            ReadUnsigned(value, crypto::kDerInteger, pce ? 0xffff : 0xff,
                         pce ? "PCK extension: PCESVN"
                             : "PCK extension: TCB component"));
        if (pce) {
          extension.pce_svn = static_cast<uint16_t>(svn);
        } else {
          extension.components.at(arc - 1) = static_cast<uint8_t>(svn);
        }
        return absl::OkStatus();
      }));
  constexpr uint32_t kAll = (1U << kCpuSvnArc) - 1;
  return seen == kAll ? absl::OkStatus()
                      : InvalidArgument(fmt::format(
                            "PCK extension: TCB: want 18 fields, got bits "
                            "{:#07x}",
                            seen));
}

// 1.2.840.113741.1.13.1.7: three flags, of platform CAs only.
absl::Status ReadConfiguration(const DerElement& element,
                               PckExtension& extension) {
  if (element.tag != crypto::kDerSequence) {
    return InvalidArgument("PCK extension: configuration: want a SEQUENCE");
  }
  constexpr uint8_t kConfiguration[] = {7};
  return ReadPairs(
      element.contents, kConfiguration, "PCK extension: configuration",
      [&](uint64_t arc, const DerElement& value) -> absl::Status {
        if (arc < 1 || arc > 3) {
          return absl::OkStatus();
        }
        if (value.tag != crypto::kDerBoolean) {
          return InvalidArgument(
              "PCK extension: configuration: want a BOOLEAN");
        }
        ASSIGN_OR_RETURN(
            const bool flag,
            crypto::DerBool(value.contents, "PCK extension: configuration"));
        (arc == 1   ? extension.dynamic_platform
         : arc == 2 ? extension.cached_keys
                    : extension.smt_enabled) = flag;
        return absl::OkStatus();
      });
}

// One field of the outer SEQUENCE, by its last arc.
absl::Status ReadField(uint64_t arc, const DerElement& value,
                       PckExtension& extension) {
  switch (arc) {
    case 1:
      return ReadOctets(value, "PCK extension: PPID", extension.ppid);
    case 2:
      return ReadTcb(value, extension);
    case 3:
      return ReadOctets(value, "PCK extension: PCE-ID", extension.pce_id);
    case 4:
      return ReadOctets(value, "PCK extension: FMSPC", extension.fmspc);
    case 5: {
      ASSIGN_OR_RETURN(const uint64_t type,
                       ReadUnsigned(value, crypto::kDerEnumerated, 2,
                                    "PCK extension: SGX type"));
      extension.sgx_type = static_cast<SgxType>(type);
      return absl::OkStatus();
    }
    case 6:
      return ReadOctets(value, "PCK extension: platform instance ID",
                        extension.platform_instance_id.emplace());
    case 7:
      return ReadConfiguration(value, extension);
    default:
      return absl::OkStatus();
  }
}

}  // namespace

// All five fields that every PCK has must be there: a missing TCB would read as
// all zero, or worse, as all good.
absl::StatusOr<PckExtension> ParsePckExtension(std::span<const uint8_t> value) {
  DerReader outer(value);
  ASSIGN_OR_RETURN(const std::span<const uint8_t> sequence,
                   outer.Read(crypto::kDerSequence, "PCK extension"));
  RETURN_IF_ERROR(outer.ExpectEnd("PCK extension"));
  PckExtension extension;
  uint32_t seen = 0;
  RETURN_IF_ERROR(
      ReadPairs(sequence, {}, "PCK extension",
                [&](uint64_t arc, const DerElement& element) -> absl::Status {
                  if (arc >= 1 && arc <= 7) {
                    seen |= 1U << arc;
                  }
                  return ReadField(arc, element, extension);
                }));
  static constexpr std::string_view kNames[] = {"",       "PPID",  "TCB",
                                                "PCE-ID", "FMSPC", "SGX type"};
  for (size_t i = 1; i < std::size(kNames); ++i) {
    if ((seen >> i & 1U) == 0) {
      return InvalidArgument(
          fmt::format("PCK extension: {} is missing", kNames[i]));
    }
  }
  return extension;
}

// The CA's certificates have none, so asking them is an error.
absl::StatusOr<PckExtension> PckExtensionOf(
    const crypto::Certificate& certificate) {
  const crypto::Certificate::Extension* extension =
      certificate.FindExtension(kExtensionOid);
  if (extension == nullptr) {
    return InvalidArgument(
        "PCK extension: the certificate has no SGX extension");
  }
  return ParsePckExtension(extension->value);
}

}  // namespace constellation::attestation
