// SPDX-License-Identifier: Apache-2.0
// Intel's algorithm, step by step, on made-up platforms.
#include "attestation/intel/tcb_evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using enum TcbStatus;

// A platform, a TD and a quoting enclave that are at the newest of two levels.
class EvaluationTest : public ::testing::Test {
 protected:
  EvaluationTest() {
    pck_.components = {5, 5, 2};
    pck_.pce_svn = 13;
    td_.tee_tcb_svn = {7, 1, 3};
    qe_.isv_prod_id = 2;
    qe_.isv_svn = 6;
    info_.version = 3;
    info_.tee = IntelTee::kTdx;
    info_.tdx_module.emplace();
    info_.levels.resize(2);
    info_.levels[0].sgx_svns = {5, 5, 2};
    info_.levels[0].pce_svn = 13;
    info_.levels[0].tdx_svns = {6, 0, 3};
    info_.levels[1].sgx_svns = {4, 4, 2};
    info_.levels[1].pce_svn = 11;
    info_.levels[1].tdx_svns = {4, 0, 2};
    info_.levels[1].status = kOutOfDate;
    info_.levels[1].advisories = {"INTEL-SA-1"};
    info_.tdx_module_identities.resize(1);
    info_.tdx_module_identities[0].id = "TDX_01";
    info_.tdx_module_identities[0].levels = {
        {.isv_svn = 6, .tcb_date = {}, .status = kUpToDate, .advisories = {}},
        {.isv_svn = 4,
         .tcb_date = {},
         .status = kOutOfDate,
         .advisories = {"INTEL-SA-2"}}};
    identity_.kind = EnclaveKind::kTdQe;
    identity_.isv_prod_id = 2;
    identity_.levels = {
        {.isv_svn = 6, .tcb_date = {}, .status = kUpToDate, .advisories = {}},
        {.isv_svn = 3,
         .tcb_date = {},
         .status = kOutOfDate,
         .advisories = {"INTEL-SA-3"}}};
  }
  TcbEvaluation Run() {
    return EvaluateTcb(
        info_, identity_,
        {.pck = pck_, .qe_report = qe_, .td_report = sgx_ ? nullptr : &td_});
  }
  TcbStatus Status() { return Run().status; }
  void MakeSgx() {
    sgx_ = true;
    info_.tee = IntelTee::kSgx;
    identity_.kind = EnclaveKind::kQe;
  }

  bool sgx_ = false;
  PckExtension pck_;
  TdReport td_;
  EnclaveReport qe_;
  TcbInfo info_;
  EnclaveIdentity identity_;
};

TEST_F(EvaluationTest, NewestLevel) {
  const TcbEvaluation tcb = Run();
  EXPECT_EQ(tcb.status, kUpToDate);
  EXPECT_EQ(tcb.sgx_level->index, 0U);
  EXPECT_EQ(tcb.tdx_level->index, 0U);
  EXPECT_EQ(tcb.module_id, "TDX_01");
}

TEST_F(EvaluationTest, EveryComponentCounts) {
  for (size_t i = 0; i < 16; ++i) {
    info_.levels[0].sgx_svns.fill(1);
    info_.levels[1].sgx_svns.fill(0);
    pck_.components.fill(1);
    EXPECT_EQ(Run().sgx_level->index, 0U);
    pck_.components[i] = 0;
    EXPECT_EQ(Run().sgx_level->index, 1U) << i;
    EXPECT_EQ(Status(), kOutOfDate) << i;
  }
}

TEST_F(EvaluationTest, PceSvnCounts) {
  pck_.pce_svn = 12;
  const TcbEvaluation tcb = Run();
  EXPECT_EQ(tcb.sgx_level->index, 1U);
  EXPECT_THAT(tcb.advisories, ElementsAre("INTEL-SA-1"));
  pck_.pce_svn = 10;
  EXPECT_FALSE(Run().sgx_level.has_value());
  EXPECT_EQ(Status(), kNotSupported);
}

TEST_F(EvaluationTest, EveryTdxComponentCountsFromTheThird) {
  for (size_t i = 0; i < 16; ++i) {
    info_.levels[0].tdx_svns.fill(2);
    info_.levels[1].tdx_svns.fill(0);
    td_.tee_tcb_svn.fill(2);
    td_.tee_tcb_svn[0] = 7;
    td_.tee_tcb_svn[1] = 1;
    if (i != 1) {
      td_.tee_tcb_svn[i] = i == 0 ? 6 : 1;
    }
    const TcbEvaluation tcb = Run();
    EXPECT_EQ(tcb.sgx_level->index, 0U);
    EXPECT_EQ(tcb.tdx_level->index, i < 2 ? 0U : 1U) << i;
  }
}

TEST_F(EvaluationTest, VersionZeroComparesTheFirstTwoToo) {
  td_.tee_tcb_svn = {6, 0, 3};
  EXPECT_EQ(Status(), kUpToDate);
  EXPECT_EQ(Run().module_id, "tdxModule");
  EXPECT_FALSE(Run().module_status.has_value());
  td_.tee_tcb_svn[0] = 5;
  EXPECT_EQ(Status(), kOutOfDate);
  info_.levels[0].tdx_svns[1] = 1;
  td_.tee_tcb_svn[0] = 6;
  EXPECT_EQ(Status(), kOutOfDate);
}

