// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/credential_sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/engine/cloud_error.h"
#include "cloud/http/jwt.h"
#include "cloud/http/testing/scripted_transport.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/testing/rsa_pem.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = CloudErrorKind;

class CredentialSourcesTest : public ::testing::Test {
 protected:
  std::shared_ptr<TokenEndpoints> Endpoints() {
    return std::make_shared<TokenEndpoints>(CredentialOptions{
        .transport = &transport_, .clock = &clock_, .random = [] {
          return 0.0;
        }});
  }
  void Answer(const std::string& body, HttpHeaders headers = {},
              int status = 200) {
    transport_.Add(HttpResponse{
        .status = status, .headers = std::move(headers), .body = body});
  }
  HttpRequest Sent(size_t i = 0) { return transport_.requests().at(i); }
  static std::string HeaderOf(const HttpRequest& request,
                              std::string_view name) {
    for (const auto& [key, value] : request.headers) {
      if (key == name) {
        return value;
      }
    }
    return "";
  }
  std::unique_ptr<TokenSource> User(bool workforce = false) {
    return MakeRefreshToken({.token_uri = "https://oauth2.example/token",
                             .client_id = "i d",
                             .client_secret = "s&",
                             .refresh_token = "r",
                             .basic_authorization = workforce},
                            Endpoints());
  }

  ::constellation::testing::TempDir folder_;
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  cloud::testing::ScriptedTransport transport_;
};

TEST_F(CredentialSourcesTest, AFixedTokenIsAsItIs) {
  const auto source = MakeFixedToken("ya29.x");
  ASSERT_OK_AND_ASSIGN(const AccessToken token, source->Fetch());
  EXPECT_EQ(token.value, "ya29.x");
  EXPECT_EQ(token.expires, absl::InfiniteFuture());
}

