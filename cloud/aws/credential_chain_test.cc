// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/credential_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/aws/testing/function_transport.h"
#include "cloud/engine/cloud_error.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::TempDir;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::EnvironmentOf;
using testing::FunctionTransport;
using ::testing::HasSubstr;
using testing::HeaderOf;
using ::testing::Not;
using Kind = CloudErrorKind;

class FakeRunner final : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(const std::vector<std::string>& argv,
                                    const CommandOptions&) override {
    last = argv;
    return result;
  }
  CommandResult result;
  std::vector<std::string> last;
};

class CredentialChainTest : public ::testing::Test {
 protected:
  CredentialChainTest() {
    variables_ = {{"HOME", home_.path()},
                  {"AWS_EC2_METADATA_DISABLED", "true"}};
    EXPECT_THAT(MakeDirectories(home_.path() + "/.aws/sso/cache"), IsOk());
  }

  void Config(const std::string& text) {
    EXPECT_THAT(WriteFileAtomically(home_.path() + "/.aws/config", text),
                IsOk());
  }
  void Keys(const std::string& text) {
    EXPECT_THAT(WriteFileAtomically(home_.path() + "/.aws/credentials", text),
                IsOk());
  }

  absl::StatusOr<HttpResponse> Answer(const HttpRequest& request) {
    const auto found = answers_.find(request.url);
    return found == answers_.end()
               ? absl::StatusOr<HttpResponse>(
                     MakeTransportError(TransportError::kRefused, request.url))
               : found->second;
  }

  // An answer of STS with keys whose id is `id`.
  static HttpResponse StsAnswer(const std::string& id,
                                const std::string& expiry) {
    return {.status = 200,
            .body = "<R><XResult><Credentials><AccessKeyId>" + id +
                    "</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                    "<SessionToken>t</SessionToken><Expiration>" +
                    expiry + "</Expiration></Credentials></XResult></R>"};
  }

  CredentialChain Chain(const std::string& profile = "") {
    return CredentialChain({.environment = environment_,
                            .transport = transport_,
                            .clock = clock_,
                            .runner = runner_,
                            .region = "eu-west-1",
                            .profile = profile});
  }

  std::string IdOf(CredentialSource& chain) {
    const auto keys = chain.Get();
    EXPECT_THAT(keys, IsOk());
    return keys.ok() ? keys->access_key_id : "";
  }

  TempDir home_;
  std::map<std::string, std::string> variables_;
  Environment environment_ = EnvironmentOf(variables_);
  std::map<std::string, HttpResponse> answers_;
  FunctionTransport transport_{
      [this](const HttpRequest& request) { return Answer(request); }};
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};  // 2027-01-15 08:00
  FakeRunner runner_;
  const std::string sts_ = "https://sts.eu-west-1.amazonaws.com/";
  const std::string later_ = "2027-01-15T09:00:00Z";
};

TEST_F(CredentialChainTest, TheEnvironmentComesFirst) {
  Keys(
      "[default]\naws_access_key_id=FILE\naws_secret_access_key=x\n"
      "[other]\naws_access_key_id=OTHER\naws_secret_access_key=x\n");
  variables_["AWS_ACCESS_KEY_ID"] = "ENV";
  variables_["AWS_SECRET_ACCESS_KEY"] = "s";
  variables_["AWS_SESSION_TOKEN"] = "tok";
  auto chain = Chain();
  const auto keys = chain.Get();
  ASSERT_THAT(keys, IsOk());
  EXPECT_EQ(keys->access_key_id, "ENV");
  EXPECT_EQ(AsText(keys->secret_access_key.Expose()), "s");
  EXPECT_EQ(keys->session_token, "tok");
  EXPECT_THAT(chain.source(), HasSubstr("environment"));
  // A profile that the user names wins, one of the environment does not.
  auto named = Chain("other");
  EXPECT_EQ(IdOf(named), "OTHER");
  variables_["AWS_PROFILE"] = "other";
  auto again = Chain();
  EXPECT_EQ(IdOf(again), "ENV");
  variables_.erase("AWS_SECRET_ACCESS_KEY");
  EXPECT_THAT(Chain().Get(), Not(IsOk()));
}

