// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/aws/driver_support.h"
#include "cloud/aws/drivers.h"
#include "cloud/aws/names.h"
#include "cloud/aws/testing/aws_script.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using testing::AwsScript;
using testing::DriverScene;
using ::testing::ElementsAre;
using testing::IdsOf;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Json = nlohmann::json;
using Kind = CloudErrorKind;

constexpr char kTags[] =
    "<Tags><member><Key>constellation-uid</Key><Value>{}</Value></member>"
    "<member><Key>constellation-resource</Key><Value>{}</Value></member>"
    "</Tags>";

class RoleDriverTest : public ::testing::Test {
 protected:
  RoleDriverTest() {
    scene_.resource = {
        .kind = std::string(aws::kRole),
        .name = "role",
        .desired = {{"RoleName", "demo-role"},
                    {"Path", "/constellation/0a1b2c3d/"},
                    {"AssumeRolePolicyDocument", "{}"},
                    {"Policies", {{"node", {{"Version", "1"}}}}},
                    {"ManagedPolicies", Json::array({"arn:managed"})}}};
    aws_.Answer("ListRolePolicies", "<R><XResult/></R>")
        .Answer("ListAttachedRolePolicies", "<R><XResult/></R>");
  }
  static std::string Role(std::string_view uid) {
    return fmt::format(
        "<R><GetRoleResult><Role><RoleName>demo-role</RoleName><Arn>arn:role"
        "</Arn>{}</Role></GetRoleResult></R>",
        fmt::format(kTags, uid, "role"));
  }

  AwsScript aws_;
  DriverScene scene_;
  std::unique_ptr<ResourceDriver> driver_ = MakeRoleDriver(aws_.client());
};

TEST_F(RoleDriverTest, MakesARoleWithItsPolicies) {
  aws_.Answer("CreateRole", "<R/>")
      .Answer("PutRolePolicy", "<R/>")
      .Answer("AttachRolePolicy", "<R/>");
  const auto made = driver_->Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->id, "demo-role");
  EXPECT_EQ(made->state, ResourceState::kPending);
  EXPECT_THAT(
      aws_.changes(),
      ElementsAre(
          "CreateRole AssumeRolePolicyDocument={} "
          "Path=/constellation/0a1b2c3d/ RoleName=demo-role "
          "Tags.member.1.Key=Name Tags.member.1.Value=demo-0a1b2c3d-role "
          "Tags.member.2.Key=constellation-resource "
          "Tags.member.2.Value=role Tags.member.3.Key=constellation-uid "
          "Tags.member.3.Value=0a1b2c3d",
          "PutRolePolicy PolicyDocument={\"Version\":\"1\"} PolicyName=node "
          "RoleName=demo-role",
          "AttachRolePolicy PolicyArn=arn:managed RoleName=demo-role"));
}

TEST_F(RoleDriverTest, SomebodyElsesRoleIsLeftAlone) {
  aws_.Refuse("CreateRole", "EntityAlreadyExists")
      .Answer("GetRole", Role("other"));
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), IsEmpty());
  EXPECT_TRUE(IsKind(driver_->Create(scene_.Context(), "t").status(),
                     Kind::kNameTaken));
  EXPECT_THAT(aws_.changes(), SizeIs(1));  // nothing but the refused one
}

TEST_F(RoleDriverTest, OurOwnRoleIsFinished) {
  aws_.Refuse("CreateRole", "EntityAlreadyExists")
      .Answer("GetRole", Role("0a1b2c3d"))
      .Answer("PutRolePolicy", "<R/>")
      .Answer("AttachRolePolicy", "<R/>");
  EXPECT_THAT(driver_->Create(scene_.Context(), "t"), IsOk());
  EXPECT_THAT(aws_.changes(), SizeIs(3));
}

TEST_F(RoleDriverTest, AnAnswerAboutAnotherRoleIsNone) {
  aws_.Answer("GetRole",
              "<R><GetRoleResult><Role><RoleName>another</RoleName></Role>"
              "</GetRoleResult></R>");
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), IsEmpty());
  EXPECT_TRUE(
      IsKind(driver_->Refresh(scene_.Context(), {.id = "demo-role"}).status(),
             Kind::kNotFound));
}

