// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/keystone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/engine/cloud_error.h"
#include "cloud/http/testing/scripted_transport.h"
#include "cloud/json_fields.h"
#include "cloud/openstack/client.h"
#include "cloud/openstack/openstack_error.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::openstack {
namespace {

using cloud::testing::ScriptedTransport;
using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

CloudEntry PasswordEntry() {
  return {{"auth.auth_url", "https://cloud.example:5000"},
          {"auth.username", "demo"},
          {"auth.password", "secret"},
          {"auth.user_domain_name", "Default"},
          {"auth.project_name", "shop"},
          {"auth.project_domain_name", "Default"}};
}

json Catalog() {
  const auto endpoint = [](const char* interface, const char* region,
                           const char* url) {
    return json{{"interface", interface}, {"region_id", region}, {"url", url}};
  };
  return {
      {{"type", "compute"},
       {"endpoints",
        {endpoint("internal", "R1", "http://10.0.0.1/v2.1"),
         endpoint("public", "R1", "https://r1.example/v2.1/"),
         endpoint("public", "R2", "https://r2.example/v2.1")}}},
      {{"type", "network"},
       {"endpoints", {endpoint("public", "R1", "https://n1.example")}}},
      {{"type", "volumev3"},
       {"endpoints", {endpoint("public", "R1", "https://c1.example/v3/p")}}},
      {{"type", "image"},
       {"endpoints", {endpoint("public", "R1", "file:///etc/passwd")}}},
      {{"type", "load-balancer"},
       {"endpoints", {endpoint("public", "R1", "https://l1.example/lb")}}}};
}

json Token() {
  return {{"token",
           {{"expires_at", "2030-01-01T00:00:00.000000Z"},
            {"user", {{"id", "u"}, {"name", "demo"}}},
            {"project", {{"id", "p1"}, {"name", "shop"}}},
            {"catalog", Catalog()}}}};
}

TEST(AuthRequestTest, LogsInWithAPassword) {
  ASSERT_OK_AND_ASSIGN(const json body, AuthRequest(PasswordEntry()));
  EXPECT_EQ(body, json::parse(R"({"auth":{
    "identity":{"methods":["password"],"password":{"user":{
      "name":"demo","domain":{"name":"Default"},"password":"secret"}}},
    "scope":{"project":{"name":"shop","domain":{"name":"Default"}}}}})"));
}

TEST(AuthRequestTest, LogsInWithAnApplicationCredentialWithoutScope) {
  CloudEntry entry = PasswordEntry();
  entry["auth_type"] = "v3applicationcredential";
  entry["auth.application_credential_id"] = "ac";
  entry["auth.application_credential_secret"] = "s";
  ASSERT_OK_AND_ASSIGN(json body, AuthRequest(entry));
  EXPECT_EQ(body, json::parse(R"({"auth":{"identity":{
    "methods":["application_credential"],
    "application_credential":{"id":"ac","secret":"s"}}}})"));
  entry.erase("auth.application_credential_id");
  entry["auth.application_credential_name"] = "robot";
  ASSERT_OK_AND_ASSIGN(body, AuthRequest(entry));
  EXPECT_EQ(body["auth"]["identity"]["application_credential"]["user"],
            json::parse(R"({"name":"demo","domain":{"name":"Default"}})"));
}

TEST(AuthRequestTest, LogsInWithAToken) {
  const CloudEntry entry = {{"auth.token", "t"}, {"auth.project_id", "p"}};
  ASSERT_OK_AND_ASSIGN(const json body, AuthRequest(entry));
  EXPECT_EQ(body, json::parse(R"({"auth":{
    "identity":{"methods":["token"],"token":{"id":"t"}},
    "scope":{"project":{"id":"p"}}}})"));
}

TEST(AuthRequestTest, NamesWhatIsMissingAndShowsNoSecret) {
  for (const auto& [key, word] : std::map<std::string, std::string>{
           {"auth.username", "username"},
           {"auth.user_domain_name", "user_domain"},
           {"auth.password", "password"},
           {"auth.project_name", "project_name"},
           {"auth.project_domain_name", "project_domain"}}) {
    CloudEntry entry = PasswordEntry();
    entry.erase(key);
    if (key == "auth.password") {
      entry["auth_type"] = "password";
    }
    const absl::Status status = AuthRequest(entry).status();
    EXPECT_THAT(status,
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(word)));
    EXPECT_THAT(std::string(Message(status)), Not(HasSubstr("secret")));
  }
  CloudEntry entry = PasswordEntry();
  entry["auth_type"] = "v3oidcpassword";
  EXPECT_THAT(AuthRequest(entry),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"oidcpassword\" is not supported")));
}

