// SPDX-License-Identifier: Apache-2.0
// Commands for clouds, as far as they go without one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/config/config.h"
#include "cli/exit_code.h"
#include "cli/testing/command_runner.h"
#include "cli/workspace/state.h"

namespace constellation::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CloudCommandsTest : public testing::CommandTest {
 protected:
  void WriteConfig(const Config& config) {
    Write("constellation-conf.yaml", RenderConfig(config));
  }
};

TEST_F(CloudCommandsTest, InstanceTypesAsTable) {
  ASSERT_EQ(Run({"config", "instance-types"}), ExitCode::kSuccess) << err_;
  EXPECT_THAT(out_,
              AllOf(HasSubstr("m6a.xlarge"), HasSubstr("Standard_DC4es_v5"),
                    HasSubstr("n2d-standard-4"), HasSubstr("m1a.4cd")));
}

TEST_F(CloudCommandsTest, InstanceTypesOfOneVariantAsJson) {
  for (const char* word : {"gcp-tdx", "gcpTDX"}) {
    ASSERT_EQ(Run({"config", "instance-types", "-a", word, "-o", "json"}),
              ExitCode::kSuccess)
        << err_;
    const auto json = nlohmann::json::parse(out_);
    ASSERT_EQ(json.size(), 1U);
    EXPECT_EQ(json[0]["attestationVariant"], "gcp-tdx");
    EXPECT_EQ(json[0]["instanceTypes"][0], "c3-standard-4");
  }
}

TEST_F(CloudCommandsTest, InstanceTypesOfUnknownVariant) {
  EXPECT_EQ(Run({"config", "instance-types", "-a", "gcp-sev-snpp"}),
            ExitCode::kUsage);
  EXPECT_THAT(err_, HasSubstr("did you mean gcp-sev-snp?"));
}

TEST_F(CloudCommandsTest, PlanNeedsCloud) {
  EXPECT_EQ(Run({"plan"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("constellation config generate"));
  WriteConfig(DefaultQemuConfig());
  EXPECT_EQ(Run({"plan"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("constellation status"));
}

// Everything that is wrong, before anybody is asked.
TEST_F(CloudCommandsTest, PlanListsWhatConfigLacks) {
  WriteConfig(DefaultCloudConfig("gcp", "gcp-tdx"));
  EXPECT_EQ(Run({"plan"}), ExitCode::kError);
  EXPECT_THAT(err_, AllOf(HasSubstr("allowedSources"),
                          HasSubstr("provider.gcp.project is missing"),
                          HasSubstr("image is missing")));
}

TEST_F(CloudCommandsTest, IamFlagsAreCheckedTogether) {
  EXPECT_EQ(Run({"iam", "create", "aws", "--zone", "eu-wset-1a"}),
            ExitCode::kUsage);
  EXPECT_THAT(err_, AllOf(HasSubstr("--prefix is missing"),
                          HasSubstr("did you mean eu-west-1?")));
  EXPECT_EQ(Run({"iam", "create", "openstack"}), ExitCode::kUsage);
}

TEST_F(CloudCommandsTest, IamWantsConfigOfTheSameProvider) {
  WriteConfig(DefaultCloudConfig("gcp", "gcp-tdx"));
  EXPECT_EQ(Run({"iam", "create", "aws", "--prefix", "demo", "--zone",
                 "eu-west-1a", "--update-config", "-y"}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("is for gcp, not aws"));
}

TEST_F(CloudCommandsTest, IamDestroyWithoutIdentities) {
  EXPECT_EQ(Run({"iam", "destroy", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("there are no identities"));
  Write("constellation-iam.json",
        R"({"version":1,"provider":"gcp","uid":"0a","options":{},)"
        R"("keyFiles":[]})");
  EXPECT_EQ(Run({"iam", "destroy", "aws", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("are of gcp, not of aws"));
}

TEST_F(CloudCommandsTest, UploadNeedsCloud) {
  WriteConfig(DefaultQemuConfig());
  EXPECT_EQ(Run({"image", "upload", "/nonexistent.raw"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("provider qemu boots the image file itself"));
}

TEST_F(CloudCommandsTest, TerminateWantsConfigThatFits) {
  State state;
  state.infrastructure.uid = "0a1b2c3d";
  state.infrastructure.name = "demo";
  state.infrastructure.cloud.provider = "gcp";
  Write("constellation-state.yaml", RenderState(state));
  WriteConfig(DefaultCloudConfig("aws", "aws-sev-snp"));
  EXPECT_EQ(Run({"terminate", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("runs on gcp, but the config file says aws"));
}

// The state file was lost, the journal says which cluster it is.
TEST_F(CloudCommandsTest, TerminateReadsUidFromJournal) {
  Write("constellation-cloud.journal",
        R"({"format":"constellation-cloud-journal","version":1,)"
        R"("uid":"0a1b2c3d","name":"demo","cloud":"gcp","scope":"s"})"
        "\n");
  WriteConfig(DefaultCloudConfig("aws", "aws-sev-snp"));
  EXPECT_EQ(Run({"terminate", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("runs on gcp"));
  Write("constellation-cloud.journal", "damaged\n");
  EXPECT_EQ(Run({"terminate", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("is damaged"));
}

TEST_F(CloudCommandsTest, WarnsOfWholeInternet) {
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
