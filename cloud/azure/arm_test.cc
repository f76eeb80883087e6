// SPDX-License-Identifier: Apache-2.0
// Names, errors, comparison and the client of Azure Resource Manager.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cloud/azure/arm_client.h"
#include "cloud/azure/arm_error.h"
#include "cloud/azure/arm_names.h"
#include "cloud/azure/json_compare.h"
#include "cloud/azure/testing/azure_requests.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/http/testing/scripted_transport.h"
#include "common/clock.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::cloud::testing::ScriptedTransport;
using ::constellation::testing::IsOk;
using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Pair;
using ::testing::SizeIs;
using Kind = CloudErrorKind;

TEST(ArmNamesTest, IdsAreSafePaths) {
  for (const char* good :
       {"/subscriptions/0-1/resourceGroups/r_g.(x)", "/communityGalleries/a"}) {
    EXPECT_TRUE(IsArmId(good)) << good;
  }
  for (const char* bad : {"", "x", "/", "/a/", "//a", "/a/../b", "/a/.", "/a?b",
                          "/a#b", "/a%2fb", "/a b", "/a\n", "/a@b"}) {
    EXPECT_FALSE(IsArmId(bad)) << bad;
  }
  EXPECT_FALSE(IsArmId("/" + std::string(2048, 'a')));
}

TEST(ArmNamesTest, ComparesWithoutCase) {
  EXPECT_TRUE(SameId("/A/b", "/a/B"));
  EXPECT_FALSE(SameId("/a/b", "/a/bc"));
  EXPECT_TRUE(IsBelow("/a/B/c", "/A/b"));
  EXPECT_FALSE(IsBelow("/a/bc", "/a/b"));
  EXPECT_EQ(SegmentBehind("/x/virtualmachines/7/y", "virtualMachines"), "7");
  EXPECT_EQ(SegmentBehind("/x/virtualMachines", "virtualMachines"), "");
}

TEST(ArmNamesTest, UuidsAreStable) {
  EXPECT_EQ(UuidOf("a"), UuidOf("a"));
  EXPECT_NE(UuidOf("a"), UuidOf("b"));
  EXPECT_TRUE(IsUuid(UuidOf("a")));
  EXPECT_EQ(UuidOf("a")[14], '5');
  EXPECT_FALSE(IsUuid("0a1b2c3d"));
  EXPECT_EQ(UrlEncode("a b'/\xc3"), "a%20b%27%2F%C3");
}

CloudError Decoded(int status, const json& body, bool read_only = false) {
  return ArmErrorOf(
      HttpResponse{
          .status = status,
          .headers = {{"x-ms-request-id", "r-1"}},
          .body = body.is_string() ? body.get<std::string>() : body.dump()},
      read_only);
}

json Error(const char* code, const char* message) {
  return {{"error", {{"code", code}, {"message", message}}}};
}

TEST(ArmErrorTest, KnowsAzuresWords) {
  EXPECT_EQ(Decoded(404, Error("ResourceNotFound", "x")).kind, Kind::kNotFound);
  EXPECT_EQ(Decoded(404, Error("ResourceGroupNotFound", "x")).kind,
            Kind::kWrongProject);
  EXPECT_EQ(Decoded(400, Error("InUseSubnetCannotBeDeleted", "x")).kind,
            Kind::kDependency);
  EXPECT_EQ(Decoded(409, Error("ZonalAllocationFailed", "x")).kind,
            Kind::kCapacity);
  EXPECT_EQ(Decoded(401, Error("ExpiredAuthenticationToken", "x")).kind,
            Kind::kExpiredToken);
  EXPECT_EQ(Decoded(409, Error("ScopeLocked", "x")).kind, Kind::kPermission);
  EXPECT_EQ(Decoded(429, Error("OperationNotAllowed", "slow")).kind,
            Kind::kThrottled);
  EXPECT_EQ(Decoded(400, Error("NobodyKnowsThis", "x")).kind, Kind::kInvalid);
  EXPECT_EQ(Decoded(409, "not json").kind, Kind::kConflict);
  EXPECT_EQ(Decoded(404, Error("ResourceNotFound", "x")).request_id, "r-1");
}

