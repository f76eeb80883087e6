// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "tests/integration/aws/aws_world.h"
#include "tests/integration/cli/cloud_life.h"

namespace constellation::cli {
namespace {

using cloud::aws::testing::AwsServer;
using cloud::aws::testing::AwsWorld;
using ::testing::IsEmpty;

class AwsCommandsTest : public testing::CloudLife {
 protected:
  static void SetUpTestSuite() {
    UseUsersHome();
    AwsServer::Get();
  }
  AwsCommandsTest() {
    for (const auto& [name, value] : world_.variables) {
      setenv(name.c_str(), value.c_str(), 1);
    }
  }
  Config MakeConfig() override {
    Config config = DefaultCloudConfig("aws", "aws-sev-snp");
    config.image = image_;
    auto& aws = std::get<cloud::AwsSettings>(config.cloud);
    aws.region = "eu-west-1";
    aws.zone = "eu-west-1a";
    aws.iam_profile_control_plane = control_plane_;
    aws.iam_profile_worker_nodes = workers_;
    return config;
  }
  AwsWorld world_;
  std::string image_ = "ami-03cf127a";  // one that moto knows
  std::string control_plane_ = "demo-cp";
  std::string workers_ = "demo-worker";
};

TEST_F(AwsCommandsTest, AClustersLife) {
  AwsServer& server = AwsServer::Get();
  image_ =
      UploadImage({.damage =
                       [&] {
                         server.Change({{"corrupt", 1}});
                       },
                   .damage_words = "the checksum of all blocks differs",
                   .stop =
                       [&] {
                         server.Change({{"fail",
                                         {{{"action", "PutSnapshotBlock"},
                                           {"after", 2},
                                           {"code", "AccessDeniedException"},
                                           {"message", "not for now"}}}}});
                       },
                   .stop_words = "ebs:PutSnapshotBlock",
                   .peace = [] {}});
  EXPECT_TRUE(image_.starts_with("ami-"));
  const nlohmann::json calls = server.Report().at("calls");
  EXPECT_EQ(calls.at("ebs:StartSnapshot"), 2) << "one of them was spoilt";
  EXPECT_EQ(calls.at("ec2:RegisterImage"), 1);

  const auto aws = std::get<cloud::AwsSettings>(
      CreateIdentities({"aws", "--prefix", "demo", "--zone", "eu-west-1a"})
          .cloud);
  EXPECT_NE(aws.iam_profile_control_plane, control_plane_);
  control_plane_ = aws.iam_profile_control_plane;
  workers_ = aws.iam_profile_worker_nodes;
  const std::string uid = LiveAndDie();
  EXPECT_THAT(server.Inventory(uid), IsEmpty());
  EXPECT_THAT(server.Inventory("demo"), ::testing::Not(IsEmpty()));
  EXPECT_EQ(Run({"iam", "destroy", "-y"}), ExitCode::kSuccess) << err_;
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-iam.json")));
  EXPECT_THAT(server.Inventory("demo"), IsEmpty());
  world_.ExpectNoFindings();
}

// What the cloud cannot give is said before anything is made.
TEST_F(AwsCommandsTest, ImagesThatCannotBootAreRefused) {
  ExpectExplained("bootMode: want \"uefi\"");
}

TEST_F(AwsCommandsTest, MissingCredentialsAreExplained) {
  unsetenv("AWS_ACCESS_KEY_ID");
  unsetenv("AWS_SECRET_ACCESS_KEY");
  ExpectExplained("AWS_ACCESS_KEY_ID");
}

}  // namespace
}  // namespace constellation::cli