TEST_F(CredentialSourcesTest, ServiceAccountsSignTheirOwnTokens) {
  auto key = crypto::RsaPrivateKey::FromPem(
      SecretBytes(AsBytes(crypto::testing::MakeRsaPem())));
  ASSERT_THAT(key, IsOk());
  const auto source =
      MakeServiceAccount({.email = "sa@example.com",
                          .key_id = "k1",
                          .token_uri = "https://oauth2.example/token",
                          .key = *std::move(key)},
                         Endpoints());
  ASSERT_OK_AND_ASSIGN(const AccessToken token, source->Fetch());
  EXPECT_THAT(transport_.requests(), IsEmpty());
  EXPECT_EQ(token.expires, clock_.Now() + absl::Hours(1));
  ASSERT_OK_AND_ASSIGN(const json claims, JwtClaimsUnverified(token.value));
  EXPECT_EQ(claims,
            json({{"iss", "sa@example.com"},
                  {"sub", "sa@example.com"},
                  {"scope", "https://www.googleapis.com/auth/cloud-platform"},
                  {"iat", 1'800'000'000},
                  {"exp", 1'800'003'600}}));
  // Once refused, by the token endpoint.
  source->Refused();
  Answer(R"({"access_token":"ya29.y","expires_in":100})");
  ASSERT_OK_AND_ASSIGN(const AccessToken exchanged, source->Fetch());
  EXPECT_EQ(exchanged.value, "ya29.y");
  EXPECT_EQ(exchanged.expires, clock_.Now() + absl::Seconds(100));
  EXPECT_EQ(Sent().url, "https://oauth2.example/token");
  constexpr std::string_view kStart =
      "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&"
      "assertion=";
  ASSERT_TRUE(Sent().body.starts_with(kStart));
  ASSERT_OK_AND_ASSIGN(const json assertion,
                       JwtClaimsUnverified(Sent().body.substr(kStart.size())));
  EXPECT_EQ(assertion.at("aud"), "https://oauth2.example/token");
  EXPECT_FALSE(assertion.contains("sub"));
}

TEST_F(CredentialSourcesTest, UsersSendTheirRefreshToken) {
  Answer(R"({"access_token":"ya29.z","expires_in":10})");
  ASSERT_OK_AND_ASSIGN(const AccessToken token, User()->Fetch());
  EXPECT_EQ(token.value, "ya29.z");
  EXPECT_EQ(Sent().body,
            "grant_type=refresh_token&refresh_token=r&client_id=i%20d&"
            "client_secret=s%26");
  EXPECT_EQ(HeaderOf(Sent(), "Authorization"), "");
  // A workforce's secret goes into a header (RFC 6749 section 2.3.1).
  EXPECT_THAT(User(/*workforce=*/true)->Fetch(), IsOk());
  EXPECT_EQ(Sent(1).body, "grant_type=refresh_token&refresh_token=r");
  EXPECT_EQ(HeaderOf(Sent(1), "Authorization"), "Basic aSBkOnMm");
}

TEST_F(CredentialSourcesTest, LifetimesAreBounded) {
  for (const auto& [answer, lifetime] :
       std::vector<std::pair<std::string, absl::Duration>>{
           {R"({"access_token":"t","expires_in":999999})", absl::Hours(12)},
           {R"({"access_token":"t","expires_in":-5})", absl::ZeroDuration()},
           {R"({"access_token":"t","expires_in":"9"})", absl::Minutes(5)},
           {R"({"access_token":"t"})", absl::Minutes(5)}}) {
    cloud::testing::ScriptedTransport fresh;
    fresh.Add(HttpResponse{.status = 200, .body = answer});
    const auto source =
        MakeRefreshToken({.token_uri = "https://oauth2.example/token"},
                         std::make_shared<TokenEndpoints>(CredentialOptions{
                             .transport = &fresh, .clock = &clock_}));
    ASSERT_OK_AND_ASSIGN(const AccessToken token, source->Fetch());
    EXPECT_EQ(token.expires, clock_.Now() + lifetime) << answer;
  }
}

TEST_F(CredentialSourcesTest, TellsUsersToLogInAgain) {
  Answer(R"({"error":"invalid_grant","error_description":"expired"})", {}, 400);
  const auto token = User()->Fetch();
  EXPECT_THAT(token,
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("gcloud auth application-default login")));
  EXPECT_EQ(CloudErrorKindOf(token.status()), Kind::kExpiredToken);
}

TEST_F(CredentialSourcesTest, RefusesAnswersThatAreNoTokens) {
  const std::vector<std::string> answers = {
      R"({"access_token":""})",
      R"({"access_token":"a\r\nX: y"})",
      R"({"access_token":"a b"})",
      R"({"access_token":7})",
      R"({"id_token":"x"})",
      R"({"access_token":")" + std::string(65537, 'a') + "\"}"};
  for (const std::string& answer : answers) {
    Answer(answer);
  }
  const auto source = User();
  for (const std::string& answer : answers) {
    EXPECT_THAT(source->Fetch(), StatusIs(absl::StatusCode::kUnauthenticated))
        << answer.substr(0, 100);
  }
}

class FederatedTest : public CredentialSourcesTest {
 protected:
  absl::StatusOr<AccessToken> Fetch() {
    return MakeFederatedToken(token_, Endpoints())->Fetch();
  }

  FederatedToken token_ = {.token_url = "https://sts.example/v1/token",
                           .audience = "//iam/a",
                           .subject_token_type = "urn:jwt"};
};

TEST_F(FederatedTest, ExchangesATokenFromAFile) {
  token_.file = folder_.Join("token");
  ASSERT_THAT(WriteFileAtomically(token_.file, "foreign\r\n"), IsOk());
  Answer(R"({"access_token":"ya29.f","expires_in":10})");
  ASSERT_OK_AND_ASSIGN(const AccessToken token, Fetch());
  EXPECT_EQ(token.value, "ya29.f");
  EXPECT_EQ(Sent().url, "https://sts.example/v1/token");
  EXPECT_EQ(
      Sent().body,
      "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&"
      "audience=%2F%2Fiam%2Fa&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2F"
      "cloud-platform&requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3A"
      "token-type%3Aaccess_token&subject_token_type=urn%3Ajwt&"
      "subject_token=foreign");
  // What writes the file renews it.
  ASSERT_THAT(WriteFileAtomically(token_.file, "newer"), IsOk());
  ASSERT_THAT(Fetch(), IsOk());
  EXPECT_THAT(Sent(1).body, HasSubstr("subject_token=newer"));
}

TEST_F(FederatedTest, ExchangesAFieldOfAnAnswer) {
  token_.url = "https://source.example/t?secret=1";
  token_.url_headers = {{"X-Flavor", "y"}};
  token_.json_field = "value";
  Answer(R"({"value":"foreign"})");
  Answer(R"({"access_token":"ya29.f"})");
  ASSERT_THAT(Fetch(), IsOk());
  EXPECT_EQ(HeaderOf(Sent(), "X-Flavor"), "y");
  EXPECT_THAT(Sent(1).body, HasSubstr("subject_token=foreign"));
}

TEST_F(FederatedTest, RefusesSourcesThatGiveNothing) {
  token_.file = folder_.Join("none");
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_THAT(WriteFileAtomically(token_.file, "\n"), IsOk());
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kUnauthenticated));
  token_.json_field = "value";
  ASSERT_THAT(WriteFileAtomically(token_.file, R"({"value":7})"), IsOk());
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kUnauthenticated));
  ASSERT_THAT(WriteFileAtomically(token_.file, "x"), IsOk());
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kInvalidArgument));
  token_.file.clear();
  token_.url = "https://source.example/t?secret=1";
  Answer("", {}, 403);
  EXPECT_THAT(Fetch(),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       ::testing::AllOf(HasSubstr("source.example/t"),
                                        ::testing::Not(HasSubstr("secret")))));
  EXPECT_THAT(transport_.requests(), SizeIs(1));  // no exchange was tried
}

