// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/arm_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "cloud/azure/testing/azure_requests.h"
#include "cloud/http/testing/scripted_transport.h"
#include "common/clock.h"
#include "common/command.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::cloud::testing::ScriptedTransport;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NoPrograms final : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(
      const std::vector<std::string>& /*argv*/,
      const CommandOptions& /*options*/) override {
    return absl::NotFoundError("none");
  }
};

class ArmSessionTest : public ::testing::Test {
 protected:
  ArmSession Make() {
    return ArmSession(
        {.settings = std::get<AzureSettings>(testing::SmallRequest().settings),
         .environment = environment_,
         .transport = transport_,
         .clock = clock_,
         .runner = programs_},
        {.subscription = "s", .resource_group = "rg"}, ClusterKinds());
  }

  std::map<std::string, std::string, std::less<>> variables_ = {
      {"AZURE_CLIENT_ID", "app"}, {"AZURE_CLIENT_SECRET", "x"}};
  const Environment environment_ =
      [this](std::string_view name) -> std::optional<std::string> {
    const auto found = variables_.find(name);
    return found == variables_.end() ? std::nullopt
                                     : std::optional(found->second);
  };
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  ScriptedTransport transport_;
  NoPrograms programs_;
};

TEST_F(ArmSessionTest, HasADriverOfEachKind) {
  ArmSession session = Make();
  for (const ArmKind& kind : ClusterKinds()) {
    EXPECT_NE(session.drivers().Get(kind.kind), nullptr) << kind.kind;
  }
  EXPECT_EQ(session.drivers().Get(kIdentity), nullptr);
  EXPECT_EQ(session.client().endpoint(), "https://management.azure.com");
}

TEST_F(ArmSessionTest, SaysWhoGaveTheToken) {
  transport_.Add(HttpResponse{
      .status = 200, .body = R"({"access_token":"t","expires_in":3600})"});
  ArmSession session = Make();
  ASSERT_OK_AND_ASSIGN(const std::string source, session.Login());
  EXPECT_EQ(source, "EnvironmentCredential");
}

// The machine's own identity needs no address of ARM to get a token.
TEST_F(ArmSessionTest, AWrongEndpointLetsNothingLeave) {
  variables_ = {{"AZURE_RESOURCE_MANAGER_ENDPOINT", "http://arm.example"}};
  transport_.Add(HttpResponse{
      .status = 200, .body = R"({"access_token":"t","expires_in":3600})"});
  ArmSession session = Make();
  EXPECT_THAT(session.Login(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("AZURE_RESOURCE_MANAGER_ENDPOINT")));
  EXPECT_FALSE(session.client().Send({.path = "/a"}).ok());
  EXPECT_THAT(transport_.requests(), IsEmpty());
}

}  // namespace
}  // namespace constellation::cloud::azure
