// SPDX-License-Identifier: Apache-2.0
#include "attestation/azure/hcl_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "attestation/byte_reader.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

constexpr std::string_view kMagic = "HCLA";
constexpr uint32_t kRequestType = 2;
constexpr uint32_t kRequestVersion = 1;
constexpr size_t kHeaderSize = 32;
constexpr size_t kHardwareAreaSize = 1184;
constexpr size_t kRequestHeaderSize = 20;
constexpr size_t kTdReportSize = 1024;
constexpr size_t kSnpReportDataOffset = 0x50;
constexpr size_t kTdReportDataOffset = 128;
constexpr size_t kReportDataSize = 64;
constexpr size_t kMaxSize = 16384;

bool AllZero(std::span<const uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](uint8_t b) { return b == 0; });
}

// Says field, offset, wanted and found value.
absl::Status Unexpected(std::string_view field, size_t offset,
                        std::string_view want, uint32_t got) {
  return InvalidArgument(
      fmt::format("HCL report: {} at offset {}: want {}, got {}", field, offset,
                  want, got));
}

// Reads a number that must be `want`.
absl::Status ReadExactly(LittleEndianReader& reader, std::string_view field,
                         uint32_t want) {
  const size_t offset = reader.offset();
  ASSIGN_OR_RETURN(const uint32_t got, reader.Read<uint32_t>(field));
  return got == want ? absl::OkStatus()
                     : Unexpected(field, offset, fmt::format("{}", want), got);
}

// The header's report_size, after checking the fields around it.
absl::StatusOr<uint32_t> ReadHeader(LittleEndianReader& reader,
                                    HclReportUnverified& report) {
  ASSIGN_OR_RETURN(const auto magic, reader.Take(kMagic.size(), "signature"));
  if (AsText(magic) != kMagic) {
    return InvalidArgument(
        fmt::format("HCL report: signature at offset 0: want \"{}\", got {}",
                    kMagic, HexEncode(magic)));
  }
  ASSIGN_OR_RETURN(report.version, reader.Read<uint32_t>("version"));
  if (report.version != 1 && report.version != 2) {
    return Unexpected("version", 4, "1 or 2", report.version);
  }
  ASSIGN_OR_RETURN(const uint32_t report_size,
                   reader.Read<uint32_t>("report size"));
  RETURN_IF_ERROR(ReadExactly(reader, "request type", kRequestType));
  RETURN_IF_ERROR(ReadExactly(reader, "status", 0));
  ASSIGN_OR_RETURN(const auto reserved, reader.Take(12, "reserved"));
  if (!AllZero(reserved)) {
    return InvalidArgument(
        fmt::format("HCL report: reserved at offset 20: want zeros, got {}",
                    HexEncode(reserved)));
  }
  return report_size;
}

// The area is as long as an SNP report; a TDREPORT is shorter.
absl::Status ReadHardwareArea(std::span<const uint8_t> area,
                              HclReportUnverified& report) {
  if (report.type == HclReportType::kSnp) {
    report.hardware_report = area;
    report.report_data = area.subspan(kSnpReportDataOffset, kReportDataSize);
    return absl::OkStatus();
  }
  report.hardware_report = area.first(kTdReportSize);
  report.report_data = area.subspan(kTdReportDataOffset, kReportDataSize);
  if (!AllZero(area.subspan(kTdReportSize))) {
    return InvalidArgument(
        "HCL report: want zeros behind the TDREPORT, got others");
  }
  return absl::OkStatus();
}

// The types in the request data.
absl::Status ReadTypes(LittleEndianReader& reader,
                       HclReportUnverified& report) {
  size_t offset = reader.offset();
  ASSIGN_OR_RETURN(const uint32_t type, reader.Read<uint32_t>("report type"));
  if (type != static_cast<uint32_t>(HclReportType::kSnp) &&
      type != static_cast<uint32_t>(HclReportType::kTdx)) {
    return Unexpected("report type", offset, "2 (SEV-SNP) or 4 (TDX)", type);
  }
  report.type = static_cast<HclReportType>(type);
  offset = reader.offset();
  ASSIGN_OR_RETURN(const uint32_t hash, reader.Read<uint32_t>("hash type"));
  if (hash < 1 || hash > 3) {
    return Unexpected("hash type", offset,
                      "1 (SHA-256), 2 (SHA-384) or 3 (SHA-512)", hash);
  }
  report.hash = static_cast<HclHashType>(hash);
  return absl::OkStatus();
}

}  // namespace

std::string_view ToString(HclReportType type) {
  return type == HclReportType::kSnp ? "SEV-SNP" : "TDX";
}

std::string_view ToString(HclHashType type) {
  switch (type) {
    case HclHashType::kSha384:
      return "sha384";
    case HclHashType::kSha512:
      return "sha512";
    case HclHashType::kSha256:
      break;
  }
  return "sha256";
}

absl::StatusOr<HclReportUnverified> ParseHclReportUnverified(
    std::span<const uint8_t> bytes) {
  if (bytes.size() > kMaxSize) {
    return InvalidArgument(fmt::format(
        "HCL report: want at most {} bytes, got {}", kMaxSize, bytes.size()));
  }
  HclReportUnverified report;
  LittleEndianReader reader(bytes);
  ASSIGN_OR_RETURN(const uint32_t report_size, ReadHeader(reader, report));
  ASSIGN_OR_RETURN(const auto area,
                   reader.Take(kHardwareAreaSize, "hardware report"));
  ASSIGN_OR_RETURN(const uint32_t data_size,
                   reader.Read<uint32_t>("data size"));
  RETURN_IF_ERROR(ReadExactly(reader, "request data version", kRequestVersion));
  RETURN_IF_ERROR(ReadTypes(reader, report));
  ASSIGN_OR_RETURN(report.runtime_data,
                   reader.TakeSized<uint32_t>(kMaxSize, "runtime data"));
  const size_t variable = report.runtime_data.size();
  if (data_size != kRequestHeaderSize + variable) {
    return Unexpected("data size", kHeaderSize + kHardwareAreaSize,
                      fmt::format("20 + {}", variable), data_size);
  }
  if (report_size != kHeaderSize + kHardwareAreaSize + data_size) {
    return Unexpected("report size", 8, fmt::format("1216 + {}", data_size),
                      report_size);
  }
  if (!AllZero(bytes.subspan(reader.offset()))) {
    return InvalidArgument(
        fmt::format("HCL report: want zeros from offset {} on, got others",
                    reader.offset()));
  }
  RETURN_IF_ERROR(ReadHardwareArea(area, report));
  return report;
}

Bytes HclReportData(HclHashType hash, std::span<const uint8_t> runtime_data) {
  Bytes data(kReportDataSize);
  switch (hash) {
    case HclHashType::kSha256:
      std::ranges::copy(crypto::Sha256(runtime_data), data.begin());
      break;
    case HclHashType::kSha384:
      std::ranges::copy(crypto::Sha384(runtime_data), data.begin());
      break;
    case HclHashType::kSha512:
      std::ranges::copy(crypto::Sha512(runtime_data), data.begin());
      break;
  }
  return data;
}

}  // namespace constellation::attestation
