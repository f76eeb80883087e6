// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TDX_CCEL_H_
#define CONSTELLATION_ATTESTATION_TDX_CCEL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/eventlog/ccel_table.h"  // where the log lies
#include "attestation/eventlog/event_log.h"
#include "attestation/intel/check.h"
#include "attestation/intel/report_body.h"
#include "attestation/tdx/tdx_quote.h"

namespace constellation::attestation {

// A Confidential Computing event log whose digests explain a verified quote's
// registers: CheckCcel() alone makes one. The digests are right, the events'
// data is true only where DataExplainsDigest() says so.
class VerifiedCcel final {
 public:
  // The log; only its digests are right.
  const EventLogUnverified& log() const { return log_; }

 private:
  friend class CcelChecker;
  explicit VerifiedCcel(EventLogUnverified log) : log_(std::move(log)) {}
  EventLogUnverified log_;
};

// One row per register RTMR0 to RTMR3; `log` only if all passed.
struct CcelVerification {
  std::vector<IntelCheck> checks;
  std::optional<VerifiedCcel> log;
};

// Replays `bytes`, the contents of the ACPI table CCEL's area (TCG records with
// SHA-384; register 0 is MRTD, n is RTMR n-1; padding of 0xff or 0x00), and
// compares the result with the quote's RTMRs. A register without events must
// be zero. MRTD is set before the log begins, so events of register 0 (of which
// there should be none but EV_NO_ACTION) are not compared. `registers` says
// which must match, bit n for RTMR n; RTMR3 is often extended later by
// software that keeps a log of its own. Pure.
CcelVerification CheckCcel(std::span<const uint8_t> bytes,
                           const VerifiedTdxQuote& quote,
                           uint32_t registers = 0xf);

// The same for a TD report of any origin: rows only, no proof.
std::vector<IntelCheck> CompareCcelUnverified(std::span<const uint8_t> bytes,
                                              const TdReport& report,
                                              uint32_t registers = 0xf);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TDX_CCEL_H_
