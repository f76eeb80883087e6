// SPDX-License-Identifier: Apache-2.0
#include "cli/verify/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "attestation/channel/verification_binding.h"
#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/cluster_pcr.h"
#include "cli/cluster/policy_builder.h"
#include "cli/exit_code.h"
#include "cli/testing/fake_world.h"
#include "cli/verify/verify_report.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

const char* const kNames[] = {"mini-control-plane-0", "mini-worker-0"};

// A pretended node whose evidence is real.
struct Machine {
  std::shared_ptr<SoftwareTpm> tpm = std::make_shared<SoftwareTpm>();
  std::string claims;  // name that its evidence covers
  bool answers_relay = true;
  bool answers_directly = true;
};

// Machines behind ports, with a relay that tells what the API server lists.
class FakeNodes final : public NodeApi {
 public:
  absl::StatusOr<InitOutcome> Init(const std::string& /*address*/,
                                   const InitParameters& /*parameters*/,
                                   const VerifyNode& /*verify*/,
                                   const InitProgressFn& /*fn*/) override {
    return Internal("verify must not initialise anything");
  }
  absl::Status Recover(const std::string& /*address*/,
                       const VerifyNode& /*verify*/,
                       const KeysForDisk& /*keys*/) override {
    return Internal("verify must not recover anything");
  }
  absl::StatusOr<NodeAnswer> GetEvidence(
      const std::string& address, std::span<const uint8_t> nonce) override {
    asked.push_back(address);
    const auto it = ports.find(address);
    if (it == ports.end() || !machines.at(it->second).answers_directly) {
      return Unavailable("connection refused");
    }
    return Answer(machines.at(it->second), nonce);
  }
  absl::StatusOr<std::vector<NodeAnswer>> ChallengeCluster(
      const std::string& address, std::span<const uint8_t> nonce) override {
    relays.push_back(address);
    if (!relay_works) {
      return Unavailable("connection refused");
    }
    std::vector<NodeAnswer> answers;
    for (const std::string& name : listed) {
      NodeAnswer answer;
      const auto it = machines.find(name);
      if (it != machines.end() && it->second.answers_relay) {
        answer = Answer(it->second, nonce);
      } else {
        answer.error = "deadline exceeded";
      }
      answer.node_name = name;
      answers.push_back(std::move(answer));
    }
    return answers;
  }

  Bytes replayed_nonce;  // if set, evidence is for this one
  std::map<std::string, Machine> machines;
  std::map<std::string, std::string> ports;
  std::vector<std::string> listed;
  bool relay_works = true;
  std::vector<std::string> asked;
  std::vector<std::string> relays;
  std::vector<Bytes> nonces;

 private:
  NodeAnswer Answer(const Machine& machine, std::span<const uint8_t> nonce) {
    nonces.emplace_back(nonce.begin(), nonce.end());
    const std::span<const uint8_t> used =
        replayed_nonce.empty() ? nonce
                               : std::span<const uint8_t>(replayed_nonce);
    NodeAnswer answer;
    answer.node_name = machine.claims;
    answer.claimed_name = machine.claims;
    answer.evidence = *machine.tpm->Attest(
        attestation::VerificationBinding(used, machine.claims));
    return answer;
  }
};

class VerifyTest : public ::testing::Test {
 protected:
  VerifyTest() {
    cluster_id_.assign(32, 0x5C);
    State& state = state_;
    state.infrastructure.uid = "0a1b2c3d";
    state.infrastructure.cluster_endpoint = "127.0.0.1";
    state.infrastructure.qemu.measurements =
        MeasurementsOf(testing::FakeWorld::ImageProfile());
    state.cluster_values.cluster_id = HexEncode(cluster_id_);
    state.cluster_values.measurement_salt = std::string(64, '0');
    uint16_t port = 7000;
    for (const std::string name : kNames) {
      Machine& machine = nodes_.machines[name];
      machine.claims = name;
      Prepare(*machine.tpm);
      StateNode node;
      node.name = name;
      node.role =
          std::string(name == kNames[0] ? kControlPlaneRole : kWorkerRole);
      const auto enrolled = machine.tpm->enrolled();
      node.ak_name = HexEncode(enrolled.ak_name);
      node.ek_certificate_sha256 = HexEncode(enrolled.ek_certificate_sha256);
      node.ports.verification = ++port;
      nodes_.ports["127.0.0.1:" + std::to_string(port)] = name;
      nodes_.listed.push_back(name);
      state.infrastructure.qemu.nodes.push_back(node);
    }
  }