class RoleWithOldPoliciesTest : public RoleDriverTest {
 protected:
  RoleWithOldPoliciesTest() {
    aws_.Answer("GetRole", Role("0a1b2c3d"))
        .Answer("GetRolePolicy",
                "<R><XResult><PolicyDocument>%7B%22Version%22%3A%221%22%7D"
                "</PolicyDocument></XResult></R>");
    aws_.Only("ListRolePolicies",
              "<R><XResult><PolicyNames><member>node</member><member>old"
              "</member></PolicyNames></XResult></R>")
        .Only("ListAttachedRolePolicies",
              "<R><XResult><AttachedPolicies><member><PolicyArn>arn:old"
              "</PolicyArn></member></AttachedPolicies></XResult></R>");
  }
};

TEST_F(RoleWithOldPoliciesTest, ReadsAndComparesPolicies) {
  const auto found = driver_->Find(scene_.Context());
  ASSERT_THAT(IdsOf(found), ElementsAre("demo-role"));
  EXPECT_EQ(found->front().attributes.at("Policies"),
            Json({{"node", {{"Version", "1"}}}, {"old", {{"Version", "1"}}}}));
  EXPECT_EQ(found->front().attributes.at("ManagedPolicies"),
            Json::array({"arn:old"}));
  for (const AttributeChange& change :
       driver_->Differs(scene_.Context(), found->front())) {
    EXPECT_FALSE(change.needs_replacement) << change.attribute;
  }
}

TEST_F(RoleWithOldPoliciesTest, NewPoliciesComeBeforeOldOnesGo) {
  aws_.Answer("TagRole", "<R/>")
      .Answer("PutRolePolicy", "<R/>")
      .Answer("AttachRolePolicy", "<R/>")
      .Answer("DeleteRolePolicy", "<R/>")
      .Refuse("DetachRolePolicy", "NoSuchEntity");
  EXPECT_THAT(driver_->Update(scene_.Context(), {.id = "demo-role"}), IsOk());
  const auto changes = aws_.changes();
  ASSERT_THAT(changes, SizeIs(5));
  EXPECT_TRUE(changes[0].starts_with("TagRole RoleName=demo-role"));
  EXPECT_TRUE(changes[1].starts_with("PutRolePolicy"));
  EXPECT_TRUE(changes[2].starts_with("AttachRolePolicy"));
  EXPECT_EQ(changes[3], "DeleteRolePolicy PolicyName=old RoleName=demo-role");
  EXPECT_EQ(changes[4],
            "DetachRolePolicy PolicyArn=arn:old RoleName=demo-role");
}

TEST_F(RoleWithOldPoliciesTest, IsEmptiedBeforeItIsDeleted) {
  aws_.Answer("DeleteRolePolicy", "<R/>")
      .Answer("DetachRolePolicy", "<R/>")
      .Answer("DeleteRole", "<R/>");
  EXPECT_THAT(driver_->Delete(scene_.Context(), {.id = "demo-role"}), IsOk());
  EXPECT_THAT(aws_.changes(),
              ElementsAre("DeleteRolePolicy PolicyName=node RoleName=demo-role",
                          "DeleteRolePolicy PolicyName=old RoleName=demo-role",
                          "DetachRolePolicy PolicyArn=arn:old "
                          "RoleName=demo-role",
                          "DeleteRole RoleName=demo-role"));
}

TEST_F(RoleDriverTest, SweepsItsPathOnly) {
  aws_.Answer("ListRoles",
              "<R><XResult><Roles><member><RoleName>demo-role</RoleName>"
              "</member></Roles></XResult></R>")
      .Answer("GetRole", Role("0a1b2c3d"))
      .Answer("GetRole", Role("other"))
      .Refuse("GetRole", "NoSuchEntity");
  EXPECT_THAT(IdsOf(driver_->List(scene_.cluster)), ElementsAre("demo-role"));
  EXPECT_EQ(aws_.calls().at(0),
            "ListRoles PathPrefix=/constellation/0a1b2c3d/");
  EXPECT_THAT(IdsOf(driver_->List(scene_.cluster)), IsEmpty());
  EXPECT_THAT(IdsOf(driver_->List(scene_.cluster)), IsEmpty());
}

