// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/status.h"

namespace constellation::attestation {
namespace {

constexpr std::pair<IntelCheckId, std::string_view> kNames[] = {
    {IntelCheckId::kTcbInfoFormat, "TCB info format"},
    {IntelCheckId::kEnclaveIdentityFormat, "enclave identity format"},
    {IntelCheckId::kTcbSigningChain, "TCB signing chain"},
    {IntelCheckId::kTcbInfoSignature, "TCB info signature"},
    {IntelCheckId::kEnclaveIdentitySignature, "enclave identity signature"},
    {IntelCheckId::kRootCrl, "root CRL"},
    {IntelCheckId::kPckCrl, "PCK CRL"},
    {IntelCheckId::kCollateralDates, "collateral dates"},
    {IntelCheckId::kTcbSignerRevocation, "TCB signer revocation"},
    {IntelCheckId::kQuoteFormat, "quote format"},
    {IntelCheckId::kAttestationKeyType, "attestation key type"},
    {IntelCheckId::kQeVendor, "QE vendor"},
    {IntelCheckId::kQuoteSignature, "quote signature"},
    {IntelCheckId::kQeBinding, "QE report binding"},
    {IntelCheckId::kQeReportSignature, "QE report signature"},
    {IntelCheckId::kPckChain, "PCK chain"},
    {IntelCheckId::kPckDates, "PCK chain dates"},
    {IntelCheckId::kSameRoot, "one root"},
    {IntelCheckId::kRevocation, "PCK revocation"},
    {IntelCheckId::kTeeMatch, "TEE"},
    {IntelCheckId::kFmspc, "FMSPC"},
    {IntelCheckId::kPceId, "PCE-ID"},
    {IntelCheckId::kTdxModule, "TDX module"},
    {IntelCheckId::kQeIdentity, "QE identity"},
    {IntelCheckId::kTcbLevel, "TCB level"},
    {IntelCheckId::kPolicyComplete, "policy"},
    {IntelCheckId::kPolicyRoot, "root"},
    {IntelCheckId::kTcbStatus, "TCB status"},
    {IntelCheckId::kAdvisories, "advisories"},
    {IntelCheckId::kEvaluationDataNumber, "TCB evaluation data number"},
    {IntelCheckId::kDebug, "debug"},
    {IntelCheckId::kReportData, "report data"},
    {IntelCheckId::kTdReserved, "reserved TD attributes"},
    {IntelCheckId::kSeptVeDisable, "SEPT_VE_DISABLE"},
    {IntelCheckId::kXfam, "XFAM"},
    {IntelCheckId::kMrTd, "MRTD"},
    {IntelCheckId::kMrSeam, "MRSEAM"},
    {IntelCheckId::kMrSignerSeam, "MRSIGNERSEAM"},
    {IntelCheckId::kMrConfigId, "MRCONFIGID"},
    {IntelCheckId::kMrOwner, "MROWNER"},
    {IntelCheckId::kMrOwnerConfig, "MROWNERCONFIG"},
    {IntelCheckId::kRtmr0, "RTMR0"},
    {IntelCheckId::kRtmr1, "RTMR1"},
    {IntelCheckId::kRtmr2, "RTMR2"},
    {IntelCheckId::kRtmr3, "RTMR3"},
    {IntelCheckId::kMrEnclave, "MRENCLAVE"},
    {IntelCheckId::kMrSigner, "MRSIGNER"},
    {IntelCheckId::kIsvProdId, "ISVPRODID"},
    {IntelCheckId::kIsvSvn, "ISVSVN"},
};

// Ids are in the order of the checks: what stands behind kPolicyComplete is the
// policy's word about a genuine quote.
absl::StatusCode CodeOf(IntelCheckId id) {
  switch (id) {
    case IntelCheckId::kTcbInfoFormat:
    case IntelCheckId::kEnclaveIdentityFormat:
    case IntelCheckId::kQuoteFormat:
    case IntelCheckId::kPolicyComplete:
      return absl::StatusCode::kInvalidArgument;
    case IntelCheckId::kCollateralDates:
    case IntelCheckId::kPckDates:
      return absl::StatusCode::kFailedPrecondition;
    default:
      return id > IntelCheckId::kPolicyComplete
                 ? absl::StatusCode::kPermissionDenied
                 : absl::StatusCode::kUnauthenticated;
  }
}

}  // namespace

std::string_view ToString(IntelCheckId id) {
  for (const auto& [known, name] : kNames) {
    if (known == id) {
      return name;
    }
  }
  return "unknown";
}

void IntelCheckList::Add(IntelCheckId id, bool passed, std::string expected,
                         std::string got, std::string_view fix) {
  rows_.push_back({.id = id,
                   .expected = std::move(expected),
                   .got = std::move(got),
                   .fix = passed ? std::string() : std::string(fix),
                   .passed = passed});
}

// For checks whose reason is in a Status; `expected` says what would have been
// good.
void IntelCheckList::AddStatus(IntelCheckId id, const absl::Status& status,
                               std::string expected, std::string_view fix) {
  Add(id, status.ok(), std::move(expected),
      status.ok() ? "as expected" : std::string(Message(status)), fix);
}

// A check that could not be made is a failed one.
void IntelCheckList::AddUnavailable(IntelCheckId id, std::string expected,
                                    std::string_view why) {
  Add(id, false, std::move(expected), fmt::format("not available: {}", why));
}

void IntelCheckList::Append(const std::vector<IntelCheck>& other) {
  rows_.insert(rows_.end(), other.begin(), other.end());
}

bool IntelCheckList::AllPassed() const {
  return std::ranges::all_of(rows_, &IntelCheck::passed);
}

// The first one, for the rest often follows from it; who wants all of them has
// the rows.
absl::Status FirstFailure(const std::vector<IntelCheck>& rows,
                          std::string_view what) {
  for (const IntelCheck& row : rows) {
    if (row.passed) {
      continue;
    }
    const std::string message = fmt::format(
        "{}: {}: expected {}, got {}{}{}", what, ToString(row.id), row.expected,
        row.got, row.fix.empty() ? "" : "; ", row.fix);
    return {CodeOf(row.id), message};
  }
  return absl::OkStatus();
}

}  // namespace constellation::attestation
