// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/setting_driver.h"

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
using testing::IdsOf;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = CloudErrorKind;

constexpr char kService[] = "projects/p/global/backendServices/s";
constexpr char kPolicyId[] =
    "projects/p/global/backendServices/s#securityPolicy";
constexpr char kGroup[] = "projects/p/zones/z/instanceGroups/g";
constexpr char kPortsId[] = "projects/p/zones/z/instanceGroups/g#namedPorts";

class SettingDriverTest : public ::testing::Test {
 protected:
  void WantsPolicy() {
    scene_.resource = {
        .kind = "gcp.setting",
        .name = "guard",
        .desired = SettingOf(kService, "securityPolicy", "projects/p/x")};
  }
  void WantsPorts() {
    scene_.resource = {
        .kind = "gcp.setting",
        .name = "ports",
        .desired =
            SettingOf(kGroup, "namedPorts",
                      json::array({{{"name", "kubernetes"}, {"port", 6443}}}))};
  }

  GcpScript gcp_;
  DriverScene scene_;
  SettingDriver driver_{gcp_.compute()};
};

TEST_F(SettingDriverTest, SetsPoliciesOfServices) {
  WantsPolicy();
  const auto made = driver_.Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->id, kPolicyId);
  EXPECT_THAT(gcp_.calls(),
              ElementsAre(std::string("POST ") + kService +
                          "/setSecurityPolicy "
                          R"({"securityPolicy":"projects/p/x"})"));
  EXPECT_EQ(gcp_.requests()[0].repeatable, true);
}

// A change in between is refused by the fingerprint, not lost.
TEST_F(SettingDriverTest, SetsPortsUnderTheFingerprint) {
  WantsPorts();
  gcp_.Answer(std::string("GET ") + kGroup, {{"fingerprint", "f"}});
  EXPECT_THAT(driver_.Create(scene_.Context(), "t"), IsOk());
  EXPECT_THAT(gcp_.changes(),
              ElementsAre(std::string("POST ") + kGroup +
                          R"(/setNamedPorts {"fingerprint":"f",)"
                          R"("namedPorts":[{"name":"kubernetes",)"
                          R"("port":6443}]})"));
  gcp_.Refuse(std::string("POST ") + kGroup + "/setNamedPorts", 412,
              "conditionNotMet");
  EXPECT_EQ(CloudErrorKindOf(driver_.Create(scene_.Context(), "t").status()),
            Kind::kConflict);
}

TEST_F(SettingDriverTest, MakesNothingBeforeItsDependencies) {
  scene_.resource.desired =
      SettingOf(kService, "securityPolicy", "{ref:policy:selfLink}");
  EXPECT_THAT(driver_.Create(scene_.Context(), "t"),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(gcp_.calls(), IsEmpty());
}

TEST_F(SettingDriverTest, IsThereIfTheMemberIs) {
  WantsPolicy();
  const std::string get = std::string("GET ") + kService;
  EXPECT_THAT(IdsOf(driver_.Find(scene_.Context())), IsEmpty());
  gcp_.Answer(get, {{"securityPolicy", ""}});
  EXPECT_THAT(IdsOf(driver_.Find(scene_.Context())), ElementsAre(kPolicyId));
  gcp_.Only(get, {{"securityPolicy", json::array()}});
  EXPECT_THAT(IdsOf(driver_.Find(scene_.Context())), IsEmpty());
  gcp_.Only(get, {{"securityPolicy", "https://x/projects/p/x"}});
  const auto found = driver_.Find(scene_.Context());
  ASSERT_THAT(IdsOf(found), ElementsAre(kPolicyId));
  EXPECT_THAT(driver_.Differs(scene_.Context(), found->front()), IsEmpty());
  EXPECT_THAT(driver_.Differs(scene_.Context(),
                              {.attributes = {{"value", "projects/p/y"}}}),
              SizeIs(1));
  gcp_.Only(get, json::object(), 403);
  EXPECT_THAT(driver_.Find(scene_.Context()),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

// The journal's id is enough for a deletion.
TEST_F(SettingDriverTest, IsTakenAwayById) {
  scene_.resource = {.kind = "gcp.setting", .name = "guard"};
  EXPECT_THAT(IdsOf(driver_.Find(scene_.Context())), IsEmpty());
  scene_.known_id = kPolicyId;
  gcp_.Answer(std::string("GET ") + kService, {{"securityPolicy", "x"}});
  EXPECT_THAT(IdsOf(driver_.Find(scene_.Context())), ElementsAre(kPolicyId));
  EXPECT_THAT(driver_.Delete(scene_.Context(), {.id = kPolicyId}), IsOk());
  EXPECT_THAT(gcp_.changes(), ElementsAre(std::string("POST ") + kService +
                                          "/setSecurityPolicy {}"));
  gcp_.Answer(std::string("GET ") + kGroup,
              {{"fingerprint", "f"}, {"namedPorts", {{{"port", 1}}}}});
  EXPECT_THAT(driver_.Delete(scene_.Context(), {.id = kPortsId}), IsOk());
  EXPECT_EQ(gcp_.changes().at(1),
            std::string("POST ") + kGroup +
                R"(/setNamedPorts {"fingerprint":"f","namedPorts":[]})");
}

TEST_F(SettingDriverTest, WhatIsNotSetIsGone) {
  gcp_.Answer(std::string("GET ") + kService, {{"name", "s"}});
  EXPECT_EQ(
      CloudErrorKindOf(driver_.Delete(scene_.Context(), {.id = kPolicyId})),
      Kind::kNotFound);
  EXPECT_THAT(gcp_.changes(), IsEmpty());
  EXPECT_THAT(IdsOf(driver_.List(scene_.cluster)), IsEmpty());
}

TEST_F(SettingDriverTest, WaitsForItsOperation) {
  WantsPolicy();
  gcp_.Start(std::string("POST ") + kService + "/setSecurityPolicy",
             "projects/p/global");
  const auto made = driver_.Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(driver_.Refresh(scene_.Context(), *made)->state,
            ResourceState::kPending);
  gcp_.End("projects/p/global", "QUOTA_EXCEEDED");
  EXPECT_EQ(CloudErrorKindOf(driver_.Refresh(scene_.Context(), *made).status()),
            Kind::kQuota);
}

}  // namespace
}  // namespace constellation::cloud::gcp
