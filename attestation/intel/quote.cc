// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/quote.h"

#include <fmt/format.h>

#include "attestation/byte_reader.h"
#include "attestation/intel/report_body.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

// Real quotes have 5 to 8 kB, authentication data 32 octets, chains 4 kB.
constexpr size_t kMaxQuoteSize = 65536;
constexpr size_t kMaxAuthDataSize = 4096;
constexpr size_t kMaxCertificationSize = 32768;

absl::StatusOr<IntelTee> TeeOf(uint16_t version, uint32_t tee_type) {
  // Version 3 knows SGX only; what is the TEE type later is reserved there.
  if (version == 3 || tee_type == static_cast<uint32_t>(IntelTee::kSgx)) {
    return IntelTee::kSgx;
  }
  if (tee_type == static_cast<uint32_t>(IntelTee::kTdx)) {
    return IntelTee::kTdx;
  }
  return InvalidArgument(fmt::format(
      "TEE type at offset 4: want 0x0 (SGX) or 0x81 (TDX), got {:#x}",
      tee_type));
}

// The first 48 octets, the same in every version but for the SVNs.
absl::Status ParseHeader(LittleEndianReader& reader,
                         IntelQuoteUnverified& quote) {
  ASSIGN_OR_RETURN(quote.version, reader.Read<uint16_t>("version"));
  if (quote.version < 3 || quote.version > 5) {
    return InvalidArgument(fmt::format(
        "version at offset 0: want 3, 4 or 5, got {}", quote.version));
  }
  ASSIGN_OR_RETURN(quote.attestation_key_type,
                   reader.Read<uint16_t>("attestation key type"));
  ASSIGN_OR_RETURN(const uint32_t tee_type, reader.Read<uint32_t>("TEE type"));
  ASSIGN_OR_RETURN(quote.tee, TeeOf(quote.version, tee_type));
  ASSIGN_OR_RETURN(quote.qe_svn, reader.Read<uint16_t>("QE SVN"));
  ASSIGN_OR_RETURN(quote.pce_svn, reader.Read<uint16_t>("PCE SVN"));
  ASSIGN_OR_RETURN(quote.qe_vendor, reader.Take(16, "QE vendor"));
  ASSIGN_OR_RETURN(quote.user_data, reader.Take(20, "user data"));
  return absl::OkStatus();
}

// Octets of a body; versions 3 and 4 do not state it.
size_t BodySize(IntelBodyType type) {
  switch (type) {
    case IntelBodyType::kSgx:
      return kEnclaveReportSize;
    case IntelBodyType::kTd10:
      return kTdReport10Size;
    case IntelBodyType::kTd15:
      break;
  }
  return kTdReport15Size;
}

// Version 5 states type and size, which must agree with each other and with the
// TEE of the header; before, the TEE alone decides.
absl::Status ParseBody(LittleEndianReader& reader,
                       IntelQuoteUnverified& quote) {
  quote.body_type =
      quote.tee == IntelTee::kSgx ? IntelBodyType::kSgx : IntelBodyType::kTd10;
  if (quote.version == 5) {
    ASSIGN_OR_RETURN(const uint16_t type, reader.Read<uint16_t>("body type"));
    if (type < 1 || type > 3) {
      return InvalidArgument(
          fmt::format("body type at offset 48: want 1, 2 or 3, got {}", type));
    }
    quote.body_type = static_cast<IntelBodyType>(type);
    if ((quote.body_type == IntelBodyType::kSgx) !=
        (quote.tee == IntelTee::kSgx)) {
      return InvalidArgument(
          fmt::format("body type at offset 48: {} does not fit TEE {}", type,
                      ToString(quote.tee)));
    }
    ASSIGN_OR_RETURN(const uint32_t size, reader.Read<uint32_t>("body size"));
    if (size != BodySize(quote.body_type)) {
      return InvalidArgument(
          fmt::format("body size at offset 50: want {} for body type {}, got "
                      "{}",
                      BodySize(quote.body_type), type, size));
    }
  }
  ASSIGN_OR_RETURN(quote.body, reader.Take(BodySize(quote.body_type), "body"));
  return absl::OkStatus();
}

