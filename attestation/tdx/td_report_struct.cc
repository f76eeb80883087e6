// SPDX-License-Identifier: Apache-2.0
#include "attestation/tdx/td_report_struct.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

// Offsets of the parts, and inside them.
constexpr size_t kTeeTcbInfoOffset = 256;
constexpr size_t kTeeTcbInfoSize = 239;
constexpr size_t kTdInfoOffset = 512;
constexpr size_t kTdInfoSize = 512;
constexpr uint8_t kTdxType = 0x81;

template <size_t kSize>
void Copy(std::span<const uint8_t> bytes, size_t offset,
          std::array<uint8_t, kSize>& to) {
  std::ranges::copy(bytes.subspan(offset, kSize), to.begin());
}

// `bytes` must have 8 octets at `offset`: sizes were checked before.
uint64_t LittleEndian64(std::span<const uint8_t> bytes, size_t offset) {
  uint64_t value = 0;
  for (size_t i = 8; i-- > 0;) {
    value = value << 8U | bytes[offset + i];
  }
  return value;
}

// The CPU's MAC covers the hashes, and the hashes cover the parts.
absl::Status CheckHash(std::string_view part, std::span<const uint8_t> bytes,
                       const IntelMeasurement& stated) {
  const crypto::Sha384Digest digest = crypto::Sha384(bytes);
  if (digest == stated) {
    return absl::OkStatus();
  }
  return InvalidArgument(fmt::format("TDREPORT: hash of {}: want {}, got {}",
                                     part, HexEncode(stated),
                                     HexEncode(digest)));
}

// TEE_TCB_INFO: the TDX module. The second TCB level came with TD 1.5.
void ReadTeeTcbInfo(std::span<const uint8_t> info, bool td_15,
                    TdReport& report) {
  Copy(info, 8, report.tee_tcb_svn);
  Copy(info, 24, report.mr_seam);
  Copy(info, 72, report.mr_signer_seam);
  Copy(info, 120, report.seam_attributes);
  if (td_15) {
    Copy(info, 128, report.tee_tcb_svn_2.emplace());
  }
}

// TDINFO: the TD itself.
void ReadTdInfo(std::span<const uint8_t> info, bool td_15, TdReport& report) {
  report.td_attributes = LittleEndian64(info, 0);
  report.xfam = LittleEndian64(info, 8);
  Copy(info, 16, report.mr_td);
  Copy(info, 64, report.mr_config_id);
  Copy(info, 112, report.mr_owner);
  Copy(info, 160, report.mr_owner_config);
  for (size_t i = 0; i < report.rtmr.size(); ++i) {
    Copy(info, 208 + 48 * i, report.rtmr[i]);
  }
  if (td_15) {
    Copy(info, 400, report.mr_service_td.emplace());
  }
}

}  // namespace

// Fixed size and fixed offsets: every part lies inside once the size is right.
absl::StatusOr<TdReportStructUnverified> ParseTdReportStructUnverified(
    std::span<const uint8_t> bytes) {
  if (bytes.size() != kTdReportStructSize) {
    return InvalidArgument(fmt::format("TDREPORT: want {} bytes, got {}",
                                       kTdReportStructSize, bytes.size()));
  }
  TdReportStructUnverified report;
  report.type = bytes[0];
  report.subtype = bytes[1];
  report.version = bytes[2];
  if (report.type != kTdxType || report.subtype != 0 || report.version > 1) {
    return InvalidArgument(fmt::format(
        "TDREPORT: want type 0x81, subtype 0, version 0 or 1, got {:#04x}, {}, "
        "{}",
        report.type, report.subtype, report.version));
  }
  Copy(bytes, 16, report.cpu_svn);
  Copy(bytes, 32, report.tee_tcb_info_hash);
  Copy(bytes, 80, report.td_info_hash);
  Copy(bytes, 128, report.report.report_data);
  const auto tee_tcb_info = bytes.subspan(kTeeTcbInfoOffset, kTeeTcbInfoSize);
  const auto td_info = bytes.subspan(kTdInfoOffset, kTdInfoSize);
  RETURN_IF_ERROR(
      CheckHash("TEE_TCB_INFO", tee_tcb_info, report.tee_tcb_info_hash));
  RETURN_IF_ERROR(CheckHash("TDINFO", td_info, report.td_info_hash));
  ReadTeeTcbInfo(tee_tcb_info, report.version == 1, report.report);
  ReadTdInfo(td_info, report.version == 1, report.report);
  return report;
}

// TCB levels are left out: the module may have been updated between report and
// quote.
absl::Status CheckSameTd(const TdReport& report, const TdReport& quoted) {
  struct Field {
    std::string_view name;
    std::span<const uint8_t> got;
    std::span<const uint8_t> wanted;
  };
  const Field fields[] = {
      {"report data", report.report_data, quoted.report_data},
      {"MRTD", report.mr_td, quoted.mr_td},
      {"MRSEAM", report.mr_seam, quoted.mr_seam},
      {"MRSIGNERSEAM", report.mr_signer_seam, quoted.mr_signer_seam},
      {"MRCONFIGID", report.mr_config_id, quoted.mr_config_id},
      {"MROWNER", report.mr_owner, quoted.mr_owner},
      {"MROWNERCONFIG", report.mr_owner_config, quoted.mr_owner_config},
      {"RTMR0", report.rtmr[0], quoted.rtmr[0]},
      {"RTMR1", report.rtmr[1], quoted.rtmr[1]},
      {"RTMR2", report.rtmr[2], quoted.rtmr[2]},
      {"RTMR3", report.rtmr[3], quoted.rtmr[3]},
  };
  for (const Field& field : fields) {
    if (!std::ranges::equal(field.got, field.wanted)) {
      return Unauthenticated(fmt::format(
          "TDREPORT: {}: the quote has {}, the TDREPORT {}", field.name,
          HexEncode(field.wanted), HexEncode(field.got)));
    }
  }
  if (report.td_attributes != quoted.td_attributes ||
      report.xfam != quoted.xfam) {
    return Unauthenticated(fmt::format(
        "TDREPORT: attributes, XFAM: the quote has {:#x}, {:#x}, the TDREPORT "
        "{:#x}, {:#x}",
        quoted.td_attributes, quoted.xfam, report.td_attributes, report.xfam));
  }
  return absl::OkStatus();
}

}  // namespace constellation::attestation
