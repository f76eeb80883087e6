// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cloud/http/testing/scripted_transport.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/testing/rsa_pem.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string& Pem() {
  static const std::string* const kPem =
      new std::string(crypto::testing::MakeRsaPem());
  return *kPem;
}

json ServiceAccountJson() {
  return {{"type", "service_account"},
          {"project_id", "demo-project"},
          {"private_key_id", "k1"},
          {"private_key", Pem()},
          {"client_email", "sa@demo-project.iam.gserviceaccount.com"},
          {"token_uri", "https://oauth2.example/token"}};
}

class GcpCredentialsTest : public ::testing::Test {
 protected:
  CredentialOptions Options() {
    return {.transport = &transport_,
            .clock = &clock_,
            .environment =
                [this](std::string_view name) -> std::optional<std::string> {
              const auto found = variables_.find(std::string(name));
              return found == variables_.end() ? std::nullopt
                                               : std::optional(found->second);
            },
            .random = [] { return 0.0; }};
  }
  absl::StatusOr<std::pair<Identity, std::unique_ptr<TokenSource>>> Login() {
    return FindLogin(Options())();
  }
  absl::Status Parsed(const json& object) {
    return ParseCredentials(object.dump(), "file",
                            std::make_shared<TokenEndpoints>(Options()))
        .status();
  }
  std::string Write(const std::string& name, const json& object) {
    EXPECT_THAT(WriteFileAtomically(folder_.Join(name), object.dump()), IsOk());
    return folder_.Join(name);
  }

  TempDir folder_;
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  cloud::testing::ScriptedTransport transport_;
  std::map<std::string, std::string> variables_;
};

TEST_F(GcpCredentialsTest, LooksWhereGooglesToolsLook) {
  const std::string file = Write("key.json", ServiceAccountJson());
  json user = {{"type", "authorized_user"},
               {"client_id", "i"},
               {"client_secret", "s"},
               {"refresh_token", "r"},
               {"quota_project_id", "billing"}};
  Write("application_default_credentials.json", user);
  variables_["CLOUDSDK_CONFIG"] = folder_.path();
  EXPECT_THAT(Login()->first.source, HasSubstr("gcloud"));
  EXPECT_EQ(Login()->first.quota_project, "billing");
  variables_["GOOGLE_APPLICATION_CREDENTIALS"] = file;
  EXPECT_THAT(Login()->first.source,
              HasSubstr("GOOGLE_APPLICATION_CREDENTIALS"));
  EXPECT_EQ(Login()->first.project, "demo-project");
  variables_["GOOGLE_CREDENTIALS"] = ServiceAccountJson().dump();
  EXPECT_EQ(Login()->first.source, "GOOGLE_CREDENTIALS");
  variables_["GOOGLE_OAUTH_ACCESS_TOKEN"] = "ya29.x";
  ASSERT_OK_AND_ASSIGN(auto login, Login());
  EXPECT_EQ(login.second->Fetch()->value, "ya29.x");
  EXPECT_TRUE(transport_.requests().empty());
}

TEST_F(GcpCredentialsTest, NamesAllThatWasTried) {
  variables_["HOME"] = folder_.path();
  transport_.AddError(TransportError::kTimeout);
  EXPECT_THAT(Login(),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       AllOf(HasSubstr("GOOGLE_APPLICATION_CREDENTIALS"),
                             HasSubstr(".config/gcloud/application_default"),
                             HasSubstr("metadata server"))));
}

TEST_F(GcpCredentialsTest, AnotherServerIsNoMetadataServer) {
  transport_.AddStatus(200);  // without Metadata-Flavor
  EXPECT_THAT(Login(), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(GcpCredentialsTest, WhatIsSetButBrokenEndsTheSearch) {
  variables_["GOOGLE_APPLICATION_CREDENTIALS"] = folder_.Join("none.json");
  EXPECT_THAT(Login(), StatusIs(absl::StatusCode::kUnauthenticated,
                                HasSubstr("none.json")));
  EXPECT_TRUE(transport_.requests().empty());
}

TEST_F(GcpCredentialsTest, SaysWhatIsWrongWithAFile) {
  struct Row {
    const char* key;
    json value;
    const char* problem;
  };
  EXPECT_THAT(Parsed(ServiceAccountJson()), IsOk());
  for (const Row& row :
       std::vector<Row>{{"type", "gdch_service_account", "\"type\": want"},
                        {"client_email", nullptr, "client_email"},
                        {"private_key", "x", "no PEM block"},
                        {"private_key", Pem().substr(0, 900), "damaged"},
                        {"token_uri", "http://evil.example/token", "https://"},
                        {"token_uri", "file:///x", "https://"}}) {
    json object = ServiceAccountJson();
    object[row.key] = row.value;
    EXPECT_THAT(Parsed(object),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("file"), HasSubstr(row.problem),
                               Not(HasSubstr(Pem().substr(100, 20))))))
        << row.key;
  }
}

TEST_F(GcpCredentialsTest, RefusesWhatWouldRunPrograms) {
  const json base = {{"type", "external_account"},
                     {"token_url", "https://sts.example/v1/token"},
                     {"audience", "a"},
                     {"subject_token_type", "t"}};
  const auto with = [&base](const json& source) {
    json object = base;
    object["credential_source"] = source;
    return object;
  };
  EXPECT_THAT(Parsed(with({{"file", "/x"}})), IsOk());
  EXPECT_THAT(Parsed(with({{"url", "https://x/"}})), IsOk());
  for (const json& source :
       {json({{"executable", {{"command", "x"}}}}),
        json({{"environment_id", "aws1"}, {"url", "http://169.254.169.254"}}),
        json::object(), json({{"url", "http://evil.example"}}),
        json({{"file", "/x"}, {"format", {{"type", "json"}}}})}) {
    EXPECT_THAT(Parsed(with(source)),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << source;
  }
}

TEST_F(GcpCredentialsTest, BoundsNesting) {
  json object = ServiceAccountJson();
  for (int i = 0; i < 6; ++i) {
    object = {{"type", "impersonated_service_account"},
              {"service_account_impersonation_url", "https://x/y"},
              {"source_credentials", object}};
  }
  EXPECT_THAT(Parsed(object), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("nested")));
}

}  // namespace
}  // namespace constellation::cloud::gcp
