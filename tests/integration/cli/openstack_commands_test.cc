// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "tests/integration/cli/cloud_life.h"
#include "tests/integration/openstack/openstack_world.h"

namespace constellation::cli {
namespace {

using cloud::openstack::testing::Leftovers;
using cloud::openstack::testing::Stub;
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
    config.image = "aaaa0000-0000-4000-8000-000000000001";
    auto& openstack = std::get<cloud::OpenStackSettings>(config.cloud);
    openstack.availability_zone = "nova";
    openstack.floating_ip_pool_id = "eeee0000-0000-4000-8000-000000000001";
    openstack.region_name = "RegionOne";
    for (auto& [name, group] : config.node_groups) {
      group.instance_type = "m1a.4cd";
    }
    return config;
  }
};

TEST_F(OpenStackCommandsTest, AClustersLife) {
  const std::string uid = LiveAndDie();
  EXPECT_THAT(Leftovers(TheStub().Get("/_dump"), uid), IsEmpty());
}

TEST_F(OpenStackCommandsTest, WrongPasswordIsExplained) {
  setenv("OS_PASSWORD", "wrong", 1);
  ExpectExplained("Unauthorized");
}

}  // namespace
}  // namespace constellation::cli