// QE report, its signature, authentication data and certification data.
absl::Status ParseQeSection(LittleEndianReader& reader,
                            IntelQuoteUnverified& quote) {
  ASSIGN_OR_RETURN(quote.qe_report,
                   reader.Take(kEnclaveReportSize, "QE report"));
  ASSIGN_OR_RETURN(quote.qe_report_signature,
                   reader.Take(64, "QE report signature"));
  ASSIGN_OR_RETURN(
      quote.qe_auth_data,
      reader.TakeSized<uint16_t>(kMaxAuthDataSize, "QE authentication data"));
  ASSIGN_OR_RETURN(quote.certification_type,
                   reader.Read<uint16_t>("certification data type"));
  if (quote.certification_type < kPckIdPlain ||
      quote.certification_type > kPckCertificateChain) {
    return InvalidArgument(
        fmt::format("certification data type: want 1 to 5, got {}",
                    quote.certification_type));
  }
  ASSIGN_OR_RETURN(
      quote.certification_data,
      reader.TakeSized<uint32_t>(kMaxCertificationSize, "certification data"));
  return reader.ExpectEnd("signature section");
}

// Signature and key, then the quoting enclave's part: directly in version 3,
// wrapped as certification data of type 6 later. Nothing may be left over.
absl::Status ParseSignatureSection(std::span<const uint8_t> section,
                                   IntelQuoteUnverified& quote) {
  LittleEndianReader reader(section);
  ASSIGN_OR_RETURN(quote.signature, reader.Take(64, "quote signature"));
  ASSIGN_OR_RETURN(quote.attestation_key, reader.Take(64, "attestation key"));
  if (quote.version == 3) {
    return ParseQeSection(reader, quote);
  }
  ASSIGN_OR_RETURN(const uint16_t type,
                   reader.Read<uint16_t>("outer certification data type"));
  if (type != kQeReportCertification) {
    return InvalidArgument(fmt::format(
        "outer certification data type: want {} (QE report), got {}",
        kQeReportCertification, type));
  }
  ASSIGN_OR_RETURN(
      const std::span<const uint8_t> inner,
      reader.TakeSized<uint32_t>(kMaxQuoteSize, "outer certification data"));
  RETURN_IF_ERROR(reader.ExpectEnd("signature section"));
  LittleEndianReader inner_reader(inner);
  return ParseQeSection(inner_reader, quote);
}

}  // namespace

// As in Intel's documents.
std::string_view ToString(IntelTee tee) {
  return tee == IntelTee::kTdx ? "TDX" : "SGX";
}

// Octets behind the signature section are reported, not refused: the kernel
// hands out the quote in a buffer of fixed size.
absl::StatusOr<IntelQuoteUnverified> ParseIntelQuoteUnverified(
    std::span<const uint8_t> bytes) {
  if (bytes.size() > kMaxQuoteSize) {
    return InvalidArgument(fmt::format("quote: want at most {} bytes, got {}",
                                       kMaxQuoteSize, bytes.size()));
  }
  LittleEndianReader reader(bytes);
  IntelQuoteUnverified quote;
  RETURN_IF_ERROR(ParseHeader(reader, quote));
  RETURN_IF_ERROR(ParseBody(reader, quote));
  quote.signed_bytes = bytes.first(reader.offset());
  ASSIGN_OR_RETURN(
      const std::span<const uint8_t> section,
      reader.TakeSized<uint32_t>(kMaxQuoteSize, "signature section"));
  RETURN_IF_ERROR(ParseSignatureSection(section, quote));
  ASSIGN_OR_RETURN(quote.trailing,
                   reader.Take(reader.remaining(), "trailing bytes"));
  return quote;
}

}  // namespace constellation::attestation
