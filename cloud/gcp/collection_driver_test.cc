// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/collection_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

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

constexpr char kNet[] = "projects/p/global/networks/demo-0a1b2c3d-net";
constexpr char kGetNet[] = "GET projects/p/global/networks/demo-0a1b2c3d-net";

CollectionKind KindOf(std::string_view name) {
  const auto kinds = CollectionKinds();
  const auto found = std::ranges::find(kinds, name, &CollectionKind::kind);
  EXPECT_NE(found, kinds.end()) << name;
  return *found;
}

TEST(CollectionKindsTest, StandInTheOrderOfMaking) {
  std::vector<std::string_view> names;
  for (const CollectionKind& kind : CollectionKinds()) {
    names.push_back(kind.kind);
  }
  EXPECT_THAT(names, ElementsAre("gcp.network", "gcp.subnetwork", "gcp.address",
                                 "gcp.router", "gcp.firewall", "gcp.route",
                                 "gcp.health-check", "gcp.instance-template",
                                 "gcp.backend-service", "gcp.target-tcp-proxy",
                                 "gcp.forwarding-rule", "gcp.disk"));
}

class CollectionDriverTest : public ::testing::Test {
 protected:
  CollectionDriverTest() {
    scene_.resource = {
        .kind = "gcp.network",
        .name = "net",
        .desired = {{"parent", "projects/p/global/networks"},
                    {"body",
                     {{"name", "demo-0a1b2c3d-net"},
                      {"mtu", 8896},
                      {"ip", "{ref:address:address}"},
                      {"routingConfig", {{"routingMode", "REGIONAL"}}}}}}};
    scene_.known["address"].attributes = {{"address", "192.0.2.1"}};
  }
  json Net() const { return scene_.Thing(kNet, "net"); }
  CollectionDriver Driver(std::string_view kind = "gcp.network") {
    return CollectionDriver(gcp_.compute(), "p", KindOf(kind));
  }
  Observed Made() {
    auto made = Driver().Create(scene_.Context(), "token");
    EXPECT_THAT(made, IsOk());
    return made.ok() ? *made : Observed();
  }

  GcpScript gcp_;
  DriverScene scene_;
};

TEST_F(CollectionDriverTest, MakesAThing) {
  const Observed made = Made();
  EXPECT_EQ(made.id, kNet);
  EXPECT_EQ(made.state, ResourceState::kPending);
  EXPECT_THAT(gcp_.calls(),
              ElementsAre("POST projects/p/global/networks?requestId=* "
                          R"({"ip":"192.0.2.1","mtu":8896,)"
                          R"("name":"demo-0a1b2c3d-net",)"
                          R"("routingConfig":{"routingMode":"REGIONAL"}})"));
  EXPECT_EQ(gcp_.requests()[0].repeatable, true);
}

TEST_F(CollectionDriverTest, TheSameTokenIsTheSameRequest) {
  (void)Made();
  (void)Made();
  EXPECT_EQ(gcp_.requests()[0].url, gcp_.requests()[1].url);
  EXPECT_THAT(Driver().Create(scene_.Context(), "another"), IsOk());
  EXPECT_NE(gcp_.requests()[0].url, gcp_.requests()[2].url);
}

