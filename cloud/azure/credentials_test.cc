// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cloud/http/testing/scripted_transport.h"
#include "common/clock.h"
#include "common/command.h"
#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::cloud::testing::ScriptedTransport;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kTenant[] = "00000000-0000-4000-8000-000000000002";
constexpr char kGoodAnswer[] = R"({"access_token":"tok","expires_in":3600})";

// `az`, as prepared.
class FakeAz final : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(
      const std::vector<std::string>& argv,
      const CommandOptions& /*options*/) override {
    argv_ = argv;
    return result_;
  }
  absl::StatusOr<CommandResult> result_ = absl::NotFoundError("no az");
  std::vector<std::string> argv_;
};

class ChainTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::string> Token() {
    chain_ = std::make_unique<CredentialChain>(
        CredentialOptions{.environment = environment_,
                          .transport = transport_,
                          .clock = clock_,
                          .runner = az_});
    return chain_->Token();
  }
  void AnswerToken() {
    transport_.Add(HttpResponse{.status = 200, .body = kGoodAnswer});
  }

  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  ScriptedTransport transport_;
  FakeAz az_;
  std::map<std::string, std::string, std::less<>> variables_;
  Environment environment_ =
      [this](std::string_view name) -> std::optional<std::string> {
    const auto found = variables_.find(name);
    return found == variables_.end() ? std::nullopt
                                     : std::optional(found->second);
  };
  std::unique_ptr<CredentialChain> chain_;
};

TEST_F(ChainTest, NamesEverythingItTried) {
  transport_.AddError(TransportError::kRefused);
  const auto token = Token();
  EXPECT_THAT(token.status(), StatusIs(absl::StatusCode::kUnauthenticated));
  for (const char* source :
       {"EnvironmentCredential", "WorkloadIdentityCredential",
        "ManagedIdentityCredential", "AzureCliCredential", "az login"}) {
    EXPECT_THAT(std::string(Message(token.status())), HasSubstr(source));
  }
}

TEST_F(ChainTest, ASecretInTheEnvironmentComesFirst) {
  variables_ = {{"AZURE_TENANT_ID", kTenant},
                {"AZURE_CLIENT_ID", "app"},
                {"AZURE_CLIENT_SECRET", "p&w="},
                {"AZURE_FEDERATED_TOKEN_FILE", "/nonexistent"}};
  AnswerToken();
  EXPECT_EQ(*Token(), "tok");
  EXPECT_EQ(chain_->source(), "EnvironmentCredential");
  const HttpRequest request = transport_.requests().at(0);
  EXPECT_EQ(request.url, std::string("https://login.microsoftonline.com/") +
                             kTenant + "/oauth2/v2.0/token");
  EXPECT_EQ(request.body,
            "grant_type=client_credentials&scope=https%3A%2F%2Fmanagement."
            "azure.com%2F.default&client_id=app&client_secret=p%26w%3D");
}

TEST_F(ChainTest, TakesTerraformsNames) {
  variables_ = {{"ARM_TENANT_ID", kTenant},
                {"ARM_CLIENT_ID", "app"},
                {"ARM_CLIENT_SECRET", "x"}};
  AnswerToken();
  EXPECT_EQ(*Token(), "tok");
}

TEST_F(ChainTest, AWrongSecretEndsTheSearch) {
  variables_ = {{"AZURE_TENANT_ID", kTenant},
                {"AZURE_CLIENT_ID", "app"},
                {"AZURE_CLIENT_SECRET", "x"}};
  az_.result_ = CommandResult{.out = R"({"accessToken":"other"})", .err = ""};
  transport_.Add(HttpResponse{
      .status = 401,
      .body = R"({"error":"e","error_description":"AADSTS7000215: no"})"});
  EXPECT_THAT(Token(), StatusIs(absl::StatusCode::kUnauthenticated,
                                HasSubstr("AADSTS7000215")));
}

TEST_F(ChainTest, ReadsTheFederatedTokenEachTime) {
  const ::constellation::testing::TempDir dir;
  const std::string path = dir.path() + "/token";
  ASSERT_THAT(WriteFileAtomically(path, " first\n"), IsOk());
  variables_ = {{"AZURE_TENANT_ID", kTenant},
                {"AZURE_CLIENT_ID", "app"},
                {"AZURE_FEDERATED_TOKEN_FILE", path}};
  AnswerToken();
  EXPECT_EQ(*Token(), "tok");
  EXPECT_EQ(chain_->source(), "WorkloadIdentityCredential");
  ASSERT_THAT(WriteFileAtomically(path, "second"), IsOk());
  clock_.Advance(absl::Hours(2));
  EXPECT_THAT(chain_->Token(), IsOk());
  ASSERT_THAT(transport_.requests(), SizeIs(2));
  EXPECT_THAT(transport_.requests()[0].body,
              HasSubstr("client_assertion=first"));
  EXPECT_THAT(transport_.requests()[1].body,
              HasSubstr("client_assertion=second"));
}

TEST_F(ChainTest, AsksTheMachineThenAz) {
  variables_ = {{"AZURE_CLIENT_ID", "app"}};
  AnswerToken();
  EXPECT_EQ(*Token(), "tok");
  const HttpRequest request = transport_.requests().at(0);
  EXPECT_EQ(request.url,
            "http://169.254.169.254/metadata/identity/oauth2/token?api-version="
            "2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F&client_"
            "id=app");
  EXPECT_LE(request.connect_timeout, absl::Seconds(1));
}

