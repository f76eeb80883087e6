// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "tests/integration/azure/azure_world.h"
#include "tests/integration/cli/cloud_life.h"

namespace constellation::cli {
namespace {

using cloud::azure::testing::AzureWorld;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Its stand-in, with a resource group, an identity and an image.
AzureWorld& World() {
  static AzureWorld world;
  return world;
}

class AzureCommandsTest : public testing::CloudLife {
 protected:
  static void SetUpTestSuite() {
    UseUsersHome();
    World();
  }
  AzureCommandsTest() {
    World().Reset();
    for (const auto& [name, value] : World().variables) {
      setenv(name.c_str(), value.c_str(), 1);
    }
  }
  Config MakeConfig() override {
    Config config = DefaultCloudConfig("azure", "azure-sev-snp");
    config.image = image_;
    config.cloud = settings_;
    return config;
  }

  std::string image_ = World().request.image;
  cloud::AzureSettings settings_ = [] {
    auto settings = std::get<cloud::AzureSettings>(World().request.settings);
    settings.deploy_csi_driver = false;
    return settings;
  }();
};

TEST_F(AzureCommandsTest, AClustersLife) {
  const std::string uid = LiveAndDie();
  EXPECT_THAT(World().stub.Owned(uid), IsEmpty());
  EXPECT_EQ(World().stub.Dump()["violations"], nlohmann::json::array());
}

// From an empty subscription to an empty one: group, identity, image, cluster.
TEST_F(AzureCommandsTest, IdentitiesAndImages) {
  auto& stub = World().stub;
  const std::string subscription = settings_.subscription;
  settings_ = std::get<cloud::AzureSettings>(
      CreateIdentities({"azure", "--resourceGroup", "demo-rg", "--region",
                        "northeurope", "--servicePrincipal", "demo-nodes",
                        "--subscriptionID", subscription})
          .cloud);
  EXPECT_EQ(settings_.resource_group, "demo-rg");
  EXPECT_THAT(settings_.user_assigned_identity, HasSubstr("demo-nodes"));

  image_ = UploadImage(
      {.damage =
           [&] {
             stub.Control({{"corrupt", true}});
           },
       .damage_words = "what arrived in Azure differs from",
       .stop =
           [&] {
             stub.Control({{"page_writes", 1}});
           },
       .stop_words = "writing to the disk: HTTP status 403",
       .peace =
           [&] {
             stub.Control({{"corrupt", false}, {"page_writes", nullptr}});
           }});
  EXPECT_THAT(image_, HasSubstr("demo-rg"));
  EXPECT_THAT(stub.Dump()["blobs"], IsEmpty()) << "the upload's disk is gone";

  const std::string uid = LiveAndDie();
  EXPECT_THAT(stub.Owned(uid), IsEmpty());

  // The image is in the group, which is not deleted before the image is.
  const std::string gallery = image_.substr(0, image_.find("/images/"));
  EXPECT_EQ(Run({"iam", "destroy", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr(gallery + "\n"));
  stub.Control({{"remove", gallery}});
  EXPECT_EQ(Run({"iam", "destroy", "-y"}), ExitCode::kSuccess) << err_;
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-iam.json")));
  const nlohmann::json left = stub.Dump();
  EXPECT_THAT(left["resources"].dump(), Not(HasSubstr("demo-")));
  EXPECT_EQ(left["violations"], nlohmann::json::array());
}

// Refused at once: the identity, its role and the record of both are kept.
TEST_F(AzureCommandsTest, IdentitiesStayWhileTheirGroupHoldsMore) {
  auto& stub = World().stub;
  settings_ = std::get<cloud::AzureSettings>(
      CreateIdentities({"azure", "--resourceGroup", "demo-rg", "--region",
                        "northeurope", "--servicePrincipal", "demo-nodes",
                        "--subscriptionID", settings_.subscription})
          .cloud);
  const std::string gallery =
      settings_.user_assigned_identity.substr(
          0, settings_.user_assigned_identity.find("/providers/")) +
      "/providers/Microsoft.Compute/galleries/mine";
  stub.Control({{"resources",
                 {{{"id", gallery},
                   {"location", "northeurope"},
                   {"properties", nlohmann::json::object()}}}}});
  const nlohmann::json before = stub.Dump()["resources"];
  EXPECT_EQ(Run({"iam", "destroy", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_,
              AllOf(HasSubstr("nothing was deleted"), HasSubstr(gallery + "\n"),
                    HasSubstr("az resource delete --ids")));
  EXPECT_EQ(stub.Dump()["resources"], before);
  EXPECT_TRUE(FileExists(workspace_.Join("constellation-iam.json")));
  stub.Control({{"remove", gallery}});
  EXPECT_EQ(Run({"iam", "destroy", "-y"}), ExitCode::kSuccess) << err_;
  EXPECT_THAT(stub.Dump()["resources"].dump(), Not(HasSubstr("demo-")));
}

// The quota fits a cluster of two; the cluster's own VMs are no argument
// against a third one, but a fourth one does not fit.
TEST_F(AzureCommandsTest, QuotasCountWhatIsNew) {
  World().stub.Control({{"quota", 12}});
  WriteConfig(1);
  ASSERT_EQ(Run({"create", "-y"}), ExitCode::kSuccess) << err_;
  WriteConfig(2);
  EXPECT_EQ(Run({"create", "-y"}), ExitCode::kSuccess) << err_;
  WriteConfig(3);
  EXPECT_EQ(Run({"create", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("quota: 4 cores more of "));
  EXPECT_EQ(Run({"terminate", "-y"}), ExitCode::kSuccess) << err_;
  World().stub.Control({{"quota", 100}});
}

TEST_F(AzureCommandsTest, MissingCredentialsAreExplained) {
  setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential", 1);
  unsetenv("AZURE_CLIENT_SECRET");
  ExpectExplained("EnvironmentCredential");
  unsetenv("AZURE_TOKEN_CREDENTIALS");
}

}  // namespace
}  // namespace constellation::cli
