// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/group_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/gcp/testing/gcp_script.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using testing::DriverScene;
using ::testing::ElementsAre;
using testing::GcpScript;
using ::testing::HasSubstr;
using testing::IdsOf;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = CloudErrorKind;

constexpr char kGroup[] =
    "projects/p/zones/z/instanceGroupManagers/demo-0a1b2c3d-worker";
constexpr char kTemplates[] = "projects/p/global/instanceTemplates";

class GroupDriverTest : public ::testing::Test {
 protected:
  GroupDriverTest() {
    scene_.resource = {
        .kind = "gcp.instance-group",
        .name = "worker",
        .desired = {
            {"parent", "projects/p/zones/z/instanceGroupManagers"},
            {"body", {{"name", "demo-0a1b2c3d-worker"}, {"targetSize", 2}}},
            {"template",
             {{"parent", kTemplates},
              {"properties", {{"machineType", "{ref:type:name}"}}}}}}};
    scene_.known["type"].attributes = {{"name", "n2d"}};
  }
  std::string Template(const json& properties = {{"machineType", "n2d"}}) {
    return std::string(kTemplates) + "/" +
           TemplateName(scene_.cluster, "worker", properties);
  }
  json Group(const std::string& instance_template, int size = 2) {
    json group = scene_.Thing(kGroup, "worker");
    group["targetSize"] = size;
    group["versions"] = {
        {{"instanceTemplate", "https://x/" + instance_template}}};
    return group;
  }
  static json Machine(const char* action, const char* status) {
    return {{"currentAction", action}, {"instanceStatus", status}};
  }
  static std::string Get(const std::string& id) { return "GET " + id; }
  void Machines(const json& machines) {
    gcp_.Only(machines_, {{"managedInstances", machines}});
  }
  // A finished group as the cloud shows it.
  void IsThere() {
    gcp_.Only(Get(kGroup), Group(Template()));
    gcp_.Only(Get(Template()), scene_.Thing(Template(), "worker"));
    Machines({Machine("NONE", "RUNNING"), Machine("NONE", "RUNNING")});
  }
  absl::StatusOr<Observed> Refresh() {
    return driver_.Refresh(scene_.Context(), {.id = kGroup});
  }

  GcpScript gcp_;
  DriverScene scene_;
  GroupDriver driver_{gcp_.compute(), "p"};
  const std::string machines_ =
      std::string("POST ") + kGroup + "/listManagedInstances";
};

TEST_F(GroupDriverTest, TemplatesAreNamedAfterTheirContents) {
  const json a = {{"machineType", "a"}};
  EXPECT_EQ(TemplateName(scene_.cluster, "w", a),
            TemplateName(scene_.cluster, "w", a));
  EXPECT_NE(TemplateName(scene_.cluster, "w", a),
            TemplateName(scene_.cluster, "w", {{"machineType", "b"}}));
  EXPECT_TRUE(
      TemplateName(scene_.cluster, "w", a).starts_with("demo-0a1b2c3d-w-"));
}

TEST_F(GroupDriverTest, MakesTheTemplateAndThenTheGroup) {
  const auto made = driver_.Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->id, kGroup);
  EXPECT_EQ(made->state, ResourceState::kPending);
  EXPECT_THAT(
      gcp_.changes(),
      ElementsAre(
          std::string("POST ") + kTemplates + "?requestId=* " +
              R"({"description":)"
              R"("constellation-uid=0a1b2c3d constellation-name=worker",)"
              R"("name":")" +
              std::string(LastPart(Template())) +
              R"(","properties":{"machineType":"n2d"}})",
          "POST projects/p/zones/z/instanceGroupManagers?requestId=* "
          R"({"name":"demo-0a1b2c3d-worker","targetSize":2,)"
          R"("versions":[{"instanceTemplate":")" +
              Template() + R"("}]})"));
}

TEST_F(GroupDriverTest, ATemplateThatIsThereIsTaken) {
  gcp_.Answer(Get(Template()), scene_.Thing(Template(), "worker"));
  EXPECT_THAT(driver_.Create(scene_.Context(), "t"), IsOk());
  EXPECT_THAT(gcp_.changes(), SizeIs(1));
  // One of that name that is not ours is not.
  gcp_.Forget();
  gcp_.Only(Get(Template()), scene_.Thing(Template(), "other"));
  EXPECT_THAT(driver_.Create(scene_.Context(), "t"), IsOk());
  EXPECT_THAT(gcp_.changes(), SizeIs(2));
}

