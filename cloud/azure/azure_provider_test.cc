// SPDX-License-Identifier: Apache-2.0
// What the provider asks and refuses, call by call. Whole lives are run in
// tests/integration/azure.
#include "cloud/azure/azure_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cloud/azure/testing/azure_requests.h"
#include "cloud/http/testing/routed_transport.h"
#include "common/clock.h"
#include "common/command.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::cloud::testing::RoutedTransport;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const std::string kSet =
    "/subscriptions/" + std::string(testing::kSubscription) +
    "/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/"
    "demo-0a1b2c3d-worker-default";
const std::string kVm = kSet + "/virtualMachines/4";

// `az` with a token.
class Az final : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(
      const std::vector<std::string>& /*argv*/,
      const CommandOptions& /*options*/) override {
    return CommandResult{
        .out = R"({"accessToken":"t0ken","expires_on":1900000000})", .err = ""};
  }
};

class AzureProviderTest : public ::testing::Test {
 protected:
  AzureProviderTest() {
    transport_.On("GET /metadata/identity/oauth2/token",
                  MakeTransportError(TransportError::kRefused, "x"));
    transport_.On(
        "GET " + kSet, 200,
        json{{"tags", {{"constellation-uid", "0a1b2c3d"}}},
             {"sku", {{"name", "Standard_DC4as_v5"}, {"capacity", 2}}}}
            .dump());
    provider_ = MakeAzureProvider(
        {.settings = std::get<AzureSettings>(request_.settings),
         .environment = environment_,
         .transport = transport_,
         .clock = clock_,
         .runner = az_});
  }

  const ClusterRequest request_ = testing::SmallRequest();
  const Environment environment_ =
      [](std::string_view) -> std::optional<std::string> {
    return std::nullopt;
  };
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  RoutedTransport transport_;
  Az az_;
  std::unique_ptr<Provider> provider_;
};

TEST_F(AzureProviderTest, ScopeNamesTheGroup) {
  ASSERT_OK_AND_ASSIGN(const std::string scope, provider_->Scope());
  EXPECT_EQ(scope, std::string(testing::kSubscription) + "/rg/northeurope");
}

