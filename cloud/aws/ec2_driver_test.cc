// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/ec2_driver.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/aws/driver_support.h"
#include "cloud/aws/names.h"
#include "cloud/aws/testing/aws_script.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::AwsScript;
using testing::DriverScene;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IdsOf;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::TagSet;
using Json = nlohmann::json;
using Kind = CloudErrorKind;

// What the driver does with any kind, shown with a kind of things that have a
// state and nothing else.
class Ec2DriverTest : public ::testing::Test {
 protected:
  Ec2DriverTest() {
    scene_.resource = {.kind = "aws.thing",
                       .name = "thing",
                       .tags = {{"owner", "me"}},
                       .desired = {{"Size", 7}, {"VpcId", "${vpc}"}}};
    scene_.known["vpc"].id = "vpc-1";
  }
  static Ec2Kind Thing() {
    return {.kind = "aws.thing",
            .describe = "DescribeThings",
            .list = "thingSet",
            .id_element = "thingId",
            .id_parameter = "ThingId",
            .create = "CreateThing",
            .created = "thing/thingId",
            .tag_type = "thing",
            .remove = "DeleteThing",
            .state = "state",
            .parameters = {"Size", "VpcId"},
            .attributes = {{"VpcId", "vpcId"}}};
  }
  static std::string Item(std::string_view id, std::string_view uid,
                          std::string_view name,
                          std::string_view state = "available") {
    return fmt::format(
        "<item><thingId>{}</thingId><state>{}</state><vpcId>vpc-1</vpcId>{}"
        "</item>",
        id, state, TagSet(uid, name));
  }
  static std::string Ours(std::string_view id,
                          std::string_view state = "available") {
    return Item(id, "0a1b2c3d", "thing", state);
  }
  static std::string Things(const std::string& items) {
    return "<R><thingSet>" + items + "</thingSet></R>";
  }
  Ec2Driver Driver() { return Ec2Driver(aws_.client(), kind_); }

  AwsScript aws_;
  DriverScene scene_;
  Ec2Kind kind_ = Thing();
};

TEST_F(Ec2DriverTest, MakesThingsWithTheirTags) {
  kind_.token = true;
  aws_.Answer("CreateThing",
              "<R><thing><thingId>thing-1</thingId></thing></R>");
  const auto made = Driver().Create(scene_.Context(), "token-1");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->id, "thing-1");
  EXPECT_EQ(made->state, ResourceState::kPending);
  EXPECT_THAT(aws_.calls(),
              ElementsAre("CreateThing ClientToken=token-1 Size=7 "
                          "TagSpecification.1.ResourceType=thing "
                          "TagSpecification.1.Tag.1.Key=Name "
                          "TagSpecification.1.Tag.1.Value=demo-0a1b2c3d-thing "
                          "TagSpecification.1.Tag.2.Key=constellation-resource "
                          "TagSpecification.1.Tag.2.Value=thing "
                          "TagSpecification.1.Tag.3.Key=constellation-uid "
                          "TagSpecification.1.Tag.3.Value=0a1b2c3d "
                          "TagSpecification.1.Tag.4.Key=owner "
                          "TagSpecification.1.Tag.4.Value=me VpcId=vpc-1"));
}

TEST_F(Ec2DriverTest, MakesNothingBeforeItsDependencies) {
  scene_.known.clear();
  EXPECT_TRUE(
      IsKind(Driver().Create(scene_.Context(), "t").status(), Kind::kNotFound));
  EXPECT_THAT(aws_.calls(), IsEmpty());
}

TEST_F(Ec2DriverTest, AnAnswerWithoutAnIdIsUnclear) {
  aws_.Answer("CreateThing", "<R><thing/></R>");
  EXPECT_TRUE(
      IsKind(Driver().Create(scene_.Context(), "t").status(), Kind::kUnclear));
}

TEST_F(Ec2DriverTest, FinishesWhatItMade) {
  kind_.finish = [](AwsClient&, const DriverContext&, const Observed& made,
                    const Json& wanted) {
    return made.id == "thing-1" && wanted.at("VpcId") == "vpc-1"
               ? MakeNotFound("finished")
               : absl::OkStatus();
  };
  aws_.Answer("CreateThing",
              "<R><thing><thingId>thing-1</thingId></thing></R>");
  EXPECT_TRUE(
      IsKind(Driver().Create(scene_.Context(), "t").status(), Kind::kNotFound));
}

