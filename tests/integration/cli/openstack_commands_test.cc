// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "tests/integration/cli/cloud_life.h"
#include "tests/integration/openstack/openstack_world.h"

namespace constellation::cli {
namespace {

using cloud::openstack::testing::Leftovers;
using cloud::openstack::testing::Stub;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Stub& TheStub() {
  static Stub stub;
  return stub;
}

class OpenStackCommandsTest : public testing::CloudLife {
 protected:
  static void SetUpTestSuite() {
    UseUsersHome();
    TheStub();
  }
  OpenStackCommandsTest() {
    TheStub().Control({{"reset", true}, {"faults", nlohmann::json::array()}});
    for (const auto& [name, value] :
         {std::pair<const char*, std::string>{"OS_AUTH_URL",
                                              TheStub().url() + "/identity"},
          {"OS_USERNAME", "demo"},
          {"OS_PASSWORD", "secret"},
          {"OS_USER_DOMAIN_NAME", "Default"},
          {"OS_PROJECT_NAME", "demo"},
          {"OS_PROJECT_DOMAIN_NAME", "Default"},
          {"OS_REGION_NAME", "RegionOne"}}) {
      setenv(name, value.c_str(), 1);
    }
  }
  Config MakeConfig() override {
    Config config = DefaultCloudConfig("openstack", "openstack-sev-snp");
    config.image = image_;
    auto& openstack = std::get<cloud::OpenStackSettings>(config.cloud);
    openstack.availability_zone = "nova";
    openstack.floating_ip_pool_id = "eeee0000-0000-4000-8000-000000000001";
    openstack.region_name = "RegionOne";
    for (auto& [name, group] : config.node_groups) {
      group.instance_type = "m1a.4cd";
    }
    return config;
  }

  std::string image_ = "aaaa0000-0000-4000-8000-000000000001";
};

TEST_F(OpenStackCommandsTest, AClustersLife) {
  Stub& stub = TheStub();
  image_ = UploadImage(
      {.damage =
           [&] {
             stub.Control({{"options", {{"corrupt_image", true}}}});
           },
       .damage_words = "it was deleted, upload it again",
       .stop =
           [&] {
             stub.Control(
                 {{"faults",
                   {{{"method", "PUT"}, {"path", "/file"}, {"status", 403}}}}});
           },
       .stop_words = "uploading the image",
       .peace =
           [&] {
             stub.Control({{"options", {{"corrupt_image", false}}}});
           }});
  EXPECT_EQ(stub.Get("/_dump")["images"].size(), 2U) << "one was there before";
  const std::string uid = LiveAndDie();
  EXPECT_THAT(Leftovers(TheStub().Get("/_dump"), uid), IsEmpty());
}

// Three servers fit: those that are there are not counted twice.
TEST_F(OpenStackCommandsTest, QuotasCountWhatIsNew) {
  TheStub().Control({{"options", {{"quota_cores", 12}, {"quota_volumes", 6}}}});
  WriteConfig(1);
  ASSERT_EQ(Run({"create", "-y"}), ExitCode::kSuccess) << err_;
  WriteConfig(2);
  EXPECT_EQ(Run({"create", "-y"}), ExitCode::kSuccess) << err_;
  WriteConfig(3);
  EXPECT_EQ(Run({"create", "-y"}), ExitCode::kError);
  EXPECT_THAT(err_, AllOf(HasSubstr("quota: 4 cores more are wanted, 12 of 12"),
                          HasSubstr("quota: 2 volumes more are wanted")));
  TheStub().Control(
      {{"options", {{"quota_cores", 1000}, {"quota_volumes", 1000}}}});
}

TEST_F(OpenStackCommandsTest, WrongPasswordIsExplained) {
  setenv("OS_PASSWORD", "wrong", 1);
  ExpectExplained("Unauthorized");
}

TEST_F(OpenStackCommandsTest, WrongProjectIsExplained) {
  setenv("OS_PROJECT_NAME", "nobody", 1);
  ExpectExplained(
      "project \"nobody\" does not exist, is disabled, or gives this user no "
      "role; this user may choose demo");
}

}  // namespace
}  // namespace constellation::cli
