// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "tests/integration/azure/azure_world.h"
#include "tests/integration/cli/cloud_life.h"

namespace constellation::cli {
namespace {

using cloud::azure::testing::AzureWorld;
using ::testing::IsEmpty;

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
    config.image = World().request.image;
    config.cloud = World().request.settings;
    std::get<cloud::AzureSettings>(config.cloud).deploy_csi_driver = false;
    return config;
  }
};

TEST_F(AzureCommandsTest, AClustersLife) {
  const std::string uid = LiveAndDie();
  EXPECT_THAT(World().stub.Owned(uid), IsEmpty());
  EXPECT_EQ(World().stub.Dump()["violations"], nlohmann::json::array());
}

TEST_F(AzureCommandsTest, MissingCredentialsAreExplained) {
  setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential", 1);
  unsetenv("AZURE_CLIENT_SECRET");
  ExpectExplained("EnvironmentCredential");
  unsetenv("AZURE_TOKEN_CREDENTIALS");
}

}  // namespace
}  // namespace constellation::cli
