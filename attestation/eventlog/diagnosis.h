// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_EVENTLOG_DIAGNOSIS_H_
#define CONSTELLATION_ATTESTATION_EVENTLOG_DIAGNOSIS_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "attestation/evidence.h"
#include "crypto/hash.h"

namespace constellation::attestation {

// What the event log has to say about one register. For people only.
struct PcrDiagnosis {
  uint32_t pcr = 0;
  std::string replayed;     // hex; the start value without events
  bool log_agrees = false;  // the log replays to the given value
  std::string explanation;
};

// A log held against registers.
struct LogDiagnosis {
  std::string summary;  // how much of the log could be read
  bool readable = false;
  std::vector<PcrDiagnosis> pcrs;  // those of `expected`, ascending
};

// Explains each register of `expected` by the events of `event_log`: which
// events made the given value; if it is not the expected one, which event is
// one too many, or which events to look at. Never a source of trust: whoever
// made the evidence wrote the log. Pure.
LogDiagnosis DiagnosePcrs(
    std::span<const uint8_t> event_log, std::span<const PcrValue> given,
    const std::map<uint32_t, crypto::Sha256Digest>& expected);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_EVENTLOG_DIAGNOSIS_H_