TEST(ArmErrorTest, NamesQuotaAndPermission) {
  const CloudError quota = Decoded(
      409, Error("OperationNotAllowed",
                 "Operation could not be completed as it results in exceeding "
                 "approved standardDCASv5Family Cores quota. Additional "
                 "Required: 12"));
  EXPECT_EQ(quota.kind, Kind::kQuota);
  EXPECT_EQ(quota.subject, "standardDCASv5Family Cores");
  const CloudError denied = Decoded(
      403, Error("AuthorizationFailed",
                 "The client 'x' does not have authorization to perform action "
                 "'Microsoft.Network/natGateways/write' over scope '/y'"));
  EXPECT_EQ(denied.kind, Kind::kPermission);
  EXPECT_EQ(denied.subject, "Microsoft.Network/natGateways/write");
}

TEST(ArmErrorTest, FollowsDetailsToTheCause) {
  const json error = {
      {"code", "DeploymentFailed"},
      {"message", "see details"},
      {"details",
       json::array({{{"code", "Conflict?"},
                     {"message", "outer"},
                     {"details", json::array({{{"code", "AllocationFailed"},
                                               {"message", "no room"}}})}}})}};
  EXPECT_EQ(ArmErrorOfBody(error).kind, Kind::kCapacity);
  EXPECT_EQ(ArmErrorOfBody(error).message, "no room");
  EXPECT_EQ(ArmErrorOfBody(json(7)).kind, Kind::kLateFailure);
}

TEST(ArmErrorTest, ServerErrorsAreUnclearForWritesOnly) {
  EXPECT_EQ(Decoded(503, Error("BadRequest", "x")).kind, Kind::kUnclear);
  EXPECT_EQ(Decoded(503, Error("BadRequest", "x"), true).kind,
            Kind::kUnavailable);
}

TEST(JsonCompareTest, IgnoresWhatOthersAdd) {
  const json want = {{"a", {{"id", "/subscriptions/S/x"}}},
                     {"rules", {{{"name", "constellation-a"}, {"port", 1}}}}};
  json got = want;
  got["a"]["id"] = "/subscriptions/s/X";
  got["more"] = 1;
  got["rules"].push_back({{"name", "k8s-rule"}});
  got["rules"][0]["etag"] = "e";
  EXPECT_TRUE(Covers(got, want));
  got["rules"][0]["port"] = 2;
  EXPECT_FALSE(Covers(got, want));
}

TEST(JsonCompareTest, NoticesALeftoverOfOurs) {
  const json want = {{"rules", {{{"name", "constellation-a"}}}}};
  json got = want;
  got["rules"].push_back({{"name", "Constellation-debug"}});
  EXPECT_FALSE(Covers(got, want));
  EXPECT_THAT(KeepForeignChildren(want, got)["rules"], SizeIs(1));
}

TEST(JsonCompareTest, PlainListsHaveNoOrder) {
  EXPECT_TRUE(Covers({"2", "1"}, {"1", "2"}));
  EXPECT_FALSE(Covers({"1", "2", "3"}, {"1", "2"}));
  EXPECT_FALSE(Covers(json(), {"1"}));
  EXPECT_FALSE(Covers({{"a", 1}}, {{"b", 1}}));
}

TEST(JsonCompareTest, KeepsForeignChildrenAndTags) {
  const json want = {{"tags", {{"constellation-uid", "u"}}},
                     {"rules", {{{"name", "constellation-a"}, {"port", 1}}}}};
  const json got = {{"etag", "e"},
                    {"tags", {{"policy", "p"}, {"constellation-uid", "old"}}},
                    {"rules",
                     {{{"name", "constellation-a"}, {"port", 9}},
                      {{"name", "k8s"},
                       {"etag", "e"},
                       {"p", {{"provisioningState", "x"}}}}}}};
  const json merged = KeepForeignChildren(want, got);
  EXPECT_EQ(merged["tags"],
            json({{"policy", "p"}, {"constellation-uid", "u"}}));
  EXPECT_FALSE(merged.contains("etag"));
  ASSERT_THAT(merged["rules"], SizeIs(2));
  EXPECT_EQ(merged["rules"][0]["port"], 1);
  EXPECT_EQ(merged["rules"][1], json({{"name", "k8s"}, {"p", json::object()}}));
}

constexpr char kEndpoint[] = "https://management.azure.com";