TEST_F(AzureProviderTest, RefusesARequestForElsewhere) {
  ClusterRequest request = request_;
  std::get<AzureSettings>(request.settings).resource_group = "other";
  EXPECT_THAT(
      provider_->Desired(request),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another")));
  EXPECT_THAT(provider_->CheckOnline(request),
              StatusIs(absl::StatusCode::kInvalidArgument));
  request = request_;
  std::get<AzureSettings>(request.settings).subscription =
      "00000000-0000-4000-8000-00000000000f";
  EXPECT_THAT(
      provider_->Desired(request),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another")));
  EXPECT_THAT(transport_.requests(), IsEmpty());
}

TEST_F(AzureProviderTest, HasADriverForEverythingItWants) {
  ASSERT_OK_AND_ASSIGN(const auto all, provider_->Desired(request_));
  for (const Resource& resource : all) {
    EXPECT_NE(provider_->Drivers().Get(resource.kind), nullptr)
        << resource.kind;
  }
}

TEST_F(AzureProviderTest, ReplacesByDeletingAndRaisingAgain) {
  transport_.On("POST " + kSet + "/delete", 200, "");
  transport_.On("PATCH " + kSet, 200, "{}");
  ASSERT_THAT(provider_->ReplaceInstance(request_.identity, kVm), IsOk());
  const auto deleted = transport_.requests("POST " + kSet + "/delete");
  ASSERT_THAT(deleted, SizeIs(1));
  EXPECT_EQ(deleted[0].body, R"({"instanceIds":["4"]})");
  EXPECT_THAT(deleted[0].url, HasSubstr("&forceDeletion=true"));
  const auto raised = transport_.requests("PATCH " + kSet);
  ASSERT_THAT(raised, SizeIs(1));
  EXPECT_EQ(raised[0].body,
            R"({"sku":{"capacity":2,"name":"Standard_DC4as_v5"}})");
}

TEST_F(AzureProviderTest, RefusesIdsThatAreNoVmOfTheGroup) {
  const std::string elsewhere = "/subscriptions/x/resourceGroups/other" +
                                kVm.substr(kVm.find("/providers"));
  for (const std::string& id :
       {std::string("4"), kSet, kVm + "/extensions/x", kVm + "?x", elsewhere}) {
    EXPECT_THAT(
        provider_->ReplaceInstance(request_.identity, id),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want the id")))
        << id;
    EXPECT_THAT(provider_->ConsoleLog(request_.identity, id),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << id;
  }
  EXPECT_THAT(transport_.requests(), IsEmpty());
}

TEST_F(AzureProviderTest, LeavesAnotherClustersVmsAlone) {
  const ClusterIdentity other{.uid = "ffffffff", .name = "demo"};
  EXPECT_THAT(provider_->ReplaceInstance(other, kVm),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("does not belong to cluster ffffffff")));
  EXPECT_THAT(transport_.requests("POST " + kSet + "/delete"), IsEmpty());
}

TEST_F(AzureProviderTest, ReadsTheConsoleWithoutTheToken) {
  transport_.On(
      "POST " + kVm + "/retrieveBootDiagnosticsData", 200,
      R"({"serialConsoleLogBlobUri":"https://blob.example/c?sig=s3cret"})");
  const std::string console(size_t{2} << 20U, 'x');
  transport_.On("GET /c", 200, console + "end");
  ASSERT_OK_AND_ASSIGN(const std::string log,
                       provider_->ConsoleLog(request_.identity, kVm));
  EXPECT_EQ(log.size(), size_t{1} << 20U) << "the last MiB";
  EXPECT_TRUE(log.ends_with("end"));
  const auto blob = transport_.requests("GET /c");
  ASSERT_THAT(blob, SizeIs(1));
  EXPECT_THAT(blob[0].headers, IsEmpty());
}

TEST_F(AzureProviderTest, SaysThatThereIsNoConsole) {
  const std::string route = "POST " + kVm + "/retrieveBootDiagnosticsData";
  transport_.On(route, 200, "{}");
  EXPECT_THAT(provider_->ConsoleLog(request_.identity, kVm),
              StatusIs(absl::StatusCode::kNotFound));
  transport_.Reset(route);
  transport_.On(
      route, 200,
      R"({"serialConsoleLogBlobUri":"https://blob.example/c?sig=s3cret"})");
  EXPECT_THAT(provider_->ConsoleLog(request_.identity, kVm),
              StatusIs(absl::StatusCode::kNotFound));
  transport_.On("GET /c", 403, "");
  EXPECT_THAT(
      provider_->ConsoleLog(request_.identity, kVm),
      StatusIs(absl::StatusCode::kUnavailable, Not(HasSubstr("s3cret"))));
}

TEST_F(AzureProviderTest, IdentitiesTellTheConfig) {
  const auto iam = MakeAzureIamProvider(
      {.settings = std::get<AzureSettings>(request_.settings),
       .environment = environment_,
       .transport = transport_,
       .clock = clock_,
       .runner = az_});
  EXPECT_THAT(iam->ConfigValues({}), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(iam->ConfigValues({{"node-identity", {.id = "/a?b"}}}),
              StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK_AND_ASSIGN(const auto values,
                       iam->ConfigValues({{"node-identity", {.id = "/a/b"}}}));
  EXPECT_EQ(values.at("provider.azure.userAssignedIdentity"), "/a/b");
  EXPECT_EQ(values.at("provider.azure.resourceGroup"), "rg");
  ASSERT_OK_AND_ASSIGN(const auto files, iam->KeyFiles({}));
  EXPECT_THAT(files, IsEmpty()) << "nodes have no key";
}

}  // namespace
}  // namespace constellation::cloud::azure
