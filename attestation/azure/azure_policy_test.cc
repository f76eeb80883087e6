// SPDX-License-Identifier: Apache-2.0
#include "attestation/azure/azure_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "attestation/azure/testing/azure_machine.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::AzureMachine;
using ::constellation::testing::kGoodClaims;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

VerifiedAzure Machine(std::string_view claims = kGoodClaims) {
  const AzureMachine machine(claims);
  return *VerifyAzure(machine.Evidence(), machine.Hardware(), machine.nonce);
}

AzurePolicy Lenient() {
  AzurePolicy policy;
  policy.hardware = {HclReportType::kSnp};
  return policy;
}

std::set<std::string_view> Failed(const VerifiedAzure& machine,
                                  const AzurePolicy& policy) {
  std::set<std::string_view> names;
  const auto rows = AppraiseAzure(machine, policy);
  EXPECT_EQ(rows.size(), 8U);
  for (const AzurePolicyCheck& row : rows) {
    EXPECT_EQ(row.advice.empty(), row.passed) << ToString(row.id);
    if (!row.passed) {
      names.insert(ToString(row.id));
    }
  }
  return names;
}

std::string Message(const VerifiedAzure& machine, const AzurePolicy& policy) {
  const auto rows = AppraiseAzure(machine, policy);
  const AzurePolicyCheck* failed = FirstFailed(rows);
  return failed == nullptr ? "" : DescribeFailure("azure", *failed);
}

TEST(AzurePolicyTest, OrdinaryMachinePasses) {
  EXPECT_THAT(Failed(Machine(), Lenient()), IsEmpty());
}

TEST(AzurePolicyTest, EmptyPolicyAdmitsNothing) {
  EXPECT_THAT(Failed(Machine(), AzurePolicy()), ElementsAre("hardware"));
}

TEST(AzurePolicyTest, HardwareMustBeAdmitted) {
  AzurePolicy policy = Lenient();
  policy.hardware = {HclReportType::kTdx};
  EXPECT_EQ(Message(Machine(), policy),
            "azure: hardware: expected TDX, got SEV-SNP; the virtual machine's "
            "size belongs to another CPU family: choose another size, or give "
            "the profile the variant of this hardware");
}

TEST(AzurePolicyTest, ParavisorMustBeNewEnough) {
  AzurePolicy policy = Lenient();
  policy.minimum_hcl_version = 2;
  EXPECT_THAT(Message(Machine(), policy),
              HasSubstr("HCL version: expected at least 2, got 1; the "
                        "paravisor is older"));
}

TEST(AzurePolicyTest, MissingClaimsDoNotCountAsGood) {
  const VerifiedAzure silent = Machine("");
  EXPECT_THAT(Failed(silent, Lenient()), ElementsAre("secure boot", "vTPM"));
  AzurePolicy strict = Lenient();
  strict.allow_console = false;
  strict.allow_persisted_tpm = false;
  strict.vm_ids = {"ab-12"};
  strict.user_data = Bytes{};
  EXPECT_THAT(Failed(silent, strict),
              ElementsAre("persisted vTPM state", "secure boot",
                          "serial console", "user data", "vTPM", "vmUniqueId"));
}

TEST(AzurePolicyTest, SecureBootMayBeWaived) {
  const VerifiedAzure machine =
      Machine(R"("vm-configuration":{"secure-boot":false,"tpm-enabled":true})");
  AzurePolicy policy = Lenient();
  EXPECT_THAT(Message(machine, policy),
              HasSubstr("secure boot: expected on, got off; the machine was "
                        "made without secure boot"));
  policy.require_secure_boot = false;
  EXPECT_THAT(Failed(machine, policy), IsEmpty());
}

TEST(AzurePolicyTest, ConsoleAndPersistedStateMayBeForbidden) {
  AzurePolicy policy = Lenient();
  policy.allow_console = false;
  EXPECT_THAT(Failed(Machine(), policy), ElementsAre("serial console"));
  policy = Lenient();
  policy.allow_persisted_tpm = false;
  EXPECT_THAT(Failed(Machine(), policy), ElementsAre("persisted vTPM state"));
}

TEST(AzurePolicyTest, MachineMustBeInTheList) {
  AzurePolicy policy = Lenient();
  policy.vm_ids = {"xy", "Ab-12"};
  EXPECT_THAT(Failed(Machine(), policy), IsEmpty());
  policy.vm_ids = {"ab-1", "ab-123"};
  EXPECT_THAT(Message(Machine(), policy),
              HasSubstr("vmUniqueId: expected one of 2 machines, got ab-12"));
}

TEST(AzurePolicyTest, UserDataArePaddedAndCompared) {
  const VerifiedAzure machine =
      Machine(std::string(kGoodClaims) + R"(,"user-data":"0a0b)" +
              std::string(124, '0') + '"');
  AzurePolicy policy = Lenient();
  policy.user_data = Bytes{0x0a, 0x0b};
  EXPECT_THAT(Failed(machine, policy), IsEmpty());
  policy.user_data = Bytes{0x0a, 0x0b, 0x01};
  EXPECT_THAT(Failed(machine, policy), ElementsAre("user data"));
  Bytes longer{0x0a, 0x0b};
  longer.resize(65);
  policy.user_data = longer;
  EXPECT_THAT(Failed(machine, policy), ElementsAre("user data"));
  policy.user_data = Bytes{};
  EXPECT_THAT(Failed(machine, policy), ElementsAre("user data"));
}

}  // namespace
}  // namespace constellation::attestation
