// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/hardware_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

ReportData Data(uint8_t octet) {
  ReportData data{};
  data.fill(octet);
  return data;
}

// A report of `size` octets that carries Data(7) at `offset`.
HardwareReport Report(HardwareKind kind, size_t size, size_t offset,
                      uint8_t version) {
  HardwareReport report{
      .kind = kind, .report = Bytes(size), .certificates = {}};
  report.report[0] = version;
  std::ranges::copy(Data(7),
                    report.report.begin() + static_cast<ptrdiff_t>(offset));
  return report;
}

TEST(HardwareReportTest, FindsTheDataOfEveryKind) {
  for (const HardwareReport& report :
       {Report(HardwareKind::kSnp, 1184, 0x50, 2),
        Report(HardwareKind::kTdx, 48 + 584, 48 + 520, 4),
        Report(HardwareKind::kTdx, 5000, 48 + 520, 4),
        Report(HardwareKind::kTdx, 54 + 584, 54 + 520, 5)}) {
    EXPECT_THAT(CheckReportCarries(report, Data(7)), IsOk());
    EXPECT_THAT(CheckReportCarries(report, Data(8)),
                StatusIs(absl::StatusCode::kUnavailable,
                         HasSubstr("another program asked")));
  }
}

TEST(HardwareReportTest, RefusesOtherForms) {
  const HardwareReport snp = Report(HardwareKind::kSnp, 1184, 0x50, 2);
  for (const size_t size : {0U, 1183U, 1185U}) {
    HardwareReport other = snp;
    other.report.resize(size);
    EXPECT_THAT(CheckReportCarries(other, Data(7)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  HardwareReport tdx = Report(HardwareKind::kTdx, 48 + 584, 48 + 520, 4);
  tdx.report.resize(48 + 520 + 63);
  EXPECT_THAT(CheckReportCarries(tdx, Data(7)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  for (const size_t size : {0U, 1U, 2U}) {
    tdx.report.resize(size);
    EXPECT_FALSE(CheckReportCarries(tdx, Data(7)).ok());
  }
  for (const uint8_t version : {uint8_t{0}, uint8_t{3}, uint8_t{6}}) {
    EXPECT_THAT(
        CheckReportCarries(Report(HardwareKind::kTdx, 5000, 48 + 520, version),
                           Data(7)),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("version")));
  }
}

TEST(HardwareReportTest, NamesKinds) {
  EXPECT_EQ(ToString(HardwareKind::kSnp), "SEV-SNP");
  EXPECT_EQ(ToString(HardwareKind::kTdx), "TDX");
}

}  // namespace
}  // namespace constellation::attestation
