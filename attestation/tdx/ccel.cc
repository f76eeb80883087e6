// SPDX-License-Identifier: Apache-2.0
#include "attestation/tdx/ccel.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr uint16_t kSha384 = 0x000c;  // TPM_ALG_SHA384
constexpr size_t kSha384Size = std::tuple_size_v<IntelMeasurement>;
constexpr IntelCheckId kRows[] = {IntelCheckId::kRtmr0, IntelCheckId::kRtmr1,
                                  IntelCheckId::kRtmr2, IntelCheckId::kRtmr3};

// What a CC event log gives for the four registers.
absl::StatusOr<std::array<IntelMeasurement, 4>> ReplayRtmrs(
    const EventLogUnverified& log) {
  ASSIGN_OR_RETURN(const auto registers, Replay(log, kSha384));
  std::array<IntelMeasurement, 4> values{};
  for (const auto& [index, value] : registers) {
    if (index > values.size()) {
      return InvalidArgument(fmt::format(
          "event log: register {}: want 0 (MRTD) to 4 (RTMR3)", index));
    }
    if (index == 0) {
      continue;
    }
    // Replay() gives digests of this algorithm's size, whatever the log says.
    std::ranges::copy(std::span(value).first<kSha384Size>(),
                      values.at(index - 1).begin());
  }
  return values;
}

// Only the registers asked for: software may extend RTMR2 and RTMR3 after the
// firmware's log ended.
void CompareRegisters(
    const absl::StatusOr<std::array<IntelMeasurement, 4>>& replayed,
    const TdReport& report, uint32_t registers, IntelCheckList& rows) {
  for (size_t i = 0; i < std::size(kRows); ++i) {
    if ((registers >> i & 1U) == 0) {
      continue;
    }
    const std::string expected =
        fmt::format("{} (quoted)", HexEncode(report.rtmr.at(i)));
    if (!replayed.ok()) {
      rows.AddUnavailable(kRows[i], expected, Message(replayed.status()));
      continue;
    }
    rows.Add(kRows[i], (*replayed)[i] == report.rtmr.at(i), expected,
             fmt::format("{} (replayed)", HexEncode((*replayed)[i])),
             "the event log is not that of this boot, or software extended the "
             "register later: take the log from the same machine");
  }
}

}  // namespace

// Makes VerifiedCcel.
class CcelChecker final {
 public:
  static CcelVerification Run(std::span<const uint8_t> bytes,
                              const TdReport& report, uint32_t registers) {
    EventLogReading reading = ReadEventLogUnverified(bytes);
    IntelCheckList rows;
    CompareRegisters(
        reading.status.ok()
            ? ReplayRtmrs(reading.log)
            : absl::StatusOr<std::array<IntelMeasurement, 4>>(reading.status),
        report, registers, rows);
    CcelVerification result;
    if (rows.AllPassed() && reading.status.ok() && (registers & 0xfU) != 0) {
      result.log = VerifiedCcel(std::move(reading.log));
    }
    result.checks = rows.Take();
    return result;
  }
};

// Takes a verified quote, as what a log is worth comes from the registers that
// it explains.
CcelVerification CheckCcel(std::span<const uint8_t> bytes,
                           const VerifiedTdxQuote& quote, uint32_t registers) {
  return CcelChecker::Run(bytes, quote.report(), registers);
}

std::vector<IntelCheck> CompareCcelUnverified(std::span<const uint8_t> bytes,
                                              const TdReport& report,
                                              uint32_t registers) {
  return CcelChecker::Run(bytes, report, registers).checks;
}

}  // namespace constellation::attestation
