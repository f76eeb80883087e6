// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_CCEL_ROWS_H_
#define CONSTELLATION_ATTESTATION_POLICY_CCEL_ROWS_H_

#include <vector>

#include "attestation/evidence.h"
#include "attestation/policy/check_row.h"
#include "attestation/policy/policy.h"
#include "attestation/policy/variants.h"

namespace constellation::attestation {

// What the CC event log of a TD says about its registers: an info row of layer
// "event log" for each of RTMR0 to RTMR2 (software may extend RTMR3 without a
// log) with the quote's value, the replayed one, and, where they differ or
// where `profile` wants another value, which events made it. Never decides:
// whoever made the evidence wrote the log. Empty without a log or a TD quote
// that parses. `profile` may be null. Pure.
std::vector<CheckRow> CcelRows(const Variant& variant, const Evidence& evidence,
                               const Profile* profile);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_CCEL_ROWS_H_
