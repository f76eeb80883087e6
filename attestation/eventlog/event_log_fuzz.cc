// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <span>

#include "attestation/eventlog/ccel_table.h"
#include "attestation/eventlog/diagnosis.h"
#include "attestation/eventlog/event_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace constellation::attestation;  // NOLINT(build/namespaces)
  const std::span<const uint8_t> input(data, size);
  (void)ParseCcelTableUnverified(input);
  const EventLogReading reading = ReadEventLogUnverified(input);
  if (reading.log.end_offset > size) {
    abort();
  }
  for (const uint16_t algorithm : reading.log.algorithms) {
    (void)Replay(reading.log, algorithm);
  }
  for (const LogEvent& event : reading.log.events) {
    for (const char c : DescribeEvent(event)) {
      if (c < 0x20 || c > 0x7e) {
        abort();  // something that a terminal may obey
      }
    }
  }
  const PcrValue value{.index = 4, .sha256 = {}};
  (void)DiagnosePcrs(input, std::span(&value, 1), {{4, {}}, {9, {}}});
  return 0;
}