TEST(IdentityUrlTest, EndsWithItsVersion) {
  for (const char* url :
       {"https://c.example:5000", "https://c.example:5000/",
        "https://c.example:5000/v3/", "https://c.example:5000/v2.0"}) {
    EXPECT_THAT(IdentityUrl({{"auth.auth_url", url}}),
                IsOkAndHolds(::testing::Eq("https://c.example:5000/v3")));
  }
  for (const char* url : {"", "ftp://c.example", "https://u@c.example",
                          "https://c.example/?x", "c.example"}) {
    EXPECT_THAT(IdentityUrl({{"auth.auth_url", url}}),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(ParseLoginTest, TakesTheRegionsPublicEndpoints) {
  ASSERT_OK_AND_ASSIGN(const Login login,
                       ParseLogin(DumpJson(Token()), "tok", "R1", ""));
  EXPECT_EQ(login.endpoints.at("compute"), "https://r1.example/v2.1");
  EXPECT_EQ(login.endpoints.at("network"), "https://n1.example/v2.0");
  EXPECT_EQ(login.endpoints.at("block-storage"), "https://c1.example/v3/p");
  EXPECT_EQ(login.endpoints.at("load-balancer"), "https://l1.example/lb/v2");
  EXPECT_FALSE(login.endpoints.contains("image")) << "not an http URL";
  EXPECT_EQ(login.project_id, "p1");
  ASSERT_OK_AND_ASSIGN(const Login second,
                       ParseLogin(DumpJson(Token()), "tok", "R2", "publicURL"));
  EXPECT_EQ(second.endpoints.at("compute"), "https://r2.example/v2.1");
  EXPECT_FALSE(second.endpoints.contains("network"));
}

TEST(ParseLoginTest, RefusesWhatItCannotUse) {
  const std::string good = DumpJson(Token());
  EXPECT_THAT(ParseLogin(good, "tok", "", ""),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("several regions (R1, R2)")));
  EXPECT_EQ(CloudErrorKindOf(ParseLogin(good, "tok", "R9", "").status()),
            CloudErrorKind::kUnsupportedRegion);
  EXPECT_THAT(ParseLogin(good, "", "R1", ""),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseLogin(good, "a\r\nX: y", "R1", ""),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseLogin(good, std::string(8193, 'a'), "R1", ""),
              StatusIs(absl::StatusCode::kInvalidArgument));
  json token = Token();
  token["token"]["expires_at"] = 5;
  EXPECT_THAT(
      ParseLogin(DumpJson(token), "tok", "R1", ""),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expires_at")));
  token = Token();
  token["token"].erase("project");
  EXPECT_EQ(
      CloudErrorKindOf(ParseLogin(DumpJson(token), "t", "R1", "").status()),
      CloudErrorKind::kWrongProject);
  EXPECT_THAT(ParseLogin("[]", "tok", "", ""),
              StatusIs(absl::StatusCode::kInvalidArgument));
  // Types that nobody expects are no endpoints.
  token = Token();
  token["token"]["catalog"] = json::parse(
      R"([5, {"type":"compute"}, {"type":"compute","endpoints":[7,{"url":9}]}])");
  ASSERT_OK_AND_ASSIGN(const Login login,
                       ParseLogin(DumpJson(token), "tok", "", ""));
  EXPECT_TRUE(login.endpoints.empty());
}

class ClientTest : public ::testing::Test {
 protected:
  ClientTest()
      : client_(transport_, clock_, environment_, [this] {
          ++asked_;
          CloudEntry entry = PasswordEntry();
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

struct ErrorCase {
  int status;
  const char* body;
  CloudErrorKind kind;
  const char* text;
};

TEST(DecodeErrorTest, UnderstandsEveryServicesShape) {
  using Kind = CloudErrorKind;
  for (
      const ErrorCase& each : std::initializer_list<ErrorCase>{
          {401,
           R"({"error":{"code":401,"title":"Unauthorized","message":"no"}})",
           Kind::kBadCredentials, "no"},
          {403,
           R"({"forbidden":{"code":403,"message":"Quota exceeded for cores"}})",
           Kind::kQuota, "Quota exceeded for cores"},
          {403, R"({"forbidden":{"message":"Policy doesn't allow it"}})",
           Kind::kPermission, "Policy"},
          {409,
           R"({"NeutronError":{"type":"OverQuota","message":"Quota exceeded"}})",
           Kind::kQuota, "Quota"},
          {409, R"({"NeutronError":{"type":"SubnetInUse","message":"in use"}})",
           Kind::kDependency, "in use"},
          {404,
           R"({"NeutronError":{"type":"PortNotFound","message":"not found"}})",
           Kind::kNotFound, "not found"},
          {409,
           R"({"NeutronError":{"type":"ExternalIpAddressExhausted","message":"x"}})",
           Kind::kCapacity, "x"},
          {409, R"({"faultstring":"Load Balancer x is immutable"})",
           Kind::kConflict, "immutable"},
          {409,
           R"({"conflictingRequest":{"message":"in task_state deleting"}})",
           Kind::kConflict, "task_state"},
          {413, R"({"overLimit":{"code":413,"message":"VolumeLimitExceeded"}})",
           Kind::kQuota, "VolumeLimitExceeded"},
          {400,
           R"({"badRequest":{"message":"Volume status must be available"}})",
           Kind::kConflict, "must be"},
          {400, R"({"badRequest":{"message":"bad flavor"}})", Kind::kInvalid,
           "bad flavor"},
          {501, R"({"faultstring":"Provider 'ovn' does not support it"})",
           Kind::kInvalid, "does not support"},
          {404, "<html><head></head><body>No  image\n</body></html>",
           Kind::kNotFound, "No image"},
          {503, "", Kind::kUnclear, "HTTP status 503"},
          {429, "", Kind::kThrottled, "429"},
          {500, R"({"computeFault":"text"})", Kind::kUnclear, "500"},
          {500, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", Kind::kUnclear,
           "["}}) {
    const CloudError error =
        DecodeError({.status = each.status,
                     .headers = {{"x-compute-request-id", "req-1"}},
                     .body = each.body});
    EXPECT_EQ(CloudErrorKindName(error.kind), CloudErrorKindName(each.kind))
        << each.body;
    EXPECT_THAT(error.message, HasSubstr(each.text));
    EXPECT_EQ(error.request_id, "req-1");
  }
  const HttpResponse limited{.status = 413, .headers = {{"retry-after", "5"}}};
  EXPECT_EQ(DecodeError(limited).kind, CloudErrorKind::kThrottled);
  EXPECT_EQ(ClassifyAnswer(limited), AnswerClass::kThrottled);
}

}  // namespace
}  // namespace constellation::cloud::openstack
