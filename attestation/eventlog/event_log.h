// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_EVENTLOG_EVENT_LOG_H_
#define CONSTELLATION_ATTESTATION_EVENTLOG_EVENT_LOG_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/hex.h"

namespace constellation::attestation {

// Event types that mean something here, "TCG PC Client Platform Firmware
// Profile" 10.4.1.
inline constexpr uint32_t kEvNoAction = 0x03;
inline constexpr uint32_t kEvSeparator = 0x04;
inline constexpr uint32_t kEvAction = 0x05;
inline constexpr uint32_t kEvIpl = 0x0d;

// One digest of an event. `algorithm` is a TPM_ALG_ID.
struct LogDigest {
  uint16_t algorithm = 0;
  Bytes digest;
};

// One record.
struct LogEvent {
  size_t number = 0;  // position in the log; the header has none
  uint32_t pcr = 0;   // in a CC event log: 0 is MRTD, n is RTMR n-1
  uint32_t type = 0;
  std::vector<LogDigest> digests;
  Bytes data;
};

// A firmware's event log (TCG_PCR_EVENT, TCG_PCR_EVENT2). Nothing in it is
// authenticated: a replay that gives a quoted register's value shows that the
// digests are right, never that an event's data is true.
struct EventLogUnverified {
  bool crypto_agile = false;         // has a "Spec ID Event03" header
  std::vector<uint16_t> algorithms;  // of the header; {SHA-1} for a legacy log
  std::vector<LogEvent> events;
  uint8_t startup_locality = 0;  // what PCR 0 starts from
  size_t end_offset = 0;         // where the last whole record ends
};

// What could be read, and why reading stopped: OK at the end, at a terminator
// (a record of all ones) or at zero padding; INVALID_ARGUMENT names field and
// offset of a record that is cut short or contradicts the header.
struct EventLogReading {
  EventLogUnverified log;
  absl::Status status;
};

// Reads a log as far as possible: at most 65536 events. Checks lengths, the
// header's digest sizes, that each record has each of the header's algorithms
// once. Pure.
EventLogReading ReadEventLogUnverified(std::span<const uint8_t> bytes);

// The same for who wants all or nothing.
absl::StatusOr<EventLogUnverified> ParseEventLogUnverified(
    std::span<const uint8_t> bytes);

// The digest that `event` has for `algorithm`, or nothing.
std::optional<Bytes> DigestOf(const LogEvent& event, uint16_t algorithm);

// The values that registers have after the log's events, for SHA-1, SHA-256,
// SHA-384 or SHA-512; each has the size of that algorithm's digests. Registers
// without an event are left out; EV_NO_ACTION does not count. INVALID_ARGUMENT
// for another algorithm, one that the log does not have, or an event without a
// digest of its size.
absl::StatusOr<std::map<uint32_t, Bytes>> Replay(const EventLogUnverified& log,
                                                 uint16_t algorithm);

// Whether the digest of `event` is the hash of its data. True for untouched
// separators, actions and variables; other types hash something else.
bool DataExplainsDigest(const LogEvent& event, uint16_t algorithm);

// "EV_SEPARATOR", ...; "0x..." for unknown ones.
std::string EventTypeName(uint32_t type);

// One line for people: number, type and, if the data is text, the beginning of
// it. Only printable ASCII comes out, whatever is in the data.
std::string DescribeEvent(const LogEvent& event);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_EVENTLOG_EVENT_LOG_H_
