// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TESTING_EVENT_LOG_BUILDER_H_
#define CONSTELLATION_ATTESTATION_TESTING_EVENT_LOG_BUILDER_H_

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "attestation/eventlog/event_log.h"
#include "common/hex.h"

namespace constellation::testing {

// Writes TCG event logs, honest and others.
class EventLogBuilder final {
 public:
  // A crypto-agile log with these algorithms.
  explicit EventLogBuilder(std::vector<uint16_t> algorithms);
  // A crypto-agile log whose header ends with these octets: number of
  // algorithms, algorithms, vendor information.
  static EventLogBuilder WithHeader(Bytes end_of_header);
  // A log of the old format.
  static EventLogBuilder Legacy();

  // A record whose digests are the hashes of `data`; of an algorithm that we
  // cannot compute, zeros.
  EventLogBuilder& Add(uint32_t pcr, uint32_t type, std::string_view data);
  EventLogBuilder& AddRaw(uint32_t pcr, uint32_t type,
                          const std::vector<attestation::LogDigest>& digests,
                          std::string_view data);

  const Bytes& bytes() const { return bytes_; }

 private:
  EventLogBuilder() = default;
  void Header(const Bytes& end_of_header);
  void U16(uint16_t value);
  void U32(uint32_t value);
  void Raw(std::span<const uint8_t> bytes);

  std::vector<uint16_t> algorithms_;  // empty: legacy
  Bytes bytes_;
};

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_TESTING_EVENT_LOG_BUILDER_H_
