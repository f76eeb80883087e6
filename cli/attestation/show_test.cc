// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "attestation/testing/snp_signer.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SnpSigner;
using ::constellation::testing::SnpTestProduct;
using ::constellation::testing::StatusIs;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Bytes Report() {
  return SnpSigner::For(SnpTestProduct::kMilan).Make().report;
}

TEST(ShowTest, RecognisesAndDecodes) {
  const ShownFile file = ShowFile("r.bin", Report());
  EXPECT_EQ(file.kind, FileKind::kSnpReport);
  EXPECT_EQ(file.size, 1184U);
  EXPECT_EQ(file.wrapping, "");
  EXPECT_EQ(file.decoded.parts.size(), 1U);
  EXPECT_THAT(ToStatus(file), IsOk());
}

TEST(ShowTest, UnknownFilesAreTold) {
  const ShownFile file = ShowFile("a\x1b.bin", AsBytes("hello"));
  EXPECT_EQ(file.kind, FileKind::kUnknown);
  EXPECT_THAT(ToStatus(file),
              StatusIs(kInvalid, StartsWith("a?.bin: this is none of the")));
  EXPECT_THAT(ToStatus(ShowFile("empty", {})), StatusIs(kInvalid));
}

// Whoever reads only the beginning, or only the end, must see it.
TEST(ShowTest, TableIsMarkedAtBothEnds) {
  const std::string text = RenderShownTable(ShowFile("r.bin", Report()));
  EXPECT_THAT(text, StartsWith("UNVERIFIED: "));
  EXPECT_THAT(text, EndsWith("nothing of it was checked.\n"));
  EXPECT_THAT(text, HasSubstr("r.bin: "));
  EXPECT_THAT(text, HasSubstr("1184 octets\n"));
}

TEST(ShowTest, JsonSaysThatNothingWasVerified) {
  const auto json =
      nlohmann::json::parse(RenderShownJson(ShowFile("r.bin", Report())));
  EXPECT_EQ(json.at("version"), 1);
  EXPECT_EQ(json.at("verified"), false);
  EXPECT_EQ(json.at("file"), "r.bin");
  EXPECT_EQ(json.at("size"), 1184);
  EXPECT_EQ(json.at("problem"), "");
  EXPECT_EQ(json.at("parts").at(0).at("title"), "SEV-SNP report");
  EXPECT_EQ(json.at("parts").at(0).at("omitted"), 0);
  EXPECT_EQ(json.at("parts").at(0).at("fields").at(0).at("name"), "version");
}

TEST(ShowTest, ProblemsAndOmissionsAreShown) {
  ShownFile file = ShowFile("r.bin", Report());
  file.decoded.problem = absl::InvalidArgumentError("cut \x1b[2J");
  for (int i = 0; i < 5000; ++i) {
    file.decoded.parts[0].Text("n", "v");
  }
  const std::string text = RenderShownTable(file);
  EXPECT_THAT(text, HasSubstr("Could not read all of it: cut ?[2J\n"));
  EXPECT_THAT(text, HasSubstr("... and "));
  EXPECT_THAT(ToStatus(file), StatusIs(kInvalid, HasSubstr("cut ?[2J")));
  const auto json = nlohmann::json::parse(RenderShownJson(file));
  EXPECT_EQ(json.at("problem"), "cut ?[2J");
  EXPECT_GT(json.at("parts").at(0).at("omitted"), 0);
}

TEST(ShowTest, HostileFieldsCannotSteerTheTerminal) {
  ShownFile file = ShowFile("r.bin", Report());
  file.decoded.Add("\x1b]0;x\x07").Text("na\x1bme", "va\x1blue\xff");
  EXPECT_THAT(RenderShownTable(file), Not(HasSubstr("\x1b")));
  EXPECT_FALSE(nlohmann::json::parse(RenderShownJson(file), nullptr, false)
                   .is_discarded());
}

}  // namespace
}  // namespace constellation::cli
