// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;

class AttestationVerifyTest : public testing::CommandTest {
 protected:
  const std::string policy_ =
      Write("policy.json", R"({"version":1,"profiles":[],"enrolledTPMs":[]})");
  const std::string junk_ = Write("junk", "hello");
};

TEST_F(AttestationVerifyTest, NeedsAPolicyOrTheDangerousFlag) {
  EXPECT_EQ(Run({"attestation", "verify", junk_}), ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("give --policy FILE"));
  EXPECT_EQ(Run({"attestation", "verify", junk_, "--policy", policy_,
                 "--insecure-without-policy"}),
            ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("not both"));
}

TEST_F(AttestationVerifyTest, WarnsWithoutPolicy) {
  EXPECT_NE(Run({"attestation", "verify", junk_, "--insecure-without-policy"}),
            ExitCode::kSuccess);
  EXPECT_THAT(err_, HasSubstr("Warning: NO POLICY"));
}

// Nothing that could be judged is never success.
TEST_F(AttestationVerifyTest, JunkIsNotVerified) {
  const ExitCode code = Run(
      {"attestation", "verify", junk_, "--policy", policy_, "--nonce", "00"});
  EXPECT_TRUE(code == ExitCode::kError || code == ExitCode::kRefused);
}

TEST_F(AttestationVerifyTest, RefusesBadTimes) {
  EXPECT_EQ(Run({"attestation", "verify", junk_, "--policy", policy_, "--at",
                 "yesterday"}),
            ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("--at yesterday: want a time such as"));
}

TEST_F(AttestationVerifyTest, RefusesBadHex) {
  for (const char* flag : {"--nonce", "--cluster-id"}) {
    for (const char* value : {"xyz", "0"}) {
      EXPECT_EQ(Run({"attestation", "verify", junk_, "--policy", policy_, flag,
                     value}),
                ExitCode::kUsage)
          << flag << value;
      EXPECT_THAT(err_, HasSubstr(std::string(flag) + ": want octets in hex"));
    }
  }
}

TEST_F(AttestationVerifyTest, NamesThePolicyThatIsWrong) {
  const std::string bad = Write("bad.json", R"({"version":2})");
  EXPECT_EQ(Run({"attestation", "verify", junk_, "--policy", bad}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr(bad));
  EXPECT_EQ(Run({"attestation", "verify", junk_, "--policy",
                 workspace_.Join("absent")}),
            ExitCode::kError);
}

TEST_F(AttestationVerifyTest, NamesTheRootThatIsNoCertificate) {
  EXPECT_EQ(Run({"attestation", "verify", junk_, "--policy", policy_,
                 "--insecure-root", junk_}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("--insecure-root: whoever has"));
  EXPECT_THAT(err_, HasSubstr(junk_ + ": "));
}

TEST_F(AttestationVerifyTest, NamesMissingFilesAndFolders) {
  EXPECT_EQ(Run({"attestation", "verify", workspace_.Join("absent"), "--policy",
                 policy_}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr(workspace_.Join("absent")));
  EXPECT_EQ(Run({"attestation", "verify", junk_, "--policy", policy_,
                 "--collateral", workspace_.Join("nowhere")}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr(workspace_.Join("nowhere")));
}

}  // namespace
}  // namespace constellation::cli
