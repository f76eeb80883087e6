// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/provider_factory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

// Nobody is asked: there are no credentials, and nobody listens.
TEST(ProviderFactoryTest, EachCloudHasItsProvider) {
  for (const auto& [settings, name] :
       {std::pair<cloud::ProviderSettings, const char*>{
            cloud::AwsSettings{.region = "eu-west-1"}, "aws"},
        {cloud::AzureSettings{.subscription = "s"}, "azure"},
        {cloud::GcpSettings{.project = "p"}, "gcp"}}) {
    ASSERT_OK_AND_ASSIGN(const auto connection, ConnectRealCloud(settings));
    EXPECT_EQ(connection->provider().Name(), name);
    EXPECT_THAT(ConnectRealIam(settings), IsOk());
  }
}

TEST(ProviderFactoryTest, OpenStackFollowsCloudsYaml) {
  const constellation::testing::TempDir folder;
  ASSERT_THAT(WriteFileAtomically(
                  folder.Join("clouds.yaml"),
                  "clouds:\n  mine:\n    auth:\n      auth_url: "
                  "https://127.0.0.1:1/v3\n      username: u\n      password: "
                  "p\n      project_name: x\n"),
              IsOk());
  cloud::OpenStackSettings settings{
      .cloud = "mine", .clouds_yaml_path = folder.Join("clouds.yaml")};
  ASSERT_OK_AND_ASSIGN(const auto connection, ConnectRealCloud(settings));
  EXPECT_EQ(connection->provider().Name(), "openstack");
  settings.clouds_yaml_path = folder.Join("absent.yaml");
  EXPECT_THAT(ConnectRealCloud(settings),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(ProviderFactoryTest, OpenStackHasNoIdentitiesToMake) {
  EXPECT_THAT(ConnectRealIam(cloud::OpenStackSettings{}),
              StatusIs(absl::StatusCode::kUnimplemented,
                       HasSubstr("openstack: `iam`")));
}

}  // namespace
}  // namespace constellation::cli