  void Prepare(SoftwareTpm& tpm) const {
    for (const auto& [index, digest] :
         testing::FakeWorld::ImageProfile().pcrs) {
      tpm.SetPcr(index, digest);
    }
    tpm.SetPcr(15, attestation::ExpectedClusterPcr(cluster_id_));
  }
  Machine& machine(int index) { return nodes_.machines.at(kNames[index]); }
  VerifyReport Verify() {
    absl::StatusOr<VerifyReport> report =
        VerifyCluster(state_, options_, nodes_, Clock::System());
    EXPECT_THAT(report, IsOk());
    return report.ok() ? *std::move(report) : VerifyReport{};
  }
  // The exit code of `verify`, and that the verdict names `reason`.
  ExitCode VerifyExpecting(const std::string& reason) {
    const VerifyReport report = Verify();
    EXPECT_THAT(RenderTable(report), HasSubstr(reason));
    return ExitCodeOf(ToStatus(report));
  }

  Bytes cluster_id_;
  State state_;
  VerifyOptions options_;
  FakeNodes nodes_;
};

TEST_F(VerifyTest, AcceptsGenuineCluster) {
  const VerifyReport report = Verify();
  EXPECT_EQ(report.verdict, Verdict::kVerified) << RenderTable(report);
  EXPECT_THAT(ToStatus(report), IsOk());
  ASSERT_EQ(report.nodes.size(), 2U);
  EXPECT_GT(report.nodes[0].rows.size(), 8U);
  EXPECT_THAT(report.Summary(), HasSubstr("VERIFIED: all 2 nodes"));
  EXPECT_THAT(report.nodes[0].source, HasSubstr("relay by"));
  // The relay brought everything, so nobody else was asked.
  EXPECT_TRUE(nodes_.asked.empty());
}

TEST_F(VerifyTest, NonceIsFreshEachTime) {
  const std::string first = Verify().nonce;
  const std::string second = Verify().nonce;
  EXPECT_EQ(first.size(), 64U);
  EXPECT_NE(first, second);
  for (const Bytes& nonce : nodes_.nonces) {
    EXPECT_TRUE(HexEncode(nonce) == first || HexEncode(nonce) == second);
  }
}

TEST_F(VerifyTest, AsksNodesDirectlyWhereRelayBroughtNothing) {
  machine(1).answers_relay = false;
  const VerifyReport report = Verify();
  EXPECT_EQ(report.verdict, Verdict::kVerified) << RenderTable(report);
  EXPECT_EQ(report.nodes[1].source, "direct");
}

TEST_F(VerifyTest, WorksWithoutRelay) {
  nodes_.relay_works = false;
  const VerifyReport report = Verify();
  EXPECT_EQ(report.verdict, Verdict::kVerified);
  // The owner must see that the cluster cannot relay, and why.
  EXPECT_THAT(RenderTable(report),
              HasSubstr("no relay by mini-control-plane-0: connection"));
  const auto json = nlohmann::json::parse(RenderJson(report));
  EXPECT_EQ(json["relayErrors"].size(), 1U);
  EXPECT_EQ(json["relayed"], false);
  EXPECT_THAT(report.Warning(), HasSubstr("mini-control-plane-0: connection"));
}

TEST_F(VerifyTest, SilentNodeIsUncheckedNotVerified) {
  machine(1).answers_relay = false;
  machine(1).answers_directly = false;
  EXPECT_EQ(VerifyExpecting("connection refused"), ExitCode::kError);
}

TEST_F(VerifyTest, NobodyAnswersIsUnchecked) {
  nodes_.relay_works = false;
  machine(0).answers_directly = false;
  machine(1).answers_directly = false;
  EXPECT_EQ(VerifyExpecting("NOT CHECKED: 2 of 2 nodes"), ExitCode::kError);
}

