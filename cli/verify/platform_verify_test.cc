// SPDX-License-Identifier: Apache-2.0
// `verify` of nodes that their platform vouches for: evidence below test roots,
// vendors on loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "attestation/channel/verification_binding.h"
#include "attestation/collateral/evidence_collateral.h"
#include "attestation/collateral/testing/test_vendor.h"
#include "attestation/policy/testing/composed_node.h"
#include "attestation/policy/variants.h"
#include "attestation/tpm/cluster_pcr.h"
#include "cli/exit_code.h"
#include "cli/verify/verify.h"
#include "cli/verify/verify_report.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli {
namespace {

using ::constellation::attestation::testing::TestVendor;
using ::constellation::testing::ComposedNode;
using ::constellation::testing::IsOk;
using ::constellation::testing::kComposedNow;
using ::constellation::testing::TempDir;
using ::testing::AllOf;
using ::testing::HasSubstr;

const Bytes kClusterId(32, 0x5C);

// Nodes behind one relay.
class PlatformNodes final : public NodeApi {
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
      const std::string& /*address*/,
      std::span<const uint8_t> /*nonce*/) override {
    return Unavailable("connection refused");
  }
  absl::StatusOr<std::vector<NodeAnswer>> ChallengeCluster(
      const std::string& address, std::span<const uint8_t> nonce) override {
    relay = address;
    std::vector<NodeAnswer> answers;
    for (auto& [name, machine] : machines) {
      const auto data = attestation::VerificationBinding(nonce, name);
      machine.user_data.assign(data.begin(), data.end());
      NodeAnswer answer;
      answer.node_name = name;
      answer.claimed_name = name;
      answer.evidence = machine.Evidence();
      answers.push_back(std::move(answer));
    }
    return answers;
  }

  std::map<std::string, ComposedNode> machines;
  std::string relay;
};

class PlatformVerifyTest : public ::testing::Test {
 protected:
  void AddNode(const std::string& name, const std::string& variant) {
    ComposedNode machine(variant);
    machine.pcrs[15] = attestation::ExpectedClusterPcr(kClusterId);
    nodes_.machines.emplace(name, machine);
    StateNode node;
    node.name = name;
    node.role = kControlPlaneRole;
    node.ports.verification = 7001;
    state_.infrastructure.qemu.nodes.push_back(node);
  }
  void SetUp() override {
    state_.infrastructure.uid = "0a1b2c3d";
    state_.infrastructure.cluster_endpoint = "127.0.0.1";
    state_.cluster_values.cluster_id = HexEncode(kClusterId);
    options_.collateral = &collateral_;
  }
  ComposedNode& machine() { return nodes_.machines.begin()->second; }
  attestation::Profile Profile() {
    attestation::Profile profile = machine().Profile();
    if (profile.snp.has_value() &&
        attestation::FindVariant(profile.variant)->cloud ==
            attestation::CloudLayer::kNone) {
      profile.snp->measurement_covers_image = true;
    }
    return profile;
  }
  VerifyReport Verify(const attestation::Profile& profile) {
    options_.policy = *attestation::Policy::Create({profile}, {});
    absl::StatusOr<VerifyReport> report =
        VerifyCluster(state_, options_, nodes_, clock_);
    EXPECT_THAT(report, IsOk());
    return report.ok() ? *std::move(report) : VerifyReport{};
  }

  State state_;
  VerifyOptions options_;
  PlatformNodes nodes_;
  TempDir folder_;
  FakeClock clock_{kComposedNow};
  TestVendor vendor_;
  attestation::CollateralService collateral_{
      {.folder = folder_.Join("cache"), .endpoints = vendor_.endpoints()},
      attestation::NodeFetcherOptions(),
      clock_};
};

TEST_F(PlatformVerifyTest, ShowsRowsAndTheTcbReportOfSnp) {
  AddNode("control-plane-0", "qemu-sev-snp");
  const VerifyReport report = Verify(Profile());
  EXPECT_EQ(report.verdict, Verdict::kVerified) << RenderTable(report);
  const std::string table = RenderTable(report);
  EXPECT_THAT(table,
              AllOf(HasSubstr("snp"), HasSubstr("measurement"),
                    HasSubstr("REQUIREMENT"), HasSubstr("confidential CPU"),
                    HasSubstr("reviewable firmware")));
  EXPECT_EQ(report.nodes[0].rests_on, "simulated") << "its root is a test's";
  const auto json = nlohmann::json::parse(RenderJson(report));
  const auto& tcb = json["nodes"][0]["tcbReport"];
  ASSERT_EQ(tcb.size(), 4U);
  EXPECT_EQ(tcb[0]["requirement"], "custom image");
  EXPECT_EQ(tcb[0]["met"], true);
  EXPECT_FALSE(tcb[0]["why"].get<std::string>().empty());
}

