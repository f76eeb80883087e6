// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/configs.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr testing::BadConfig kBad[] = {
    {"Role", "qemu", "role: worker", "role: wroker",
     "nodeGroups.worker_default.role must be one of control-plane, "
     "worker, not \"wroker\"; did you mean worker?"},
    {"SwappedRole", "qemu", "role: worker", "role: control-plane",
     "nodeGroups.worker_default.role must be worker"},
    {"NoRole", "qemu", "    role: worker\n", "",
     "nodeGroups.worker_default.role is missing"},
    {"NoControlPlane", "qemu", "initialCount: 1", "initialCount: 0",
     "initialCount must be at least 1"},
    {"NoWorkerGroup", "qemu", "worker_default:", "worker_extra:",
     "nodeGroups.worker_default is missing"},
    {"Zone", "qemu", "    role: worker", "    role: worker\n    zone: a",
     "no meaning for provider qemu"},
    {"GroupList", "qemu", "  worker_default:\n    role: worker",
     "  worker_default: [a]\n  other_group:\n    role: worker",
     "nodeGroups.worker_default must be a map"},
    {"AwsType", "aws", "m6a.xlarge", "m6a.xlrage",
     "is no known type for aws-sev-snp; did you mean m6a.xlarge?"},
    {"AwsIntelType", "aws", "m6a.xlarge", "t2.micro",
     "is no known type for aws-sev-snp"},
    {"AwsDisk", "aws", "gp3", "pg3", "did you mean gp3?"},
    {"AzureZone", "azure", "    zone: \"\"", "    zone: westeurope-1",
     "must be empty (the location decides), 1, 2 or 3"},
    {"AzureType", "azure", "Standard_DC4as_v5", "Standard_DC4s_v5",
     "did you mean Standard_DC4"},
    {"GcpType", "gcp", "n2d-standard-4", "n2-standard-4",
     "did you mean n2d-standard-4?"},
    {"GcpSmallType", "gcp", "n2d-standard-4", "n2d-standard-2",
     "is no known type for gcp-sev-snp"},
    {"OpenStackFlavor", "openstack", "instanceType: c1.large",
     "instanceType: \"\"", "instanceType is missing"},
    {"ManyNodes", "aws", "initialCount: 3", "initialCount: 501",
     "initialCount must be from 0 to 500"}};

TEST(NodeGroupsSectionTest, RefusesEachSpoiltLineWithReason) {
  for (const testing::BadConfig& bad : kBad) {
    testing::ExpectRefused(bad);
  }
}

TEST(NodeGroupsSectionTest, RefusesDisksOfDifferentSize) {
  EXPECT_THAT(ParseConfig(testing::Replaced(std::string(testing::kGoodConfig),
                                            "stateDiskSizeGB: 10",
                                            "stateDiskSizeGB: 20"),
                          "conf"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("must be the same in every group")));
}

}  // namespace
}  // namespace constellation::cli
