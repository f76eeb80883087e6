// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/arm_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

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

json Error(const char* code, const char* message) {
  return {{"error", {{"code", code}, {"message", message}}}};
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
  EXPECT_EQ(tokens_.renewals(), 1);
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

TEST_F(ArmClientTest, RefusesAnswersThatArmNeverGives) {
  Answer(302, nullptr, {{"location", "https://elsewhere.example/"}});
  EXPECT_EQ(CloudErrorKindOf(client_.Send({.path = "/a"}).status()),
            Kind::kInvalid)
      << "redirects are not followed";
  for (const char* bad : {"<html>", "[1]", "7"}) {
    ScriptedTransport transport;
    transport.Add(HttpResponse{.status = 200, .body = bad});
    ArmClient client(transport, tokens_, clock_, [] { return 0.5; }, {});
    EXPECT_EQ(CloudErrorKindOf(client.Send({.path = "/a"}).status()),
              Kind::kInvalid)
        << bad;
    EXPECT_THAT(transport.requests(), SizeIs(1));
  }
}

TEST_F(ArmClientTest, TheTokenStaysAtHome) {
  for (const char* url : {"https://management.azure.com.evil.example/x",
                          "http://management.azure.com/x",
                          "https://evil.example/management.azure.com",
                          "https://xmanagement.azure.com/"}) {
    EXPECT_FALSE(client_.OperationOf(Accepted(202, {{"location", url}})).ok())
        << url;
  }
  EXPECT_THAT(client_.OperationOf(Accepted(
                  202, {{"location", "https://eu.management.azure.com/x"}})),
              IsOk())
      << "a region of it";
}

TEST_F(ArmClientTest, AnOperationThatMovesElsewhereIsRefused) {
  ArmOperation operation{.style = ArmOperation::Style::kLocation,
                         .url = std::string(kEndpoint) + "/op"};
  Answer(202, nullptr, {{"location", "https://elsewhere.example/op"}});
  EXPECT_EQ(CloudErrorKindOf(client_.Poll(operation, {}).status()),
            Kind::kInvalid);
  EXPECT_EQ(operation.url, std::string(kEndpoint) + "/op");
}

TEST_F(ArmClientTest, ALongWaitIsNotBelieved) {
  ASSERT_OK_AND_ASSIGN(const auto operation,
                       client_.OperationOf(Accepted(
                           202, {{"location", std::string(kEndpoint) + "/op"},
                                 {"retry-after", "86400"}})));
  EXPECT_EQ(operation->next_poll, clock_.Now() + absl::Minutes(5));
}

}  // namespace
}  // namespace constellation::cloud::azure