TEST_F(ChainTest, AsksAz) {
  transport_.AddError(TransportError::kRefused);
  az_.result_ = CommandResult{
      .out = R"({"accessToken":"from-az","expires_on":1800003600})", .err = ""};
  EXPECT_EQ(*Token(), "from-az");
  EXPECT_THAT(az_.argv_, ElementsAre("az", "account", "get-access-token",
                                     "--output", "json", "--resource",
                                     "https://management.azure.com"));
  az_.result_ = CommandResult{
      .exit_code = 1, .out = "", .err = "Please run 'az login' to setup"};
  EXPECT_THAT(Token(), StatusIs(absl::StatusCode::kUnauthenticated,
                                HasSubstr("run `az login`")));
  az_.result_ = CommandResult{.exit_code = 2, .out = "", .err = "no network"};
  EXPECT_THAT(Token(), StatusIs(absl::StatusCode::kUnauthenticated,
                                HasSubstr("no network")));
}

// On a VM of another cloud its metadata service answers at the same address.
TEST_F(ChainTest, AsksAzOnOtherCloudsMachines) {
  transport_.Add(HttpResponse{.status = 404, .body = "<html></html>"});
  az_.result_ = CommandResult{
      .out = R"({"accessToken":"from-az","expires_on":1800003600})", .err = ""};
  EXPECT_EQ(*Token(), "from-az");
  EXPECT_EQ(chain_->source(), "AzureCliCredential");
}

TEST_F(ChainTest, KeepsIdentityHeadersOnThisMachine) {
  variables_ = {{"IDENTITY_ENDPOINT", "http://10.0.0.1/token"},
                {"IDENTITY_HEADER", "s3cret"}};
  EXPECT_THAT(Token(), StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("IDENTITY_ENDPOINT")));
  EXPECT_THAT(transport_.requests(), SizeIs(0));
}

TEST_F(ChainTest, DoesNotOfferASecretTwiceToABrokenTls) {
  variables_ = {{"AZURE_TENANT_ID", kTenant},
                {"AZURE_CLIENT_ID", "app"},
                {"AZURE_CLIENT_SECRET", "x"}};
  transport_.AddError(TransportError::kTls);
  EXPECT_FALSE(Token().ok());
  EXPECT_THAT(transport_.requests(), SizeIs(1));
}

TEST_F(ChainTest, RefusesCertificatesItCannotRead) {
  variables_ = {{"AZURE_TENANT_ID", kTenant},
                {"AZURE_CLIENT_ID", "app"},
                {"AZURE_CLIENT_CERTIFICATE_PATH", "/nonexistent.pem"}};
  EXPECT_THAT(Token(), StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("/nonexistent.pem")));
  variables_["AZURE_CLIENT_CERTIFICATE_PASSWORD"] = "x";
  EXPECT_THAT(Token(), StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("password are not supported")));
}

TEST_F(ChainTest, CanBeNarrowed) {
  variables_ = {{"AZURE_TOKEN_CREDENTIALS", "dev"},
                {"AZURE_TENANT_ID", kTenant},
                {"AZURE_CLIENT_ID", "app"},
                {"AZURE_CLIENT_SECRET", "x"}};
  EXPECT_THAT(Token(), StatusIs(absl::StatusCode::kUnauthenticated,
                                HasSubstr("AzureCliCredential")));
  EXPECT_THAT(transport_.requests(), SizeIs(0));
  variables_["AZURE_TOKEN_CREDENTIALS"] = "browser";
  EXPECT_THAT(Token(), StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("AZURE_TOKEN_CREDENTIALS")));
}

TEST_F(ChainTest, RefusesATenantThatChangesTheAddress) {
  variables_ = {{"AZURE_TENANT_ID", "x/../y"},
                {"AZURE_CLIENT_ID", "app"},
                {"AZURE_CLIENT_SECRET", "x"}};
  EXPECT_THAT(Token(), StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("tenant")));
}

TEST(SubscriptionTest, IsThatOfAz) {
  const ::constellation::testing::TempDir dir;
  std::map<std::string, std::string, std::less<>> variables = {
      {"AZURE_CONFIG_DIR", dir.path()}};
  const Environment environment =
      [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt
                                    : std::optional(found->second);
  };
  EXPECT_THAT(DefaultSubscription(environment),
              StatusIs(absl::StatusCode::kNotFound));
  ASSERT_THAT(
      WriteFileAtomically(
          dir.path() + "/azureProfile.json",
          "\xef\xbb\xbf{\"subscriptions\":[{\"id\":\"a\",\"isDefault\":false},"
          "7,{\"id\":\"b\",\"isDefault\":true}]}"),
      IsOk());
  EXPECT_EQ(*DefaultSubscription(environment), "b");
  variables["ARM_SUBSCRIPTION_ID"] = "c";
  EXPECT_EQ(*DefaultSubscription(environment), "c");
}

TEST(AudienceTest, FollowsTheCloud) {
  EXPECT_EQ(ArmAudience("http://127.0.0.1:1"), "https://management.azure.com");
  EXPECT_EQ(ArmAudience("https://management.usgovcloudapi.net"),
            "https://management.usgovcloudapi.net");
}

}  // namespace
}  // namespace constellation::cloud::azure
