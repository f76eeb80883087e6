// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/drivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/aws/testing/aws_script.h"

namespace constellation::cloud::aws {
namespace {

using testing::AwsScript;
using ::testing::ElementsAre;

// Sweeps go the other way: machines before what they stand in.
TEST(DriversTest, StandInTheOrderOfMaking) {
  AwsScript aws;
  OwnedRegistry cluster;
  AddClusterDrivers(aws.client(), cluster);
  EXPECT_THAT(
      cluster.registry().kinds(),
      ElementsAre("aws.vpc", "aws.subnet", "aws.internet-gateway",
                  "aws.address", "aws.nat-gateway", "aws.route-table",
                  "aws.security-group", "aws.volume", "aws.instance",
                  "aws.vpc-attribute", "aws.gateway-attachment",
                  "aws.target-group", "aws.load-balancer", "aws.listener",
                  "aws.launch-template", "aws.scaling-group"));
  OwnedRegistry iam;
  AddIamDrivers(aws.client(), iam);
  EXPECT_THAT(iam.registry().kinds(),
              ElementsAre("aws.iam-role", "aws.instance-profile"));
  EXPECT_EQ(iam.registry().Get("aws.vpc"), nullptr);
}

TEST(DriversTest, CreatesAreHarmlessToRepeatWhereTokensOrNamesSaySo) {
  AwsScript aws;
  OwnedRegistry cluster;
  AddClusterDrivers(aws.client(), cluster);
  for (const char* kind :
       {"aws.nat-gateway", "aws.route-table", "aws.security-group",
        "aws.launch-template", "aws.load-balancer", "aws.scaling-group"}) {
    EXPECT_TRUE(cluster.registry().Get(kind)->Traits().create_is_idempotent)
        << kind;
  }
  // A second VPC would be another one: these have to be looked for.
  for (const char* kind :
       {"aws.vpc", "aws.subnet", "aws.internet-gateway", "aws.address"}) {
    EXPECT_FALSE(cluster.registry().Get(kind)->Traits().create_is_idempotent)
        << kind;
  }
}

}  // namespace
}  // namespace constellation::cloud::aws
