// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/report_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "attestation/testing/intel_signer.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::MarshalSgxReport;
using ::constellation::testing::MarshalTdReport;
using ::constellation::testing::SgxTestReport;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TdTestReport;

template <typename Array>
void Fill(Array& array, uint8_t first) {
  std::iota(array.begin(), array.end(), first);
}

TEST(ReportBodyTest, ReadsEveryFieldOfAnEnclave) {
  SgxTestReport wanted;
  Fill(wanted.cpu_svn, 1);
  wanted.misc_select = 0x04030201;
  Fill(wanted.attributes, 0x20);
  Fill(wanted.mr_enclave, 0x30);
  Fill(wanted.mr_signer, 0x50);
  wanted.isv_prod_id = 0x1234;
  wanted.isv_svn = 0x5678;
  Fill(wanted.report_data, 0x80);
  ASSERT_OK_AND_ASSIGN(const EnclaveReport report,
                       ParseEnclaveReportUnverified(MarshalSgxReport(wanted)));
  EXPECT_EQ(report.cpu_svn, wanted.cpu_svn);
  EXPECT_THAT(report.misc_select, ::testing::ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(report.attributes, wanted.attributes);
  EXPECT_EQ(report.mr_enclave, wanted.mr_enclave);
  EXPECT_EQ(report.mr_signer, wanted.mr_signer);
  EXPECT_EQ(report.isv_prod_id, 0x1234);
  EXPECT_EQ(report.isv_svn, 0x5678);
  EXPECT_EQ(report.report_data, wanted.report_data);
}

TEST(ReportBodyTest, ReadsEveryFieldOfATd) {
  TdTestReport wanted;
  Fill(wanted.tee_tcb_svn, 1);
  Fill(wanted.mr_seam, 2);
  Fill(wanted.mr_signer_seam, 3);
  wanted.seam_attributes = 0x0102030405060708;
  wanted.td_attributes = 0x1122334455667788;
  wanted.xfam = 0x99aabbccddeeff00;
  Fill(wanted.mr_td, 4);
  Fill(wanted.mr_config_id, 5);
  Fill(wanted.mr_owner, 6);
  Fill(wanted.mr_owner_config, 7);
  for (size_t i = 0; i < 4; ++i) {
    Fill(wanted.rtmr[i], static_cast<uint8_t>(8 + i));
  }
  Fill(wanted.report_data, 12);
  Fill(wanted.tee_tcb_svn_2, 13);
  Fill(wanted.mr_service_td, 14);
  for (const bool is_15 : {false, true}) {
    ASSERT_OK_AND_ASSIGN(
        const TdReport report,
        ParseTdReportUnverified(MarshalTdReport(wanted, is_15)));
    EXPECT_EQ(report.tee_tcb_svn, wanted.tee_tcb_svn);
    EXPECT_EQ(report.mr_seam, wanted.mr_seam);
    EXPECT_EQ(report.mr_signer_seam, wanted.mr_signer_seam);
    EXPECT_EQ(report.seam_attributes[0], 8);
    EXPECT_EQ(report.td_attributes, wanted.td_attributes);
    EXPECT_EQ(report.xfam, wanted.xfam);
    EXPECT_EQ(report.mr_td, wanted.mr_td);
    EXPECT_EQ(report.mr_config_id, wanted.mr_config_id);
    EXPECT_EQ(report.mr_owner, wanted.mr_owner);
    EXPECT_EQ(report.mr_owner_config, wanted.mr_owner_config);
    EXPECT_EQ(report.rtmr, wanted.rtmr);
    EXPECT_EQ(report.report_data, wanted.report_data);
    EXPECT_EQ(report.tee_tcb_svn_2.has_value(), is_15);
    if (is_15) {
      EXPECT_EQ(*report.tee_tcb_svn_2, wanted.tee_tcb_svn_2);
      EXPECT_EQ(*report.mr_service_td, wanted.mr_service_td);
    }
  }
}

TEST(ReportBodyTest, LengthsAreExact) {
  for (const size_t size : {size_t{0}, kEnclaveReportSize - 1,
                            kEnclaveReportSize + 1, kTdReport10Size}) {
    EXPECT_THAT(ParseEnclaveReportUnverified(Bytes(size)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  for (const size_t size :
       {size_t{0}, kTdReport10Size - 1, kTdReport10Size + 1,
        kTdReport15Size - 1, kTdReport15Size + 1, kEnclaveReportSize}) {
    EXPECT_THAT(ParseTdReportUnverified(Bytes(size)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(ReportBodyTest, DebugIsOneBit) {
  EnclaveReport enclave;
  enclave.attributes.fill(0xff);
  EXPECT_TRUE(enclave.debug());
  enclave.attributes[0] = 0xfd;
  EXPECT_FALSE(enclave.debug());
  TdReport td;
  td.td_attributes = ~uint64_t{0};
  EXPECT_TRUE(td.debug());
  td.td_attributes &= ~uint64_t{1};
  EXPECT_FALSE(td.debug());
}

}  // namespace
}  // namespace constellation::attestation
