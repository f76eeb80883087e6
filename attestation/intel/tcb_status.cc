// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/tcb_status.h"

#include <utility>

namespace constellation::attestation {
namespace {

constexpr std::pair<TcbStatus, std::string_view> kNames[] = {
    {TcbStatus::kUpToDate, "UpToDate"},
    {TcbStatus::kSwHardeningNeeded, "SWHardeningNeeded"},
    {TcbStatus::kConfigurationNeeded, "ConfigurationNeeded"},
    {TcbStatus::kConfigurationAndSwHardeningNeeded,
     "ConfigurationAndSWHardeningNeeded"},
    {TcbStatus::kOutOfDate, "OutOfDate"},
    {TcbStatus::kOutOfDateConfigurationNeeded, "OutOfDateConfigurationNeeded"},
    {TcbStatus::kRevoked, "Revoked"},
    {TcbStatus::kTdRelaunchAdvised, "TDRelaunchAdvised"},
    {TcbStatus::kTdRelaunchAdvisedConfigurationNeeded,
     "TDRelaunchAdvisedConfigurationNeeded"},
    {TcbStatus::kNotSupported, "NotSupported"},
};

// What needs configuration keeps needing it.
TcbStatus MakeOutOfDate(TcbStatus platform) {
  switch (platform) {
    case TcbStatus::kUpToDate:
    case TcbStatus::kSwHardeningNeeded:
      return TcbStatus::kOutOfDate;
    case TcbStatus::kConfigurationNeeded:
    case TcbStatus::kConfigurationAndSwHardeningNeeded:
      return TcbStatus::kOutOfDateConfigurationNeeded;
    default:
      return platform;
  }
}

}  // namespace

std::string_view ToString(TcbStatus status) {
  for (const auto& [known, name] : kNames) {
    if (known == status) {
      return name;
    }
  }
  return "unknown";
}

std::optional<TcbStatus> TcbStatusFromString(std::string_view word) {
  for (const auto& [status, name] : kNames) {
    if (name == word) {
      return status;
    }
  }
  return std::nullopt;
}

// The enumeration has those of documents first.
bool IsStatedByCollateral(TcbStatus status) {
  return status <= TcbStatus::kRevoked;
}

// The worse of both wins; of modules and quoting enclaves Intel publishes
// UpToDate, OutOfDate and Revoked only, so another word is not understood.
TcbStatus MergeTcbStatus(TcbStatus platform, TcbStatus part) {
  if (platform == TcbStatus::kNotSupported) {
    return platform;
  }
  switch (part) {
    case TcbStatus::kUpToDate:
      return platform;
    case TcbStatus::kOutOfDate:
      return MakeOutOfDate(platform);
    case TcbStatus::kRevoked:
      return TcbStatus::kRevoked;
    default:
      return TcbStatus::kNotSupported;
  }
}

}  // namespace constellation::attestation
