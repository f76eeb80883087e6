// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_LAUNCH_TDX_LOG_H_
#define CONSTELLATION_ATTESTATION_LAUNCH_TDX_LOG_H_

#include "absl/status/statusor.h"
#include "attestation/eventlog/event_log.h"
#include "attestation/launch/tdx_launch.h"

namespace constellation::attestation {

// Takes from a machine's event log what PredictTdxRtmr0() cannot know: hand-off
// table, secure boot variables, ACPI tables, boot variables. The digest of the
// configuration volume is left to the firmware file. Pure.
//
// A log is what its machine says: pass one that CheckCcel() tied to a verified
// quote, or whoever wrote it chooses what you pin.
//
// FAILED_PRECONDITION, with the first event that does not fit, unless the
// events of RTMR0 are exactly those of OVMF under QEMU in their order (with
// secure boot's authorities, for example, the register holds more);
// INVALID_ARGUMENT if the log has no SHA-384 digests.
absl::StatusOr<TdxRtmr0Events> TdxRtmr0EventsOfLog(
    const EventLogUnverified& log);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_LAUNCH_TDX_LOG_H_
