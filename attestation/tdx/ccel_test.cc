// SPDX-License-Identifier: Apache-2.0
#include "attestation/tdx/ccel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "attestation/eventlog/event_log.h"
#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/intel/testing/synthetic.h"
#include "attestation/testing/event_log_builder.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::EventLogBuilder;
using ::constellation::testing::FailedChecks;
using ::constellation::testing::FindIntelCollateral;
using ::constellation::testing::GotOf;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::Middle;
using ::constellation::testing::ProductionAnchors;
using ::constellation::testing::ReadVector;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorsFolder;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Id = IntelCheckId;

constexpr char kQuote[] = "tdx/quote-v4-gcp-cos113.bin";
constexpr char kSet[] = "tdx/collateral/00806f-2025-10";
constexpr char kLog[] = "eventlog/ccel-gcp-cos113.bin";

// A real machine: quote, collateral of its time, and its event log.
class CcelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
    log_ = ReadVector(kLog);
  }
  static VerifiedTdxQuote Quote() {
    const auto set = FindIntelCollateral(kSet).value();
    const absl::Time now = Middle(*set.window);
    const Bytes quote = ReadVector(kQuote);
    const auto report =
        ParseTdReportUnverified(ParseIntelQuoteUnverified(quote).value().body)
            .value();
    TdxPolicy policy;
    policy.tcb.accepted_statuses = {TcbStatus::kUpToDate};
    policy.tcb.minimum_evaluation_data_number = 17;
    policy.mr_td = {report.mr_td};
    policy.report_data = report.report_data;
    const auto collateral =
        CheckIntelCollateral(set.collateral, ProductionAnchors(), now)
            .collateral.value();
    return VerifyTdxQuote(quote, collateral, ProductionAnchors(), {.now = now},
                          policy)
        .value();
  }
  Bytes log_;
};

TEST_F(CcelTest, ExplainsTheRegistersOfARealMachine) {
  const auto result = CheckCcel(log_, Quote());
  EXPECT_THAT(FailedChecks(result.checks), IsEmpty())
      << FirstFailure(result.checks, "CCEL").ToString();
  ASSERT_TRUE(result.log.has_value());
  EXPECT_GT(result.log->log().events.size(), 10U);
  EXPECT_EQ(result.checks.size(), 4U);
}

// A log of the same machine in which an event was repeated, and others' logs.
TEST_F(CcelTest, RefusesOtherLogs) {
  for (const char* const name :
       {"eventlog/ccel-gcp-cos113-duplicate-separator.bin",
        "eventlog/ccel-grub.bin", "eventlog/ccel-ovmf-direct-boot.bin",
        "eventlog/ccel-sm3-only.bin"}) {
    SCOPED_TRACE(name);
    const auto result = CheckCcel(ReadVector(name), Quote());
    EXPECT_FALSE(result.log.has_value());
    EXPECT_FALSE(FailedChecks(result.checks).empty());
  }
}

// MRTD is 0 and RTMR3 is 4: a log of PCRs is not one of a TD.
TEST_F(CcelTest, RefusesRegistersThatNoTdHas) {
  EventLogBuilder log({0x000c});  // SHA-384
  const auto result = CheckCcel(log.Add(5, 4, "separator").bytes(), Quote());
  EXPECT_FALSE(result.log.has_value());
  EXPECT_THAT(GotOf(result.checks, Id::kRtmr0),
              HasSubstr("register 5: want 0 (MRTD) to 4 (RTMR3)"));
}

TEST_F(CcelTest, NoLogExplainsNothing) {
  const auto result = CheckCcel({}, Quote());
  EXPECT_FALSE(result.log.has_value());
  EXPECT_FALSE(CheckCcel(log_, Quote(), 0).log.has_value());
}

TEST_F(CcelTest, ComparesOnlyTheRegistersAskedFor) {
  TdReport report = Quote().report();
  report.rtmr[3].fill(1);
  EXPECT_THAT(FailedChecks(CompareCcelUnverified(log_, report)),
              ElementsAre(Id::kRtmr3));
  EXPECT_THAT(FailedChecks(CompareCcelUnverified(log_, report, 0x7)),
              IsEmpty());
  report.rtmr[0][0] ^= 1U;
  const auto rows = CompareCcelUnverified(log_, report, 0x7);
  EXPECT_THAT(FailedChecks(rows), ElementsAre(Id::kRtmr0));
  EXPECT_THAT(GotOf(rows, Id::kRtmr0), HasSubstr("(replayed)"));
}

// Bits of digests change a register; bits of data only where a digest says so,
// which is DataExplainsDigest()'s task.
TEST_F(CcelTest, EveryChangedDigestIsNoticed) {
  const auto quote = Quote();
  const auto good = ParseEventLogUnverified(log_).value();
  int changed = 0;
  for (size_t i = 0; i < good.end_offset; i += 5) {
    Bytes log = log_;
    log[i] ^= 4U;
    const auto result = CheckCcel(log, quote);
    if (!result.log.has_value()) {
      ++changed;
      continue;
    }
    // Accepted: then every digest of a register is as before.
    const auto replayed = Replay(result.log->log(), 0x000c).value();
    EXPECT_EQ(replayed, Replay(good, 0x000c).value()) << i;
  }
  EXPECT_GT(changed, 100);
}

TEST_F(CcelTest, LiesInTheAreaOfTheAcpiTable) {
  ASSERT_OK_AND_ASSIGN(const CcelTableUnverified table,
                       ParseCcelTableUnverified(ReadVector(
                           "eventlog/ccel-gcp-cos113-acpi-table.bin")));
  EXPECT_GE(table.log_size, log_.size());
  EXPECT_NE(table.log_address, 0U);
}

}  // namespace
}  // namespace constellation::attestation
