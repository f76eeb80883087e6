// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/snp_certificates.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/der.h"

namespace constellation::attestation {
namespace {

using crypto::Certificate;
using crypto::DerReader;
using Octets = std::span<const uint8_t>;

// 1.3.6.1.4.1.3704.1, to which one or two arcs are added.
constexpr std::array<uint8_t, 8> kAmdArc = {0x2b, 0x06, 0x01, 0x04,
                                            0x01, 0x9c, 0x78, 0x01};
constexpr uint8_t kStructVersion = 1;
constexpr uint8_t kProductName = 2;
constexpr uint8_t kLevels = 3;
constexpr uint8_t kHardwareId = 4;
constexpr uint8_t kCspId = 5;
constexpr size_t kMaxTextSize = 128;

// One level and where it stands in a report.
struct Level {
  uint8_t arc;
  std::string_view name;
};
// In the order of the octets of a TCB_VERSION.
constexpr std::array<Level, 8> kMilanLevels = {{{1, "blSPL"},
                                                {2, "teeSPL"},
                                                {4, "spl4"},
                                                {5, "spl5"},
                                                {6, "spl6"},
                                                {7, "spl7"},
                                                {3, "snpSPL"},
                                                {8, "ucodeSPL"}}};
constexpr std::array<Level, 8> kTurinLevels = {{{9, "fmcSPL"},
                                                {1, "blSPL"},
                                                {2, "teeSPL"},
                                                {3, "snpSPL"},
                                                {5, "spl5"},
                                                {6, "spl6"},
                                                {7, "spl7"},
                                                {8, "ucodeSPL"}}};

const Certificate::Extension* Find(const Certificate& certificate, uint8_t arc,
                                   uint8_t sub_arc = 0) {
  std::array<uint8_t, kAmdArc.size() + 2> oid{};
  std::ranges::copy(kAmdArc, oid.begin());
  oid[kAmdArc.size()] = arc;
  oid[kAmdArc.size() + 1] = sub_arc;
  return certificate.FindExtension(
      std::span(oid).first(kAmdArc.size() + (sub_arc == 0 ? 1 : 2)));
}

// The contents of the one element of type `tag` that an extension holds.
absl::StatusOr<Octets> ReadValue(const Certificate::Extension* extension,
                                 uint8_t tag, std::string_view field) {
  if (extension == nullptr) {
    return InvalidArgument(fmt::format("extension {}: missing", field));
  }
  DerReader reader(extension->value);
  ASSIGN_OR_RETURN(const Octets contents, reader.Read(tag, field));
  RETURN_IF_ERROR(reader.ExpectEnd(field));
  return contents;
}

// Printable only: the text ends up in messages and is compared with a policy's
// list.
absl::StatusOr<std::string> ReadText(const Certificate::Extension* extension,
                                     std::string_view field) {
  ASSIGN_OR_RETURN(const Octets contents,
                   ReadValue(extension, crypto::kDerIa5String, field));
  const bool printable = std::ranges::all_of(
      contents, [](uint8_t octet) { return octet >= 0x20 && octet < 0x7f; });
  if (contents.empty() || contents.size() > kMaxTextSize || !printable) {
    return InvalidArgument(
        fmt::format("extension {}: want 1 to {} printable characters", field,
                    kMaxTextSize));
  }
  return std::string(AsText(contents));
}

// Every level must be there, also the unused ones: the report repeats all eight
// octets.
absl::StatusOr<SnpRawTcb> ReadLevels(const Certificate& certificate,
                                     SnpProduct product) {
  SnpRawTcb tcb{};
  const auto& levels =
      product == SnpProduct::kTurin ? kTurinLevels : kMilanLevels;
  for (size_t i = 0; i < levels.size(); ++i) {
    ASSIGN_OR_RETURN(const Octets contents,
                     ReadValue(Find(certificate, kLevels, levels[i].arc),
                               crypto::kDerInteger, levels[i].name));
    ASSIGN_OR_RETURN(const uint64_t value,
                     crypto::DerUnsigned(contents, levels[i].name));
    if (value > 0xff) {
      return InvalidArgument(fmt::format(
          "extension {}: want at most 255, got {}", levels[i].name, value));
    }
    tcb[i] = static_cast<uint8_t>(value);
  }
  return tcb;
}

absl::StatusOr<Bytes> ReadHardwareId(const Certificate& certificate,
                                     SnpProduct product) {
  const Certificate::Extension* const extension =
      Find(certificate, kHardwareId);
  if (extension == nullptr) {
    return InvalidArgument("extension hwID: missing");
  }
  const size_t size = product == SnpProduct::kTurin ? 8 : 64;
  Octets value = extension->value;
  // AMD's certificates have the bare octets; other issuers wrap them in an
  // OCTET STRING, which is two octets longer.
  if (value.size() == size + 2 && value[0] == crypto::kDerOctetString &&
      value[1] == size) {
    value = value.subspan(2);
  }
  if (value.size() != size) {
    return InvalidArgument(fmt::format("extension hwID: want {} octets, got {}",
                                       size, value.size()));
  }
  return Bytes(value.begin(), value.end());
}

// AMD tells the two kinds apart by the common name only (AMD 57230).
absl::StatusOr<SnpSigningKey> ReadKind(const Certificate& certificate) {
  const std::optional<std::string> name = certificate.SubjectCommonName();
  if (name == "SEV-VCEK") {
    return SnpSigningKey::kVcek;
  }
  if (name == "SEV-VLEK") {
    return SnpSigningKey::kVlek;
  }
  return InvalidArgument(
      fmt::format("want common name SEV-VCEK or SEV-VLEK, got {}",
                  name.has_value() ? HexEncode(AsBytes(*name)) : "none"));
}

// The product comes first, for the levels' layout and the size of the hardware
// ID follow from it.
absl::StatusOr<SnpSignerFactsUnverified> ReadFacts(
    const Certificate& certificate) {
  SnpSignerFactsUnverified facts;
  ASSIGN_OR_RETURN(facts.kind, ReadKind(certificate));
  ASSIGN_OR_RETURN(const Octets version,
                   ReadValue(Find(certificate, kStructVersion),
                             crypto::kDerInteger, "structVersion"));
  ASSIGN_OR_RETURN(facts.structure_version,
                   crypto::DerUnsigned(version, "structVersion"));
  ASSIGN_OR_RETURN(facts.product_name,
                   ReadText(Find(certificate, kProductName), "productName"));
  const std::optional<SnpProduct> product =
      SnpProductFromName(facts.product_name);
  if (!product.has_value()) {
    return InvalidArgument(
        fmt::format("extension productName: want Milan, Genoa or Turin, got {}",
                    facts.product_name));
  }
  facts.product = *product;
  ASSIGN_OR_RETURN(facts.tcb, ReadLevels(certificate, facts.product));
  if (facts.kind == SnpSigningKey::kVcek) {
    ASSIGN_OR_RETURN(facts.hardware_id,
                     ReadHardwareId(certificate, facts.product));
  } else {
    ASSIGN_OR_RETURN(facts.csp_id,
                     ReadText(Find(certificate, kCspId), "cspID"));
  }
  return facts;
}

}  // namespace

absl::StatusOr<SnpSignerFactsUnverified> SnpSignerFactsUnverified::From(
    const Certificate& certificate) {
  absl::StatusOr<SnpSignerFactsUnverified> facts = ReadFacts(certificate);
  if (!facts.ok()) {
    return Annotate(facts.status(), "SNP certificate");
  }
  return facts;
}

// A size that no product has gives zeros: they match no chip that is shown, for
// a report with a zero chip ID counts as masked.
std::array<uint8_t, 64> SnpChipIdOf(Octets hardware_id) {
  std::array<uint8_t, 64> chip_id{};
  if (hardware_id.size() == 64 || hardware_id.size() == 8) {
    std::ranges::copy(hardware_id, chip_id.begin());
  }
  return chip_id;
}

}  // namespace constellation::attestation
