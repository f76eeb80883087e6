// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/testing/intel_vectors.h"

#include <stdio.h>
#include <stdlib.h>

#include <algorithm>

#include "attestation/testing/vectors.h"

namespace constellation::testing {
namespace {

using attestation::IntelCollateral;
using attestation::IntelTrustAnchors;

const nlohmann::json& Manifest() {
  static const nlohmann::json& manifest = *new nlohmann::json(
      nlohmann::json::parse(ReadTextVector("MANIFEST.json")));
  return manifest;
}

// The folder that has part `part` of set `name`; nothing if none has.
std::optional<std::string> FolderOf(const std::string& name,
                                    const std::string& part) {
  const nlohmann::json& set = Manifest()["collateral_sets"][name];
  for (const nlohmann::json& own : set["parts"]) {
    if (own == part) {
      return name;
    }
  }
  const nlohmann::json& borrowed = set["borrow_missing_parts_from"];
  if (!borrowed.contains(part) || borrowed[part].is_null()) {
    return std::nullopt;
  }
  return borrowed[part].get<std::string>();
}

Bytes ReadPart(const std::string& name, const std::string& part,
               const std::string& file) {
  const std::optional<std::string> folder = FolderOf(name, part);
  return folder.has_value() && !VectorEntries(*folder + "/" + file).empty()
             ? ReadVector(*folder + "/" + file)
             : Bytes();
}

std::string TextOf(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::string ReadTextVector(const std::string& name) {
  return TextOf(ReadVector(name));
}

std::optional<IntelCollateralSet> FindIntelCollateral(const std::string& name) {
  const nlohmann::json& sets = Manifest()["collateral_sets"];
  if (!sets.contains(name)) {
    return std::nullopt;
  }
  IntelCollateralSet set;
  set.name = name;
  set.window = VectorWindow(sets[name]["common_window"]);
  IntelCollateral& parts = set.collateral;
  parts.tcb_info = TextOf(ReadPart(name, "tcbinfo", "tcbinfo.json"));
  parts.enclave_identity = TextOf(ReadPart(name, "qe", "qe-identity.json"));
  parts.tcb_signing_chain =
      TextOf(ReadPart(name, "tcbchain", "tcb-signing-chain.pem"));
  parts.pck_crl = ReadPart(name, "pckcrl", "pck-crl.der");
  parts.root_crl = ReadPart(name, "rootcrl", "root-ca-crl.der");
  if (parts.tcb_info.empty() || parts.enclave_identity.empty() ||
      parts.tcb_signing_chain.empty() || parts.pck_crl.empty() ||
      parts.root_crl.empty()) {
    return std::nullopt;
  }
  return set;
}

std::vector<IntelCollateralSet> AllIntelCollateral() {
  std::vector<IntelCollateralSet> sets;
  for (const auto& [name, ignored] : Manifest()["collateral_sets"].items()) {
    if (auto set = FindIntelCollateral(name)) {
      sets.push_back(*std::move(set));
    }
  }
  return sets;
}

std::vector<nlohmann::json> IntelQuoteEntries() {
  std::vector<nlohmann::json> entries;
  for (const nlohmann::json& entry : Manifest()["files"]) {
    if (entry.contains("expect") && entry["expect"].is_object() &&
        entry["expect"].contains("tcb_status_by_collateral")) {
      entries.push_back(entry);
    }
  }
  return entries;
}

std::vector<IntelQuoteCase> IntelQuoteCases(attestation::IntelTee tee) {
  std::vector<IntelQuoteCase> cases;
  for (const nlohmann::json& entry : IntelQuoteEntries()) {
    const nlohmann::json& expect = entry["expect"];
    if ((expect["tee_type"] == "0x81") !=
        (tee == attestation::IntelTee::kTdx)) {
      continue;
    }
    const std::string path = entry["path"];
    for (const auto& [name, want] :
         expect["tcb_status_by_collateral"].items()) {
      const auto set = FindIntelCollateral(name);
      const auto window =
          set.has_value()
              ? Intersect(VectorWindow(want["verify_time_window"]), set->window)
              : std::nullopt;
      const auto status =
          attestation::TcbStatusFromString(want["final"].get<std::string>());
      if (!window.has_value() || !status.has_value()) {
        continue;
      }
      const absl::Time now = Middle(*window);
      cases.push_back(
          {.name = path + " with " + name,
           .quote = ReadVector(path),
           .expect = expect,
           .status = *status,
           .collateral = attestation::CheckIntelCollateral(
                             set->collateral, ProductionAnchors(), now)
                             .collateral.value(),
           .now = now});
    }
  }
  return cases;
}

absl::Time VectorTime(const std::string& text) {
  std::string normal = text;
  std::ranges::replace(normal, ' ', 'T');
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, normal, &time, &error)) {
    fprintf(stderr, "vectors: no time: %s\n", text.c_str());
    abort();
  }
  return time;
}

std::optional<TimeWindow> VectorWindow(const nlohmann::json& window) {
  if (!window.is_array()) {
    return std::nullopt;
  }
  return TimeWindow(VectorTime(window[0].get<std::string>()),
                    VectorTime(window[1].get<std::string>()));
}

std::optional<TimeWindow> Intersect(const std::optional<TimeWindow>& a,
                                    const std::optional<TimeWindow>& b) {
  if (!a.has_value() || !b.has_value()) {
    return std::nullopt;
  }
  const TimeWindow both(std::max(a->first, b->first),
                        std::min(a->second, b->second));
  return both.first <= both.second ? std::optional(both) : std::nullopt;
}

absl::Time Middle(const TimeWindow& window) {
  return window.first + (window.second - window.first) / 2;
}

const IntelTrustAnchors& ProductionAnchors() {
  static const IntelTrustAnchors& anchors =
      *new IntelTrustAnchors(IntelTrustAnchors::Create().value());
  return anchors;
}

IntelTrustAnchors AnchorsWith(const std::string& name) {
  const crypto::Certificate root =
      crypto::Certificate::FromPem(ReadTextVector(name)).value();
  return IntelTrustAnchors::Create({&root, 1}).value();
}

}  // namespace constellation::testing
