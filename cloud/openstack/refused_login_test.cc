// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/refused_login.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cloud/http/testing/routed_transport.h"
#include "cloud/json_fields.h"
#include "common/status.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kUrl[] = "https://cloud.example:5000/v3";
constexpr char kLoginRoute[] = "POST /v3/auth/tokens";
constexpr char kProjectsRoute[] = "GET /v3/auth/projects";

json Request() {
  return {
      {"auth",
       {{"identity",
         {{"methods", {"password"}},
          {"password", {{"user", {{"id", "u1"}, {"password", "secret"}}}}}}},
        {"scope",
         {{"project", {{"name", "shop"}, {"domain", {{"id", "d"}}}}}}}}}};
}

class RefusedLoginTest : public ::testing::Test {
 protected:
  RefusedLoginTest() {
    transport_.On(kLoginRoute, 201, R"({"token":{}})",
                  {{"x-subject-token", "tok"}});
  }

  CloudError Explain(const json& request = Request()) {
    return ExplainRefusedLogin(
        transport_, kUrl, request,
        {.kind = kind_, .message = "Unauthorized: requires authentication"});
  }

  void ProjectsAre(const json& projects) {
    transport_.On(kProjectsRoute, 200, DumpJson({{"projects", projects}}));
  }

  CloudErrorKind kind_ = CloudErrorKind::kBadCredentials;
  cloud::testing::RoutedTransport transport_;
};

TEST_F(RefusedLoginTest, NamesTheProjectAndThoseToChoose) {
  ProjectsAre({{{"name", "demo"}}, {{"name", "test"}}});
  const CloudError error = Explain();
  EXPECT_EQ(error.kind, CloudErrorKind::kWrongProject);
  EXPECT_EQ(error.subject, "shop");
  EXPECT_THAT(error.message, HasSubstr("project \"shop\" does not exist"));
  EXPECT_THAT(error.message, EndsWith("; this user may choose demo, test"));
  EXPECT_THAT(NextStep(error), HasSubstr("shop"));
}

TEST_F(RefusedLoginTest, AsksForTheSameUserWithoutAProject) {
  Explain();
  const auto logins = transport_.requests(kLoginRoute);
  ASSERT_THAT(logins, SizeIs(1));
  json expected = Request();
  expected["auth"]["scope"] = "unscoped";
  EXPECT_EQ(logins[0].body, DumpJson(expected));
  const auto lists = transport_.requests(kProjectsRoute);
  ASSERT_THAT(lists, SizeIs(1));
  EXPECT_THAT(lists[0].headers,
              ::testing::Contains(std::pair<const std::string, std::string>(
                  "X-Auth-Token", "tok")));
}

TEST_F(RefusedLoginTest, AProjectMayBeAnId) {
  json request = Request();
  request["auth"]["scope"]["project"] = {{"id", "4711"}};
  EXPECT_EQ(Explain(request).subject, "4711");
}

TEST_F(RefusedLoginTest, AWrongPasswordStaysOne) {
  transport_.Reset(kLoginRoute);
  transport_.On(kLoginRoute, 401, "{}");
  const CloudError error = Explain();
  EXPECT_EQ(error.kind, CloudErrorKind::kBadCredentials);
  EXPECT_EQ(error.message, "Unauthorized: requires authentication");
  EXPECT_THAT(transport_.requests(kProjectsRoute), IsEmpty());
}

TEST_F(RefusedLoginTest, WithoutAnAnswerNothingIsTold) {
  transport_.Reset(kLoginRoute);
  transport_.On(kLoginRoute, Unavailable("gone"));
  EXPECT_EQ(Explain().kind, CloudErrorKind::kBadCredentials);
}

TEST_F(RefusedLoginTest, OtherRefusalsAreNotExplained) {
  kind_ = CloudErrorKind::kExpiredToken;
  EXPECT_EQ(Explain().kind, CloudErrorKind::kExpiredToken);
  EXPECT_THAT(transport_.requests(), IsEmpty());
}

TEST_F(RefusedLoginTest, ApplicationCredentialsHaveNoProjectToBlame) {
  json request = Request();
  request["auth"].erase("scope");
  EXPECT_EQ(Explain(request).kind, CloudErrorKind::kBadCredentials);
  EXPECT_THAT(transport_.requests(), IsEmpty());
}

TEST_F(RefusedLoginTest, SaysIfThereIsNothingToChoose) {
  ProjectsAre(json::array());
  EXPECT_THAT(Explain().message,
              EndsWith("this user has a role in no project"));
}

TEST_F(RefusedLoginTest, NamesTenProjectsAndCountsTheOthers) {
  json projects = json::array();
  for (int number = 0; number < 13; ++number) {
    projects.push_back({{"name", fmt::format("p{}", number)}});
  }
  ProjectsAre(projects);
  EXPECT_THAT(Explain().message, EndsWith("p8, p9 and 3 more"));
}

TEST_F(RefusedLoginTest, LeavesOutWhatIsNoName) {
  ProjectsAre({{{"name", std::string(65, 'x')}},
               {{"name", 7}},
               "text",
               {{"name", std::string(64, 'y')}}});
  const std::string message = Explain().message;
  EXPECT_THAT(message, EndsWith("may choose " + std::string(64, 'y')));
  EXPECT_THAT(message, Not(HasSubstr("x,")));
}

// Keystone's word on the project stands without the list.
TEST_F(RefusedLoginTest, AListThatCannotBeReadIsLeftOut) {
  const auto message_for = [this](int status, const std::string& body) {
    transport_.Reset(kProjectsRoute);
    transport_.On(kProjectsRoute, status, body);
    const CloudError error = Explain();
    EXPECT_EQ(error.kind, CloudErrorKind::kWrongProject) << body;
    return error.message;
  };
  const std::string good = R"({"projects":[{"name":"demo"}]})";
  EXPECT_THAT(message_for(200, good), EndsWith("may choose demo"));
  EXPECT_THAT(message_for(500, good), EndsWith("gives this user no role"));
  EXPECT_THAT(message_for(200, "no"), EndsWith("gives this user no role"));
  EXPECT_THAT(message_for(200, "{}"), EndsWith("gives this user no role"));
}

}  // namespace
}  // namespace constellation::cloud::openstack
