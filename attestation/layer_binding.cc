// SPDX-License-Identifier: Apache-2.0
#include "attestation/layer_binding.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

constexpr std::string_view kTag = "constellation/v1/hardware-report";
constexpr uint32_t kMaxPcr = 31;

// Big-endian, as numbers stand in a TPM's structures.
void AppendNumber(Bytes& buffer, uint32_t number) {
  for (const uint32_t shift : {24U, 16U, 8U, 0U}) {
    buffer.push_back(static_cast<uint8_t>(number >> shift));
  }
}

// Length first, so that no field can run into the next.
void AppendField(Bytes& buffer, std::span<const uint8_t> field) {
  AppendNumber(buffer, static_cast<uint32_t>(field.size()));
  buffer.insert(buffer.end(), field.begin(), field.end());
}

// What the quote covers of the registers.
struct QuotedPcrs {
  uint32_t mask = 0;
  crypto::Sha256Digest digest{};
};

// Ascending order, as the TPM hashes them for TPMS_QUOTE_INFO.pcrDigest; so the
// order in which they were sent does not matter.
absl::StatusOr<QuotedPcrs> Summarise(std::span<const PcrValue> pcrs) {
  QuotedPcrs out;
  for (const PcrValue& pcr : pcrs) {
    if (pcr.index > kMaxPcr || (out.mask >> pcr.index & 1U) != 0) {
      return InvalidArgument(fmt::format(
          "PCR {}: want each of PCR 0-{} at most once", pcr.index, kMaxPcr));
    }
    out.mask |= 1U << pcr.index;
  }
  std::vector<PcrValue> sorted(pcrs.begin(), pcrs.end());
  std::ranges::sort(sorted, {}, &PcrValue::index);
  crypto::Sha256Hasher hasher;
  for (const PcrValue& pcr : sorted) {
    hasher.Update(pcr.sha256);
  }
  out.digest = hasher.Finish();
  return out;
}

}  // namespace

// The tag keeps this digest apart from whatever else a program may put into a
// report.
absl::StatusOr<ReportData> HardwareReportData(
    std::span<const uint8_t> ak_name, std::span<const PcrValue> pcrs,
    std::span<const uint8_t> user_data) {
  if (user_data.size() != kUserDataSize) {
    return InvalidArgument(fmt::format("user data: want {} bytes, got {}",
                                       kUserDataSize, user_data.size()));
  }
  if (ak_name.empty() != pcrs.empty()) {
    return InvalidArgument(
        fmt::format("layer binding: want a key's name and PCRs, or neither; "
                    "got a name of {} bytes and {} PCRs",
                    ak_name.size(), pcrs.size()));
  }
  ASSIGN_OR_RETURN(const QuotedPcrs quoted, Summarise(pcrs));
  Bytes mask;
  AppendNumber(mask, quoted.mask);
  Bytes buffer;
  AppendField(buffer, AsBytes(kTag));
  AppendField(buffer, ak_name);
  AppendField(buffer, mask);
  AppendField(buffer, quoted.digest);
  AppendField(buffer, user_data);
  return crypto::Sha512(buffer);
}

// No constant-time comparison: nothing in it is secret.
absl::Status CheckHardwareReportData(std::span<const uint8_t> report_data,
                                     std::span<const uint8_t> ak_name,
                                     std::span<const PcrValue> pcrs,
                                     std::span<const uint8_t> user_data) {
  ASSIGN_OR_RETURN(const ReportData expected,
                   HardwareReportData(ak_name, pcrs, user_data));
  if (std::ranges::equal(report_data, expected)) {
    return absl::OkStatus();
  }
  return Unauthenticated(fmt::format(
      "report data of the hardware report: want {} (attestation key, PCRs and "
      "channel), got {}: the report belongs to another TPM, state or channel",
      HexEncode(expected), HexEncode(report_data)));
}

}  // namespace constellation::attestation
