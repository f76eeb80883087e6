// SPDX-License-Identifier: Apache-2.0
// `iam create gcp` and `iam destroy gcp`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/gcp/gcp_iam.h"
#include "cloud/json_fields.h"
#include "common/testing/status_matchers.h"
#include "tests/integration/gcp/gcp_world.h"

namespace constellation::cloud::gcp::testing {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kVm[] = "test-vm@demo-project.iam.gserviceaccount.com";
constexpr char kCluster[] = "test-cluster@demo-project.iam.gserviceaccount.com";

class GcpIamTest : public ::testing::Test {
 protected:
  // One process.
  EngineResult Run(bool create) {
    EngineResult result;
    iam_ = MakeGcpIamProvider(
        {.settings = std::get<GcpSettings>(world_.request.settings),
         .environment = world_.environment,
         .transport = world_.transport,
         .clock = world_.clock});
    const auto desired = iam_->Desired(identity_, {{"zone", "europe-west3-b"}});
    auto journal = Journal::Open(world_.storage, world_.clock, identity_, {});
    result.status.Update(desired.status());
    result.status.Update(journal.status());
    if (!result.status.ok()) {
      return result;
    }
    const EngineParts parts{.cluster = identity_,
                            .drivers = iam_->Drivers(),
                            .journal = **journal,
                            .clock = world_.clock,
                            .options = options_};
    if (!create) {
      return Terminate(parts);
    }
    auto plan = ComputePlan(parts, *desired);
    if (!plan.ok()) {
      result.status = plan.status();
      return result;
    }
    plan_ = *std::move(plan);
    return Apply(parts, plan_);
  }
  json Dump() { return world_.server.Control("/_dump").at("iam"); }
  std::string Policy() { return DumpJson(Dump().at("policy")); }

  GcpWorld world_;
  ClusterIdentity identity_{.uid = "iam0",
                            .name = "test",
                            .cloud = "gcp",
                            .scope = "project demo-project"};
  EngineOptions options_;
  Plan plan_;
  std::unique_ptr<IamProvider> iam_;
};

TEST_F(GcpIamTest, MakesAccountsAndDeletesThem) {
  const std::string before = DumpJson(Dump().at("policy").at("bindings"));
  const EngineResult made = Run(true);
  ASSERT_THAT(made.status, IsOk()) << FailuresToText(made);
  EXPECT_THAT(world_.Problems(), IsEmpty());
  EXPECT_THAT(Policy(), HasSubstr(kVm));
  EXPECT_THAT(Policy(), HasSubstr("projects/demo-project/roles/test_vm_role"));
  EXPECT_THAT(Policy(), HasSubstr("user:owner@example.com"));
  EXPECT_EQ(Dump()
                .at("roles")
                .at("projects/demo-project/roles/test_vm_role")
                .at("includedPermissions"),
            json::array({"compute.instances.list"}));

  ASSERT_OK_AND_ASSIGN(const auto values, iam_->ConfigValues(made.outputs));
  EXPECT_EQ(values.at("provider.gcp.IAMServiceAccountVM"), kVm);
  EXPECT_EQ(values.at("provider.gcp.region"), "europe-west3");
  ASSERT_OK_AND_ASSIGN(const auto files, iam_->KeyFiles(made.outputs));
  ASSERT_THAT(files, ElementsAre(Pair("gcpServiceAccountKey.json",
                                      HasSubstr(kCluster))));
  // Nothing secret stays in the workspace's journal.
  EXPECT_THAT(world_.storage.text(), Not(HasSubstr("privateKeyData")));

  const EngineResult again = Run(true);
  ASSERT_THAT(again.status, IsOk());
  EXPECT_TRUE(plan_.Empty()) << PlanToText(plan_);
  EXPECT_THAT(iam_->KeyFiles(again.outputs).value(), IsEmpty());

  ASSERT_THAT(Run(false).status, IsOk());
  EXPECT_THAT(Dump().at("accounts"), IsEmpty());
  EXPECT_THAT(Dump().at("keys"), IsEmpty());
  EXPECT_EQ(DumpJson(Dump().at("policy").at("bindings")), before);

  // The role's id is taken for weeks: it is undeleted.
  const EngineResult third = Run(true);
  ASSERT_THAT(third.status, IsOk()) << FailuresToText(third);
  EXPECT_THAT(Run(false).status, IsOk());
}

TEST_F(GcpIamTest, WaitsUntilNewAccountsAreKnownAndRedoesLostRaces) {
  world_.server.Control("/_ctl", {{"iam", {{"hidden", 2}, {"races", 3}}}});
  const EngineResult made = Run(true);
  ASSERT_THAT(made.status, IsOk()) << FailuresToText(made);
  EXPECT_THAT(Policy(), HasSubstr(kVm));
  EXPECT_THAT(Policy(), HasSubstr(kCluster));
  EXPECT_THAT(Policy(), HasSubstr("user:owner@example.com"));
}

TEST_F(GcpIamTest, DeletesWithoutAJournal) {
  const std::string before = DumpJson(Dump().at("policy").at("bindings"));
  ASSERT_THAT(Run(true).status, IsOk());
  ASSERT_THAT(world_.storage.Remove(), IsOk());
  ASSERT_THAT(Run(false).status, IsOk());
  EXPECT_THAT(Dump().at("accounts"), IsEmpty());
  EXPECT_EQ(DumpJson(Dump().at("policy").at("bindings")), before);
}

TEST_F(GcpIamTest, GoesOnAfterDyingAtAnyStep) {
  options_.allow_deletion = true;
  bool died = true;
  for (int step = 1; died; step += 3) {
    SCOPED_TRACE(step);
    world_.server.Control("/_reset", json::object());
    world_.server.Control("/_ctl",
                          {{"auth", {{"tokens", {{"ya29.test", "tester"}}}}}});
    world_.kill.Arm(step);
    (void)Run(true);
    died = world_.kill.dead();
    world_.kill.Arm(0);
    const EngineResult made = Run(true);
    ASSERT_THAT(made.status, IsOk()) << FailuresToText(made);
    EXPECT_THAT(Dump().at("accounts"), SizeIs(2));
    ASSERT_THAT(Run(false).status, IsOk());
    EXPECT_THAT(Dump().at("accounts"), IsEmpty());
    EXPECT_THAT(Dump().at("keys"), IsEmpty());
    EXPECT_THAT(Policy(), Not(HasSubstr("serviceAccount:")));
  }
}

TEST_F(GcpIamTest, RefusesPrefixesThatGoogleRefuses) {
  for (const char* bad :
       {"", "ab", "Test", "1test", "test-", "abcdefghijklmnopqrstuvw"}) {
    identity_.name = bad;
    EXPECT_THAT(Run(true).status, StatusIs(absl::StatusCode::kInvalidArgument,
                                           HasSubstr("prefix")))
        << bad;
  }
}

}  // namespace
}  // namespace constellation::cloud::gcp::testing