TEST_F(GroupDriverTest, MakesNothingBeforeItsDependencies) {
  scene_.known.clear();
  EXPECT_THAT(driver_.Create(scene_.Context(), "t"),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(gcp_.calls(), IsEmpty());
}

TEST_F(GroupDriverTest, ATemplateThatFailsMakesNoGroup) {
  gcp_.Start(std::string("POST ") + kTemplates, "projects/p/global")
      .End("projects/p/global", "QUOTA_EXCEEDED");
  EXPECT_EQ(CloudErrorKindOf(driver_.Create(scene_.Context(), "t").status()),
            Kind::kQuota);
  EXPECT_THAT(gcp_.changes(), SizeIs(1));
}

TEST_F(GroupDriverTest, IsReadyWhenAllMachinesRun) {
  IsThere();
  auto now = Refresh();
  ASSERT_THAT(now, IsOk());
  EXPECT_EQ(now->state, ResourceState::kReady);
  Machines({Machine("NONE", "RUNNING"), Machine("CREATING", ""), "hostile"});
  now = Refresh();
  ASSERT_THAT(now, IsOk());
  EXPECT_EQ(now->state, ResourceState::kPending);
  EXPECT_EQ(now->detail, "1 of 2 instances are running");
  // One that is on its way out keeps it pending, too.
  Machines({Machine("NONE", "RUNNING"), Machine("NONE", "RUNNING"),
            Machine("DELETING", "STOPPING")});
  EXPECT_EQ(Refresh()->state, ResourceState::kPending);
}

TEST_F(GroupDriverTest, CountsMachinesOfAllPages) {
  IsThere();
  gcp_.Only(machines_, {{"managedInstances", {Machine("NONE", "RUNNING"), 7}},
                        {"nextPageToken", "2"}})
      .Answer(machines_,
              {{"managedInstances", {Machine("NONE", "RUNNING"), 7}}});
  EXPECT_EQ(Refresh()->state, ResourceState::kReady);
  EXPECT_EQ(gcp_.calls().back(), machines_ + "?maxResults=500&pageToken=2");
}

TEST_F(GroupDriverTest, SaysWhyAMachineDoesNotCome) {
  IsThere();
  json failing = Machine("CREATING", "");
  failing["lastAttempt"] = {{"errors",
                             {{"errors",
                               {{{"code", "ZONE_RESOURCE_POOL_EXHAUSTED"},
                                 {"message", "no 'n2d' left"}}}}}}};
  Machines({Machine("NONE", "RUNNING"), failing});
  const auto now = Refresh();
  EXPECT_EQ(CloudErrorKindOf(now.status()), Kind::kCapacity);
  EXPECT_THAT(now, StatusIs(absl::StatusCode::kResourceExhausted,
                            HasSubstr("no 'n2d' left")));
  // To Find() it is there all the same.
  const auto found = driver_.Find(scene_.Context());
  ASSERT_THAT(IdsOf(found), ElementsAre(kGroup));
  EXPECT_EQ(found->front().state, ResourceState::kPending);
  EXPECT_THAT(found->front().detail, HasSubstr("no 'n2d' left"));
}

TEST_F(GroupDriverTest, FindsByNameAndMark) {
  IsThere();
  EXPECT_THAT(IdsOf(driver_.Find(scene_.Context())), ElementsAre(kGroup));
  gcp_.Only(Get(kGroup), scene_.Thing(kGroup, ""));
  EXPECT_THAT(IdsOf(driver_.Find(scene_.Context())), IsEmpty());
  gcp_.Only(Get(kGroup), json::object(), 403);
  EXPECT_THAT(driver_.Find(scene_.Context()),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(GroupDriverTest, ATemplateAloneIsAFailedGroup) {
  const std::string list = Get(kTemplates);
  gcp_.Answer(list, {{"items",
                      {scene_.Thing(Template(), "worker"),
                       scene_.Thing("projects/p/x", "other")}}});
  const auto found = driver_.Find(scene_.Context());
  ASSERT_THAT(IdsOf(found), ElementsAre(kGroup));
  EXPECT_EQ(found->front().state, ResourceState::kFailed);
  EXPECT_EQ(Refresh()->state, ResourceState::kPending);
  gcp_.Only(list, json::object());
  EXPECT_THAT(IdsOf(driver_.Find(scene_.Context())), IsEmpty());
  EXPECT_THAT(Refresh(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(GroupDriverTest, NamesWhatDiffers) {
  const auto names = [&](const json& group) {
    std::vector<std::string> out;
    for (const AttributeChange& change :
         driver_.Differs(scene_.Context(), {.attributes = group})) {
      EXPECT_FALSE(change.needs_replacement) << change.attribute;
      out.push_back(change.attribute);
    }
    return out;
  };
  EXPECT_THAT(names(Group(Template())), IsEmpty());
  EXPECT_THAT(names(Group(Template(), 3)), ElementsAre("targetSize"));
  json other = Group(Template({{"machineType", "c3"}}));
  other["template"] = {{"machineType", "c3"}};
  EXPECT_THAT(names(other), ElementsAre("template.machineType"));
  other["template"] = {{"machineType", "n2d"}};
  EXPECT_THAT(names(other), ElementsAre("template"));
  scene_.known.clear();
  EXPECT_THAT(names(Group(Template())), ElementsAre("template"));
}

TEST_F(GroupDriverTest, ChangesTemplateAndSizeAndDeletesTheOldTemplate) {
  const std::string old = Template({{"machineType", "c3"}});
  gcp_.Answer(
      Get(kTemplates),
      {{"items",
        {scene_.Thing(old, "worker"), scene_.Thing(Template(), "worker")}}});
  EXPECT_THAT(driver_.Update(scene_.Context(),
                             {.id = kGroup, .attributes = Group(old, 1)}),
              IsOk());
  const std::string group = std::string("POST ") + kGroup;
  ASSERT_THAT(gcp_.changes(), SizeIs(4));
  // Without a request id: the same contents may be wanted again later.
  EXPECT_TRUE(
      gcp_.changes()[0].starts_with(std::string("POST ") + kTemplates + " {"));
  EXPECT_EQ(gcp_.changes()[1], group + R"(/setInstanceTemplate )" +
                                   R"({"instanceTemplate":")" + Template() +
                                   R"("})");
  EXPECT_EQ(gcp_.changes()[2], "DELETE " + old);
  EXPECT_EQ(gcp_.changes()[3], group + "/resize?size=2");
}

TEST_F(GroupDriverTest, ChangesNothingWhileItIsBeingMade) {
  gcp_.Start("POST projects/p/zones/z/instanceGroupManagers",
             "projects/p/zones/z");
  const auto made = driver_.Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  gcp_.Forget();
  EXPECT_EQ(CloudErrorKindOf(
                driver_
                    .Update(scene_.Context(),
                            {.id = kGroup, .attributes = Group(Template(), 1)})
                    .status()),
            Kind::kConflict);
  EXPECT_EQ(CloudErrorKindOf(driver_.Delete(scene_.Context(), *made)),
            Kind::kConflict);
  EXPECT_EQ(Refresh()->state, ResourceState::kPending);
  EXPECT_THAT(gcp_.changes(), IsEmpty());
}

TEST_F(GroupDriverTest, TemplatesGoAfterTheGroup) {
  gcp_.Answer(Get(kTemplates),
              {{"items", json::array({scene_.Thing(Template(), "worker")})}});
  const std::string remove = std::string("DELETE ") + kGroup;
  EXPECT_THAT(driver_.Delete(scene_.Context(), {.id = kGroup}), IsOk());
  EXPECT_THAT(gcp_.changes(), ElementsAre(remove));
  gcp_.Forget();
  gcp_.Only(remove, json::object(), 404);
  EXPECT_EQ(CloudErrorKindOf(driver_.Delete(scene_.Context(), {.id = kGroup})),
            Kind::kNotFound);
  EXPECT_THAT(gcp_.changes(), ElementsAre(remove, "DELETE " + Template()));
}

TEST_F(GroupDriverTest, SweepsByMark) {
  gcp_.Answer(
      "GET projects/p/aggregated/instanceGroupManagers",
      {{"items",
        {{"zones/z",
          {{"instanceGroupManagers",
            {Group(Template()), scene_.Thing("projects/p/x", ""), 7}}}}}}});
  const auto strays = driver_.List(scene_.cluster);
  ASSERT_THAT(IdsOf(strays), ElementsAre(kGroup));
  EXPECT_EQ(strays->front().name, "worker");
}

}  // namespace
}  // namespace constellation::cloud::gcp