class ArmClientTest : public ::testing::Test {
 protected:
  void Answer(int status, const json& body, HttpHeaders headers = {}) {
    transport_.Add(HttpResponse{.status = status,
                                .headers = std::move(headers),
                                .body = body.is_null() ? "" : body.dump()});
  }

  static std::string Authorization(const HttpRequest& request) {
    for (const auto& [name, value] : request.headers) {
      if (name == "Authorization") {
        return value;
      }
    }
    return "";
  }

  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  ScriptedTransport transport_;
  testing::FixedTokens tokens_{"t0ken"};
  ArmClient client_{transport_, tokens_, clock_, [] { return 0.5; }, {}};
};

TEST_F(ArmClientTest, SendsTokenVersionAndBody) {
  Answer(201, {{"id", "x"}});
  ASSERT_OK_AND_ASSIGN(const ArmAnswer answer,
                       client_.Send({.method = "PUT",
                                     .path = "/subscriptions/s",
                                     .api_version = "2024-07-01",
                                     .query = "&a=b",
                                     .body = json{{"location", "x"}}}));
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body["id"], "x");
  const HttpRequest sent = transport_.requests().at(0);
  EXPECT_EQ(sent.url, std::string(kEndpoint) +
                          "/subscriptions/s?api-version=2024-07-01&a=b");
  EXPECT_EQ(sent.body, R"({"location":"x"})");
  EXPECT_EQ(Authorization(sent), "Bearer t0ken");
  EXPECT_THAT(sent.headers, Contains(Key("x-ms-client-request-id")));
  EXPECT_THAT(sent.headers, Contains(Pair("Content-Type", "application/json")));
}

TEST_F(ArmClientTest, RefusesPathsThatLeadElsewhere) {
  EXPECT_EQ(CloudErrorKindOf(client_.Send({.path = "/a/../b"}).status()),
            Kind::kInvalid);
  EXPECT_THAT(transport_.requests(), SizeIs(0));
}

TEST_F(ArmClientTest, RenewsARefusedTokenOnceWithItsClaims) {
  tokens_.AllowRenewal();
  Answer(401, Error("InvalidAuthenticationToken", "x"),
         {{"www-authenticate",
           "Bearer realm=\"\", error=\"insufficient_claims\", "
           "claims=\"eyJhIjoxfQ==\""}});
  Answer(200, json::object());
  EXPECT_THAT(client_.Send({.path = "/a"}), IsOk());
  EXPECT_EQ(tokens_.claims(), R"({"a":1})");
  Answer(401, Error("InvalidAuthenticationToken", "x"));
}

TEST_F(ArmClientTest, SaysWhenTheTokenIsRefused) {
  Answer(401, Error("InvalidAuthenticationToken", "bad"));
  EXPECT_EQ(CloudErrorKindOf(client_.Send({.path = "/a"}).status()),
            Kind::kBadCredentials);
  EXPECT_EQ(tokens_.renewals(), 1);
}

TEST_F(ArmClientTest, FollowsPagesWithTheTokenAtHomeOnly) {
  Answer(200, {{"value", {{{"name", "a"}}}},
               {"nextLink", std::string(kEndpoint) + "/next?skip=1"}});
  Answer(200, {{"value", {{{"name", "b"}}}},
               {"nextLink", "https://elsewhere.example/n"}});
  Answer(200, {{"value", {{{"name", "c"}}}}, {"nextLink", ""}});
  ASSERT_OK_AND_ASSIGN(const std::vector<json> all,
                       client_.List({.path = "/a", .api_version = "1"}));
  EXPECT_THAT(all, SizeIs(3));
  const auto requests = transport_.requests();
  ASSERT_THAT(requests, SizeIs(3));
  EXPECT_EQ(Authorization(requests[1]), "Bearer t0ken");
  EXPECT_EQ(Authorization(requests[2]), "");
}

TEST_F(ArmClientTest, RefusesEndlessAndBrokenLists) {
  Answer(200, {{"value", json::array()},
               {"nextLink", std::string(kEndpoint) + "/same"}});
  EXPECT_THAT(std::string(Message(client_.List({.path = "/a"}).status())),
              HasSubstr("leads nowhere"));
  for (const json& bad :
       {json{{"value", 1}}, json::object(), json{{"value", {1}}},
        json{{"value", json::array()}, {"nextLink", "http://x.example/"}}}) {
    ScriptedTransport transport;
    transport.Add(HttpResponse{.status = 200, .body = bad.dump()});
    ArmClient client(transport, tokens_, clock_, [] { return 0.5; }, {});
    EXPECT_EQ(CloudErrorKindOf(client.List({.path = "/a"}).status()),
              Kind::kInvalid)
        << bad;
  }
}

