// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/access_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cloud/http/testing/scripted_transport.h"
#include "common/clock.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::cloud::testing::ScriptedTransport;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kGoodAnswer[] = R"({"access_token":"tok","expires_in":3600})";

TEST(TokenAnswerTest, TakesNumbersAndTexts) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const auto expires = [&](const std::string& body) {
    const auto token = ParseTokenAnswer({.status = 200, .body = body}, now);
    return token.ok() ? absl::ToInt64Seconds(token->expires - now) : -1;
  };
  EXPECT_EQ(expires(kGoodAnswer), 3600);
  EXPECT_EQ(expires(R"({"access_token":"t","expires_in":"90"})"), 90);
  EXPECT_EQ(expires(R"({"access_token":"t","expires_on":"1800000100"})"), 100);
  EXPECT_EQ(expires(R"({"access_token":"t","expires_in":99999999})"), 86400)
      << "nobody is believed for longer than a day";
}

TEST(TokenAnswerTest, RefusesWhatIsNone) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  for (const char* bad :
       {"", "[]", "{}", R"({"access_token":"t"})", R"({"expires_in":1})",
        R"({"access_token":"a b","expires_in":1})",
        R"({"access_token":"a\r\nX: y","expires_in":1})",
        R"({"access_token":"t","expires_in":"1x"})",
        R"({"access_token":7,"expires_in":1})"}) {
    EXPECT_THAT(ParseTokenAnswer({.status = 200, .body = bad}, now),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << bad;
  }
  EXPECT_THAT(
      ParseTokenAnswer(
          {.status = 200, .body = R"({"access_token":"t","expires_on":1})"},
          now),
      StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("clock")));
  EXPECT_THAT(
      ParseTokenAnswer(
          {.status = 401,
           .body =
               R"({"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret\r\nTrace"})"},
          now),
      StatusIs(absl::StatusCode::kUnauthenticated,
               HasSubstr("AADSTS7000215: Invalid client secret")));
  EXPECT_THAT(ParseTokenAnswer({.status = 503}, now),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST(CachedTokenTest, RenewsInTimeAndKeepsWhatWorks) {
  FakeClock clock(absl::FromUnixSeconds(1'800'000'000));
  int fetched = 0;
  bool fail = false;
  std::string claims;
  CachedToken token(
      clock, [&](std::string_view wanted) -> absl::StatusOr<AccessToken> {
        claims = wanted;
        if (fail) {
          return Unavailable("no");
        }
        return AccessToken{.value = std::to_string(++fetched),
                           .expires = clock.Now() + absl::Hours(1)};
      });
  EXPECT_EQ(*token.Get(), "1");
  EXPECT_FALSE(token.Renew("")) << "a second one would be refused as well";
  clock.Advance(absl::Minutes(54));
  EXPECT_EQ(*token.Get(), "1");
  clock.Advance(absl::Minutes(2));
  fail = true;
  EXPECT_EQ(*token.Get(), "1") << "valid for four minutes yet";
  clock.Advance(absl::Minutes(5));
  EXPECT_THAT(token.Get(), StatusIs(absl::StatusCode::kUnavailable));
  fail = false;
  EXPECT_EQ(*token.Get(), "2");
  EXPECT_TRUE(token.Renew("{}"));
  EXPECT_EQ(*token.Get(), "3");
  EXPECT_EQ(claims, "{}");
}

TEST(ManagedIdentityTest, IsPatientOnNodes) {
  FakeClock clock(absl::FromUnixSeconds(1'800'000'000));
  ScriptedTransport transport;
  transport.AddStatus(429);
  transport.AddStatus(404);
  transport.Add(HttpResponse{.status = 200, .body = kGoodAnswer});
  EXPECT_THAT(FetchManagedIdentityToken(transport, clock, {}, true), IsOk());
  EXPECT_THAT(transport.requests(), SizeIs(3));
  ScriptedTransport none;
  none.AddStatus(400);
  EXPECT_THAT(FetchManagedIdentityToken(none, clock, {}, true),
              StatusIs(absl::StatusCode::kNotFound));
  ScriptedTransport dead;
  dead.AddError(TransportError::kTimeout);
  EXPECT_THAT(FetchManagedIdentityToken(dead, clock, {}, true),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(dead.requests(), SizeIs(5));
}

// A cli with `az` may run on a machine of another cloud.
TEST(ManagedIdentityTest, PassesOverOtherCloudsServices) {
  FakeClock clock(absl::FromUnixSeconds(1'800'000'000));
  for (const int status : {401, 403, 404, 405}) {
    ScriptedTransport other;
    other.Add(HttpResponse{.status = status, .body = "<html>Not here</html>"});
    EXPECT_THAT(FetchManagedIdentityToken(other, clock, {}, false),
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("not Azure's")))
        << status;
    EXPECT_THAT(other.requests(), SizeIs(1));
  }
  ScriptedTransport azure;
  azure.Add(HttpResponse{
      .status = 403,
      .body = R"({"error":"forbidden","error_description":"no"})"});
  EXPECT_THAT(FetchManagedIdentityToken(azure, clock, {}, false),
              StatusIs(absl::StatusCode::kUnauthenticated))
      << "its own refusal is told";
  ScriptedTransport service;
  service.AddStatus(401);
  EXPECT_THAT(FetchManagedIdentityToken(service, clock,
                                        {.endpoint = "https://x.example/token",
                                         .identity_header = "s"},
                                        false),
              StatusIs(absl::StatusCode::kUnauthenticated))
      << "somebody has configured that one";
}

TEST(ManagedIdentityTest, SpeaksAppServicesProtocol) {
  FakeClock clock(absl::FromUnixSeconds(1'800'000'000));
  ScriptedTransport transport;
  transport.Add(HttpResponse{.status = 200, .body = kGoodAnswer});
  ASSERT_THAT(
      FetchManagedIdentityToken(transport, clock,
                                {.endpoint = "http://127.0.0.1:41/msi/token",
                                 .client_id = "a b",
                                 .identity_header = "s3cret"},
                                false),
      IsOk());
  const HttpRequest request = transport.requests().at(0);
  EXPECT_EQ(request.url,
            "http://127.0.0.1:41/msi/token?api-version=2019-08-01&resource="
            "https%3A%2F%2Fmanagement.azure.com%2F&client_id=a%20b");
  EXPECT_THAT(request.headers,
              ElementsAre(Pair("X-IDENTITY-HEADER", "s3cret")));
}

TEST(ManagedIdentityTokensTest, AsksOnceForAllRequests) {
  FakeClock clock(absl::FromUnixSeconds(1'800'000'000));
  ScriptedTransport transport;
  transport.Add(HttpResponse{.status = 200, .body = kGoodAnswer});
  ManagedIdentityTokens tokens(transport, clock, {});
  EXPECT_EQ(*tokens.Token(), "tok");
  EXPECT_EQ(*tokens.Token(), "tok");
  EXPECT_THAT(transport.requests(), SizeIs(1));
  clock.Advance(absl::Minutes(2));
  EXPECT_TRUE(tokens.Renew(""));
  EXPECT_EQ(*tokens.Token(), "tok");
  EXPECT_THAT(transport.requests(), SizeIs(2));
}

}  // namespace
}  // namespace constellation::cloud::azure
