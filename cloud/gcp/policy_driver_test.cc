// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/policy_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

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

constexpr char kEmail[] = "demo-vm@p.iam.gserviceaccount.com";
constexpr char kMember[] = "serviceAccount:demo-vm@p.iam.gserviceaccount.com";
constexpr char kDeleted[] =
    "deleted:serviceAccount:demo-vm@p.iam.gserviceaccount.com?uid=1";
constexpr char kId[] = "projects/p/policy/demo-vm@p.iam.gserviceaccount.com";
constexpr char kGet[] = "POST cloudresourcemanager v1/projects/p:getIamPolicy";
constexpr char kSet[] = "POST cloudresourcemanager v1/projects/p:setIamPolicy";

class PolicyDriverTest : public ::testing::Test {
 protected:
  PolicyDriverTest() {
    scene_.resource = {
        .kind = "gcp.x",
        .name = "vm-roles",
        .desired = {{"account", kEmail}, {"roles", {"roles/a", "roles/b"}}}};
  }
  void Bindings(const json& bindings) {
    gcp_.Only(kGet, {{"etag", "e1"}, {"bindings", bindings}});
  }
  static json Binding(const char* role, const json& members) {
    return {{"role", role}, {"members", members}};
  }
  // The bindings that were written.
  json Written() {
    const std::string call = gcp_.calls().back();
    EXPECT_TRUE(call.starts_with(kSet)) << call;
    const json body = json::parse(call.substr(call.find('{')));
    EXPECT_EQ(body.at("policy").at("etag"), "e1");
    EXPECT_EQ(body.at("policy").at("version"), 3);
    return body.at("policy").at("bindings");
  }

  const json conditional_ = {{"role", "roles/a"},
                             {"members", {"user:x"}},
                             {"condition", {{"title", "t"}}}};
  GcpScript gcp_;
  DriverScene scene_;
  std::unique_ptr<ResourceDriver> driver_ =
      MakePolicyDriver(gcp_.client(), "p");
};

TEST_F(PolicyDriverTest, AddsTheAccountAndLeavesAllElse) {
  Bindings(
      json::array({conditional_, Binding("roles/a", {"user:x"}), "hostile"}));
  (void)driver_->Create(scene_.Context(), "t");
  gcp_.Forget();
  Bindings(
      json::array({conditional_, Binding("roles/a", {"user:x"}), "hostile"}));
  // Looks again behind the write, which is what the last call is then.
  (void)driver_->Create(scene_.Context(), "t");
  const auto calls = gcp_.calls();
  ASSERT_THAT(calls, SizeIs(3));
  EXPECT_EQ(calls[0],
            std::string(kGet) + R"( {"options":{"requestedPolicyVersion":3}})");
  const json body = json::parse(calls[1].substr(calls[1].find('{')));
  EXPECT_EQ(body.at("policy").at("bindings"),
            json::array({conditional_, Binding("roles/a", {"user:x", kMember}),
                         "hostile", Binding("roles/b", {kMember})}));
  EXPECT_EQ(body.at("policy").at("etag"), "e1");
}

TEST_F(PolicyDriverTest, KnowsItsRolesAlsoOfADeletedAccount) {
  Bindings({Binding("roles/a", {kMember}), Binding("roles/c", {kDeleted}),
            Binding("roles/d", {std::string(kMember) + "x", 7})});
  const auto found = driver_->Find(scene_.Context());
  ASSERT_THAT(IdsOf(found), ElementsAre(kId));
  EXPECT_EQ(found->front().attributes.at("roles"),
            json::array({"roles/a", "roles/c"}));
  EXPECT_THAT(driver_->Differs(scene_.Context(), found->front()), SizeIs(1));
  EXPECT_THAT(
      driver_->Differs(
          scene_.Context(),
          {.attributes = {{"roles", {"roles/a", "roles/b", "roles/c"}}}}),
      IsEmpty());
  Bindings(json::array());
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), IsEmpty());
}

TEST_F(PolicyDriverTest, TakesTheAccountOut) {
  Bindings({conditional_, Binding("roles/a", {kMember}),
            Binding("roles/b", {"user:x", kDeleted})});
  EXPECT_THAT(driver_->Delete(scene_.Context(), {.id = kId}), IsOk());
  EXPECT_EQ(Written(),
            json::array({conditional_, Binding("roles/b", {"user:x"})}));
  Bindings(json::array({Binding("roles/a", {"user:x"})}));
  EXPECT_EQ(CloudErrorKindOf(driver_->Delete(scene_.Context(), {.id = kId})),
            Kind::kNotFound);
}

TEST_F(PolicyDriverTest, WritesNothingWithoutAnEtag) {
  gcp_.Only(kGet, {{"bindings", json::array()}});
  EXPECT_THAT(driver_->Create(scene_.Context(), "t"),
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("etag")));
  EXPECT_THAT(gcp_.calls(), SizeIs(1));
}

TEST_F(PolicyDriverTest, AskedAgainAfterALostRace) {
  Bindings(json::array());
  gcp_.Refuse(kSet, 409, "aborted");
  EXPECT_EQ(CloudErrorKindOf(driver_->Create(scene_.Context(), "t").status()),
            Kind::kConflict);
}

TEST_F(PolicyDriverTest, IsSweptForBothAccounts) {
  Bindings(
      {Binding("roles/a", {kMember}),
       Binding("roles/b",
               {"serviceAccount:demo-cluster@p.iam.gserviceaccount.com"})});
  const auto strays = driver_->List(scene_.cluster);
  ASSERT_THAT(IdsOf(strays), SizeIs(2));
  EXPECT_EQ(strays->at(0).name, "cluster-roles");
  EXPECT_EQ(strays->at(1).name, "vm-roles");
}

}  // namespace
}  // namespace constellation::cloud::gcp
