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
using ::testing::Not;

class PlanTest : public testing::CommandTest {
 protected:
  void WriteConfig(const Config& config) {
    Write("constellation-conf.yaml", RenderConfig(config));
  }
};

TEST_F(PlanTest, PlanNeedsCloud) {
  EXPECT_EQ(Run({"plan"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("constellation config generate"));
  WriteConfig(DefaultQemuConfig());
  EXPECT_EQ(Run({"plan"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("constellation status"));
}

// Everything that is wrong, before anybody is asked.
TEST_F(PlanTest, PlanListsWhatConfigLacks) {
  WriteConfig(DefaultCloudConfig("gcp", "gcp-tdx"));
  EXPECT_EQ(Run({"plan"}), ExitCode::kError);
  EXPECT_THAT(err_, AllOf(HasSubstr("allowedSources"),
                          HasSubstr("provider.gcp.project is missing"),
                          HasSubstr("image is missing")));
}

TEST_F(PlanTest, WarnsOfWholeInternet) {
  Config config = DefaultCloudConfig("openstack", "openstack-tdx");
  config.allowed_sources = {"0.0.0.0/0"};
  config.image = "image";
  config.kubernetes_version = "v1.31.13";
  auto& openstack = std::get<cloud::OpenStackSettings>(config.cloud);
  openstack.cloud = "absent";
  openstack.clouds_yaml_path = "/nonexistent/clouds.yaml";
  openstack.availability_zone = "nova";
  openstack.region_name = "RegionOne";
  openstack.floating_ip_pool_id = "970ace5c-458f-484a-a660-0903bcfd91ad";
  for (auto& [name, group] : config.node_groups) {
    group.instance_type = "c1.large";
  }
  WriteConfig(config);
  EXPECT_EQ(Run({"plan"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("OPEN TO THE WHOLE INTERNET"));
  // Nobody was asked without knowing whom, and nothing was written.
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-state.yaml")));
  EXPECT_FALSE(FileExists(workspace_.Join("constellation-cloud.journal")));
  EXPECT_THAT(err_, Not(HasSubstr("mistake")));
}

}  // namespace
}  // namespace constellation::cli
