// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/report_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <concepts>

#include "common/status.h"

namespace constellation::attestation {
namespace {

// The caller has checked that `bytes` reaches that far.
template <size_t kSize>
void Copy(std::span<const uint8_t> bytes, size_t offset,
          std::array<uint8_t, kSize>& to) {
  std::ranges::copy(bytes.subspan(offset, kSize), to.begin());
}

template <std::unsigned_integral T>
T LittleEndian(std::span<const uint8_t> bytes, size_t offset) {
  uint64_t value = 0;
  for (size_t i = sizeof(T); i-- > 0;) {
    value = value << 8U | bytes[offset + i];
  }
  return static_cast<T>(value);
}

}  // namespace

// Offsets of the REPORT structure (Intel SDM): 384 octets without key ID and
// MAC.
absl::StatusOr<EnclaveReport> ParseEnclaveReportUnverified(
    std::span<const uint8_t> bytes) {
  if (bytes.size() != kEnclaveReportSize) {
    return InvalidArgument(fmt::format("enclave report: want {} bytes, got {}",
                                       kEnclaveReportSize, bytes.size()));
  }
  EnclaveReport report;
  Copy(bytes, 0, report.cpu_svn);
  Copy(bytes, 16, report.misc_select);
  Copy(bytes, 48, report.attributes);
  Copy(bytes, 64, report.mr_enclave);
  Copy(bytes, 128, report.mr_signer);
  report.isv_prod_id = LittleEndian<uint16_t>(bytes, 256);
  report.isv_svn = LittleEndian<uint16_t>(bytes, 258);
  Copy(bytes, 320, report.report_data);
  return report;
}

// Offsets of the "TD Quote Body" of Intel's TDX DCAP quoting library; TD 1.5
// adds two fields at the end.
absl::StatusOr<TdReport> ParseTdReportUnverified(
    std::span<const uint8_t> bytes) {
  if (bytes.size() != kTdReport10Size && bytes.size() != kTdReport15Size) {
    return InvalidArgument(fmt::format("TD report: want {} or {} bytes, got {}",
                                       kTdReport10Size, kTdReport15Size,
                                       bytes.size()));
  }
  TdReport report;
  Copy(bytes, 0, report.tee_tcb_svn);
  Copy(bytes, 16, report.mr_seam);
  Copy(bytes, 64, report.mr_signer_seam);
  Copy(bytes, 112, report.seam_attributes);
  report.td_attributes = LittleEndian<uint64_t>(bytes, 120);
  report.xfam = LittleEndian<uint64_t>(bytes, 128);
  Copy(bytes, 136, report.mr_td);
  Copy(bytes, 184, report.mr_config_id);
  Copy(bytes, 232, report.mr_owner);
  Copy(bytes, 280, report.mr_owner_config);
  for (size_t i = 0; i < report.rtmr.size(); ++i) {
    Copy(bytes, 328 + 48 * i, report.rtmr[i]);
  }
  Copy(bytes, 520, report.report_data);
  if (bytes.size() == kTdReport15Size) {
    Copy(bytes, 584, report.tee_tcb_svn_2.emplace());
    Copy(bytes, 600, report.mr_service_td.emplace());
  }
  return report;
}

}  // namespace constellation::attestation
