// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/ccel_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "attestation/eventlog/event_log.h"
#include "attestation/policy/appraisal.h"
#include "attestation/policy/testing/composed_node.h"
#include "attestation/testing/event_log_builder.h"
#include "attestation/tpm/tpm_hash.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::ComposedNode;
using ::constellation::testing::EventLogBuilder;
using ::constellation::testing::kComposedNow;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

EventLogBuilder Log() {
  EventLogBuilder log({kTpmAlgSha384});
  log.Add(1, kEvSeparator, "firmware")
      .Add(2, kEvIpl, "boot loader")
      .Add(2, kEvIpl, "kernel")
      .Add(3, kEvIpl, "command line");
  return log;
}

// A TD whose registers are those that its log explains.
class CcelRowsTest : public ::testing::TestWithParam<const char*> {
 protected:
  CcelRowsTest() {
    const auto log = ParseEventLogUnverified(log_.bytes());
    const auto replayed = Replay(*log, kTpmAlgSha384);
    for (const auto& [index, value] : *replayed) {
      std::ranges::copy(value, node_.tdx.td.rtmr[index - 1].begin());
    }
  }
  Evidence Made() const {
    Evidence evidence = node_.Evidence();
    evidence.cc_event_log = log_.bytes();
    return evidence;
  }
  std::vector<CheckRow> Rows(const Evidence& evidence,
                             const Profile& profile) const {
    return CcelRows(*FindVariant(node_.variant), evidence, &profile);
  }

  EventLogBuilder log_ = Log();
  ComposedNode node_{GetParam()};
};

// On Azure the quote is an endorsement.
INSTANTIATE_TEST_SUITE_P(Variants, CcelRowsTest,
                         ::testing::Values("qemu-tdx", "azure-tdx"),
                         [](const auto& each) {
                           std::string name = each.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(CcelRowsTest, ExplainRegisters) {
  const auto rows = Rows(Made(), node_.Profile());
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_EQ(rows[1].name, "RTMR1");
  EXPECT_EQ(rows[1].expected, HexEncode(node_.tdx.td.rtmr[1]) + " (quoted)");
  EXPECT_EQ(rows[1].got, HexEncode(node_.tdx.td.rtmr[1]) + " (replayed)");
  EXPECT_THAT(rows,
              Each(Field(&CheckRow::advice, "the log explains this register")));
  EXPECT_THAT(rows, Each(Field(&CheckRow::verdict, CheckVerdict::kInfo)));
}

TEST_P(CcelRowsTest, NameEventsOfARegisterThatTheProfileRefuses) {
  Profile profile = node_.Profile();
  profile.tdx->policy.rtmr[1][0].fill(0x33);
  const auto rows = Rows(Made(), profile);
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_THAT(rows[1].advice,
              AllOf(HasSubstr("profile wants another"), HasSubstr("kernel"),
                    Not(HasSubstr("command line"))));
  EXPECT_THAT(rows[2].advice, Not(HasSubstr("profile wants another")));
}

TEST_P(CcelRowsTest, SayWhereTheLogIsAnothers) {
  node_.tdx.td.rtmr[1].fill(0x44);
  const auto rows = Rows(Made(), node_.Profile());
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_THAT(rows[1].advice,
              AllOf(HasSubstr("does not explain"), HasSubstr("boot loader")));
}

TEST_P(CcelRowsTest, ALogThatIsCutShortExplainsNothing) {
  Evidence evidence = Made();
  evidence.cc_event_log.resize(evidence.cc_event_log.size() - 5);
  for (const CheckRow& row : Rows(evidence, node_.Profile())) {
    EXPECT_EQ(row.verdict, CheckVerdict::kInfo);
    EXPECT_THAT(row.advice, HasSubstr("does not explain"));
  }
}

TEST_P(CcelRowsTest, NothingToSayWithoutLogOrQuote) {
  EXPECT_THAT(Rows(node_.Evidence(), node_.Profile()), IsEmpty());
  Evidence evidence = Made();
  evidence.hardware_report.clear();
  evidence.endorsements.clear();
  EXPECT_THAT(Rows(evidence, node_.Profile()), IsEmpty());
}

// The log is nobody's proof: with or without it the verdict is the same.
TEST_P(CcelRowsTest, NeverDecide) {
  for (const bool honest : {true, false}) {
    Evidence evidence = Made();
    if (!honest) {
      evidence.cc_event_log = Bytes(100, 0x55);
    }
    const auto policy = Policy::Create({node_.Profile()}, {});
    const Appraisal appraisal =
        Appraise(evidence, node_.user_data, ClusterState::None(), *policy,
                 node_.Collateral(), kComposedNow);
    EXPECT_TRUE(appraisal.accepted) << appraisal.Failures();
    EXPECT_THAT(appraisal.rows,
                ::testing::Contains(Field(&CheckRow::name, "RTMR1")));
  }
}

TEST(CcelTest, IsRefusedWhereThereIsNoTd) {
  const ComposedNode node("qemu-sev-snp");
  Evidence evidence = node.Evidence();
  evidence.cc_event_log = Log().bytes();
  const auto policy = Policy::Create({node.Profile()}, {});
  EXPECT_THAT(Appraise(evidence, node.user_data, ClusterState::None(), *policy,
                       kComposedNow)
                  .Failures(),
              HasSubstr("evidence CC event log: expected none"));
}

}  // namespace
}  // namespace constellation::attestation
