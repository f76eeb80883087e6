// SPDX-License-Identifier: Apache-2.0
#include "cli/verify/appraise_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "attestation/channel/verification_binding.h"
#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/cluster_pcr.h"
#include "cli/testing/fake_world.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::SoftwareTpm;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Two enrolled nodes, "a" and "b", in one cluster; a relay listed both.
class AppraiseClusterTest : public ::testing::Test {
 protected:
  AppraiseClusterTest() {
    challenge_.nonce = Bytes(32, 1);
    challenge_.cluster_id = Bytes(32, 2);
    challenge_.now = absl::FromUnixSeconds(1800000000);
    challenge_.relay_answered = true;
    std::vector<attestation::EnrolledNode> enrolled;
    for (const char* name : {"a", "b"}) {
      auto tpm = std::make_unique<SoftwareTpm>();
      for (const auto& [index, digest] :
           testing::FakeWorld::ImageProfile().pcrs) {
        tpm->SetPcr(index, digest);
      }
      tpm->SetPcr(15, attestation::ExpectedClusterPcr(challenge_.cluster_id));
      attestation::EnrolledNode node;
      node.node_name = name;
      node.role = "worker";
      node.tpm = tpm->enrolled();
      enrolled.push_back(node);
      tpms_.push_back(std::move(tpm));
    }
    challenge_.policy = *attestation::Policy::Create(
        {testing::FakeWorld::ImageProfile()}, enrolled);
    challenge_.answers = {Answer(*tpms_[0], "a"), Answer(*tpms_[1], "b")};
  }

  // What `tpm` says when it calls itself `name`.
  SourcedAnswer Answer(SoftwareTpm& tpm, const std::string& name) const {
    SourcedAnswer sourced;
    sourced.source = "relay by a";
    sourced.answer.node_name = name;
    sourced.answer.claimed_name = name;
    sourced.answer.evidence =
        *tpm.Attest(attestation::VerificationBinding(challenge_.nonce, name));
    return sourced;
  }
  // The failed rows of node `name`: "check: got".
  std::vector<std::string> Failed(const std::string& name) const {
    std::vector<std::string> failed;
    const VerifyReport report = AppraiseCluster(challenge_);
    for (const NodeReport& node : report.nodes) {
      for (const attestation::CheckRow& row : node.rows) {
        if (node.name == name &&
            row.verdict == attestation::CheckVerdict::kFailed) {
          failed.push_back(row.name + ": " + row.got);
        }
      }
    }
    return failed;
  }
  Verdict VerdictOf(const std::string& name) const {
    for (const NodeReport& node : AppraiseCluster(challenge_).nodes) {
      if (node.name == name) {
        return node.verdict;
      }
    }
    ADD_FAILURE() << "no node " << name;
    return Verdict::kRefused;
  }
  Verdict Whole() const { return AppraiseCluster(challenge_).verdict; }

  std::vector<std::unique_ptr<SoftwareTpm>> tpms_;
  ClusterChallenge challenge_;
};

TEST_F(AppraiseClusterTest, AcceptsWhatIsRight) {
  const VerifyReport report = AppraiseCluster(challenge_);
  EXPECT_EQ(report.verdict, Verdict::kVerified);
  EXPECT_THAT(Failed("a"), ElementsAre());
  EXPECT_EQ(report.cluster_id, HexEncode(challenge_.cluster_id));
  EXPECT_EQ(report.nonce, HexEncode(challenge_.nonce));
  EXPECT_EQ(report.time, challenge_.now);
  ASSERT_EQ(report.nodes.size(), 2U);
  EXPECT_EQ(report.nodes[0].source, "relay by a");
  EXPECT_EQ(report.nodes[0].role, "worker");
  EXPECT_EQ(report.nodes[0].profile, "node-image");
  EXPECT_EQ(report.nodes[0].rests_on, "simulated");
}

TEST_F(AppraiseClusterTest, WithoutPolicyNothingIsChecked) {
  challenge_.policy.reset();
  challenge_.relay_errors = {"a: refused"};
  const VerifyReport report = AppraiseCluster(challenge_);
  EXPECT_EQ(report.verdict, Verdict::kUnchecked);
  EXPECT_TRUE(report.nodes.empty());
  EXPECT_THAT(report.relay_errors, ElementsAre("a: refused"));
}