TEST_F(VerifyTest, RefusalIsWorseThanSilence) {
  machine(0).tpm->SetPcr(4, {});
  machine(1).answers_relay = false;
  machine(1).answers_directly = false;
  EXPECT_EQ(VerifyExpecting("REFUSED: 1 of 2"), ExitCode::kRefused);
}

TEST_F(VerifyTest, RefusesOtherImage) {
  machine(1).tpm->SetPcr(11, {});
  EXPECT_EQ(VerifyExpecting("PCR11"), ExitCode::kRefused);
}

TEST_F(VerifyTest, RefusesNodeOfAnotherCluster) {
  machine(1).tpm->SetPcr(15, attestation::ExpectedClusterPcr(Bytes(32, 0x77)));
  EXPECT_EQ(VerifyExpecting("PCR15"), ExitCode::kRefused);
}

TEST_F(VerifyTest, RefusesNodeWithoutCluster) {
  machine(1).tpm->SetPcr(15, {});
  EXPECT_EQ(VerifyExpecting("PCR15"), ExitCode::kRefused);
}

TEST_F(VerifyTest, RefusesWrongClusterIdOfTheCaller) {
  options_.cluster_id = std::string(64, '9');
  EXPECT_EQ(VerifyExpecting("PCR15"), ExitCode::kRefused);
}

TEST_F(VerifyTest, RefusesReplayedEvidence) {
  nodes_.replayed_nonce = Bytes(32, 1);
  EXPECT_EQ(VerifyExpecting("FAILED"), ExitCode::kRefused);
}

TEST_F(VerifyTest, RefusesOtherTpm) {
  machine(1).tpm = std::make_shared<SoftwareTpm>();
  Prepare(*machine(1).tpm);
  EXPECT_EQ(VerifyExpecting("unknown TPM"), ExitCode::kRefused);
}

// The control plane's machine answers for the worker, too, with evidence made
// for that name.
TEST_F(VerifyTest, RefusesOneMachineUnderTwoNames) {
  machine(1).tpm = machine(0).tpm;
  EXPECT_EQ(VerifyExpecting("shared by"), ExitCode::kRefused);
  for (const NodeReport& node : Verify().nodes) {
    EXPECT_EQ(node.verdict, Verdict::kRefused);
  }
}

TEST_F(VerifyTest, NodeThatWasNeverEnrolledIsUnchecked) {
  StateNode node;
  node.name = "mini-worker-1";
  node.role = kWorkerRole;
  state_.infrastructure.qemu.nodes.push_back(node);
  EXPECT_EQ(VerifyExpecting("never enrolled"), ExitCode::kError);
}

TEST_F(VerifyTest, RefusesSwappedNames) {
  machine(0).claims.swap(machine(1).claims);
  EXPECT_EQ(VerifyExpecting("listed as"), ExitCode::kRefused);
}

TEST_F(VerifyTest, RefusesUnknownNodeInTheCluster) {
  nodes_.listed.emplace_back("intruder");
  EXPECT_EQ(VerifyExpecting("unknown node"), ExitCode::kRefused);
}

TEST_F(VerifyTest, RefusesUnknownNodeWithEvidence) {
  Machine& intruder = nodes_.machines["intruder"];
  intruder.claims = "intruder";
  Prepare(*intruder.tpm);
  nodes_.listed.emplace_back("intruder");
  EXPECT_EQ(VerifyExpecting("unknown node"), ExitCode::kRefused);
}

TEST_F(VerifyTest, RefusesNodeThatTheApiServerDoesNotList) {
  nodes_.listed.pop_back();
  EXPECT_EQ(VerifyExpecting("missing"), ExitCode::kRefused);
}

TEST_F(VerifyTest, RefusesMissingNodeThatIsSilent) {
  nodes_.listed.pop_back();
  machine(1).answers_directly = false;
  EXPECT_EQ(VerifyExpecting("missing"), ExitCode::kRefused);
}

TEST_F(VerifyTest, RefusesTwoAnswersUnderOneName) {
  nodes_.listed.emplace_back(kNames[1]);
  EXPECT_EQ(VerifyExpecting("answers under this name"), ExitCode::kRefused);
}