ArmAnswer Accepted(int status, HttpHeaders headers) {
  return {.status = status,
          .raw = {.status = status, .headers = std::move(headers)}};
}

TEST_F(ArmClientTest, RecognisesBothStylesOfOperations) {
  const std::string url = std::string(kEndpoint) + "/op/1";
  ASSERT_OK_AND_ASSIGN(
      const auto status,
      client_.OperationOf(Accepted(201, {{"azure-asyncoperation", url},
                                         {"location", url + "x"},
                                         {"retry-after", "7"}})));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->url, url);
  EXPECT_EQ(status->style, ArmOperation::Style::kStatus);
  EXPECT_EQ(status->next_poll, clock_.Now() + absl::Seconds(7));
  ASSERT_OK_AND_ASSIGN(const auto location,
                       client_.OperationOf(Accepted(202, {{"location", url}})));
  ASSERT_TRUE(location);
  EXPECT_EQ(location->style, ArmOperation::Style::kLocation);
  ASSERT_OK_AND_ASSIGN(const auto none,
                       client_.OperationOf(Accepted(200, {{"location", url}})));
  EXPECT_FALSE(none);
  EXPECT_FALSE(client_
                   .OperationOf(Accepted(
                       202, {{"location", "https://elsewhere.example/op"}}))
                   .ok());
}

TEST_F(ArmClientTest, PollsAStatusDocument) {
  ArmOperation operation{.url = std::string(kEndpoint) + "/op",
                         .next_poll = clock_.Now() + absl::Seconds(5)};
  ASSERT_OK_AND_ASSIGN(OperationState state, client_.Poll(operation, {}));
  EXPECT_FALSE(state.done);
  EXPECT_THAT(transport_.requests(), SizeIs(0)) << "too early";
  clock_.Advance(absl::Seconds(5));
  Answer(200, {{"status", "InProgress"}}, {{"retry-after", "3"}});
  Answer(200, {{"status", "Failed"},
               {"error", {{"code", "AllocationFailed"}, {"message", "no"}}}});
  ASSERT_OK_AND_ASSIGN(state, client_.Poll(operation, {}));
  EXPECT_FALSE(state.done);
  EXPECT_EQ(operation.next_poll, clock_.Now() + absl::Seconds(3));
  clock_.Advance(absl::Seconds(3));
  ASSERT_OK_AND_ASSIGN(state, client_.Poll(operation, {}));
  EXPECT_TRUE(state.done);
  EXPECT_EQ(CloudErrorKindOf(state.failure), Kind::kCapacity);
}

TEST_F(ArmClientTest, PollsALocation) {
  ArmOperation operation{.style = ArmOperation::Style::kLocation,
                         .url = std::string(kEndpoint) + "/op"};
  Answer(202, nullptr, {{"location", std::string(kEndpoint) + "/op2"}});
  Answer(409, Error("InUseSubnetCannotBeDeleted", "in use"));
  ASSERT_OK_AND_ASSIGN(OperationState state, client_.Poll(operation, {}));
  EXPECT_FALSE(state.done);
  EXPECT_EQ(operation.url, std::string(kEndpoint) + "/op2");
  ASSERT_OK_AND_ASSIGN(state, client_.Poll(operation, {}));
  EXPECT_TRUE(state.done);
  EXPECT_EQ(CloudErrorKindOf(state.failure), Kind::kDependency);
}

TEST_F(ArmClientTest, AwaitReturnsTheResult) {
  Answer(200, {{"status", "Running"}}, {{"retry-after", "20"}});
  Answer(200, {{"status", "Succeeded"}, {"properties", {{"x", 1}}}});
  const absl::Time start = clock_.Now();
  ASSERT_OK_AND_ASSIGN(const json result,
                       client_.Await({.url = std::string(kEndpoint) + "/op"},
                                     absl::Minutes(5), {}));
  EXPECT_EQ(result["properties"]["x"], 1);
  EXPECT_GE(clock_.Now() - start, absl::Seconds(20));
}

}  // namespace
}  // namespace constellation::cloud::azure
