// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/driver_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "cloud/aws/names.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Json = nlohmann::json;
using Kind = CloudErrorKind;

class DriverSupportTest : public ::testing::Test {
 protected:
  DriverContext Context() {
    return {.cluster = cluster_,
            .resource = resource_,
            .known_id = "",
            .dependency = [this](std::string_view name) -> const Observed* {
              const auto found = known_.find(std::string(name));
              return found == known_.end() ? nullptr : &found->second;
            },
            .stop = {}};
  }

  ClusterIdentity cluster_{.uid = "0a1b2c3d", .name = "demo"};
  Resource resource_{.kind = "aws.x", .name = "thing"};
  std::map<std::string, Observed> known_ = {
      {"vpc", {.id = "vpc-1"}},
      {"address",
       {.id = "eipalloc-1", .attributes = {{"PublicIp", "192.0.2.1"}}}}};
};

TEST_F(DriverSupportTest, FillsInReferences) {
  const auto resolved =
      Resolve({{"a", "${vpc}"},
               {"b", Json::array({"${address.PublicIp}/32", 5, true})},
               {"c", {{"d", "x${vpc}y${address}"}}},
               {"e", "$ {vpc} ${"}},
              Context());
  ASSERT_THAT(resolved, IsOk());
  EXPECT_EQ(*resolved, Json({{"a", "vpc-1"},
                             {"b", Json::array({"192.0.2.1/32", 5, true})},
                             {"c", {{"d", "xvpc-1yeipalloc-1"}}},
                             {"e", "$ {vpc} ${"}}));
}

TEST_F(DriverSupportTest, UnknownReferencesMayBeKnownLater) {
  for (const char* text : {"${none}", "${vpc.DNSName}", "${none.X}"}) {
    EXPECT_TRUE(IsKind(Resolve(text, Context()).status(), Kind::kNotFound))
        << text;
  }
}

TEST_F(DriverSupportTest, OurTagsWinOverTheUsers) {
  resource_.tags = {{"owner", "me"}, {std::string(kUidTag), "forged"}};
  const Json tags = TagsOf(Context());
  EXPECT_EQ(TagOf(tags, kUidTag), "0a1b2c3d");
  EXPECT_EQ(TagOf(tags, kResourceTag), "thing");
  EXPECT_EQ(TagOf(tags, "owner"), "me");
  EXPECT_EQ(TagOf(tags, "Name"), "demo-0a1b2c3d-thing");
  EXPECT_THAT(TagList(tags), SizeIs(4));
}

TEST_F(DriverSupportTest, ComparesWhatBothHave) {
  resource_.desired = {{"Cidr", "10.0.0.0/16"},
                       {"Vpc", "${vpc}"},
                       {"List", Json::array({"b", "a"})},
                       {"Later", "${none}"},
                       {"OnlyWanted", 1}};
  const Json same = {{"Cidr", "10.0.0.0/16"},
                     {"Vpc", "vpc-1"},
                     {"List", Json::array({"a", "b", "b"})},
                     {"Later", "x"},
                     {"Tags", TagsOf(Context())}};
  EXPECT_THAT(Compare(Context(), {.id = "x", .attributes = same}, {}),
              IsEmpty());

  Json other = same;
  other["Cidr"] = "10.1.0.0/16";
  other["List"] = Json::array({"c"});
  other["Tags"].erase(std::string(kUidTag));
  constexpr std::array<std::string_view, 1> kChangeable = {"List"};
  const auto changes =
      Compare(Context(), {.id = "x", .attributes = other}, kChangeable);
  ASSERT_THAT(changes, SizeIs(3));
  EXPECT_EQ(changes[0].attribute, "Cidr");
  EXPECT_TRUE(changes[0].needs_replacement);
  EXPECT_EQ(changes[1].attribute, "List");
  EXPECT_FALSE(changes[1].needs_replacement);
  EXPECT_EQ(changes[2].attribute, "Tags");
  EXPECT_FALSE(changes[2].needs_replacement);
}

TEST_F(DriverSupportTest, KnowsWhoseTagsTheseAre) {
  EXPECT_TRUE(IsOfCluster({{"constellation-uid", "0a1b2c3d"}}, cluster_));
  EXPECT_TRUE(
      IsOfCluster({{"kubernetes.io/cluster/0a1b2c3d", "owned"}}, cluster_));
  EXPECT_FALSE(
      IsOfCluster({{"kubernetes.io/cluster/0a1b2c3d", "shared"}}, cluster_));
  EXPECT_FALSE(IsOfCluster({{"constellation-uid", "other"}}, cluster_));
  EXPECT_FALSE(IsOfCluster(Json::object(), cluster_));
}

TEST_F(DriverSupportTest, ReadsBothSpellingsOfTags) {
  const auto document = XmlDocument::Parse(
      "<R><tagSet><item><key>a</key><value>1</value></item></tagSet>"
      "<Tags><member><Key>b</Key><Value/></member></Tags></R>");
  ASSERT_THAT(document, IsOk());
  EXPECT_EQ(ReadTags(document->root().List("tagSet")), Json({{"a", "1"}}));
  EXPECT_EQ(ReadTags(document->root().List("Tags")), Json({{"b", ""}}));
}

TEST_F(DriverSupportTest, ForgivesOneKind) {
  EXPECT_THAT(Unless(Kind::kNotFound, MakeNotFound("x")), IsOk());
  EXPECT_THAT(Unless(Kind::kNotFound, absl::OkStatus()), IsOk());
  EXPECT_FALSE(Unless(Kind::kNameTaken, MakeNotFound("x")).ok());
  EXPECT_FALSE(IsKind(absl::OkStatus(), Kind::kUnknown));
}

}  // namespace
}  // namespace constellation::cloud::aws