TEST_F(Ec2DriverTest, ATakenNameMayBeOurs) {
  kind_.unique = true;
  aws_.Refuse("CreateThing", "InvalidThing.Duplicate")
      .Answer("DescribeThings", Things(Ours("thing-1")))
      .Answer("DescribeThings", Things(""));
  const auto made = Driver().Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->id, "thing-1");
  EXPECT_TRUE(IsKind(Driver().Create(scene_.Context(), "t").status(),
                     Kind::kNameTaken));
  // Where names are not unique nobody is looked for.
  kind_.unique = false;
  aws_.Forget();
  EXPECT_FALSE(Driver().Create(scene_.Context(), "t").ok());
  EXPECT_THAT(aws_.calls(), SizeIs(1));
}

TEST_F(Ec2DriverTest, FindsByBothTags) {
  aws_.Answer("DescribeThings", Things(Ours("thing-1")));
  EXPECT_THAT(IdsOf(Driver().Find(scene_.Context())), ElementsAre("thing-1"));
  EXPECT_THAT(aws_.calls(),
              ElementsAre("DescribeThings Filter.1.Name=tag:constellation-uid "
                          "Filter.1.Value.1=0a1b2c3d "
                          "Filter.2.Name=tag:constellation-resource "
                          "Filter.2.Value.1=thing"));
}

TEST_F(Ec2DriverTest, BelievesTagsAndNotTheFilter) {
  aws_.Answer("DescribeThings",
              Things(Item("thing-2", "other", "thing") +
                     Item("thing-3", "0a1b2c3d", "another") + Ours("thing-1")));
  EXPECT_THAT(IdsOf(Driver().Find(scene_.Context())), ElementsAre("thing-1"));
}

TEST_F(Ec2DriverTest, LeavesOutWhatIsGoneOrShownTwice) {
  aws_.Answer(
      "DescribeThings",
      Things(Ours("thing-1") + Ours("thing-1") + Ours("thing-2", "deleted") +
             Ours("thing-3", "deleting") + Ours("thing-4", "failed") +
             Ours("") + Ours("thing-5", "pending")));
  const auto found = Driver().Find(scene_.Context());
  ASSERT_THAT(IdsOf(found), ElementsAre("thing-1", "thing-4", "thing-5"));
  EXPECT_EQ(found->at(0).state, ResourceState::kReady);
  EXPECT_EQ(found->at(1).state, ResourceState::kFailed);
  EXPECT_EQ(found->at(2).state, ResourceState::kPending);
}

TEST_F(Ec2DriverTest, AsksForTheJournalsIdIfNoTagIsShown) {
  scene_.known_id = "thing-9";
  aws_.Answer("DescribeThings", Things(""))
      .Answer("DescribeThings", Things("<item><thingId>thing-9</thingId>"
                                       "</item>"))
      .Answer("DescribeThings", Things(""))
      .Refuse("DescribeThings", "InvalidThingID.NotFound");
  EXPECT_THAT(IdsOf(Driver().Find(scene_.Context())), ElementsAre("thing-9"));
  EXPECT_EQ(aws_.calls().at(1), "DescribeThings ThingId.1=thing-9");
  EXPECT_THAT(IdsOf(Driver().Find(scene_.Context())), IsEmpty());
}

TEST_F(Ec2DriverTest, RefreshTellsAbsence) {
  aws_.Answer("DescribeThings", Things(Ours("thing-1", "creating")))
      .Answer("DescribeThings", Things(""))
      .Refuse("DescribeThings", "UnauthorizedOperation");
  const auto now = Driver().Refresh(scene_.Context(), {.id = "thing-1"});
  ASSERT_THAT(now, IsOk());
  EXPECT_EQ(now->state, ResourceState::kPending);
  EXPECT_EQ(now->attributes.at("VpcId"), "vpc-1");
  EXPECT_TRUE(
      IsKind(Driver().Refresh(scene_.Context(), {.id = "thing-1"}).status(),
             Kind::kNotFound));
  EXPECT_THAT(Driver().Refresh(scene_.Context(), {.id = "thing-1"}),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("UnauthorizedOperation")));
}