TEST_F(CredentialSourcesTest, ImpersonatesWithTheBasesToken) {
  const auto source = MakeImpersonation(MakeFixedToken("base"),
                                        "https://iam.example/x:generate",
                                        {"delegate@example.com"}, Endpoints());
  Answer(R"({"accessToken":"ya29.i","expireTime":"2027-01-15T09:00:00Z"})");
  ASSERT_OK_AND_ASSIGN(const AccessToken token, source->Fetch());
  EXPECT_EQ(token.value, "ya29.i");
  EXPECT_EQ(token.expires, clock_.Now() + absl::Hours(1));
  EXPECT_EQ(HeaderOf(Sent(), "Authorization"), "Bearer base");
  EXPECT_EQ(Sent().body,
            R"({"delegates":["delegate@example.com"],"lifetime":"3600s",)"
            R"("scope":["https://www.googleapis.com/auth/cloud-platform"]})");
}

TEST_F(CredentialSourcesTest, ImpersonationRefusesHalfAnAnswer) {
  const std::vector<std::string> answers = {
      R"({"accessToken":"","expireTime":"2027-01-15T09:00:00Z"})",
      R"({"accessToken":"t","expireTime":"soon"})", R"({"accessToken":"t"})"};
  for (const std::string& answer : answers) {
    Answer(answer);
  }
  const auto source = MakeImpersonation(
      MakeFixedToken("base"), "https://iam.example/x", {}, Endpoints());
  for (const std::string& answer : answers) {
    EXPECT_THAT(source->Fetch(), StatusIs(absl::StatusCode::kUnauthenticated))
        << answer;
  }
}

TEST_F(CredentialSourcesTest, OnlyTheMetadataServerGivesTheVmsToken) {
  const auto source = MakeMetadataToken("http://169.254.169.254", Endpoints());
  const std::string token = R"({"access_token":"ya29.m","expires_in":60})";
  Answer(token, {{"metadata-flavor", "Google"}});
  Answer(token);
  Answer(token, {{"metadata-flavor", "Other"}});
  Answer("", {{"metadata-flavor", "Google"}}, 404);
  ASSERT_OK_AND_ASSIGN(const AccessToken fetched, source->Fetch());
  EXPECT_EQ(fetched.value, "ya29.m");
  EXPECT_EQ(Sent().url,
            "http://169.254.169.254/computeMetadata/v1/instance/"
            "service-accounts/default/token?scopes=https%3A%2F%2F"
            "www.googleapis.com%2Fauth%2Fcloud-platform");
  EXPECT_EQ(HeaderOf(Sent(), "Metadata-Flavor"), "Google");
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(source->Fetch(), StatusIs(absl::StatusCode::kUnauthenticated,
                                          HasSubstr("service account")));
  }
}

}  // namespace
}  // namespace constellation::cloud::gcp
