// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cloud/engine/cloud_error.h"
#include "cloud/http/testing/scripted_transport.h"
#include "cloud/json_fields.h"
#include "cloud/openstack/testing/fake_cloud.h"
#include "common/clock.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::openstack {
namespace {

using cloud::testing::ScriptedTransport;
using ::constellation::testing::IsOk;
using nlohmann::json;
using testing::FakeCloud;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// A login with a catalog of one service.
json Token() {
  return {{"token",
           {{"expires_at", "2030-01-01T00:00:00.000000Z"},
            {"project", {{"id", "p1"}}},
            {"catalog",
             {{{"type", "compute"},
               {"endpoints",
                {{{"interface", "public"},
                  {"region_id", "R1"},
                  {"url", "https://r1.example/v2.1/"}}}}}}}}}};
}

class ClientTest : public ::testing::Test {
 protected:
  ClientTest()
      : client_(transport_, clock_, environment_, [this] {
          ++asked_;
          CloudEntry entry = FakeCloud::Entry();
          entry["region_name"] = "R1";
          return absl::StatusOr<CloudEntry>(entry);
        }) {}

  void AddLogin(const char* token, const char* expires) {
    json body = Token();
    body["token"]["expires_at"] = expires;
    transport_.Add(HttpResponse{.status = 201,
                                .headers = {{"x-subject-token", token}},
                                .body = DumpJson(body)});
  }
  std::string TokenOf(size_t request) {
    const HttpRequest sent = transport_.requests()[request];
    for (const auto& [name, value] : sent.headers) {
      if (name == "X-Auth-Token") {
        return value;
      }
    }
    return "";
  }

  ScriptedTransport transport_;
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  Environment environment_ = [](std::string_view) { return std::nullopt; };
  int asked_ = 0;
  Client client_;
};

TEST_F(ClientTest, LogsInOnceAndAgainBeforeTheTokenEnds) {
  AddLogin("one", "2027-01-15T08:10:00Z");  // ten minutes from "now"
  transport_.Add(HttpResponse{.status = 200, .body = "{}"});
  transport_.Add(HttpResponse{.status = 200, .body = "{}"});
  AddLogin("two", "2027-01-15T09:10:00Z");
  transport_.Add(HttpResponse{.status = 200, .body = "{}"});
  EXPECT_THAT(client_.Send({.path = "/a"}), IsOk());
  EXPECT_THAT(client_.Send({.path = "/b"}), IsOk());
  clock_.Advance(absl::Minutes(9) + absl::Seconds(1));
  EXPECT_THAT(client_.Send({.path = "/c"}), IsOk());
  ASSERT_THAT(transport_.requests(), SizeIs(5));
  EXPECT_EQ(TokenOf(1), "one");
  EXPECT_EQ(TokenOf(2), "one");
  EXPECT_EQ(TokenOf(4), "two");
  EXPECT_EQ(asked_, 1) << "the files are read once";
}

// An application credential's access rules answer 401 for what they forbid.
TEST_F(ClientTest, LogsInAgainAfter401ButOnlyOnce) {
  AddLogin("one", "2030-01-01T00:00:00Z");
  transport_.AddStatus(401);
  AddLogin("two", "2030-01-01T00:00:00Z");
  transport_.AddStatus(401);
  EXPECT_EQ(CloudErrorKindOf(client_.Send({.path = "/a"}).status()),
            CloudErrorKind::kBadCredentials);
  EXPECT_THAT(transport_.requests(), SizeIs(4));
}

TEST_F(ClientTest, SaysWhichServiceIsMissing) {
  AddLogin("one", "2030-01-01T00:00:00Z");
  const absl::Status status = client_.Send({.service = kImage}).status();
  EXPECT_EQ(CloudErrorKindOf(status), CloudErrorKind::kUnsupportedRegion);
  EXPECT_THAT(std::string(Message(status)), HasSubstr("image"));
}

TEST_F(ClientTest, AnAnswerThatIsNoJsonIsUnclear) {
  AddLogin("one", "2030-01-01T00:00:00Z");
  transport_.Add(HttpResponse{.status = 202, .body = "<html>"});
  EXPECT_EQ(
      CloudErrorKindOf(client_.Send({.method = "POST", .path = "/a"}).status()),
      CloudErrorKind::kUnclear);
}

TEST(EscapedTest, LeavesNothingThatMeansSomething) {
  EXPECT_EQ(Escaped("^a-b_c.~$/&=%\xff"), "%5Ea-b_c.~%24%2F%26%3D%25%FF");
}

class FakeCloudTest : public ::testing::Test {
 protected:
  static json Servers(int from, int count, bool more) {
    json page = {{"servers", json::array()}};
    for (int i = 0; i < count; ++i) {
      page["servers"].push_back({{"id", "s" + std::to_string(from + i)}});
    }
    if (more) {
      page["servers_links"] = json::array(
          {{{"rel", "next"}, {"href", "https://elsewhere.example/x"}}});
    }
    return page;
  }

