// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/tcb_policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "attestation/intel/tcb_signer.h"
#include "common/hex.h"

namespace constellation::attestation {
namespace {

constexpr std::string_view kNotVerified = "the quote is not verified";
constexpr size_t kMaxShown = 4;

// Revoked keys may be in anybody's hands; NotSupported means that Intel has no
// opinion. No policy can want either.
bool MayBeAccepted(TcbStatus status) {
  return status != TcbStatus::kRevoked && status != TcbStatus::kNotSupported;
}

// In the order of the policy.
std::string Names(const std::vector<TcbStatus>& statuses) {
  std::vector<std::string_view> names;
  names.reserve(statuses.size());
  for (const TcbStatus status : statuses) {
    names.push_back(ToString(status));
  }
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

// What an operator does about a status.
std::string_view CureOf(TcbStatus status) {
  switch (status) {
    case TcbStatus::kUpToDate:
    case TcbStatus::kNotSupported:
      return "";
    case TcbStatus::kSwHardeningNeeded:
      return "make sure that the software follows Intel's advisories";
    case TcbStatus::kConfigurationNeeded:
    case TcbStatus::kConfigurationAndSwHardeningNeeded:
      return "change the host's BIOS settings as the advisories say (often: "
             "hyper-threading)";
    case TcbStatus::kOutOfDate:
    case TcbStatus::kOutOfDateConfigurationNeeded:
      return "update the host's BIOS, microcode and TDX module";
    case TcbStatus::kTdRelaunchAdvised:
    case TcbStatus::kTdRelaunchAdvisedConfigurationNeeded:
      return "stop and start the VM: the host's TDX module was updated while "
             "it ran";
    case TcbStatus::kRevoked:
      return "the platform's keys are compromised: move the VM to another host";
  }
  return "";
}

// Which part made the status what it is.
std::string Describe(const TcbEvaluation& tcb, bool tdx) {
  std::string text(ToString(tcb.status));
  const auto& level = tcb.platform_level(tdx);
  if (level.has_value()) {
    text += fmt::format(" (platform {} of {}", ToString(level->status),
                        FormatCollateralTime(level->tcb_date).substr(0, 10));
    if (tcb.module_status.has_value()) {
      text += fmt::format(", TDX module {} {}", tcb.module_id,
                          ToString(*tcb.module_status));
    }
    if (tcb.qe_status.has_value()) {
      text += fmt::format(", QE {}", ToString(*tcb.qe_status));
    }
    text += ")";
  }
  return text;
}

// Anchors say what may be verified, the policy what may be believed.
void CheckRoot(const IntelTcbPolicy& policy, const VerifiedIntelQuote* quote,
               IntelCheckList& rows) {
  const std::string expected = policy.insecure_roots.empty()
                                   ? "Intel SGX Root CA"
                                   : "Intel SGX Root CA, or a root named by "
                                     "the policy";
  if (quote == nullptr) {
    rows.AddUnavailable(IntelCheckId::kPolicyRoot, expected, kNotVerified);
    return;
  }
  const IntelRoot& root = quote->quote().root();
  const bool named =
      std::ranges::find(policy.insecure_roots, root.spki_fingerprint) !=
      policy.insecure_roots.end();
  rows.Add(IntelCheckId::kPolicyRoot, root.is_intel || named, expected,
           root.is_intel ? "Intel SGX Root CA"
                         : fmt::format("root with key {}",
                                       HexEncode(root.spki_fingerprint)),
           "the platform is not Intel's: refuse the node, or name the root in "
           "insecureRoots for a test");
}

// The merged status of platform, TDX module and quoting enclave.
void CheckStatus(const IntelTcbPolicy& policy, const VerifiedIntelQuote* quote,
                 IntelCheckList& rows) {
  const std::string expected =
      fmt::format("one of {}", Names(policy.accepted_statuses));
  if (quote == nullptr) {
    rows.AddUnavailable(IntelCheckId::kTcbStatus, expected, kNotVerified);
    return;
  }
  const TcbStatus status = quote->tcb().status;
  const bool accepted = MayBeAccepted(status) &&
                        std::ranges::find(policy.accepted_statuses, status) !=
                            policy.accepted_statuses.end();
  rows.Add(IntelCheckId::kTcbStatus, accepted, expected,
           Describe(quote->tcb(), quote->quote().tee() == IntelTee::kTdx),
           MayBeAccepted(status)
               ? fmt::format("{}, or add {} to acceptedStatuses of the profile",
                             CureOf(status), ToString(status))
               : std::string(CureOf(status)));
}

// Of all three parts. An up-to-date status may still carry advisories that
// software has to follow.
void CheckAdvisories(const IntelTcbPolicy& policy,
                     const VerifiedIntelQuote* quote, IntelCheckList& rows) {
  const std::string expected =
      policy.accept_any_advisory ? "any"
      : policy.accepted_advisories.empty()
          ? "none"
          : fmt::format("none but {}",
                        fmt::join(policy.accepted_advisories, ", "));
  if (quote == nullptr) {
    rows.AddUnavailable(IntelCheckId::kAdvisories, expected, kNotVerified);
    return;
  }
  std::vector<std::string> open;
  const TcbEvaluation& tcb = quote->tcb();
  for (const auto* list :
       {&tcb.advisories, &tcb.module_advisories, &tcb.qe_advisories}) {
    for (const std::string& advisory : *list) {
      if (std::ranges::find(policy.accepted_advisories, advisory) ==
              policy.accepted_advisories.end() &&
          std::ranges::find(open, advisory) == open.end()) {
        open.push_back(advisory);
      }
    }
  }
  const std::string got =
      open.empty() ? "none" : fmt::format("{}", fmt::join(open, ", "));
  rows.Add(IntelCheckId::kAdvisories,
           open.empty() || policy.accept_any_advisory, expected, got,
           "update the host, or, once each is understood, add it to "
           "acceptedAdvisories of the profile");
}

// The floor against old collateral: Intel signs several evaluation data numbers
// at a time, and the host may choose the mildest.
void CheckEvaluationNumber(const IntelTcbPolicy& policy,
                           const VerifiedIntelQuote* quote,
                           IntelCheckList& rows) {
  const auto& minimum = policy.minimum_evaluation_data_number;
  const std::string expected =
      minimum.has_value() ? fmt::format("at least {}", *minimum) : "a minimum";
  if (quote == nullptr || !minimum.has_value()) {
    rows.AddUnavailable(
        IntelCheckId::kEvaluationDataNumber, expected,
        quote == nullptr ? kNotVerified : "the policy names no minimum");
    return;
  }
  rows.Add(IntelCheckId::kEvaluationDataNumber,
           quote->evaluation_data_number() >= *minimum, expected,
           fmt::format("{}", quote->evaluation_data_number()),
           "fetch newer collateral, or lower minimumEvaluationDataNumber of "
           "the profile");
}

}  // namespace

void CheckTcbPolicy(const IntelTcbPolicy& policy,
                    const VerifiedIntelQuote* quote, IntelCheckList& rows) {
  CheckRoot(policy, quote, rows);
  CheckStatus(policy, quote, rows);
  CheckAdvisories(policy, quote, rows);
  CheckEvaluationNumber(policy, quote, rows);
}

// What must be said is never assumed. A year of grace is the most: then even
// Intel's root list is stale.
std::vector<std::string> MissingInTcbPolicy(const IntelTcbPolicy& policy) {
  std::vector<std::string> missing;
  if (policy.accepted_statuses.empty()) {
    missing.emplace_back("acceptedStatuses");
  }
  for (const TcbStatus status : policy.accepted_statuses) {
    if (!MayBeAccepted(status)) {
      missing.push_back(
          fmt::format("acceptedStatuses without {}", ToString(status)));
    }
  }
  if (!policy.minimum_evaluation_data_number.has_value()) {
    missing.emplace_back("minimumEvaluationDataNumber");
  }
  if (policy.collateral_grace < absl::ZeroDuration() ||
      policy.collateral_grace > absl::Hours(24 * 365)) {
    missing.emplace_back("collateralGrace of 0 to 365 days");
  }
  return missing;
}

// An incomplete policy fails even if everything it says is met.
void CheckPolicyComplete(const std::vector<std::string>& missing,
                         IntelCheckList& rows) {
  rows.Add(IntelCheckId::kPolicyComplete, missing.empty(),
           "every value that must be there",
           missing.empty()
               ? "as expected"
               : fmt::format("missing: {}", fmt::join(missing, ", ")),
           "complete the profile; nothing is assumed in their place");
}

// Up to four values are shown; the comparison covers all.
void CheckMeasurement(IntelCheckId id, std::string_view name,
                      const std::vector<std::span<const uint8_t>>& wanted,
                      std::span<const uint8_t> got, IntelCheckList& rows) {
  if (wanted.empty()) {
    return;
  }
  std::vector<std::string> shown;
  bool found = false;
  for (const std::span<const uint8_t> value : wanted) {
    found = found || std::ranges::equal(value, got);
    if (shown.size() < kMaxShown) {
      shown.push_back(HexEncode(value));
    }
  }
  rows.Add(id, found,
           wanted.size() == 1
               ? shown.front()
               : fmt::format("one of {} values: {}{}", wanted.size(),
                             fmt::join(shown, ", "),
                             wanted.size() > kMaxShown ? ", ..." : ""),
           HexEncode(got),
           fmt::format("another image, firmware or configuration runs: refuse "
                       "the node, or add the value to {} of the profile if it "
                       "is yours",
                       name));
}

}  // namespace constellation::attestation
