// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/iam_drivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/gcp/testing/gcp_script.h"
#include "cloud/json_fields.h"
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
constexpr char kAccount[] =
    "projects/p/serviceAccounts/demo-vm@p.iam.gserviceaccount.com";
constexpr char kRole[] = "projects/p/roles/demo_vm_role";

TEST(AccountEmailTest, KnowsProjectsOfDomains) {
  const ClusterIdentity cluster{.name = "demo"};
  EXPECT_EQ(AccountEmail(cluster, "vm", "p"), kEmail);
  EXPECT_EQ(AccountEmail(cluster, "vm", "example.com:p"),
            "demo-vm@p.example.com.iam.gserviceaccount.com");
}

class GcpIamDriversTest : public ::testing::Test {
 protected:
  void Wants(const std::string& name, const json& desired) {
    scene_.resource = {.kind = "gcp.x", .name = name, .desired = desired};
  }
  json Marked(const json& thing, std::string_view uid = "0a1b2c3d") {
    json out = thing;
    out["description"] =
        MarkOf({.uid = std::string(uid), .name = "demo"}, scene_.resource.name);
    return out;
  }
  static std::string Get(const std::string& id) { return "GET iam v1/" + id; }

  GcpScript gcp_;
  DriverScene scene_;
};

class AccountTest : public GcpIamDriversTest {
 protected:
  AccountTest() { Wants("vm", {{"displayName", "nodes"}}); }
  std::unique_ptr<ResourceDriver> driver_ =
      MakeServiceAccountDriver(gcp_.client(), "p");
};

TEST_F(AccountTest, IsMadeWithItsMark) {
  gcp_.Answer("POST iam v1/projects/p/serviceAccounts", {{"email", kEmail}});
  const auto made = driver_->Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->id, kAccount);
  EXPECT_EQ(made->state, ResourceState::kReady);
  EXPECT_THAT(
      gcp_.calls(),
      ElementsAre("POST iam v1/projects/p/serviceAccounts "
                  R"({"accountId":"demo-vm","serviceAccount":{"description":)"
                  R"("constellation-uid=0a1b2c3d constellation-name=vm",)"
                  R"("displayName":"nodes"}})"));
}

TEST_F(AccountTest, ANamesakeIsNotOurs) {
  gcp_.Answer(Get(kAccount), Marked({{"email", kEmail}}));
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), ElementsAre(kAccount));
  for (const json& thing :
       {json({{"email", kEmail}}), Marked({{"email", kEmail}}, "other"),
        json({{"email", kEmail}, {"description", 7}})}) {
    gcp_.Only(Get(kAccount), thing);
    EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), IsEmpty()) << thing;
  }
  gcp_.Only(Get(kAccount), json::object(), 403);
  EXPECT_THAT(driver_->Find(scene_.Context()),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(AccountTest, IsDeletedById) {
  EXPECT_THAT(driver_->Delete(scene_.Context(), {.id = kAccount}), IsOk());
  EXPECT_THAT(gcp_.calls(),
              ElementsAre(std::string("DELETE iam v1/") + kAccount));
  EXPECT_EQ(CloudErrorKindOf(
                driver_->Refresh(scene_.Context(), {.id = kAccount}).status()),
            Kind::kNotFound);
}

TEST_F(AccountTest, SweepsReadAllPages) {
  const std::string list = "GET iam v1/projects/p/serviceAccounts";
  gcp_.Answer(list, {{"accounts", {Marked({{"email", "a@x"}}), 7}},
                     {"nextPageToken", "2"}})
      .Answer(list, {{"accounts",
                      {Marked({{"email", "b@x"}}, "other"),
                       Marked({{"email", "c@x"}})}}});
  const auto strays = driver_->List(scene_.cluster);
  EXPECT_THAT(IdsOf(strays), ElementsAre("projects/p/serviceAccounts/a@x",
                                         "projects/p/serviceAccounts/c@x"));
  EXPECT_EQ(strays->front().name, "vm");
  EXPECT_THAT(gcp_.calls(),
              ElementsAre("GET iam v1/projects/p/serviceAccounts?pageSize=100",
                          "GET iam v1/projects/p/serviceAccounts?pageSize=100&"
                          "pageToken=2"));
}

TEST_F(AccountTest, ListsThatDoNotEndAreCut) {
  gcp_.Answer("GET iam v1/projects/p/serviceAccounts",
              {{"nextPageToken", "again"}});
  EXPECT_THAT(IdsOf(driver_->List(scene_.cluster)), IsEmpty());
  EXPECT_THAT(gcp_.calls(), SizeIs(100));
}

class KeyTest : public GcpIamDriversTest {
 protected:
  KeyTest() { Wants("cluster-key", {{"account", kEmail}}); }
  const std::string make_ = std::string("POST iam v1/") + kAccount + "/keys";
  std::unique_ptr<ResourceDriver> driver_ =
      MakeServiceAccountKeyDriver(gcp_.client(), "p");
};

TEST_F(KeyTest, KeepsThePrivatePartOfItsMaking) {
  const std::string id = std::string(kAccount) + "/keys/1";
  gcp_.Answer(make_, {{"name", id}, {"privateKeyData", "c2VjcmV0"}})
      .Answer(Get(id), {{"name", id}});
  const auto made = driver_->Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(gcp_.calls().at(0),
            make_ + R"( {"keyAlgorithm":"KEY_ALG_RSA_2048",)"
                    R"("privateKeyType":"TYPE_GOOGLE_CREDENTIALS_FILE"})");
  const auto now = driver_->Refresh(scene_.Context(), *made);
  ASSERT_THAT(now, IsOk());
  EXPECT_EQ(now->attributes.at("privateKeyData"), "c2VjcmV0");
  // By name nothing is found: the cloud names keys.
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), IsEmpty());
  scene_.known_id = id;
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), ElementsAre(id));
}

