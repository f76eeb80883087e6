// SPDX-License-Identifier: Apache-2.0
#include "attestation/eventlog/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "attestation/eventlog/event_log.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/hex.h"
#include "common/status.h"

namespace constellation::attestation {
namespace {

using crypto::Sha256Digest;

constexpr size_t kMaxListedEvents = 8;

// A register's value after each of its events; front() is before the first.
struct History {
  std::vector<const LogEvent*> events;
  std::vector<Sha256Digest> values;
};

// The start value of PCR 0 depends on the locality from which the TPM was
// started (TCG PC Client Platform Firmware Profile, StartupLocality).
History HistoryOf(const EventLogUnverified& log, uint32_t pcr) {
  History history;
  Sha256Digest value{};
  if (pcr == 0) {
    value.back() = log.startup_locality;
  }
  history.values.push_back(value);
  for (const LogEvent& event : log.events) {
    const std::optional<Bytes> digest = DigestOf(event, kTpmAlgSha256);
    if (event.pcr != pcr || event.type == kEvNoAction || !digest.has_value()) {
      continue;
    }
    crypto::Sha256Hasher hasher;
    hasher.Update(value);
    hasher.Update(*digest);
    value = hasher.Finish();
    history.events.push_back(&event);
    history.values.push_back(value);
  }
  return history;
}

// After how many events the register had `value`, or nothing.
std::optional<size_t> PositionOf(const History& history,
                                 const Sha256Digest& value) {
  const auto found = std::ranges::find(history.values, value);
  if (found == history.values.end()) {
    return std::nullopt;
  }
  return static_cast<size_t>(found - history.values.begin());
}

// A separator or action whose text does not hash to its digest is the one lie
// that a log can be caught at, so it is said.
std::string List(const History& history, size_t from, size_t to) {
  std::string text;
  const size_t end = std::min(to, from + kMaxListedEvents);
  for (size_t i = from; i < end; ++i) {
    const LogEvent& event = *history.events[i];
    text += fmt::format("{}{}", text.empty() ? "" : "; ", DescribeEvent(event));
    if ((event.type == kEvSeparator || event.type == kEvAction) &&
        !DataExplainsDigest(event, kTpmAlgSha256)) {
      text += " (its data does not hash to its digest: the log was changed)";
    }
  }
  if (end < to) {
    text += fmt::format("; {} more", to - end);
  }
  return text.empty() ? "none" : text;
}

// Looks for quoted and expected value along the log: if both occur, what lies
// between them is the difference.
std::string Explain(const History& history,
                    const std::optional<Sha256Digest>& given,
                    const Sha256Digest& expected) {
  const size_t count = history.events.size();
  if (!given.has_value()) {
    return "the register was not quoted";
  }
  const std::optional<size_t> reached = PositionOf(history, *given);
  if (!reached.has_value()) {
    return fmt::format(
        "the log does not lead to the quoted value: something was extended "
        "after the firmware's log ended, or the log was changed. Its events: "
        "{}",
        List(history, 0, count));
  }
  if (*given == expected) {
    return fmt::format("made by {} events", *reached);
  }
  const std::optional<size_t> wanted = PositionOf(history, expected);
  if (wanted.has_value() && *wanted < *reached) {
    return fmt::format(
        "the first {} events give the expected value; then came: {}", *wanted,
        List(history, *wanted, *reached));
  }
  if (wanted.has_value()) {
    return fmt::format(
        "these events of the log are missing in the register: {}",
        List(history, *reached, *wanted));
  }
  return fmt::format("made by these events: {}", List(history, 0, *reached));
}

// Of a register given twice the first one, as everywhere; the quote's own check
// refuses such evidence.
std::optional<Sha256Digest> GivenValue(std::span<const PcrValue> given,
                                       uint32_t index) {
  for (const PcrValue& pcr : given) {
    if (pcr.index == index) {
      return pcr.sha256;
    }
  }
  return std::nullopt;
}

}  // namespace

// A log that ends in garbage is used up to there: the events before it may
// explain enough.
LogDiagnosis DiagnosePcrs(
    std::span<const uint8_t> event_log, std::span<const PcrValue> given,
    const std::map<uint32_t, crypto::Sha256Digest>& expected) {
  LogDiagnosis diagnosis;
  if (event_log.empty()) {
    diagnosis.summary = "no log was sent";
    return diagnosis;
  }
  const EventLogReading reading = ReadEventLogUnverified(event_log);
  const EventLogUnverified& log = reading.log;
  diagnosis.summary = reading.status.ok()
                          ? fmt::format("{} events", log.events.size())
                          : fmt::format("{} events, then {}", log.events.size(),
                                        Message(reading.status));
  if (std::ranges::find(log.algorithms, kTpmAlgSha256) ==
      log.algorithms.end()) {
    diagnosis.summary += "; it has no sha256 digests";
    return diagnosis;
  }
  diagnosis.readable = reading.status.ok();
  for (const auto& [index, value] : expected) {
    const History history = HistoryOf(log, index);
    const std::optional<Sha256Digest> quoted = GivenValue(given, index);
    diagnosis.pcrs.push_back({.pcr = index,
                              .replayed = HexEncode(history.values.back()),
                              .log_agrees = quoted == history.values.back(),
                              .explanation = Explain(history, quoted, value)});
  }
  return diagnosis;
}

}  // namespace constellation::attestation