TEST_F(PlatformVerifyTest, VerifiesEveryPlatformWithItsCollateral) {
  for (const char* variant : {"qemu-tdx", "azure-sev-snp", "azure-tdx",
                              "aws-sev-snp", "aws-nitro-tpm"}) {
    nodes_.machines.clear();
    state_.infrastructure.qemu.nodes.clear();
    AddNode("control-plane-0", variant);
    const VerifyReport report = Verify(Profile());
    EXPECT_EQ(report.verdict, Verdict::kVerified) << variant << "\n"
                                                  << RenderTable(report);
  }
}

TEST_F(PlatformVerifyTest, RefusesAnotherLaunchDigest) {
  AddNode("control-plane-0", "qemu-sev-snp");
  attestation::Profile profile = Profile();
  profile.snp->policy.measurements[0].fill(0x11);
  const VerifyReport report = Verify(profile);
  EXPECT_EQ(ExitCodeOf(ToStatus(report)), ExitCode::kRefused);
  EXPECT_THAT(RenderTable(report), HasSubstr(std::string(96, '1')));
}

TEST_F(PlatformVerifyTest, RefusesRootsThatThePolicyDoesNotName) {
  AddNode("control-plane-0", "qemu-sev-snp");
  attestation::Profile profile = Profile();
  profile.snp->policy.more_roots.clear();
  EXPECT_EQ(ExitCodeOf(ToStatus(Verify(profile))), ExitCode::kRefused);
}

// Nobody can tell whether the platform is up to date: that is not verified, but
// no refusal of the node either.
TEST_F(PlatformVerifyTest, ADeadVendorIsUnchecked) {
  AddNode("control-plane-0", "qemu-tdx");
  vendor_.set_status(503);
  const VerifyReport report = Verify(Profile());
  EXPECT_EQ(report.verdict, Verdict::kUnchecked) << RenderTable(report);
  EXPECT_EQ(ExitCodeOf(ToStatus(report)), ExitCode::kError);
  EXPECT_THAT(RenderTable(report), HasSubstr("503"));
}

// What nobody may fetch is unchecked, too, and the row says how to get it.
TEST_F(PlatformVerifyTest, WhatIsMissingOfflineIsUnchecked) {
  AddNode("control-plane-0", "qemu-tdx");
  attestation::CollateralService offline({.folder = folder_.Join("empty"),
                                          .offline = true,
                                          .endpoints = vendor_.endpoints()},
                                         attestation::NodeFetcherOptions(),
                                         clock_);
  options_.collateral = &offline;
  const VerifyReport report = Verify(Profile());
  EXPECT_EQ(report.verdict, Verdict::kUnchecked) << RenderTable(report);
  EXPECT_EQ(ExitCodeOf(ToStatus(report)), ExitCode::kError);
  EXPECT_THAT(RenderTable(report), AllOf(HasSubstr("fetching is off"),
                                         HasSubstr("without --offline")));
  machine().pcrs[11] = crypto::Sha256(Bytes(1, 1));
  const attestation::Profile profile = ComposedNode("qemu-tdx").Profile();
  EXPECT_EQ(Verify(profile).verdict, Verdict::kRefused);
}

TEST_F(PlatformVerifyTest, ADeadVendorHidesNoOtherFault) {
  AddNode("control-plane-0", "qemu-tdx");
  vendor_.set_status(503);
  const attestation::Profile profile = Profile();
  machine().pcrs[11] = crypto::Sha256(Bytes(1, 1));
  EXPECT_EQ(Verify(profile).verdict, Verdict::kRefused);
}

TEST_F(PlatformVerifyTest, StrangersAndSilentNodesAreNotOverlooked) {
  AddNode("control-plane-0", "azure-sev-snp");
  const attestation::Profile profile = Profile();
  nodes_.machines.emplace("intruder", machine());
  EXPECT_THAT(RenderTable(Verify(profile)), HasSubstr("unknown node"));
  nodes_.machines.erase("intruder");
  StateNode silent;
  silent.name = "worker-0";
  silent.role = kWorkerRole;
  state_.infrastructure.qemu.nodes.push_back(silent);
  const VerifyReport report = Verify(profile);
  EXPECT_EQ(report.verdict, Verdict::kRefused);
  EXPECT_THAT(RenderTable(report), HasSubstr("missing"));
}

