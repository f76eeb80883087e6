// SPDX-License-Identifier: Apache-2.0
#include "attestation/gcp/gcp_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "attestation/gcp/testing/gce_machine.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::GceMachine;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

VerifiedGcp Verified(const GceMachine& machine) {
  return *VerifyGcp(machine.Evidence(), machine.candidates, machine.Trust(),
                    machine.nonce);
}

GcpPolicy Lenient() {
  GcpPolicy policy;
  policy.technologies = {GceTechnology::kSevSnp};
  return policy;
}

std::set<std::string_view> Failed(const GceMachine& machine,
                                  const GcpPolicy& policy) {
  std::set<std::string_view> names;
  const auto rows = AppraiseGcp(Verified(machine), policy);
  EXPECT_EQ(rows.size(), 8U);
  for (const GcpPolicyCheck& row : rows) {
    EXPECT_EQ(row.advice.empty(), row.passed) << ToString(row.id);
    if (!row.passed) {
      names.insert(ToString(row.id));
    }
  }
  return names;
}

std::string Message(const GceMachine& machine, const GcpPolicy& policy) {
  const auto rows = AppraiseGcp(Verified(machine), policy);
  const GcpPolicyCheck* failed = FirstFailed(rows);
  return failed == nullptr ? "" : DescribeFailure("gcp", *failed);
}

TEST(GcpPolicyTest, TechnologyMustBeAdmitted) {
  const GceMachine machine;
  EXPECT_THAT(Failed(machine, Lenient()), IsEmpty());
  EXPECT_THAT(Failed(machine, GcpPolicy()), ElementsAre("technology"));
  GcpPolicy policy;
  policy.technologies = {GceTechnology::kTdx, GceTechnology::kSevEs};
  EXPECT_EQ(Message(machine, policy),
            "gcp: technology: expected TDX or SEV-ES, got SEV-SNP; the machine "
            "was not made as this kind of confidential VM: set its "
            "confidential instance type, or admit the technology in the "
            "policy");
}

TEST(GcpPolicyTest, UnknownTechnologyNeedsAWord) {
  GceMachine machine;
  machine.event_log.clear();
  EXPECT_THAT(Failed(machine, Lenient()), ElementsAre("technology"));
  GcpPolicy policy;
  policy.any_technology = true;
  EXPECT_THAT(Failed(machine, policy), IsEmpty());
}

TEST(GcpPolicyTest, EveryListIsCompared) {
  const GceMachine machine;
  GcpPolicy policy = Lenient();
  policy.project_ids = {"other", "my-project"};
  policy.project_numbers = {1, 117};
  policy.zones = {"us-central1-a", "europe-west3-b"};
  policy.instance_ids = {0x8000000000000001};
  policy.instance_names = {"node-1"};
  policy.minimum_security_version = 4;
  EXPECT_THAT(Failed(machine, policy), IsEmpty());

  policy.project_ids = {"my-project-2"};
  policy.project_numbers = {11};
  policy.zones = {"europe-west3-a"};
  policy.instance_ids = {1};
  policy.instance_names = {"node"};
  policy.minimum_security_version = 5;
  EXPECT_THAT(Failed(machine, policy),
              ElementsAre("instance id", "instance name", "project id",
                          "project number", "security version", "zone"));
  EXPECT_THAT(Message(machine, policy),
              HasSubstr("project id: expected my-project-2, got my-project; "
                        "the machine belongs to another project"));
}

TEST(GcpPolicyTest, RegionsAdmitTheirZonesOnly) {
  const GceMachine machine;  // europe-west3-b
  GcpPolicy policy = Lenient();
  policy.zones = {"europe-west3"};
  EXPECT_THAT(Failed(machine, policy), IsEmpty());
  for (const char* zone : {"europe-west", "europe", "europe-west3-", "", "e",
                           "europe-west3-bb", "urope-west3-b"}) {
    policy.zones = {zone};
    EXPECT_THAT(Failed(machine, policy), ElementsAre("zone")) << zone;
  }
}

TEST(GcpPolicyTest, HostMustBeOfProductionUnlessWaived) {
  GceMachine machine;
  machine.instance.properties = {0xa1, 3, 1, 1, 0};
  machine.Refresh();
  EXPECT_THAT(Message(machine, Lenient()),
              HasSubstr("production host: expected yes, got no"));
  machine.instance.properties = {};
  machine.Refresh();
  EXPECT_THAT(Message(machine, Lenient()), HasSubstr("got not said"));
  GcpPolicy policy = Lenient();
  policy.require_production = false;
  EXPECT_THAT(Failed(machine, policy), IsEmpty());
  policy.minimum_security_version = 0;
  EXPECT_THAT(Failed(machine, policy), ElementsAre("security version"));
}

}  // namespace
}  // namespace constellation::attestation