class InstanceProfileTest : public ::testing::Test {
 protected:
  InstanceProfileTest() {
    scene_.resource = {.kind = std::string(kInstanceProfile),
                       .name = "profile",
                       .desired = {{"InstanceProfileName", "demo-profile"},
                                   {"Path", "/constellation/0a1b2c3d/"},
                                   {"RoleName", "${role}"}}};
    scene_.known["role"].id = "demo-role";
  }
  void HasRole(std::string_view role) {
    aws_.Answer(
        "GetInstanceProfile",
        fmt::format("<R><XResult><InstanceProfile><InstanceProfileName>"
                    "demo-profile</InstanceProfileName>{}<Roles>{}"
                    "</Roles></InstanceProfile></XResult></R>",
                    fmt::format(kTags, "0a1b2c3d", "profile"),
                    role.empty() ? ""
                                 : fmt::format("<member><RoleName>{}</RoleName>"
                                               "</member>",
                                               role)));
  }

  AwsScript aws_;
  DriverScene scene_;
  std::unique_ptr<ResourceDriver> driver_ =
      MakeInstanceProfileDriver(aws_.client());
};

TEST_F(InstanceProfileTest, GetsItsRole) {
  HasRole("");
  aws_.Answer("CreateInstanceProfile", "<R/>")
      .Answer("AddRoleToInstanceProfile", "<R/>");
  ASSERT_THAT(driver_->Create(scene_.Context(), "t"), IsOk());
  ASSERT_THAT(aws_.changes(), SizeIs(2));
  EXPECT_TRUE(aws_.changes()[0].starts_with(
      "CreateInstanceProfile InstanceProfileName=demo-profile "
      "Path=/constellation/0a1b2c3d/ Tags"));
  EXPECT_EQ(aws_.changes()[1],
            "AddRoleToInstanceProfile InstanceProfileName=demo-profile "
            "RoleName=demo-role");
}

TEST_F(InstanceProfileTest, ChangesItsRoleInPlace) {
  HasRole("old-role");
  const auto found = driver_->Find(scene_.Context());
  ASSERT_THAT(IdsOf(found), ElementsAre("demo-profile"));
  const auto changes = driver_->Differs(scene_.Context(), found->front());
  ASSERT_THAT(changes, ::testing::Not(IsEmpty()));
  EXPECT_EQ(changes[0].attribute, "RoleName");
  EXPECT_FALSE(changes[0].needs_replacement);
  aws_.Answer("TagInstanceProfile", "<R/>")
      .Answer("RemoveRoleFromInstanceProfile", "<R/>")
      .Answer("AddRoleToInstanceProfile", "<R/>");
  ASSERT_THAT(driver_->Update(scene_.Context(), found->front()), IsOk());
  EXPECT_EQ(aws_.changes().at(1),
            "RemoveRoleFromInstanceProfile InstanceProfileName=demo-profile "
            "RoleName=old-role");
  EXPECT_EQ(aws_.changes().at(2),
            "AddRoleToInstanceProfile InstanceProfileName=demo-profile "
            "RoleName=demo-role");
}

TEST_F(InstanceProfileTest, LosesItsRoleBeforeItGoes) {
  HasRole("demo-role");
  aws_.Answer("RemoveRoleFromInstanceProfile", "<R/>")
      .Answer("DeleteInstanceProfile", "<R/>");
  EXPECT_THAT(driver_->Delete(scene_.Context(), {.id = "demo-profile"}),
              IsOk());
  EXPECT_THAT(
      aws_.changes(),
      ElementsAre("RemoveRoleFromInstanceProfile "
                  "InstanceProfileName=demo-profile RoleName=demo-role",
                  "DeleteInstanceProfile InstanceProfileName=demo-profile"));
}

}  // namespace
}  // namespace constellation::cloud::aws