TEST_F(CollectionDriverTest, MakesNothingBeforeItsDependencies) {
  scene_.known.clear();
  EXPECT_THAT(Driver().Create(scene_.Context(), "t"),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(gcp_.calls(), IsEmpty());
}

TEST_F(CollectionDriverTest, FindsByNameAndMark) {
  gcp_.Answer(kGetNet, Net());
  EXPECT_THAT(IdsOf(Driver().Find(scene_.Context())), ElementsAre(kNet));
  // Nobody else's namesake, and no other thing of ours.
  gcp_.Only(kGetNet, scene_.Thing(kNet, ""));
  EXPECT_THAT(IdsOf(Driver().Find(scene_.Context())), IsEmpty());
  gcp_.Only(kGetNet, scene_.Thing(kNet, "subnet"));
  EXPECT_THAT(IdsOf(Driver().Find(scene_.Context())), IsEmpty());
  gcp_.Only(kGetNet, json::object(), 404);
  EXPECT_THAT(IdsOf(Driver().Find(scene_.Context())), IsEmpty());
  gcp_.Only(kGetNet, json::object(), 403);
  EXPECT_THAT(Driver().Find(scene_.Context()),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

// After a run that died the journal may know a name only.
TEST_F(CollectionDriverTest, FindsByItsMarkAlone) {
  scene_.resource.desired = json::object();
  gcp_.Answer("GET projects/p/global/networks",
              {{"items",
                {scene_.Thing("projects/p/global/networks/x", "other"), Net(),
                 scene_.Thing("projects/p/global/networks/y", "")}}});
  EXPECT_THAT(IdsOf(Driver().Find(scene_.Context())), ElementsAre(kNet));
  EXPECT_THAT(gcp_.calls(),
              ElementsAre("GET projects/p/global/networks?maxResults=500&"
                          "filter=name%20eq%20%22demo-0a1b2c3d-.%2A%22"));
}

TEST_F(CollectionDriverTest, ComparesWhatIsWanted) {
  const Observed same{
      .id = kNet,
      .attributes = {{"mtu", 8896},
                     {"ip", "192.0.2.1"},
                     {"routingConfig", {{"routingMode", "REGIONAL"}, {"x", 1}}},
                     {"description", "of somebody"}}};
  EXPECT_THAT(Driver().Differs(scene_.Context(), same), IsEmpty());
  Observed other = same;
  other.attributes["mtu"] = 1460;
  other.attributes["routingConfig"] = {{"routingMode", "GLOBAL"}};
  const auto changes = Driver().Differs(scene_.Context(), other);
  ASSERT_THAT(changes, SizeIs(2));
  EXPECT_EQ(changes[0].attribute, "mtu");
  EXPECT_TRUE(changes[0].needs_replacement);
  EXPECT_EQ(changes[1].attribute, "routingConfig");
  EXPECT_FALSE(changes[1].needs_replacement);
  // Addresses of forwarding rules come back in other words.
  scene_.resource.desired["body"] = {{"IPAddress", "projects/p/x"},
                                     {"portRange", "6443"}};
  EXPECT_THAT(Driver("gcp.forwarding-rule")
                  .Differs(scene_.Context(),
                           {.attributes = {{"IPAddress", "192.0.2.1"},
                                           {"portRange", "6443-6443"}}}),
              IsEmpty());
}

TEST_F(CollectionDriverTest, ChangesWhatCanBeChangedUnderTheFingerprint) {
  const Observed other{
      .id = kNet,
      .attributes = {{"mtu", 1460},
                     {"ip", "192.0.2.1"},
                     {"fingerprint", "f"},
                     {"routingConfig", {{"routingMode", "GLOBAL"}}}}};
  EXPECT_THAT(Driver().Update(scene_.Context(), other), IsOk());
  EXPECT_THAT(gcp_.calls(),
              ElementsAre("PATCH "
                          "projects/p/global/networks/demo-0a1b2c3d-net "
                          R"({"fingerprint":"f",)"
                          R"("routingConfig":{"routingMode":"REGIONAL"}})"));
}

TEST_F(CollectionDriverTest, WaitsForItsOperation) {
  gcp_.Start("POST projects/p/global/networks", "projects/p/global");
  CollectionDriver driver = Driver();
  const auto made = driver.Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  auto now = driver.Refresh(scene_.Context(), *made);
  ASSERT_THAT(now, IsOk());
  EXPECT_EQ(now->state, ResourceState::kPending);
  // Meanwhile it is not deleted.
  EXPECT_EQ(CloudErrorKindOf(driver.Delete(scene_.Context(), *made)),
            Kind::kConflict);
  gcp_.End("projects/p/global").Answer(kGetNet, Net());
  now = driver.Refresh(scene_.Context(), *made);
  ASSERT_THAT(now, IsOk());
  EXPECT_EQ(now->state, ResourceState::kReady);
}

TEST_F(CollectionDriverTest, ReportsWhatFailedLate) {
  gcp_.Start("POST projects/p/global/networks", "projects/p/global");
  CollectionDriver driver = Driver();
  const auto made = driver.Create(scene_.Context(), "t");
  ASSERT_THAT(made, IsOk());
  gcp_.End("projects/p/global", "QUOTA_EXCEEDED");
  for (int i = 0; i < 2; ++i) {  // whoever asks again is told again
    EXPECT_EQ(
        CloudErrorKindOf(driver.Refresh(scene_.Context(), *made).status()),
        Kind::kQuota);
  }
  EXPECT_THAT(driver.Delete(scene_.Context(), *made), IsOk());
}

TEST_F(CollectionDriverTest, ADeletionThatFailsLateIsReportedOnce) {
  const std::string remove = std::string("DELETE ") + kNet;
  gcp_.Start(remove, "projects/p/global").Answer(kGetNet, Net());
  CollectionDriver driver = Driver();
  const Observed net{.id = kNet};
  ASSERT_THAT(driver.Delete(scene_.Context(), net), IsOk());
  EXPECT_EQ(driver.Refresh(scene_.Context(), net)->state,
            ResourceState::kDeleting);
  gcp_.End("projects/p/global", "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE");
  EXPECT_EQ(driver.Refresh(scene_.Context(), net)->state,
            ResourceState::kReady);
  EXPECT_EQ(CloudErrorKindOf(driver.Delete(scene_.Context(), net)),
            Kind::kDependency);
  gcp_.End("projects/p/global");
  EXPECT_THAT(driver.Delete(scene_.Context(), net), IsOk());
}

TEST_F(CollectionDriverTest, APendingStatusIsPending) {
  const std::string id = "projects/p/regions/r/addresses/demo-0a1b2c3d-a";
  json address = scene_.Thing(id, "a");
  address["status"] = "RESERVING";
  gcp_.Answer("GET " + id, address);
  const auto now = Driver("gcp.address").Refresh(scene_.Context(), {.id = id});
  ASSERT_THAT(now, IsOk());
  EXPECT_EQ(now->state, ResourceState::kPending);
  EXPECT_EQ(now->detail, "RESERVING");
}

TEST_F(CollectionDriverTest, SweepsEveryPlace) {
  gcp_.Answer(
      "GET projects/p/aggregated/subnetworks",
      {{"nextPageToken", "2"},
       {"items",
        {{"regions/r",
          {{"subnetworks",
            {scene_.Thing("projects/p/regions/r/subnetworks/a", "subnet"), 7,
             scene_.Thing("", "subnet")}}}},
         {"regions/s", {{"warning", {{"code", "NO_RESULTS_ON_PAGE"}}}}},
         {"regions/t", "hostile"}}}});
  gcp_.Answer("GET projects/p/aggregated/subnetworks",
              {{"items",
                {{"regions/t",
                  {{"subnetworks",
                    {scene_.Thing("projects/p/regions/t/subnetworks/b",
                                  "proxy-subnet")}}}}}}});
  const auto strays = Driver("gcp.subnetwork").List(scene_.cluster);
  EXPECT_THAT(IdsOf(strays), ElementsAre("projects/p/regions/r/subnetworks/a",
                                         "projects/p/regions/t/subnetworks/b"));
  EXPECT_THAT(gcp_.calls().at(1), HasSubstr("pageToken=2"));
}

// What Kubernetes' controllers make carries no mark of ours.
TEST_F(CollectionDriverTest, SweepsWhatKubernetesLeft) {
  const auto named = [&](const std::string& path, const std::string& network,
                         const json& more) {
    json thing = scene_.Thing(path, "");
    thing["network"] = "projects/p/global/networks/" + network;
    thing.update(more);
    return thing;
  };
  const std::string ours = "demo-0a1b2c3d-net";
  gcp_.Answer(
      "GET projects/p/global/firewalls",
      {{"items",
        {named("projects/p/global/firewalls/k8s-1", ours, json::object()),
         named("projects/p/global/firewalls/k8s-2", "other", json::object()),
         named("projects/p/global/firewalls/mine", ours, json::object())}}});
  gcp_.Answer(
      "GET projects/p/global/routes",
      {{"items",
        {named("projects/p/global/routes/r1", ours,
               {{"description", "k8s-node-route"}}),
         named("projects/p/global/routes/r2", ours, {{"description", "x"}}),
         named("projects/p/global/routes/r3", "other",
               {{"description", "k8s-node-route"}})}}});
  gcp_.Answer("GET projects/p/aggregated/disks",
              {{"items",
                {{"zones/z",
                  {{"disks",
                    {named("projects/p/zones/z/disks/d1", ours,
                           {{"labels", {{"constellation-uid", "0a1b2c3d"}}}}),
                     named("projects/p/zones/z/disks/d2", ours,
                           {{"labels", {{"constellation-uid", "0a1b2c3d"}}},
                            {"users", {"projects/p/zones/z/instances/i"}}}),
                     named("projects/p/zones/z/disks/d3", ours,
                           {{"labels", "hostile"}})}}}}}}});
  EXPECT_THAT(IdsOf(Driver("gcp.firewall").List(scene_.cluster)),
              ElementsAre("projects/p/global/firewalls/k8s-1"));
  EXPECT_THAT(gcp_.calls().at(0), ::testing::Not(HasSubstr("filter")));
  EXPECT_THAT(IdsOf(Driver("gcp.route").List(scene_.cluster)),
              ElementsAre("projects/p/global/routes/r1"));
  EXPECT_THAT(IdsOf(Driver("gcp.disk").List(scene_.cluster)),
              ElementsAre("projects/p/zones/z/disks/d1"));
}

TEST_F(CollectionDriverTest, TemplatesAreSweptWithoutAName) {
  gcp_.Answer(
      "GET projects/p/global/instanceTemplates",
      {{"items",
        {scene_.Thing("projects/p/global/instanceTemplates/t", "worker")}}});
  const auto strays = Driver("gcp.instance-template").List(scene_.cluster);
  ASSERT_THAT(IdsOf(strays), SizeIs(1));
  EXPECT_EQ(strays->front().name, "");
}

TEST_F(CollectionDriverTest, RulesOfPoliciesAreChangedOneByOne) {
  const auto rule = [](int priority, const char* action) {
    return json{{"priority", priority}, {"action", action}};
  };
  scene_.resource = {
      .kind = "gcp.security-policy",
      .name = "sources",
      .desired = {{"parent", "projects/p/global/securityPolicies"},
                  {"body",
                   {{"rules",
                     {rule(1000, "allow"), rule(1010, "allow"),
                      rule(9999, "deny(403)")}}}}}};
  const std::string id =
      "projects/p/global/securityPolicies/demo-0a1b2c3d-sources";
  SecurityPolicyDriver driver(gcp_.compute(), "p");
  gcp_.Answer("GET " + id, scene_.Thing(id, "sources"));
  const Observed policy{
      .id = id,
      .attributes = {{"rules",
                      {rule(1000, "deny(403)"), rule(1020, "allow"),
                       rule(9999, "deny(403)")}}}};
  EXPECT_THAT(driver.Update(scene_.Context(), policy), IsOk());
  EXPECT_THAT(gcp_.changes(),
              ElementsAre("POST " + id +
                              "/patchRule?priority=1000 "
                              R"({"action":"allow","priority":1000})",
                          "POST " + id +
                              "/addRule "
                              R"({"action":"allow","priority":1010})",
                          "POST " + id + "/removeRule?priority=1020"));
}

}  // namespace
}  // namespace constellation::cloud::gcp