TEST_F(CredentialChainTest, ReadsBothFiles) {
  Config(
      "[profile dev]\naws_access_key_id=CONFIG\naws_secret_access_key=x\n"
      "[default]\nregion=eu-central-1\n");
  variables_["AWS_PROFILE"] = "dev";
  auto config = Chain();
  EXPECT_EQ(IdOf(config), "CONFIG");
  Keys("[dev]\naws_access_key_id=KEYS\naws_secret_access_key=x\n");
  auto keys = Chain();
  EXPECT_EQ(IdOf(keys), "KEYS");
  const auto profiles = Profiles::Load(environment_);
  ASSERT_THAT(profiles, IsOk());
  EXPECT_EQ(ConfiguredRegion(environment_, *profiles, "default"),
            "eu-central-1");
  variables_["AWS_DEFAULT_REGION"] = "us-east-2";
  EXPECT_EQ(ConfiguredRegion(environment_, *profiles, "default"), "us-east-2");
  variables_["AWS_CONFIG_FILE"] = home_.path() + "/none";
  variables_["AWS_SHARED_CREDENTIALS_FILE"] = home_.path() + "/none";
  EXPECT_THAT(Chain().Get(), Not(IsOk()));
}

TEST_F(CredentialChainTest, TakesOnRoles) {
  Config(
      "[profile admin]\nrole_arn=arn:aws:iam::1:role/admin\n"
      "source_profile=base\nexternal_id=e&1\n");
  Keys("[base]\naws_access_key_id=BASE\naws_secret_access_key=x\n");
  answers_[sts_] = StsAnswer("ROLE", later_);
  auto chain = Chain("admin");
  EXPECT_EQ(IdOf(chain), "ROLE");
  const HttpRequest request = transport_.requests().back();
  EXPECT_THAT(request.body,
              AllOf(HasSubstr("Action=AssumeRole&"),
                    HasSubstr("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fadmin"),
                    HasSubstr("ExternalId=e%261")));
  EXPECT_THAT(HeaderOf(request, "Authorization"), HasSubstr("BASE/"));
}

TEST_F(CredentialChainTest, RolesThroughRoles) {
  Config(
      "[profile a]\nrole_arn=A\nsource_profile=b\n"
      "[profile b]\nrole_arn=B\nsource_profile=b\naws_access_key_id=BK\n"
      "aws_secret_access_key=x\n"
      "[profile c]\nrole_arn=C\nsource_profile=d\n"
      "[profile d]\nrole_arn=D\nsource_profile=c\n"
      "[profile e]\nrole_arn=E\ncredential_source=Environment\n"
      "[profile f]\nrole_arn=F\ncredential_source=Moon\n"
      "[profile g]\nrole_arn=G\n"
      "[profile h]\nrole_arn=H\nsource_profile=b\nmfa_serial=m\n");
  answers_[sts_] = StsAnswer("ROLE", later_);
  auto chain = Chain("a");
  EXPECT_EQ(IdOf(chain), "ROLE");
  EXPECT_EQ(transport_.requests().size(), 2U);
  EXPECT_THAT(Message(Chain("c").Get().status()), HasSubstr("circle"));
  EXPECT_THAT(Message(Chain("e").Get().status()), HasSubstr("no keys"));
  EXPECT_THAT(Message(Chain("f").Get().status()), HasSubstr("Moon"));
  EXPECT_THAT(Message(Chain("g").Get().status()), HasSubstr("want either"));
  EXPECT_THAT(Message(Chain("h").Get().status()), HasSubstr("MFA"));
  variables_["AWS_ACCESS_KEY_ID"] = "ENV";
  variables_["AWS_SECRET_ACCESS_KEY"] = "s";
  auto from_environment = Chain("e");
  EXPECT_EQ(IdOf(from_environment), "ROLE");
}

TEST_F(CredentialChainTest, WebIdentitiesAreNotSigned) {
  ASSERT_THAT(WriteFileAtomically(home_.path() + "/token", "ey.J.abc\n"),
              IsOk());
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = home_.path() + "/token";
  EXPECT_THAT(Message(Chain().Get().status()), HasSubstr("AWS_ROLE_ARN"));
  variables_["AWS_ROLE_ARN"] = "arn";
  answers_[sts_] = StsAnswer("WEB", later_);
  auto chain = Chain();
  EXPECT_EQ(IdOf(chain), "WEB");
  const HttpRequest request = transport_.requests().back();
  EXPECT_THAT(request.body, HasSubstr("WebIdentityToken=ey.J.abc"));
  EXPECT_EQ(HeaderOf(request, "Authorization"), "");
}