// A cloud's workspace has a profile and an address, and no list of nodes.
class CloudVerifyTest : public PlatformVerifyTest {
 protected:
  void SetUp() override {
    PlatformVerifyTest::SetUp();
    AddNode("control-plane-0", "azure-sev-snp");
    state_.infrastructure.qemu.nodes.clear();
    state_.infrastructure.cluster_endpoint = "lb.example";
    state_.infrastructure.cloud.provider = "azure";
    state_.infrastructure.cloud.attestation_profile =
        attestation::ProfileToJson(Profile());
  }
  VerifyReport VerifyIt() {
    absl::StatusOr<VerifyReport> report =
        VerifyCluster(state_, options_, nodes_, clock_);
    EXPECT_THAT(report, IsOk());
    return report.ok() ? *std::move(report) : VerifyReport{};
  }
};

TEST_F(CloudVerifyTest, EveryListedNodeMustProveItself) {
  EXPECT_EQ(VerifyIt().verdict, Verdict::kVerified) << RenderTable(VerifyIt());
  EXPECT_EQ(nodes_.relay, "lb.example:30081");
  ComposedNode other("azure-sev-snp");  // outside of the cluster
  nodes_.machines.emplace("worker-1", other);
  const VerifyReport report = VerifyIt();
  EXPECT_EQ(report.verdict, Verdict::kRefused);
  EXPECT_THAT(RenderTable(report), HasSubstr("PCR15"));
}

// The cloud told the node's name, the owner's list its TPM.
TEST_F(CloudVerifyTest, EnrolmentIsTheOwnersListNotTheStates) {
  StateNode known;
  known.name = "control-plane-0";
  known.role = kControlPlaneRole;
  state_.infrastructure.qemu.nodes.push_back(known);
  state_.infrastructure.cloud.enrolled_tpms =
      R"([{"nodeName":"control-plane-0","role":"control-plane",)"
      R"("ekCertificateSHA256":")" +
      std::string(64, 'b') + R"(","akName":"000b)" + std::string(64, 'c') +
      R"("}])";
  const std::string table = RenderTable(VerifyIt());
  EXPECT_THAT(table, ::testing::Not(HasSubstr("never enrolled")));
  EXPECT_THAT(table, HasSubstr("an unknown TPM"));
  known.name = "worker-7";
  state_.infrastructure.qemu.nodes.push_back(known);
  EXPECT_THAT(RenderTable(VerifyIt()), HasSubstr("never enrolled"));
}

// The owner's list counts beside a policy of one's own that enrols nobody.
TEST_F(CloudVerifyTest, AGivenPolicyLeavesTheOwnersListAlone) {
  options_.policy = *attestation::Policy::Create({Profile()}, {});
  nodes_.machines.clear();
  StateNode known;
  known.name = "control-plane-0";
  known.role = kControlPlaneRole;
  state_.infrastructure.qemu.nodes.push_back(known);
  state_.infrastructure.cloud.enrolled_tpms =
      R"([{"nodeName":"worker-7","role":"worker","ekCertificateSHA256":")" +
      std::string(64, 'b') + R"(","akName":"000b)" + std::string(64, 'c') +
      R"("}])";
  EXPECT_THAT(RenderTable(VerifyIt()), HasSubstr("never enrolled"));
  state_.infrastructure.cloud.enrolled_tpms = "";
  EXPECT_THAT(RenderTable(VerifyIt()),
              ::testing::Not(HasSubstr("never enrolled")));
}

TEST_F(CloudVerifyTest, NobodyListedIsNoSuccess) {
  nodes_.machines.clear();
  EXPECT_EQ(ExitCodeOf(ToStatus(VerifyIt())), ExitCode::kError);
}

TEST_F(PlatformVerifyTest, OneMachineIsNotTwoNodes) {
  AddNode("control-plane-0", "azure-sev-snp");
  const attestation::Profile profile = Profile();
  AddNode("worker-0", "azure-sev-snp");  // has the same key
  EXPECT_THAT(RenderTable(Verify(profile)), HasSubstr("shared by"));
}

}  // namespace
}  // namespace constellation::cli