TEST_F(Ec2DriverTest, SaysWhyAThingFailed) {
  aws_.Answer("DescribeThings",
              Things("<item><thingId>thing-1</thingId><state>failed</state>"
                     "<failureMessage>no address</failureMessage></item>"));
  const auto now = Driver().Refresh(scene_.Context(), {.id = "thing-1"});
  ASSERT_THAT(now, IsOk());
  EXPECT_EQ(now->detail, "no address");
}

TEST_F(Ec2DriverTest, UpdatesTags) {
  aws_.Answer("CreateTags", "<R/>")
      .Answer("DescribeThings", Things(Ours("thing-1")));
  EXPECT_THAT(Driver().Update(scene_.Context(), {.id = "thing-1"}), IsOk());
  EXPECT_THAT(aws_.changes(),
              ElementsAre("CreateTags ResourceId.1=thing-1 Tag.1.Key=Name "
                          "Tag.1.Value=demo-0a1b2c3d-thing "
                          "Tag.2.Key=constellation-resource Tag.2.Value=thing "
                          "Tag.3.Key=constellation-uid Tag.3.Value=0a1b2c3d "
                          "Tag.4.Key=owner Tag.4.Value=me"));
}

TEST_F(Ec2DriverTest, DeletesById) {
  aws_.Answer("DeleteThing", "<R/>")
      .Refuse("DeleteThing", "DependencyViolation");
  EXPECT_THAT(Driver().Delete(scene_.Context(), {.id = "thing-1"}), IsOk());
  EXPECT_TRUE(IsKind(Driver().Delete(scene_.Context(), {.id = "thing-1"}),
                     Kind::kDependency));
  EXPECT_EQ(aws_.calls().at(0), "DeleteThing ThingId=thing-1");
  kind_.before_delete = [](AwsClient&, const Observed&) {
    return MakeNotFound("in the way");
  };
  aws_.Forget();
  EXPECT_FALSE(Driver().Delete(scene_.Context(), {.id = "thing-1"}).ok());
  EXPECT_THAT(aws_.calls(), IsEmpty());
}

TEST_F(Ec2DriverTest, SweepsByBothMarksAndNobodyElses) {
  const std::string kubernetes =
      "<item><thingId>thing-2</thingId><tagSet><item><key>"
      "kubernetes.io/cluster/0a1b2c3d</key><value>owned</value></item>"
      "</tagSet></item>";
  const std::string shared =
      "<item><thingId>thing-3</thingId><tagSet><item><key>"
      "kubernetes.io/cluster/0a1b2c3d</key><value>shared</value></item>"
      "</tagSet></item>";
  aws_.Answer("DescribeThings",
              Things(Ours("thing-1") + Item("thing-4", "other", "thing")))
      .Answer("DescribeThings", Things(kubernetes + shared + Ours("thing-1")));
  const auto strays = Driver().List(scene_.cluster);
  ASSERT_THAT(IdsOf(strays), ElementsAre("thing-1", "thing-2"));
  EXPECT_EQ(strays->at(0).name, "thing");
  EXPECT_EQ(strays->at(1).name, "");
  EXPECT_THAT(aws_.calls(),
              ElementsAre("DescribeThings Filter.1.Name=tag:constellation-uid "
                          "Filter.1.Value.1=0a1b2c3d",
                          "DescribeThings "
                          "Filter.1.Name=tag:kubernetes.io/cluster/0a1b2c3d "
                          "Filter.1.Value.1=owned"));
}

TEST_F(Ec2DriverTest, AKindMayKeepThingsFromTheSweep) {
  kind_.sweeps = [](AwsClient&, const Observed& thing) {
    return thing.id != "thing-1";
  };
  aws_.Answer("DescribeThings", Things(Ours("thing-1") + Ours("thing-2")));
  EXPECT_THAT(IdsOf(Driver().List(scene_.cluster)), ElementsAre("thing-2"));
}

}  // namespace
}  // namespace constellation::cloud::aws
