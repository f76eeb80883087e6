// SPDX-License-Identifier: Apache-2.0
#include "attestation/eventlog/ccel_table.h"

#include <fmt/format.h>

#include <numeric>

#include "attestation/byte_reader.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr std::string_view kSignature = "CCEL";
constexpr size_t kTableSize = 56;
constexpr size_t kHeaderRest = 28;  // revision to creator revision
constexpr uint64_t kMaxLogSize = uint64_t{16} << 20U;

}  // namespace

// The host makes this table. Its length must be the exact one, or the sum could
// be made zero by octets behind it; the size of the log is bounded because
// whoever reads it allocates as much.
absl::StatusOr<CcelTableUnverified> ParseCcelTableUnverified(
    std::span<const uint8_t> bytes) {
  LittleEndianReader reader(bytes);
  ASSIGN_OR_RETURN(const auto signature,
                   reader.Take(kSignature.size(), "signature"));
  ASSIGN_OR_RETURN(const uint32_t length, reader.Read<uint32_t>("length"));
  if (AsText(signature) != kSignature || length != kTableSize ||
      bytes.size() != kTableSize) {
    return InvalidArgument(
        fmt::format("CCEL table: want \"CCEL\" and {} bytes, got {}, length "
                    "{} and {} bytes",
                    kTableSize, HexEncode(signature), length, bytes.size()));
  }
  const uint8_t sum = std::accumulate(
      bytes.begin(), bytes.end(), uint8_t{0},
      [](uint8_t a, uint8_t b) { return static_cast<uint8_t>(a + b); });
  if (sum != 0) {
    return InvalidArgument(
        fmt::format("CCEL table: want a sum of 0, got {}", sum));
  }
  RETURN_IF_ERROR(reader.Take(kHeaderRest, "header").status());
  CcelTableUnverified table;
  ASSIGN_OR_RETURN(table.cc_type, reader.Read<uint8_t>("cc type"));
  ASSIGN_OR_RETURN(table.cc_subtype, reader.Read<uint8_t>("cc subtype"));
  RETURN_IF_ERROR(reader.Take(2, "reserved").status());
  ASSIGN_OR_RETURN(table.log_size, reader.Read<uint64_t>("log size"));
  ASSIGN_OR_RETURN(table.log_address, reader.Read<uint64_t>("log address"));
  if (table.log_size > kMaxLogSize) {
    return InvalidArgument(
        fmt::format("CCEL table: log size: want at most {}, got {}",
                    kMaxLogSize, table.log_size));
  }
  return table;
}

// The mapping of the design guide's table: firmware code, its configuration and
// secure boot, boot loader and kernel, applications.
std::optional<uint32_t> CcRegisterOfPcr(uint32_t pcr) {
  if (pcr == 0) {
    return 0;
  }
  if (pcr == 1 || pcr == 7) {
    return 1;
  }
  if (pcr <= 6) {
    return 2;
  }
  return pcr <= 15 ? std::optional<uint32_t>(3) : std::nullopt;
}

}  // namespace constellation::attestation