TEST_F(EvaluationTest, SvnsAreNotCutToOneOctet) {
  info_.levels[0].sgx_svns[0] = 256 + 5;
  EXPECT_EQ(Run().sgx_level->index, 1U);
}

TEST_F(EvaluationTest, NoTdxLevelIsNotSupported) {
  td_.tee_tcb_svn[2] = 1;
  const TcbEvaluation tcb = Run();
  EXPECT_TRUE(tcb.sgx_level.has_value());
  EXPECT_FALSE(tcb.tdx_level.has_value());
  EXPECT_EQ(tcb.status, kNotSupported);
  EXPECT_TRUE(tcb.advisories.empty());
}

TEST_F(EvaluationTest, OldModuleMakesOutOfDate) {
  td_.tee_tcb_svn[0] = 5;
  EXPECT_EQ(Status(), kOutOfDate);
  EXPECT_THAT(Run().module_advisories, ElementsAre("INTEL-SA-2"));
  info_.levels[0].status = kSwHardeningNeeded;
  EXPECT_EQ(Status(), kOutOfDate);
  info_.levels[0].status = kConfigurationNeeded;
  EXPECT_EQ(Status(), kOutOfDateConfigurationNeeded);
  info_.levels[0].status = kConfigurationAndSwHardeningNeeded;
  EXPECT_EQ(Status(), kOutOfDateConfigurationNeeded);
  info_.levels[0].status = kRevoked;
  EXPECT_EQ(Status(), kRevoked);
  td_.tee_tcb_svn[0] = 3;  // below every level of the module
  EXPECT_EQ(Status(), kNotSupported);
}

TEST_F(EvaluationTest, RevokedModuleRevokes) {
  info_.tdx_module_identities[0].levels[0].status = kRevoked;
  EXPECT_EQ(Status(), kRevoked);
}

TEST_F(EvaluationTest, OldQuotingEnclaveMakesOutOfDate) {
  qe_.isv_svn = 5;
  EXPECT_EQ(Status(), kOutOfDate);
  EXPECT_THAT(Run().qe_advisories, ElementsAre("INTEL-SA-3"));
  identity_.levels[1].status = kRevoked;
  EXPECT_EQ(Status(), kRevoked);
  qe_.isv_svn = 2;
  EXPECT_EQ(Status(), kNotSupported);
}

// Launched under module 4, running under module 7.
class RelaunchTest : public EvaluationTest {
 protected:
  RelaunchTest() {
    td_.tee_tcb_svn = {4, 1, 3};
    td_.tee_tcb_svn_2 = {7, 1, 3};
  }
};

TEST_F(RelaunchTest, IsAdvised) {
  EXPECT_EQ(Status(), kTdRelaunchAdvised);
}

TEST_F(RelaunchTest, IsNotForTd10) {
  td_.tee_tcb_svn_2.reset();
  EXPECT_EQ(Status(), kOutOfDate);
}

TEST_F(RelaunchTest, AdvisesConfiguration) {
  for (const TcbStatus status :
       {kConfigurationNeeded, kConfigurationAndSwHardeningNeeded}) {
    info_.levels[0].status = status;
    EXPECT_EQ(Status(), kTdRelaunchAdvisedConfigurationNeeded);
  }
  info_.levels[0].status = kSwHardeningNeeded;
  EXPECT_EQ(Status(), kTdRelaunchAdvised);
}

TEST_F(RelaunchTest, NeedsTheNewestModuleRunning) {
  (*td_.tee_tcb_svn_2)[0] = 5;
  EXPECT_EQ(Status(), kOutOfDate);
  td_.tee_tcb_svn_2 = IntelSvns{7, 1, 2};  // old SEAM loader
  EXPECT_EQ(Status(), kOutOfDate);
  td_.tee_tcb_svn_2 = IntelSvns{7, 2, 3};  // unknown version
  EXPECT_EQ(Status(), kOutOfDate);
  td_.tee_tcb_svn_2 = IntelSvns{6, 0, 3};  // version 0: components decide
  EXPECT_EQ(Status(), kTdRelaunchAdvised);
  td_.tee_tcb_svn_2 = IntelSvns{5, 0, 3};
  EXPECT_EQ(Status(), kOutOfDate);
}

TEST_F(RelaunchTest, IsNotForAnOldPlatform) {
  pck_.components[0] = 4;
  EXPECT_EQ(Status(), kOutOfDate);
}

TEST_F(RelaunchTest, IsNotForAnOldQuotingEnclave) {
  qe_.isv_svn = 5;
  EXPECT_EQ(Status(), kOutOfDate);
}

TEST_F(RelaunchTest, IsNotForACurrentOrRevokedModule) {
  td_.tee_tcb_svn[0] = 6;
  EXPECT_EQ(Status(), kUpToDate);
  td_.tee_tcb_svn[0] = 4;
  info_.tdx_module_identities[0].levels[1].status = kRevoked;
  EXPECT_EQ(Status(), kRevoked);
}

