// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;

class AttestationShowTest : public testing::CommandTest {};

constexpr char kPolicy[] = R"({"version":1,"profiles":[],"enrolledTPMs":[]})";

TEST_F(AttestationShowTest, SaysThatNothingWasVerified) {
  EXPECT_EQ(Run({"attestation", "show", Write("p.json", kPolicy)}),
            ExitCode::kSuccess)
      << err_;
  EXPECT_EQ(out_.find("UNVERIFIED: "), 0U);
  EXPECT_GT(out_.rfind("UNVERIFIED: "), 0U);
}

TEST_F(AttestationShowTest, TellsMachinesTheSame) {
  EXPECT_EQ(
      Run({"attestation", "show", Write("p.json", kPolicy), "-o", "json"}),
      ExitCode::kSuccess);
  const auto json = nlohmann::json::parse(out_);
  EXPECT_EQ(json.at("verified"), false);
  EXPECT_EQ(json.at("size"), sizeof(kPolicy) - 1);
}

TEST_F(AttestationShowTest, UnknownFileIsAnErrorAfterItsOutput) {
  EXPECT_EQ(Run({"attestation", "show", Write("x", "hello")}),
            ExitCode::kError);
  EXPECT_THAT(out_, HasSubstr("5 octets"));
  EXPECT_THAT(err_, HasSubstr("none of the files of attestation"));
}

TEST_F(AttestationShowTest, RefusesJunit) {
  EXPECT_EQ(
      Run({"attestation", "show", Write("p.json", kPolicy), "-o", "junit"}),
      ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("--output: table or json"));
}

TEST_F(AttestationShowTest, MissingFileIsNamed) {
  EXPECT_EQ(Run({"attestation", "show", workspace_.Join("absent")}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr(workspace_.Join("absent")));
}

}  // namespace
}  // namespace constellation::cli
