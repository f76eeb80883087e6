// SPDX-License-Identifier: Apache-2.0
// Every kind of credentials, against token endpoints that verify signatures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/engine/cloud_error.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/rsa_private_key.h"
#include "crypto/testing/rsa_pem.h"
#include "tests/integration/gcp/gcp_world.h"

namespace constellation::cloud::gcp::testing {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kAccount[] = "sa@demo-project.iam.gserviceaccount.com";
constexpr char kJwtBearer[] = "urn:ietf:params:oauth:grant-type:jwt-bearer";
constexpr char kExchange[] = "urn:ietf:params:oauth:grant-type:token-exchange";

class GcpLoginTest : public ::testing::Test {
 protected:
  GcpLoginTest() {
    static const std::string pem = crypto::testing::MakeRsaPem();
    const auto key =
        crypto::RsaPrivateKey::FromPem(SecretBytes(AsBytes(pem))).value();
    Auth({{"tokens", json::object()},
          {"accounts",
           {{kAccount,
             {{"key_id", "k1"}, {"spki", Base64Encode(key.PublicSpki())}}}}},
          {"refresh_tokens", {{"1//r", {"client", "secret"}}}},
          {"subject_tokens", {{"foreign", "//iam/pool"}}}});
    service_account_ = {{"type", "service_account"},
                        {"private_key_id", "k1"},
                        {"private_key", pem},
                        {"client_email", kAccount},
                        {"token_uri", world_.server.url() + "/token"}};
    world_.variables.erase("GOOGLE_OAUTH_ACCESS_TOKEN");
  }

  void Auth(const json& wanted) {
    world_.server.Control("/_ctl", {{"auth", wanted}});
  }
  // One call with these credentials.
  absl::Status Try(const json& credentials) {
    const std::string path = folder_.Join("credentials.json");
    EXPECT_THAT(WriteFileAtomically(path, credentials.dump()), IsOk());
    world_.variables["GOOGLE_APPLICATION_CREDENTIALS"] = path;
    return Try();
  }
  absl::Status Try() {
    EXPECT_THAT(world_.Start(), IsOk());
    return world_.provider->Instances(world_.request.identity).status();
  }
  std::vector<std::string> Grants() {
    return world_.server.Control("/_log").at("grants");
  }
  json External(const json& source) {
    return {{"type", "external_account"},
            {"audience", "//iam/pool"},
            {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"},
            {"token_url", world_.server.url() + "/sts/v1/token"},
            {"credential_source", source}};
  }

  TempDir folder_;
  GcpWorld world_;
  json service_account_;
};

TEST_F(GcpLoginTest, ServiceAccountWithoutAnyExchange) {
  EXPECT_THAT(Try(service_account_), IsOk());
  EXPECT_THAT(Grants(), IsEmpty());
}

TEST_F(GcpLoginTest, ServiceAccountWhoseOwnTokensAreRefused) {
  Auth({{"refuse_self_signed", true}});
  EXPECT_THAT(Try(service_account_), IsOk());
  EXPECT_THAT(Grants(), ElementsAre(kJwtBearer));
}

TEST_F(GcpLoginTest, AnotherKeyIsRefused) {
  service_account_["private_key"] = crypto::testing::MakeRsaPem();
  const absl::Status refused = Try(service_account_);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(Grants(), ElementsAre(kJwtBearer));
}

TEST_F(GcpLoginTest, User) {
  json user = {{"type", "authorized_user"},
               {"client_id", "client"},
               {"client_secret", "secret"},
               {"refresh_token", "1//r"},
               {"token_uri", world_.server.url() + "/token"}};
  EXPECT_THAT(Try(user), IsOk());
  EXPECT_THAT(Grants(), ElementsAre("refresh_token"));
  user["refresh_token"] = "1//old";
  EXPECT_THAT(Try(user),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("gcloud auth application-default login")));
}

TEST_F(GcpLoginTest, WorkloadFromAFileAndFromAUrl) {
  ASSERT_THAT(WriteFileAtomically(folder_.Join("token"), "foreign\n"), IsOk());
  EXPECT_THAT(Try(External({{"file", folder_.Join("token")}})), IsOk());
  EXPECT_THAT(Grants(), ElementsAre(kExchange));
  world_.server.Control(
      "/_ctl", {{"metadata", {{"foreign-token", R"({"value":"foreign"})"}}}});
  json source = {
      {"url", world_.server.url() + "/computeMetadata/v1/foreign-token"},
      {"headers", {{"Metadata-Flavor", "Google"}}},
      {"format", {{"type", "json"}, {"subject_token_field_name", "value"}}}};
  EXPECT_THAT(Try(External(source)), IsOk());
  source["headers"] = json::object();
  EXPECT_THAT(Try(External(source)),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(GcpLoginTest, Impersonation) {
  const json impersonated = {
      {"type", "impersonated_service_account"},
      {"service_account_impersonation_url",
       world_.server.url() +
           "/iamcredentials/v1/projects/-/serviceAccounts/"
           "other@demo-project.iam.gserviceaccount.com:generateAccessToken"},
      {"source_credentials", service_account_}};
  EXPECT_THAT(Try(impersonated), IsOk());
  EXPECT_THAT(world_.Problems(), IsEmpty());
  ASSERT_THAT(WriteFileAtomically(folder_.Join("token"), "foreign"), IsOk());
  json external = External({{"file", folder_.Join("token")}});
  external["service_account_impersonation_url"] =
      impersonated["service_account_impersonation_url"];
  EXPECT_THAT(Try(external), IsOk());
}

TEST_F(GcpLoginTest, MetadataServer) {
  world_.server.Control(
      "/_ctl",
      {{"metadata", {{"instance/service-accounts/default/email", kAccount}}}});
  EXPECT_THAT(Try(), IsOk());
  EXPECT_THAT(world_.provider->Scope().value(), HasSubstr(kAccount));
}

TEST_F(GcpLoginTest, RenewsATokenThatRanOut) {
  const json user = {{"type", "authorized_user"},
                     {"client_id", "client"},
                     {"client_secret", "secret"},
                     {"refresh_token", "1//r"},
                     {"token_uri", world_.server.url() + "/token"}};
  ASSERT_THAT(Try(user), IsOk());
  const auto again = [this] {
    return world_.provider->Instances(world_.request.identity).status();
  };
  ASSERT_THAT(again(), IsOk());
  EXPECT_EQ(Grants().size(), 1U);
  world_.clock.Advance(absl::Minutes(57));  // before its end
  ASSERT_THAT(again(), IsOk());
  EXPECT_EQ(Grants().size(), 2U);
  Auth({{"tokens", json::object()}});  // revoked meanwhile
  ASSERT_THAT(again(), IsOk());
  EXPECT_EQ(Grants().size(), 3U);
}

}  // namespace
}  // namespace constellation::cloud::gcp::testing
