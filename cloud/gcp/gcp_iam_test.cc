// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/gcp_iam.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/gcp/testing/gcp_request.h"
#include "cloud/gcp/testing/gcp_script.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::ElementsAre;
using testing::GcpScript;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::SmallRequest;

class GcpIamProviderTest : public ::testing::Test {
 protected:
  std::unique_ptr<IamProvider> Provider() {
    return MakeGcpIamProvider({.settings = settings_,
                               .environment = environment_,
                               .transport = gcp_,
                               .clock = gcp_.clock(),
                               .random = [] { return 0.0; }});
  }

  GcpScript gcp_;
  Environment environment_ = [](std::string_view) { return std::nullopt; };
  GcpSettings settings_ = std::get<GcpSettings>(SmallRequest().settings);
  ClusterIdentity identity_{.uid = "iam0", .name = "demo-x"};
};

TEST_F(GcpIamProviderTest, WantsTwoAccountsWithNarrowRights) {
  const auto provider = Provider();
  const auto desired = provider->Desired(identity_, {});
  ASSERT_THAT(desired, IsOk());
  EXPECT_THAT(DependencyOrder(*desired), IsOk());
  std::map<std::string, json> by_name;
  for (const Resource& resource : *desired) {
    EXPECT_NE(provider->Drivers().Get(resource.kind), nullptr) << resource.kind;
    by_name[resource.name] = resource.desired;
  }
  EXPECT_EQ(by_name.size(), 6U);
  EXPECT_EQ(by_name["vm-role"].at("includedPermissions"),
            json::array({"compute.instances.list"}));
  EXPECT_EQ(
      by_name["vm-roles"],
      json({{"account", "demo-x-vm@demo-project.iam.gserviceaccount.com"},
            {"roles",
             json::array({"projects/demo-project/roles/demo_x_vm_role"})}}));
  EXPECT_EQ(by_name["cluster-key"].at("account"),
            "demo-x-cluster@demo-project.iam.gserviceaccount.com");
  EXPECT_THAT(gcp_.calls(), IsEmpty());
}

TEST_F(GcpIamProviderTest, RefusesWhatGoogleWouldRefuse) {
  for (const char* name :
       {"ab", "1ab", "Demo", "demo-", "abcdefghijklmnopqrstuvw"}) {
    identity_.name = name;
    EXPECT_THAT(
        Provider()->Desired(identity_, {}),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("prefix")))
        << name;
  }
  identity_.name = "demo";
  for (const char* zone : {"europe-west3", "b", "europe-west3-B", "../a-b"}) {
    EXPECT_THAT(Provider()->Desired(identity_, {{"zone", zone}}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("zone")))
        << zone;
  }
  settings_.project = "";
  EXPECT_THAT(
      Provider()->Desired(identity_, {}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("project")));
}

TEST_F(GcpIamProviderTest, WritesTheConfig) {
  const auto provider = Provider();
  ASSERT_THAT(provider->Desired(identity_, {{"zone", "europe-west3-b"}}),
              IsOk());
  EXPECT_THAT(provider->ConfigValues({}),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(
      provider->ConfigValues(
          {{"vm", {.id = "projects/p/serviceAccounts/vm@x"}}}),
      IsOkAndHolds(ElementsAre(Pair("provider.gcp.IAMServiceAccountVM", "vm@x"),
                               Pair("provider.gcp.project", "demo-project"),
                               Pair("provider.gcp.region", "europe-west3"),
                               Pair("provider.gcp.serviceAccountKeyPath",
                                    "gcpServiceAccountKey.json"),
                               Pair("provider.gcp.zone", "europe-west3-b"))));
}

TEST_F(GcpIamProviderTest, GivesTheKeyOfTheRunThatMadeIt) {
  const auto provider = Provider();
  EXPECT_THAT(provider->KeyFiles({}), IsOkAndHolds(IsEmpty()));
  const auto with = [](const std::string& data) {
    return std::map<std::string, Observed>{
        {"cluster-key", {.attributes = {{"privateKeyData", data}}}}};
  };
  EXPECT_THAT(provider->KeyFiles(with(Base64Encode(AsBytes("{\"a\":1}")))),
              IsOkAndHolds(
                  ElementsAre(Pair("gcpServiceAccountKey.json", "{\"a\":1}"))));
  for (const std::string& data :
       {std::string("%%%"), Base64Encode(AsBytes("no json"))}) {
    EXPECT_THAT(provider->KeyFiles(with(data)),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << data;
  }
}

}  // namespace
}  // namespace constellation::cloud::gcp
