// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/config/config.h"
#include "cli/exit_code.h"
#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class IamCommandsTest : public testing::CommandTest {
 protected:
  void WriteConfig(const Config& config) {
    Write("constellation-conf.yaml", RenderConfig(config));
  }
};

TEST_F(IamCommandsTest, IamFlagsAreCheckedTogether) {
  EXPECT_EQ(Run({"iam", "create", "aws", "--zone", "eu-wset-1a"}),
            ExitCode::kUsage);
  EXPECT_THAT(err_, AllOf(HasSubstr("--prefix is missing"),
                          HasSubstr("did you mean eu-west-1?")));
  EXPECT_EQ(Run({"iam", "create", "openstack"}), ExitCode::kUsage);
}

TEST_F(IamCommandsTest, IamWantsConfigOfTheSameProvider) {
  WriteConfig(DefaultCloudConfig("gcp", "gcp-tdx"));
  EXPECT_EQ(Run({"iam", "create", "aws", "--prefix", "demo", "--zone",
                 "eu-west-1a", "--update-config", "-y"}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("is for gcp, not aws"));
}

TEST_F(IamCommandsTest, IamDestroyWithoutIdentities) {
  EXPECT_EQ(Run({"iam", "destroy", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("there are no identities"));
  Write("constellation-iam.json",
        R"({"version":1,"provider":"gcp","uid":"0a","options":{},)"
        R"("keyFiles":[]})");
  EXPECT_EQ(Run({"iam", "destroy", "aws", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("are of gcp, not of aws"));
}

TEST_F(IamCommandsTest, DestroyKeepsIdentitiesOfALivingCluster) {
  Write("constellation-iam.json",
        R"({"version":1,"provider":"gcp","uid":"0a","options":{},)"
        R"("keyFiles":[]})");
  Write("constellation-state.yaml", "version: v1\n");
  EXPECT_EQ(Run({"iam", "destroy", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("`constellation terminate` first"));
  EXPECT_TRUE(FileExists(workspace_.Join("constellation-iam.json")));
}

TEST_F(IamCommandsTest, UpdateConfigWantsAConfigBeforeAnythingIsMade) {
  EXPECT_EQ(Run({"iam", "create", "aws", "--prefix", "demo", "--zone",
                 "eu-west-1a", "--update-config", "-y"}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("constellation-conf.yaml does not exist"));
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-iam.json")));
}

}  // namespace
}  // namespace constellation::cli
