// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/ccel_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "attestation/eventlog/event_log.h"
#include "attestation/intel/quote.h"
#include "attestation/intel/report_body.h"
#include "attestation/tdx/ccel.h"

namespace constellation::attestation {
namespace {

constexpr uint32_t kComparedRegisters = 0x7;  // RTMR0 to RTMR2
constexpr size_t kMaxShownEvents = 12;

// The TD's report: in the quote, which on Azure is an endorsement.
std::optional<TdReport> ReportIn(const Variant& variant,
                                 const Evidence& evidence) {
  const auto read = [](std::span<const uint8_t> octets) {
    const absl::StatusOr<IntelQuoteUnverified> quote =
        ParseIntelQuoteUnverified(octets);
    if (!quote.ok() || quote->tee != IntelTee::kTdx) {
      return std::optional<TdReport>();
    }
    const absl::StatusOr<TdReport> report =
        ParseTdReportUnverified(quote->body);
    return report.ok() ? std::make_optional(*report) : std::nullopt;
  };
  if (variant.cloud != CloudLayer::kAzure) {
    return read(evidence.hardware_report);
  }
  for (const Bytes& endorsement : evidence.endorsements) {
    if (std::optional<TdReport> report = read(endorsement)) {
      return report;
    }
  }
  return std::nullopt;
}

// "1 EV_SEPARATOR; 4 EV_IPL grub.cfg; ...".
std::string EventsOf(const EventLogUnverified& log, uint32_t log_register) {
  std::string text;
  size_t shown = 0;
  size_t left_out = 0;
  for (const LogEvent& event : log.events) {
    if (event.pcr != log_register || event.type == kEvNoAction) {
      continue;
    }
    if (shown == kMaxShownEvents) {
      ++left_out;
      continue;
    }
    text += (shown == 0 ? "" : "; ") + DescribeEvent(event);
    ++shown;
  }
  if (left_out > 0) {
    text += fmt::format("; {} more", left_out);
  }
  return text.empty() ? "none" : text;
}

// Whether `profile` compares the register and wants another value.
bool IsUnwanted(const Profile* profile, const TdReport& report, size_t index) {
  if (profile == nullptr || !profile->tdx.has_value()) {
    return false;
  }
  const auto& wanted = profile->tdx->policy.rtmr[index];
  return !wanted.empty() &&
         std::ranges::find(wanted, report.rtmr[index]) == wanted.end();
}

}  // namespace

// RTMR3 is left out: software may extend it without a line in the log, so a
// difference there would mean nothing.
std::vector<CheckRow> CcelRows(const Variant& variant, const Evidence& evidence,
                               const Profile* profile) {
  std::vector<CheckRow> rows;
  if (variant.cpu != CpuLayer::kTdx || evidence.cc_event_log.empty()) {
    return rows;
  }
  const std::optional<TdReport> report = ReportIn(variant, evidence);
  if (!report.has_value()) {
    return rows;
  }
  const EventLogReading reading = ReadEventLogUnverified(evidence.cc_event_log);
  const std::vector<IntelCheck> checks =
      CompareCcelUnverified(evidence.cc_event_log, *report, kComparedRegisters);
  for (size_t index = 0; index < checks.size(); ++index) {
    const IntelCheck& check = checks[index];
    CheckRow row{.layer = "event log",
                 .name = std::string(ToString(check.id)),
                 .expected = check.expected,
                 .got = check.got,
                 .verdict = CheckVerdict::kInfo,
                 .advice = ""};
    const bool unwanted = IsUnwanted(profile, *report, index);
    if (!check.passed) {
      row.advice = "the log does not explain this register; its events: ";
    } else if (unwanted) {
      row.advice = "the profile wants another value; events that made this: ";
    } else {
      row.advice = "the log explains this register";
    }
    if (!check.passed || unwanted) {
      row.advice += EventsOf(reading.log, static_cast<uint32_t>(index) + 1);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace constellation::attestation