TEST_F(EvaluationTest, SgxIgnoresTdx) {
  MakeSgx();
  info_.levels[0].tdx_svns.fill(0xffff);
  const TcbEvaluation tcb = Run();
  EXPECT_EQ(tcb.status, kUpToDate);
  EXPECT_EQ(tcb.platform_level(false)->index, 0U);
  EXPECT_FALSE(tcb.tdx_level.has_value());
  EXPECT_TRUE(tcb.module_id.empty());
}

TEST_F(EvaluationTest, MismatchIsNeverSupported) {
  info_.fmspc[5] = 1;
  TcbEvaluation tcb = Run();
  EXPECT_EQ(tcb.status, kNotSupported);
  EXPECT_THAT(tcb.fmspc,
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("want 000000000000, got 000000000001")));
  EXPECT_THAT(tcb.pce_id, IsOk());
  info_.fmspc = {};
  info_.pce_id[0] = 1;
  EXPECT_EQ(Status(), kNotSupported);
  info_.pce_id = {};
  identity_.kind = EnclaveKind::kQve;
  EXPECT_EQ(Status(), kNotSupported);
  identity_.kind = EnclaveKind::kTdQe;
  info_.tee = IntelTee::kSgx;
  EXPECT_EQ(Status(), kNotSupported);
}

TEST_F(EvaluationTest, ModuleSignerIsThatOfItsVersion) {
  info_.tdx_module_identities[0].module.mr_signer.fill(1);
  EXPECT_EQ(Status(), kNotSupported);
  td_.mr_signer_seam.fill(1);
  EXPECT_EQ(Status(), kUpToDate);
  td_.tee_tcb_svn = {6, 0, 3};  // version 0 has the other description
  EXPECT_EQ(Status(), kNotSupported);
  info_.tdx_module->mr_signer.fill(1);
  EXPECT_EQ(Status(), kUpToDate);
  info_.tdx_module.reset();
  EXPECT_EQ(Status(), kNotSupported);
}

TEST_F(EvaluationTest, SeamAttributesAreMasked) {
  TdxModule& module = info_.tdx_module_identities[0].module;
  module.attributes_mask.fill(0xff);
  td_.seam_attributes[0] = 1;
  EXPECT_EQ(Status(), kNotSupported);
  module.attributes_mask[0] = 0xfe;
  EXPECT_EQ(Status(), kUpToDate);
}

TEST_F(EvaluationTest, QuotingEnclaveIsMasked) {
  identity_.attributes_mask.fill(0xff);
  identity_.attributes[0] = 0x11;
  EXPECT_EQ(Status(), kNotSupported);
  qe_.attributes[0] = 0x13;
  identity_.attributes_mask[0] = 0xfd;
  EXPECT_EQ(Status(), kUpToDate);
  identity_.misc_select_mask.fill(0xff);
  qe_.misc_select[3] = 1;
  EXPECT_EQ(Status(), kNotSupported);
}

TEST(TcbStatusTest, MergesAsIntelSays) {
  struct Case {
    TcbStatus platform;
    TcbStatus part;
    TcbStatus merged;
  };
  for (const Case& c : {
           Case{kUpToDate, kUpToDate, kUpToDate},
           {kSwHardeningNeeded, kUpToDate, kSwHardeningNeeded},
           {kUpToDate, kOutOfDate, kOutOfDate},
           {kSwHardeningNeeded, kOutOfDate, kOutOfDate},
           {kConfigurationNeeded, kOutOfDate, kOutOfDateConfigurationNeeded},
           {kOutOfDate, kOutOfDate, kOutOfDate},
           {kOutOfDateConfigurationNeeded, kOutOfDate,
            kOutOfDateConfigurationNeeded},
           {kRevoked, kOutOfDate, kRevoked},
           {kTdRelaunchAdvised, kOutOfDate, kTdRelaunchAdvised},
           {kUpToDate, kRevoked, kRevoked},
           {kUpToDate, kNotSupported, kNotSupported},
           {kNotSupported, kRevoked, kNotSupported},
           {kUpToDate, kConfigurationNeeded, kNotSupported},
       }) {
    EXPECT_EQ(MergeTcbStatus(c.platform, c.part), c.merged)
        << ToString(c.platform) << " + " << ToString(c.part);
  }
}

TEST(TcbStatusTest, NamesAreIntels) {
  for (int i = 0; i <= static_cast<int>(kNotSupported); ++i) {
    const auto status = static_cast<TcbStatus>(i);
    EXPECT_EQ(TcbStatusFromString(ToString(status)), status);
  }
  EXPECT_EQ(TcbStatusFromString("uptodate"), std::nullopt);
  EXPECT_EQ(ToString(kConfigurationAndSwHardeningNeeded),
            "ConfigurationAndSWHardeningNeeded");
  EXPECT_FALSE(IsStatedByCollateral(kTdRelaunchAdvised));
  EXPECT_FALSE(IsStatedByCollateral(kNotSupported));
  EXPECT_TRUE(IsStatedByCollateral(kRevoked));
}

}  // namespace
}  // namespace constellation::attestation
