// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/keystone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cloud/engine/cloud_error.h"
#include "cloud/http/testing/routed_transport.h"
#include "cloud/json_fields.h"
#include "common/clock.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::openstack {
namespace {

using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

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

class KeystoneTest : public ::testing::Test {
 protected:
  absl::StatusOr<Login> LogIn(const CloudEntry& entry) {
    transport_.Reset("POST /v3/auth/tokens");
    transport_.On("POST /v3/auth/tokens", 201, DumpJson(Token()),
                  {{"x-subject-token", "tok"}});
    Keystone keystone(transport_, clock_, environment_,
                      [&] { return absl::StatusOr<CloudEntry>(entry); });
    return keystone.Current();
  }
  CloudEntry Entry(const char* key = "region_name", const char* value = "R1") {
    CloudEntry entry = PasswordEntry();
    entry["region_name"] = "R1";
    entry[key] = value;
    return entry;
  }

  std::map<std::string, std::string, std::less<>> variables_;
  const Environment environment_ =
      [this](std::string_view name) -> std::optional<std::string> {
    const auto found = variables_.find(name);
    return found == variables_.end() ? std::nullopt
                                     : std::optional(found->second);
  };
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  cloud::testing::RoutedTransport transport_;
};

TEST_F(KeystoneTest, AddressesCanBeMoved) {
  ASSERT_OK_AND_ASSIGN(Login login, LogIn(Entry("network_endpoint_override",
                                                "https://other.example/")));
  EXPECT_EQ(login.endpoints.at("network"), "https://other.example/v2.0");
  EXPECT_EQ(login.endpoints.at("identity"), "https://cloud.example:5000/v3")
      << "as the user named it";
  EXPECT_THAT(LogIn(Entry("compute_endpoint_override", "ftp://x")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("compute_endpoint_override")));
}

TEST_F(KeystoneTest, NamesTheAddressThatRefuses) {
  Keystone keystone(transport_, clock_, environment_,
                    [&] { return absl::StatusOr<CloudEntry>(Entry()); });
  transport_.On("POST /v3/auth/tokens", 401,
                R"({"error":{"code":401,"message":"no such user"}})");
  const absl::Status status = keystone.Current().status();
  EXPECT_EQ(CloudErrorKindOf(status), CloudErrorKind::kBadCredentials);
  EXPECT_THAT(
      std::string(Message(status)),
      HasSubstr("login at https://cloud.example:5000/v3: no such user"));
  EXPECT_THAT(std::string(Message(status)), Not(HasSubstr("secret")));
}

TEST_F(KeystoneTest, DropsOnlyTheTokenThatWasRefused) {
  transport_.On("POST /v3/auth/tokens", 201, DumpJson(Token()),
                {{"x-subject-token", "tok"}});
  Keystone keystone(transport_, clock_, environment_,
                    [&] { return absl::StatusOr<CloudEntry>(Entry()); });
  ASSERT_OK_AND_ASSIGN(Login login, keystone.Current());
  keystone.Reject("an older one");
  ASSERT_OK_AND_ASSIGN(login, keystone.Current());
  EXPECT_EQ(transport_.requests().size(), 1U);
  keystone.Reject("tok");
  ASSERT_OK_AND_ASSIGN(login, keystone.Current());
  EXPECT_EQ(transport_.requests().size(), 2U);
}

}  // namespace
}  // namespace constellation::cloud::openstack
