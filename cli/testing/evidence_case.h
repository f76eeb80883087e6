// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_TESTING_EVIDENCE_CASE_H_
#define CONSTELLATION_CLI_TESTING_EVIDENCE_CASE_H_

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/attestation/verify_context.h"
#include "crypto/x509.h"

namespace constellation::cli::testing {

// Files and what they are verified against, for tests of one verifier. The time
// is 2026-01-01; there is no policy until a test sets one.
class EvidenceCase : public ::testing::Test {
 protected:
  void Give(const std::string& name, std::span<const uint8_t> bytes) {
    set_.Add(name, bytes, /*given=*/true);
  }
  // As if it lay in a folder of collateral.
  void Keep(const std::string& name, std::span<const uint8_t> bytes) {
    set_.Add(name, bytes, /*given=*/false);
  }
  void Trust(std::span<const uint8_t> der) {
    context_.insecure_roots.push_back(*crypto::Certificate::FromDer(der));
  }
  // The only unit of `units`.
  static FileUnit Only(std::vector<FileUnit> units) {
    EXPECT_EQ(units.size(), 1U);
    return units.empty() ? FileUnit{} : std::move(units.front());
  }
  // "layer: name" of the rows with this verdict.
  static std::set<std::string> Rows(const FileUnit& unit, RowVerdict verdict) {
    std::set<std::string> names;
    for (const FileRow& row : unit.rows) {
      if (row.verdict == verdict) {
        names.insert(row.layer + ": " + row.name);
      }
    }
    return names;
  }
  static std::set<std::string> Failed(const FileUnit& unit) {
    return Rows(unit, RowVerdict::kFailed);
  }
  static std::set<std::string> Unchecked(const FileUnit& unit) {
    return Rows(unit, RowVerdict::kUnchecked);
  }
  static std::set<std::string> Infos(const FileUnit& unit) {
    return Rows(unit, RowVerdict::kInfo);
  }
  // What the rows called `name` got, one after the other.
  static std::string Got(const FileUnit& unit, std::string_view name) {
    std::string got;
    for (const FileRow& row : unit.rows) {
      if (row.name == name) {
        got += row.got + "\n";
      }
    }
    return got;
  }

  EvidenceSet set_;
  VerifyContext context_{.set = set_,
                         .now = absl::FromUnixSeconds(1767225600),
                         .nonce = std::nullopt,
                         .insecure_roots = {}};
  // Of the policy, once a test sets `context_.profile` to it.
  attestation::Profile profile_;
};

}  // namespace constellation::cli::testing

#endif  // CONSTELLATION_CLI_TESTING_EVIDENCE_CASE_H_