TEST_F(KeyTest, RefusesAKeyOfAnotherProject) {
  gcp_.Answer(make_, {{"name", "projects/q/serviceAccounts/x/keys/1"}});
  EXPECT_THAT(
      driver_->Create(scene_.Context(), "t"),
      StatusIs(absl::StatusCode::kUnknown, HasSubstr("no name of ours")));
}

TEST_F(KeyTest, WaitsForANewAccount) {
  gcp_.Refuse(make_, 400, "badRequest", "Service account x does not exist.");
  EXPECT_EQ(CloudErrorKindOf(driver_->Create(scene_.Context(), "t").status()),
            Kind::kConflict);
}

class RoleTest : public GcpIamDriversTest {
 protected:
  RoleTest() {
    Wants("vm-role",
          {{"title", "nodes"}, {"includedPermissions", {"compute.a"}}});
  }
  const std::string make_ = "POST iam v1/projects/p/roles";
  const std::string body_ =
      R"({"description":)"
      R"("constellation-uid=0a1b2c3d constellation-name=vm-role",)"
      R"("includedPermissions":["compute.a"],"stage":"GA","title":"nodes"})";
  std::unique_ptr<ResourceDriver> driver_ = MakeRoleDriver(gcp_.client(), "p");
};

TEST_F(RoleTest, IsMade) {
  const auto made = driver_->Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->id, kRole);
  EXPECT_THAT(gcp_.changes(), ElementsAre(make_ + R"( {"role":)" + body_ +
                                          R"(,"roleId":"demo_vm_role"})"));
}

TEST_F(RoleTest, ADeletedOneIsUndeletedAndSet) {
  gcp_.Answer(Get(kRole), {{"deleted", true}});
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), IsEmpty());
  EXPECT_THAT(driver_->Create(scene_.Context(), "t"), IsOk());
  const std::string role = std::string("iam v1/") + kRole;
  EXPECT_THAT(gcp_.changes(), ElementsAre("POST " + role + ":undelete {}",
                                          "PATCH " + role + " " + body_));
}

TEST_F(RoleTest, ANamesakeIsRefused) {
  gcp_.Answer(Get(kRole), {{"title", "somebody's"}});
  EXPECT_THAT(IdsOf(driver_->Find(scene_.Context())), IsEmpty());
  EXPECT_EQ(CloudErrorKindOf(driver_->Create(scene_.Context(), "t").status()),
            Kind::kNameTaken);
  EXPECT_THAT(gcp_.changes(), IsEmpty());
}

TEST_F(RoleTest, PermissionsAreSetInPlace) {
  gcp_.Answer(Get(kRole),
              Marked({{"includedPermissions", {"compute.a", "compute.b"}}}));
  const auto found = driver_->Find(scene_.Context());
  ASSERT_THAT(IdsOf(found), ElementsAre(kRole));
  const auto changes = driver_->Differs(scene_.Context(), found->front());
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_FALSE(changes[0].needs_replacement);
  EXPECT_THAT(driver_->Update(scene_.Context(), found->front()), IsOk());
  EXPECT_THAT(gcp_.changes(),
              ElementsAre(std::string("PATCH iam v1/") + kRole +
                          "?updateMask=includedPermissions "
                          R"({"includedPermissions":["compute.a"]})"));
}

TEST_F(RoleTest, IsSweptByItsMark) {
  gcp_.Answer("GET iam v1/projects/p/roles",
              {{"roles",
                {Marked({{"name", kRole}}),
                 json({{"name", "projects/p/roles/other"}})}}});
  EXPECT_THAT(IdsOf(driver_->List(scene_.cluster)), ElementsAre(kRole));
}

}  // namespace
}  // namespace constellation::cloud::gcp
