// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_TESTING_INTEL_VECTORS_H_
#define CONSTELLATION_ATTESTATION_INTEL_TESTING_INTEL_VECTORS_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "attestation/intel/collateral.h"
#include "attestation/intel/quote.h"
#include "attestation/intel/tcb_status.h"
#include "attestation/intel/trust_anchors.h"
#include "common/hex.h"

namespace constellation::testing {

// A span of time, both ends included.
using TimeWindow = std::pair<absl::Time, absl::Time>;

// Collateral of one place in time, as the manifest lists it.
struct IntelCollateralSet {
  std::string name;  // folder
  attestation::IntelCollateral collateral;
  std::optional<TimeWindow> window;  // nothing: its parts never fit together
};

// The set called `name`, with what it borrows from other sets; nothing if the
// manifest does not list it or some part is nowhere.
std::optional<IntelCollateralSet> FindIntelCollateral(const std::string& name);
// All that can be loaded.
std::vector<IntelCollateralSet> AllIntelCollateral();

// Entries of quotes that were examined with collateral, whatever their folder.
std::vector<nlohmann::json> IntelQuoteEntries();

// A real quote with collateral that fits it, at a time when both are valid, and
// what Intel's algorithm must say of the platform.
struct IntelQuoteCase {
  std::string name;  // of quote and collateral, for messages
  Bytes quote;
  nlohmann::json expect;  // of the manifest
  attestation::TcbStatus status{};
  attestation::VerifiedIntelCollateral collateral;
  absl::Time now;
};
// All quotes of that kind with each collateral that fits, verified under
// Intel's production root.
std::vector<IntelQuoteCase> IntelQuoteCases(attestation::IntelTee tee);

// "2025-06-19T10:32:27+00:00", also with a space for the T. Ends the program
// for anything else.
absl::Time VectorTime(const std::string& text);
// [from, to] from JSON, nothing from null.
std::optional<TimeWindow> VectorWindow(const nlohmann::json& window);
// What both have in common, nothing if that is empty.
std::optional<TimeWindow> Intersect(const std::optional<TimeWindow>& a,
                                    const std::optional<TimeWindow>& b);
absl::Time Middle(const TimeWindow& window);

// Intel's production root only.
const attestation::IntelTrustAnchors& ProductionAnchors();
// And the root in PEM file `name`.
attestation::IntelTrustAnchors AnchorsWith(const std::string& name);

// The vector `name` as text.
std::string ReadTextVector(const std::string& name);

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_INTEL_TESTING_INTEL_VECTORS_H_