TEST_F(CredentialChainTest, UsesTheLoginOfIdentityCenter) {
  Config(
      "[profile s]\nsso_session=corp\nsso_account_id=1\nsso_role_name=a b\n"
      "[sso-session corp]\nsso_start_url=https://x\nsso_region=eu-west-1\n");
  EXPECT_EQ(CloudErrorKindOf(Chain("s").Get().status()), Kind::kExpiredToken);
  // sha1("corp")
  const std::string cache =
      home_.path() +
      "/.aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
  const auto login = [&](const std::string& expiry) {
    ASSERT_THAT(WriteFileAtomically(cache,
                                    "{\"accessToken\":\"bearer\","
                                    "\"expiresAt\":\"" +
                                        expiry + "\"}"),
                IsOk());
  };
  login("2027-01-15T07:59:59Z");
  EXPECT_THAT(Message(Chain("s").Get().status()), HasSubstr("aws sso login"));
  login("2027-01-15T09:00:00UTC");
  answers_
      ["https://portal.sso.eu-west-1.amazonaws.com/federation/credentials?"
       "role_name=a%20b&account_id=1"] = {
          .status = 200,
          .body =
              "{\"roleCredentials\":{\"accessKeyId\":\"SSO\","
              "\"secretAccessKey\":\"s\",\"sessionToken\":\"t\","
              "\"expiration\":1800003600000}}"};
  auto chain = Chain("s");
  EXPECT_EQ(IdOf(chain), "SSO");
  EXPECT_EQ(HeaderOf(transport_.requests().back(), "x-amz-sso_bearer_token"),
            "bearer");
}

TEST_F(CredentialChainTest, RunsProcesses) {
  Config("[default]\ncredential_process=\"/opt/my tool\" --a 'b c' d\\ e\n");
  runner_.result.out =
      "{\"Version\":1,\"AccessKeyId\":\"PROC\","
      "\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}";
  auto chain = Chain();
  EXPECT_EQ(IdOf(chain), "PROC");
  EXPECT_THAT(runner_.last, ElementsAre("/opt/my tool", "--a", "b c", "d e"));
  runner_.result.exit_code = 3;
  runner_.result.err = "boom";
  EXPECT_THAT(Message(Chain().Get().status()),
              AllOf(HasSubstr("exit code 3"), HasSubstr("boom")));
  runner_.result.exit_code = 0;
  runner_.result.out = "{}";
  EXPECT_EQ(CloudErrorKindOf(Chain().Get().status()), Kind::kBadCredentials);
}