TEST_F(AppraiseClusterTest, PolicyWithoutNodesVerifiesNothing) {
  challenge_.policy =
      *attestation::Policy::Create({testing::FakeWorld::ImageProfile()}, {});
  challenge_.answers.clear();
  EXPECT_EQ(Whole(), Verdict::kUnchecked);
}

TEST_F(AppraiseClusterTest, OneRegisterRefusesTheNodeAndTheCluster) {
  crypto::Sha256Digest other{};
  other.fill(0xEE);
  tpms_[1]->SetPcr(9, other);
  challenge_.answers[1] = Answer(*tpms_[1], "b");
  EXPECT_THAT(Failed("b"), Contains(HasSubstr("PCR9: eeee")));
  EXPECT_EQ(VerdictOf("a"), Verdict::kVerified);
  EXPECT_EQ(VerdictOf("b"), Verdict::kRefused);
  EXPECT_EQ(Whole(), Verdict::kRefused);
}

TEST_F(AppraiseClusterTest, EvidenceOfAnotherNonceIsRefused) {
  challenge_.nonce[0] ^= 1;
  EXPECT_EQ(VerdictOf("a"), Verdict::kRefused);
  EXPECT_EQ(VerdictOf("b"), Verdict::kRefused);
}

TEST_F(AppraiseClusterTest, EvidenceOfAnotherClusterIsRefused) {
  challenge_.cluster_id[0] ^= 1;
  EXPECT_THAT(Failed("a"), ElementsAre(HasSubstr("PCR15")));
}

TEST_F(AppraiseClusterTest, SilentNodeIsUnchecked) {
  challenge_.answers[1].answer.evidence.reset();
  challenge_.answers[1].answer.error = "deadline exceeded";
  EXPECT_EQ(VerdictOf("b"), Verdict::kUnchecked);
  EXPECT_EQ(Whole(), Verdict::kUnchecked);
  EXPECT_THAT(Failed("b"), ElementsAre("evidence: deadline exceeded"));
}

TEST_F(AppraiseClusterTest, ErrorsOfAllWaysAreTold) {
  challenge_.answers[1].answer.evidence.reset();
  challenge_.answers[1].answer.error = "relay: no route";
  challenge_.answers.push_back(challenge_.answers[1]);
  challenge_.answers[2].answer.error = "direct: refused";
  challenge_.answers[2].direct = true;
  EXPECT_THAT(Failed("b"),
              ElementsAre("evidence: relay: no route; direct: refused"));
}

TEST_F(AppraiseClusterTest, NodeThatNoRelayListsIsRefused) {
  challenge_.answers.pop_back();
  EXPECT_EQ(VerdictOf("b"), Verdict::kRefused);
  EXPECT_THAT(Failed("b"), ElementsAre("listed: missing"));
}

TEST_F(AppraiseClusterTest, WithoutRelaySilenceIsNoRefusal) {
  challenge_.relay_answered = false;
  challenge_.answers.pop_back();
  EXPECT_EQ(VerdictOf("b"), Verdict::kUnchecked);
  EXPECT_THAT(Failed("b"), ElementsAre("evidence: no answer"));
}

// Good nodes stay verified, but what nobody was asked is no passed check.
TEST_F(AppraiseClusterTest, WithoutRelayListingIsNotCalledChecked) {
  const auto listed = [&] {
    std::vector<attestation::CheckVerdict> verdicts;
    for (const NodeReport& node : AppraiseCluster(challenge_).nodes) {
      for (const attestation::CheckRow& row : node.rows) {
        if (row.layer == "cluster" && row.name == "listed") {
          verdicts.push_back(row.verdict);
        }
      }
    }
    return verdicts;
  };
  using attestation::CheckVerdict;
  EXPECT_THAT(listed(),
              ElementsAre(CheckVerdict::kPassed, CheckVerdict::kPassed));
  EXPECT_TRUE(AppraiseCluster(challenge_).relayed);
  challenge_.relay_answered = false;
  EXPECT_THAT(listed(), ElementsAre(CheckVerdict::kInfo, CheckVerdict::kInfo));
  EXPECT_FALSE(AppraiseCluster(challenge_).relayed);
  EXPECT_EQ(Whole(), Verdict::kVerified);
}

