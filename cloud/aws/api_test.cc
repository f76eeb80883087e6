// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/api.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;

TEST(EncodeFormTest, NumbersListsAsEachServiceDoes) {
  const Json parameters = {
      {"A", Json::array({"x", "y"})},
      {"B", {{"C", true}, {"D", false}, {"E", -5}}},
      {"F", Json::array({{{"Key", "k"}, {"Value", "v"}}})}};
  EXPECT_EQ(EncodeForm(kEc2, "Do", parameters),
            "Action=Do&A.1=x&A.2=y&B.C=true&B.D=false&B.E=-5&F.1.Key=k&"
            "F.1.Value=v&Version=2016-11-15");
  EXPECT_EQ(EncodeForm(kElb, "Do", parameters),
            "Action=Do&A.member.1=x&A.member.2=y&B.C=true&B.D=false&B.E=-5&"
            "F.member.1.Key=k&F.member.1.Value=v&Version=2015-12-01");
}

TEST(EncodeFormTest, EncodesEverythingThatIsNotUnreserved) {
  EXPECT_EQ(EncodeForm(kIam, "X", {{"Tag:a", "ä b&c=d/+*~"}}),
            "Action=X&Tag%3Aa=%C3%A4+b%26c%3Dd%2F%2B%2A~&Version=2010-05-08");
}

TEST(EncodeFormTest, LeavesOutWhatIsEmpty) {
  EXPECT_EQ(
      EncodeForm(kSts, "X", {{"A", nullptr}, {"B", Json::array()}, {"C", ""}}),
      "Action=X&C=&Version=2011-06-15");
  EXPECT_EQ(EncodeForm(kAutoScaling, "X", Json::object()),
            "Action=X&Version=2011-01-01");
}

TEST(PartitionTest, FollowsTheRegion) {
  EXPECT_EQ(DomainOfRegion("eu-west-1"), "amazonaws.com");
  EXPECT_EQ(DomainOfRegion("cn-north-1"), "amazonaws.com.cn");
  EXPECT_EQ(PartitionOfRegion("eu-west-1"), "aws");
  EXPECT_EQ(PartitionOfRegion("cn-north-1"), "aws-cn");
  EXPECT_EQ(PartitionOfRegion("us-gov-east-1"), "aws-us-gov");
  EXPECT_EQ(GlobalRegion("ap-south-1"), "us-east-1");
  EXPECT_EQ(GlobalRegion("cn-northwest-1"), "cn-north-1");
  EXPECT_EQ(GlobalRegion("us-gov-east-1"), "us-gov-west-1");
}

}  // namespace
}  // namespace constellation::cloud::aws
