// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/dns_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace constellation::bootstrapper {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Json = nlohmann::json;

TEST(ServiceFactsTest, ReadsTheAddress) {
  EXPECT_EQ(FactsOfService(Json{{"spec", {{"clusterIP", "10.96.0.1"}}}}),
            (ServiceFacts{"10.96.0.1", false}));
  EXPECT_EQ(FactsOfService(Json{{"spec", {{"clusterIP", "None"}}}}),
            (ServiceFacts{"", true}));
}

// Whoever may write Services must not write lines of our hosts file.
TEST(ServiceFactsTest, LeavesOutWhatIsNoAddress) {
  for (const Json& bad : {Json("10.96.0.1\n6.6.6.6 bank.example"),
                          Json("10.96.0"), Json(""), Json(7), Json("none")}) {
    EXPECT_EQ(FactsOfService(Json{{"spec", {{"clusterIP", bad}}}}),
              (ServiceFacts{"", false}))
        << bad;
  }
  EXPECT_EQ(FactsOfService(Json::object()), ServiceFacts{});
  EXPECT_EQ(FactsOfService(Json::array()), ServiceFacts{});
}

TEST(EndpointsFactsTest, ReadsAllSubsets) {
  const Json endpoints = Json::parse(R"({"subsets": [
      {"addresses": [{"ip": "10.244.0.5", "hostname": "db-0"},
                     {"ip": "10.244.1.5"}]},
      {"addresses": [{"ip": "fd00::5"}]}]})");
  EXPECT_THAT(FactsOfEndpoints(endpoints),
              ElementsAre(EndpointAddress{"10.244.0.5", "db-0"},
                          EndpointAddress{"10.244.1.5", ""},
                          EndpointAddress{"fd00::5", ""}));
}

TEST(EndpointsFactsTest, LeavesOutWhatIsMalformed) {
  const Json endpoints = Json::parse(R"({"subsets": [
      {"addresses": [{"ip": "x"}, {"ip": 5}, {}, 7,
                     {"ip": "10.244.0.5", "hostname": "a b"}]},
      {"addresses": "none"}, 5, {}]})");
  EXPECT_THAT(FactsOfEndpoints(endpoints),
              ElementsAre(EndpointAddress{"10.244.0.5", ""}));
  EXPECT_THAT(FactsOfEndpoints(Json::parse(R"({"subsets": {}})")), IsEmpty());
  EXPECT_THAT(FactsOfEndpoints(Json()), IsEmpty());
}

TEST(HostsFileTest, HasALineForEveryService) {
  EXPECT_EQ(MakeHostsFile({{"default/kubernetes", {"10.96.0.1", false}},
                           {"prod/web", {"10.96.0.9", false}}},
                          {}, "cluster.local"),
            "10.96.0.1 kubernetes.default.svc.cluster.local\n"
            "10.96.0.9 web.prod.svc.cluster.local\n");
}

TEST(HostsFileTest, HeadlessServicesHaveTheirPods) {
  EXPECT_EQ(
      MakeHostsFile({{"prod/db", {"", true}}},
                    {{"prod/db", {{"10.244.0.5", "db-0"}, {"10.244.1.5", ""}}}},
                    "cluster.local"),
      "10.244.0.5 db.prod.svc.cluster.local\n"
      "10.244.0.5 db-0.db.prod.svc.cluster.local\n"
      "10.244.1.5 db.prod.svc.cluster.local\n");
}

TEST(HostsFileTest, OthersDoNotHaveTheirPods) {
  EXPECT_EQ(MakeHostsFile({{"prod/web", {"10.96.0.9", false}}},
                          {{"prod/web", {{"10.244.0.5", "x"}}},
                           {"prod/stranger", {{"10.244.0.6", ""}}}},
                          "cluster.local"),
            "10.96.0.9 web.prod.svc.cluster.local\n");
}

TEST(HostsFileTest, LeavesOutKeysThatAreNoLabels) {
  for (const char* key : {"web", "/web", "prod/", "prod/we b", "Prod/web",
                          "prod/web.x", "a/b/c", "prod/web\n6.6.6.6 x"}) {
    EXPECT_EQ(MakeHostsFile({{key, {"10.96.0.9", false}}}, {}, "d"), "") << key;
  }
}

}  // namespace
}  // namespace constellation::bootstrapper
