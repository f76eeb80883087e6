// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "crypto/hash.h"
#include "tests/integration/aws/aws_world.h"
#include "tests/integration/cli/cloud_life.h"

namespace constellation::cli {
namespace {

using cloud::aws::testing::AwsServer;
using cloud::aws::testing::AwsWorld;
using ::constellation::testing::IsOk;
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
  // A disk of nothing, registered as bootable with a TPM.
  void UploadImage() {
    const std::string disk(4096, '\0');
    ASSERT_THAT(WriteFileAtomically(workspace_.Join("disk.raw"), disk), IsOk());
    auto image = world_.provider->UploadImage(
        {.path = workspace_.Join("disk.raw"),
         .sha256 = HexEncode(crypto::Sha256(AsBytes(disk))),
         .name = "constellation-test",
         .version = "v0.1.0",
         .attestation_variant = "aws-sev-snp",
         .settings = world_.request.settings,
         .state_file = workspace_.Join("upload.json")},
        {});
    ASSERT_THAT(image, IsOk());
    image_ = *std::move(image);
  }
  void CreateIdentities() {
    WriteConfig(1);
    ASSERT_EQ(Run({"iam", "create", "aws", "--prefix", "demo", "--zone",
                   "eu-west-1a", "--update-config", "-y"}),
              ExitCode::kSuccess)
        << err_;
    const auto config =
        ParseConfig(*ReadFile(workspace_.Join("constellation-conf.yaml")), "c");
    ASSERT_THAT(config, IsOk());
    const auto& aws = std::get<cloud::AwsSettings>(config->cloud);
    EXPECT_NE(aws.iam_profile_control_plane, control_plane_);
    control_plane_ = aws.iam_profile_control_plane;
    workers_ = aws.iam_profile_worker_nodes;
  }

  AwsWorld world_;
  std::string image_ = "ami-03cf127a";  // one that moto knows
  std::string control_plane_ = "demo-cp";
  std::string workers_ = "demo-worker";
};

TEST_F(AwsCommandsTest, AClustersLife) {
  ASSERT_NO_FATAL_FAILURE(UploadImage());
  ASSERT_NO_FATAL_FAILURE(CreateIdentities());
  const std::string uid = LiveAndDie();
  EXPECT_THAT(AwsServer::Get().Inventory(uid), IsEmpty());
  EXPECT_EQ(Run({"iam", "destroy", "-y"}), ExitCode::kSuccess) << err_;
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-iam.json")));
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