  static constexpr Collection kThings{kCompute, "/servers", "/servers/detail",
                                      "servers", "server"};
  FakeCloud cloud_;
};

TEST_F(FakeCloudTest, AsksForPagesByTheLastIdAndFollowsNoLink) {
  cloud_.transport.On("GET /v2.1/servers/detail", 200,
                      Servers(0, 2, true).dump());
  cloud_.transport.On("GET /v2.1/servers/detail", 200,
                      Servers(2, 1, false).dump());
  ASSERT_OK_AND_ASSIGN(const auto all,
                       cloud_.client.List(kThings, "tags=a%20b"));
  EXPECT_THAT(all, SizeIs(3));
  const auto requests = cloud_.transport.requests("GET /v2.1/servers/detail");
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(requests[0].url,
            "https://nova.example/v2.1/servers/detail?tags=a%20b&limit=500");
  EXPECT_EQ(requests[1].url,
            "https://nova.example/v2.1/servers/detail?tags=a%20b&limit=500&"
            "marker=s1");
}

TEST_F(FakeCloudTest, AnEndlessListEnds) {
  cloud_.On("GET /v2.1/servers/detail", Servers(0, 1, true));
  ASSERT_OK_AND_ASSIGN(const auto all, cloud_.client.List(kThings, ""));
  EXPECT_THAT(all, SizeIs(2)) << "the same page twice";
}

TEST_F(FakeCloudTest, RefusesListsThatAreNone) {
  for (const json& bad : {json{{"servers", 7}}, json::object(),
                          json{{"servers", json::array({json::object()})}},
                          json{{"servers", json::array({7})}}}) {
    cloud_.On("GET /v2.1/servers/detail", bad);
    EXPECT_EQ(CloudErrorKindOf(cloud_.client.List(kThings, "").status()),
              CloudErrorKind::kUnclear)
        << bad;
  }
}

TEST_F(FakeCloudTest, AnIdIsNeverAPath) {
  cloud_.On("GET /v2.1/servers/..%2Fflavors%3Fx", {{"server", {{"id", "a"}}}});
  EXPECT_THAT(cloud_.client.Get(kThings, "../flavors?x"), IsOk());
  cloud_.On("GET /v2.1/servers/a", {{"server", {{"name", "b"}}}});
  EXPECT_EQ(CloudErrorKindOf(cloud_.client.Get(kThings, "a").status()),
            CloudErrorKind::kUnclear)
      << "an element without an id is none";
}

TEST_F(FakeCloudTest, NovaIsAskedForItsMicroversion) {
  cloud_.On("GET /v2.1/servers/a", {{"server", {{"id", "a"}}}});
  ASSERT_THAT(cloud_.client.Get(kThings, "a"), IsOk());
  EXPECT_THAT(cloud_.transport.requests("GET /v2.1/servers/a").at(0).headers,
              ::testing::Contains(
                  ::testing::Pair("OpenStack-API-Version", "compute 2.67")));
}

TEST_F(FakeCloudTest, RedirectsAreErrors) {
  cloud_.transport.On("GET /v2.1/servers/a", 302, "",
                      {{"location", "https://elsewhere.example/"}});
  EXPECT_FALSE(cloud_.client.Get(kThings, "a").ok());
}

}  // namespace
}  // namespace constellation::cloud::openstack