TEST_F(VerifyTest, UsesEndpointAsOnlyRelay) {
  options_.endpoint = "gateway.example:1234";
  EXPECT_EQ(Verify().verdict, Verdict::kVerified);
  EXPECT_THAT(nodes_.relays, ::testing::ElementsAre("gateway.example:1234"));
  options_.endpoint = "10.0.0.1";
  Verify();
  EXPECT_EQ(nodes_.relays.back(), "10.0.0.1:30081");
}

TEST_F(VerifyTest, RefusesBadEndpoint) {
  for (const char* bad : {"a b", "host:0", "host:70000", "host:", "host:x",
                          ":1", "unix:/run/x"}) {
    options_.endpoint = bad;
    EXPECT_THAT(
        VerifyCluster(state_, options_, nodes_, Clock::System()),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("endpoint")))
        << bad;
  }
}

TEST_F(VerifyTest, NeedsClusterId) {
  state_.cluster_values.cluster_id.clear();
  EXPECT_THAT(VerifyCluster(state_, options_, nodes_, Clock::System()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("--cluster-id")));
  options_.cluster_id = Base64Encode(cluster_id_);
  EXPECT_EQ(Verify().verdict, Verdict::kVerified);
  options_.cluster_id = "abc";
  EXPECT_THAT(VerifyCluster(state_, options_, nodes_, Clock::System()),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(VerifyTest, ClusterWithoutNodesIsNeverVerified) {
  state_.infrastructure.qemu.nodes.clear();
  nodes_.listed.clear();
  const absl::StatusOr<VerifyReport> report =
      VerifyCluster(state_, options_, nodes_, Clock::System());
  EXPECT_FALSE(report.ok() && ToStatus(*report).ok());
}

TEST_F(VerifyTest, JsonHasEveryRowInFull) {
  machine(1).tpm->SetPcr(9, {});
  const VerifyReport report = Verify();
  const auto json = nlohmann::json::parse(RenderJson(report));
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["verdict"], "refused");
  EXPECT_EQ(json["clusterID"], state_.cluster_values.cluster_id);
  ASSERT_EQ(json["nodes"].size(), 2U);
  EXPECT_EQ(json["nodes"][0]["verdict"], "verified");
  EXPECT_EQ(json["nodes"][1]["verdict"], "refused");
  bool found = false;
  for (const auto& check : json["nodes"][1]["checks"]) {
    if (check["check"] == "PCR9") {
      found = true;
      EXPECT_EQ(check["verdict"], "failed");
      EXPECT_EQ(check["expected"].get<std::string>().size(), 64U);
      EXPECT_EQ(check["got"], std::string(64, '0'));
    }
  }
  EXPECT_TRUE(found);
}

TEST_F(VerifyTest, JunitCountsFailures) {
  machine(1).tpm->SetPcr(9, {});
  const std::string xml = RenderJunit(Verify());
  EXPECT_THAT(xml, HasSubstr("<testsuite name=\"mini-control-plane-0\""));
  EXPECT_THAT(xml, HasSubstr("failures=\"0\""));
  // The register itself, and that no profile matches.
  EXPECT_THAT(xml, HasSubstr("failures=\"2\""));
  EXPECT_THAT(xml, HasSubstr("name=\"PCR9\""));
}

TEST_F(VerifyTest, HostileNamesCannotSteerTerminalOrBreakFormats) {
  nodes_.listed.emplace_back("\x1b[2J\"<&\n");
  const VerifyReport report = Verify();
  EXPECT_EQ(ExitCodeOf(ToStatus(report)), ExitCode::kRefused);
  EXPECT_THAT(RenderTable(report), Not(HasSubstr("\x1b")));
  EXPECT_FALSE(
      nlohmann::json::parse(RenderJson(report), nullptr, false).is_discarded());
  const std::string xml = RenderJunit(report);
  EXPECT_THAT(xml, Not(HasSubstr("\x1b")));
  EXPECT_THAT(xml, HasSubstr("&quot;&lt;&amp;"));
}

TEST(VerifyReportTest, EmptyReportIsNoSuccess) {
  VerifyReport report;
  EXPECT_EQ(ExitCodeOf(ToStatus(report)), ExitCode::kError);
  report.verdict = Verdict::kVerified;
  EXPECT_EQ(ExitCodeOf(ToStatus(report)), ExitCode::kError);
}

}  // namespace
}  // namespace constellation::cli