// Direct evidence is not a listing.
TEST_F(AppraiseClusterTest, NodeThatRunsOutsideTheClusterIsRefused) {
  challenge_.answers[1].direct = true;
  EXPECT_THAT(Failed("b"), ElementsAre("listed: missing"));
  EXPECT_EQ(VerdictOf("b"), Verdict::kRefused);
  challenge_.relay_answered = false;
  EXPECT_EQ(VerdictOf("b"), Verdict::kVerified);
}

TEST_F(AppraiseClusterTest, MachineUnderAnotherNameIsRefused) {
  challenge_.answers[1] = Answer(*tpms_[0], "b");
  EXPECT_THAT(Failed("b"), Contains("node name: a"));
  EXPECT_EQ(VerdictOf("b"), Verdict::kRefused);
}

TEST_F(AppraiseClusterTest, UnknownMachineIsRefused) {
  SoftwareTpm unknown;
  challenge_.answers[1] = Answer(unknown, "b");
  EXPECT_THAT(Failed("b"), Contains("node name: an unknown TPM"));
}

TEST_F(AppraiseClusterTest, RelayMayNotRenameNodes) {
  challenge_.answers[1].answer.node_name = "a";
  EXPECT_THAT(Failed("b"), Contains("listed as: a"));
  EXPECT_EQ(VerdictOf("b"), Verdict::kRefused);
}

TEST_F(AppraiseClusterTest, TwoAnswersUnderOneNameAreRefused) {
  challenge_.answers.push_back(challenge_.answers[0]);
  EXPECT_THAT(Failed("a"), ElementsAre("answers under this name: 2"));
  EXPECT_EQ(VerdictOf("a"), Verdict::kRefused);
}

// A bad answer cannot hide behind a good one.
TEST_F(AppraiseClusterTest, AllAnswersUnderOneNameAreJudged) {
  SoftwareTpm unknown;
  challenge_.answers.push_back(Answer(unknown, "a"));
  EXPECT_THAT(Failed("a"), Contains("node name: an unknown TPM"));
}

TEST_F(AppraiseClusterTest, UnenrolledNodesAreUnchecked) {
  challenge_.unenrolled = {"c"};
  EXPECT_EQ(VerdictOf("c"), Verdict::kUnchecked);
  EXPECT_THAT(Failed("c"), ElementsAre("enrolled: never enrolled"));
  EXPECT_EQ(Whole(), Verdict::kUnchecked);
}

TEST_F(AppraiseClusterTest, StrangersAreRefusedEvenWithoutEvidence) {
  SourcedAnswer stranger;
  stranger.source = "relay by b";
  stranger.answer.node_name = "z";
  stranger.answer.error = "no answer";
  challenge_.answers.push_back(stranger);
  const VerifyReport report = AppraiseCluster(challenge_);
  ASSERT_EQ(report.nodes.size(), 3U);
  EXPECT_EQ(report.nodes[2].name, "z");
  EXPECT_EQ(report.nodes[2].source, "relay by b");
  EXPECT_EQ(report.nodes[2].verdict, Verdict::kRefused);
  EXPECT_EQ(report.verdict, Verdict::kRefused);
  EXPECT_EQ(VerdictOf("a"), Verdict::kVerified);
}

// Both the name in the list and the name in the evidence count.
TEST_F(AppraiseClusterTest, StrangerBehindKnownNameIsFound) {
  challenge_.answers.push_back(Answer(*tpms_[1], "z"));
  challenge_.answers.back().answer.node_name = "b";
  EXPECT_EQ(VerdictOf("z"), Verdict::kRefused);
  EXPECT_EQ(Whole(), Verdict::kRefused);
}

TEST_F(AppraiseClusterTest, OneKeyForTwoNodesRefusesBoth) {
  challenge_.answers[1] = Answer(*tpms_[0], "b");
  EXPECT_THAT(Failed("a"), Contains("attestation key: shared by a and b"));
  EXPECT_THAT(Failed("b"), Contains("attestation key: shared by a and b"));
  EXPECT_EQ(VerdictOf("a"), Verdict::kRefused);
}

TEST_F(AppraiseClusterTest, FailedRowsSayWhatToDo) {
  challenge_.answers.pop_back();
  for (const NodeReport& node : AppraiseCluster(challenge_).nodes) {
    for (const attestation::CheckRow& row : node.rows) {
      EXPECT_EQ(row.advice.empty(),
                row.verdict != attestation::CheckVerdict::kFailed)
          << row.name;
    }
  }
}

}  // namespace
}  // namespace constellation::cli