TEST_F(CredentialChainTest, AsksTheContainer) {
  variables_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/x";
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "auth";
  answers_["http://169.254.170.2/v2/x"] = {
      .status = 200,
      .body =
          "{\"AccessKeyId\":\"ECS\",\"SecretAccessKey\":\"s\","
          "\"Token\":\"t\",\"Expiration\":\"" +
          later_ + "\"}"};
  auto chain = Chain();
  EXPECT_EQ(IdOf(chain), "ECS");
  EXPECT_EQ(HeaderOf(transport_.requests().back(), "Authorization"), "auth");
  variables_.erase("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://evil.example/";
  EXPECT_THAT(Message(Chain().Get().status()), HasSubstr("https"));
}

TEST_F(CredentialChainTest, TheContainersTokenStaysOnThisMachine) {
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "auth";
  for (const char* path :
       {"@evil.example/x", ".evil.example/x", ":80@evil.example/x"}) {
    variables_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = path;
    EXPECT_THAT(Message(Chain().Get().status()), HasSubstr("want https"))
        << path;
  }
  variables_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/x";
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "a\r\nHost: evil";
  EXPECT_THAT(Message(Chain().Get().status()), HasSubstr("line break"));
  EXPECT_TRUE(transport_.requests().empty());
}

TEST_F(CredentialChainTest, RefusesHostileAnswersOfTheContainer) {
  variables_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/x";
  HttpResponse& answer = answers_["http://169.254.170.2/x"];
  answer = {.status = 500};
  EXPECT_THAT(Message(Chain().Get().status()), HasSubstr("HTTP status 500"));
  for (const char* body :
       {"", "[]", "{}", "{\"AccessKeyId\":1,\"SecretAccessKey\":\"s\"}",
        "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"s\","
        "\"Expiration\":\"soon\"}"}) {
    answer = {.status = 200, .body = body};
    EXPECT_FALSE(Chain().Get().ok()) << body;
  }
}

TEST_F(CredentialChainTest, SaysWhatIdentityCenterRefused) {
  Config(
      "[profile s]\nsso_session=corp\nsso_account_id=1\nsso_role_name=r\n"
      "[profile none]\nsso_session=other\n"
      "[sso-session corp]\nsso_start_url=https://x\nsso_region=eu-west-1\n");
  EXPECT_THAT(Message(Chain("none").Get().status()),
              HasSubstr("no [sso-session other]"));
  ASSERT_THAT(
      WriteFileAtomically(
          home_.path() +
              "/.aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json",
          "{\"accessToken\":\"bearer\",\"expiresAt\":\"" + later_ + "\"}"),
      IsOk());
  HttpResponse& answer = answers_
      ["https://portal.sso.eu-west-1.amazonaws.com/federation/"
       "credentials?role_name=r&account_id=1"];
  answer = {.status = 401};
  auto refused = Chain("s").Get();
  EXPECT_EQ(CloudErrorKindOf(refused.status()), Kind::kExpiredToken);
  EXPECT_THAT(Message(refused.status()),
              HasSubstr("no longer accepted: run `aws sso login --profile s`"));
  answer = {.status = 403};
  refused = Chain("s").Get();
  EXPECT_EQ(CloudErrorKindOf(refused.status()), Kind::kBadCredentials);
  EXPECT_THAT(Message(refused.status()),
              HasSubstr("role \"r\" in account \"1\": HTTP status 403"));
  for (const char* body : {"", "{}", "{\"roleCredentials\":7}",
                           "{\"roleCredentials\":{\"accessKeyId\":\"a\"}}",
                           "{\"roleCredentials\":{\"accessKeyId\":\"a\","
                           "\"secretAccessKey\":\"s\",\"sessionToken\":\"t\","
                           "\"expiration\":-1}}"}) {
    answer = {.status = 200, .body = body};
    EXPECT_FALSE(Chain("s").Get().ok()) << body;
  }
}

TEST_F(CredentialChainTest, AsksTheInstance) {
  variables_.erase("AWS_EC2_METADATA_DISABLED");
  answers_["http://169.254.169.254/latest/api/token"] = {.status = 200,
                                                         .body = "tok"};
  answers_
      ["http://169.254.169.254/latest/meta-data/iam/"
       "security-credentials/role"] = {
          .status = 200,
          .body =
              "{\"AccessKeyId\":\"EC2\",\"SecretAccessKey\":\"s\","
              "\"Token\":\"t\",\"Expiration\":\"" +
              later_ + "\"}"};
  answers_
      ["http://169.254.169.254/latest/meta-data/iam/"
       "security-credentials/"] = {.status = 200, .body = "role\n"};
  auto chain = Chain();
  EXPECT_EQ(IdOf(chain), "EC2");
}

TEST_F(CredentialChainTest, SaysWhatWasTried) {
  const auto keys = Chain().Get();
  EXPECT_EQ(CloudErrorKindOf(keys.status()), Kind::kBadCredentials);
  EXPECT_THAT(
      Message(keys.status()),
      AllOf(HasSubstr("AWS_ACCESS_KEY_ID"), HasSubstr("profile \"default\""),
            HasSubstr("container"), HasSubstr("IMDSv2")));
  EXPECT_THAT(Message(Chain("nobody").Get().status()), HasSubstr("nobody"));
}

TEST_F(CredentialChainTest, RenewsBeforeExpiry) {
  Config("[profile a]\nrole_arn=A\nsource_profile=b\n");
  Keys("[b]\naws_access_key_id=BASE\naws_secret_access_key=x\n");
  answers_[sts_] = StsAnswer("FIRST", later_);
  auto chain = Chain("a");
  EXPECT_EQ(IdOf(chain), "FIRST");
  answers_[sts_] = StsAnswer("SECOND", "2027-01-15T10:00:00Z");
  clock_.Advance(absl::Minutes(49));
  EXPECT_EQ(IdOf(chain), "FIRST");
  clock_.Advance(absl::Minutes(2));
  EXPECT_EQ(IdOf(chain), "SECOND");
  // Old keys are used while they are good and new ones are not to be had.
  answers_.clear();
  clock_.Advance(absl::Minutes(61));
  EXPECT_EQ(IdOf(chain), "SECOND");
  clock_.Advance(absl::Minutes(20));
  EXPECT_THAT(chain.Get(), Not(IsOk()));
  chain.Discard();
  EXPECT_THAT(chain.Get(), Not(IsOk()));
}

}  // namespace
}  // namespace constellation::cloud::aws
