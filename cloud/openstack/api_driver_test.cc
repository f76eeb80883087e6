// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/api_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cloud/engine/cloud_error.h"
#include "cloud/openstack/json_access.h"
#include "cloud/openstack/names.h"
#include "cloud/openstack/testing/fake_cloud.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::openstack {
namespace {

using ::constellation::testing::IsOk;
using nlohmann::json;
using testing::FakeCloud;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::OneResource;
using ::testing::SizeIs;

constexpr Collection kThings{kNetwork, "/things", "/things", "things", "thing"};
constexpr char kList[] = "GET /v2.0/things";

// A kind with nothing special: marked by its description.
class ThingDriver final : public ApiDriver {
 public:
  explicit ThingDriver(Client& client) : ApiDriver(client, kThings) {}

 protected:
  std::string Query(const ClusterIdentity& /*cluster*/,
                    std::string_view /*name*/) const override {
    return "";
  }
  std::optional<std::string> ListedName(const ClusterIdentity& cluster,
                                        const json& element) const override {
    return TextOf(element, "description") == UidMarker(cluster)
               ? std::optional(ResourceName(cluster, TextOf(element, "name")))
               : std::nullopt;
  }
  absl::StatusOr<json> Body(const DriverContext& /*context*/) override {
    return json{{"thing", {{"size", 1}}}};
  }
  Observed Read(const json& element) const override {
    return {.id = TextOf(element, "id"),
            .state = TextOf(element, "status") == "DELETING"
                         ? ResourceState::kDeleting
                         : ResourceState::kReady};
  }
};

json Thing(const char* id, const char* name,
           const char* marker = "constellation-uid-0a1b") {
  return {{"id", id},
          {"name", std::string("demo-0a1b-") + name},
          {"description", marker}};
}

class ApiDriverTest : public ::testing::Test {
 protected:
  ApiDriverTest() { one_.resource.name = "net"; }
  void Listed(json things) {
    cloud_.On(kList, {{"things", std::move(things)}});
  }

  FakeCloud cloud_;
  ThingDriver driver_{cloud_.client};
  OneResource one_;
};

TEST_F(ApiDriverTest, FindsItsOwnByMarkerAndName) {
  json going = Thing("d", "net");
  going["status"] = "DELETING";
  Listed({Thing("a", "net"), Thing("b", "other"),
          Thing("c", "net", "constellation-uid-ffff"), going});
  ASSERT_OK_AND_ASSIGN(const auto found, driver_.Find(one_.Context()));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].id, "a");
}

TEST_F(ApiDriverTest, FindsByTheKnownIdWhatTheListDoesNotShow) {
  Listed(json::array());
  one_.known_id = "k";
  cloud_.On("GET /v2.0/things/k", {{"thing", Thing("k", "renamed")}});
  ASSERT_OK_AND_ASSIGN(auto found, driver_.Find(one_.Context()));
  EXPECT_THAT(found, SizeIs(1));
  cloud_.transport.Reset("GET /v2.0/things/k");
  ASSERT_OK_AND_ASSIGN(found, driver_.Find(one_.Context()));
  EXPECT_THAT(found, IsEmpty());
  cloud_.On("GET /v2.0/things/k", json(), 403);
  EXPECT_EQ(CloudErrorKindOf(driver_.Find(one_.Context()).status()),
            CloudErrorKind::kPermission)
      << "not knowing is not absence";
}

// As a double of ours it would be deleted.
TEST_F(ApiDriverTest, LeavesAStrangersThingAloneThoughTheJournalNamesIt) {
  Listed(json::array({Thing("a", "net")}));
  one_.known_id = "k";
  cloud_.On("GET /v2.0/things/k",
            {{"thing", Thing("k", "net", "somebody else's")}});
  ASSERT_OK_AND_ASSIGN(const auto found, driver_.Find(one_.Context()));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].id, "a");
}

TEST_F(ApiDriverTest, AnAnswerWithoutAnIdIsUnclear) {
  cloud_.On("POST /v2.0/things", {{"thing", {{"id", "n"}}}}, 201);
  ASSERT_OK_AND_ASSIGN(const Observed made,
                       driver_.Create(one_.Context(), "token"));
  EXPECT_EQ(made.id, "n");
  EXPECT_EQ(cloud_.Sent("POST /v2.0/things").at(0),
            json({{"thing", {{"size", 1}}}}));
  for (const json& bad :
       {json::object(), json{{"thing", {{"name", "n"}}}}, json{{"thing", 7}}}) {
    cloud_.On("POST /v2.0/things", bad, 201);
    EXPECT_EQ(
        CloudErrorKindOf(driver_.Create(one_.Context(), "token").status()),
        CloudErrorKind::kUnclear)
        << bad;
  }
}

TEST_F(ApiDriverTest, DeletesByIdOnly) {
  cloud_.transport.On("DELETE /v2.0/things/a%2F..%2Fb", 204, "");
  EXPECT_THAT(driver_.Delete(one_.Context(), {.id = "a/../b"}), IsOk());
  EXPECT_EQ(CloudErrorKindOf(driver_.Delete(one_.Context(), {.id = "c"})),
            CloudErrorKind::kNotFound);
}

TEST_F(ApiDriverTest, SweepsWhatIsMarked) {
  Listed({Thing("a", "net"), Thing("b", "other"),
          Thing("c", "net", "constellation-uid-0a1bc")});
  ASSERT_OK_AND_ASSIGN(const auto strays, driver_.List(one_.cluster));
  ASSERT_THAT(strays, SizeIs(2)) << "another uid that begins alike is not ours";
  EXPECT_EQ(strays[1].name, "other");
  EXPECT_THAT(driver_.Differs(one_.Context(), {.id = "a"}), IsEmpty());
}

TEST(GoesWithOwnerTest, IsAbsenceToTheEngine) {
  EXPECT_EQ(CloudErrorKindOf(GoesWithOwner("pool")), CloudErrorKind::kNotFound);
  EXPECT_THAT(std::string(GoesWithOwner("pool").message()), HasSubstr("pool"));
}

}  // namespace
}  // namespace constellation::cloud::openstack
