// SPDX-License-Identifier: Apache-2.0
#include "cli/policy/profile_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/policy/testing/composed_node.h"
#include "attestation/policy/variants.h"

namespace constellation::cli {
namespace {

using attestation::Profile;
using ::constellation::testing::ComposedNode;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

Profile ProfileOf(const std::string& variant) {
  return ComposedNode(variant).Profile();
}

TEST(ProfileWordsTest, ValidityComesFirst) {
  Profile profile;
  EXPECT_EQ(DemandsInWords(profile).at(0), "valid from always to for ever");
  profile.not_before = absl::FromUnixSeconds(1700000000);
  profile.not_after = absl::FromUnixSeconds(1800000000);
  EXPECT_EQ(DemandsInWords(profile).at(0),
            "valid from 2023-11-14T22:13:20Z to 2027-01-15T08:00:00Z");
}

TEST(ProfileWordsTest, NamesTheRegisters) {
  Profile profile;
  EXPECT_EQ(DemandsInWords(profile).size(), 1U);
  profile.pcrs[4] = {};
  profile.pcrs[11] = {};
  EXPECT_THAT(DemandsInWords(profile),
              Contains("vTPM: registers 4, 11 as listed"));
}

// Each of these opens a node to somebody: none may go unsaid, and none may be
// said of a profile that does not have it.
TEST(ProfileWordsTest, EveryDangerOfSnpIsSaid) {
  Profile profile = ProfileOf("azure-sev-snp");
  ASSERT_TRUE(profile.snp.has_value());
  EXPECT_THAT(DemandsInWords(profile), Contains("SEV-SNP: no debugging"));
  EXPECT_THAT(DemandsInWords(profile),
              Not(Contains(HasSubstr("migration agent"))));
  EXPECT_THAT(DemandsInWords(profile),
              Not(Contains("SEV-SNP: ANY LAUNCH MEASUREMENT")));
  EXPECT_THAT(DemandsInWords(profile),
              Contains("SEV-SNP: only keys of the chip itself (VCEK) count"));
  profile.snp->policy.insecure_allow_debug = true;
  profile.snp->policy.allow_migration_agent = true;
  profile.snp->policy.insecure_any_measurement = true;
  profile.snp->policy.allow_vlek = true;
  const auto words = DemandsInWords(profile);
  EXPECT_THAT(words, Contains("SEV-SNP: DEBUGGING IS ALLOWED: the host reads "
                              "all memory"));
  EXPECT_THAT(words, Contains("SEV-SNP: a migration agent may take the guest "
                              "away"));
  EXPECT_THAT(words, Contains("SEV-SNP: ANY LAUNCH MEASUREMENT"));
  EXPECT_THAT(words,
              Contains("SEV-SNP: keys of the cloud provider (VLEK) count"));
}

TEST(ProfileWordsTest, SnpListsAreCounted) {
  Profile profile = ProfileOf("azure-sev-snp");
  profile.snp->policy.measurements.resize(1);
  EXPECT_THAT(DemandsInWords(profile),
              Contains("SEV-SNP: the launch measurement must be the one value "
                       "that is listed"));
  profile.snp->policy.measurements.resize(3);
  profile.snp->policy.chip_ids.clear();
  EXPECT_THAT(
      DemandsInWords(profile),
      Contains("SEV-SNP: the launch measurement must be one of 3 values "
               "that are listed"));
  EXPECT_THAT(DemandsInWords(profile),
              Not(Contains(HasSubstr("SEV-SNP: the chip"))));
}

TEST(ProfileWordsTest, EveryDangerOfTdxIsSaid) {
  Profile profile = ProfileOf("gcp-tdx");
  ASSERT_TRUE(profile.tdx.has_value());
  profile.tdx->policy.tcb.insecure_roots.clear();
  EXPECT_THAT(DemandsInWords(profile), Contains("TDX: no debugging"));
  EXPECT_THAT(DemandsInWords(profile),
              Not(Contains("TDX: ROOTS BESIDE INTEL'S COUNT")));
  profile.tdx->policy.allow_debug = true;
  profile.tdx->policy.allow_migratable = true;
  profile.tdx->policy.tcb.insecure_roots.resize(1);
  profile.tdx->policy.tcb.accept_any_advisory = true;
  const auto words = DemandsInWords(profile);
  EXPECT_THAT(words, Contains("TDX: DEBUGGING IS ALLOWED: the host reads all "
                              "memory"));
  EXPECT_THAT(words, Contains("TDX: the guest may migrate to another machine"));
  EXPECT_THAT(words, Contains("TDX: ROOTS BESIDE INTEL'S COUNT"));
  EXPECT_THAT(words, Contains("TDX: whatever advisories are open"));
}

TEST(ProfileWordsTest, TcbIsInWords) {
  Profile profile = ProfileOf("gcp-tdx");
  attestation::IntelTcbPolicy& tcb = profile.tdx->policy.tcb;
  tcb.accepted_statuses = {attestation::TcbStatus::kUpToDate,
                           attestation::TcbStatus::kSwHardeningNeeded};
  tcb.minimum_evaluation_data_number = 17;
  tcb.accept_any_advisory = false;
  tcb.accepted_advisories = {"INTEL-SA-00001"};
  tcb.collateral_grace = absl::Hours(48);
  const auto words = DemandsInWords(profile);
  EXPECT_THAT(words, Contains("TDX: TCB status UpToDate or SWHardeningNeeded"));
  EXPECT_THAT(words, Contains("TDX: Intel's collateral of evaluation data "
                              "number 17 or newer, up to 48 h after its end"));
  EXPECT_THAT(words, Contains("TDX: no open advisory but INTEL-SA-00001"));
}

TEST(ProfileWordsTest, EveryDangerOfSgxIsSaid) {
  Profile profile;
  profile.sgx.emplace();
  EXPECT_THAT(DemandsInWords(profile), Contains("SGX: no debugging"));
  profile.sgx->policy.allow_debug = true;
  profile.sgx->policy.minimum_isv_svn = 3;
  EXPECT_THAT(DemandsInWords(profile),
              Contains("SGX: DEBUGGING IS ALLOWED: the host reads all memory"));
  EXPECT_THAT(DemandsInWords(profile), Contains("SGX: ISV SVN at least 3"));
}

TEST(ProfileWordsTest, CloudsAreInWords) {
  Profile profile;
  profile.gcp.emplace();
  profile.gcp->policy.project_ids = {"a", "b"};
  profile.gcp->policy.zones = {"z"};
  EXPECT_THAT(DemandsInWords(profile), Contains("GCP: project a or b"));
  EXPECT_THAT(DemandsInWords(profile), Contains("GCP: zone z"));
  EXPECT_THAT(DemandsInWords(profile),
              Not(Contains(HasSubstr("MACHINES OF ANY CUSTOMER"))));
  profile.gcp->insecure_any_project = true;
  profile.gcp->policy.require_production = false;
  EXPECT_THAT(DemandsInWords(profile),
              Contains("GCP: MACHINES OF ANY CUSTOMER"));
  EXPECT_THAT(DemandsInWords(profile),
              Contains("GCP: HOSTS THAT ARE NOT PRODUCTION, too"));
  profile = {};
  profile.azure.emplace();
  profile.azure->policy.require_secure_boot = false;
  profile.azure->policy.allow_console = true;
  EXPECT_THAT(DemandsInWords(profile),
              Contains("Azure: secure boot on or off, serial console on or "
                       "off"));
}

TEST(RestsOnInWordsTest, ExplainsEveryWord) {
  for (const char* word : {"hardware-rooted", "paravisor-rooted",
                           "hypervisor-trusting", "simulated"}) {
    EXPECT_THAT(RestsOnInWords(word), HasSubstr(std::string(word) + " ("));
  }
  EXPECT_EQ(RestsOnInWords("nothing"), "nothing");
}

}  // namespace
}  // namespace constellation::cli
