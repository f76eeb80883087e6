// SPDX-License-Identifier: Apache-2.0
#include "attestation/same_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "attestation/policy/appraisal.h"
#include "attestation/policy/testing/composed_node.h"
#include "attestation/testing/software_tpm.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::ComposedNode;
using ::constellation::testing::IsOk;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

std::vector<PcrValue> OwnPcrs() {
  std::vector<PcrValue> pcrs;
  for (const uint32_t index : {4U, 8U, 9U, 11U, 12U, 13U, 14U}) {
    const bool image = index == 4 || index == 9 || index == 11;
    pcrs.push_back(
        {.index = index,
         .sha256 = image ? crypto::Sha256(Bytes(1, static_cast<uint8_t>(index)))
                         : crypto::Sha256Digest{}});
  }
  return pcrs;
}

TEST(PolicyOfPeersLikeTest, AcceptsPeerOnTheSameImageOnly) {
  SoftwareTpm peer;
  for (const PcrValue& pcr : OwnPcrs()) {
    peer.SetPcr(pcr.index, pcr.sha256);
  }
  peer.SetPcr(15, crypto::Sha256(Bytes(1, 15)));
  ASSERT_OK_AND_ASSIGN(
      const Policy policy,
      PolicyOfPeersLike(kVariantQemuVtpm, OwnPcrs(),
                        {{.node_name = "cp-0",
                          .role = std::string(kRoleControlPlane),
                          .tpm = peer.enrolled()}}));
  const Bytes user_data(kUserDataSize, 1);
  const auto appraise = [&] {
    return Appraise(*peer.Attest(user_data), user_data,
                    ClusterState::AnyMember(), policy, absl::UnixEpoch());
  };
  const Appraisal good = appraise();
  EXPECT_TRUE(good.accepted) << good.Failures();
  EXPECT_EQ(good.role, kRoleControlPlane);
  peer.SetPcr(11, crypto::Sha256(Bytes(1, 99)));
  EXPECT_FALSE(appraise().accepted);
}

// Enclaves are in no cluster.
TEST(PolicyOfPeersLikeTest, NeedsTheVariantOfANode) {
  for (const char* variant : {"intel-sgx", "aws-nitro-enclave", "unknown"}) {
    Evidence own;
    own.variant = variant;
    EXPECT_THAT(PolicyOfPeersLike(own, {}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("want a node's variant")))
        << variant;
  }
}

TEST(PolicyOfPeersLikeTest, IgnoresOtherRegisters) {
  std::vector<PcrValue> pcrs = OwnPcrs();
  pcrs.push_back({.index = 0, .sha256 = {}});
  pcrs.push_back({.index = 15, .sha256 = {}});
  pcrs.push_back({.index = 77, .sha256 = {}});
  ASSERT_OK_AND_ASSIGN(const Policy policy,
                       PolicyOfPeersLike(kVariantQemuVtpm, pcrs, {}));
  EXPECT_EQ(policy.profiles()[0].pcrs.size(), 7U);
}

TEST(PolicyOfPeersLikeTest, NeedsEachRegisterOnce) {
  for (size_t i = 0; i < OwnPcrs().size(); ++i) {
    std::vector<PcrValue> missing = OwnPcrs();
    missing.erase(missing.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_THAT(
        PolicyOfPeersLike(kVariantQemuVtpm, missing, {}),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("missing")));
    std::vector<PcrValue> twice = OwnPcrs();
    twice.push_back(twice[i]);
    EXPECT_THAT(
        PolicyOfPeersLike(kVariantQemuVtpm, twice, {}),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("given twice")));
  }
}

TEST(PolicyOfPeersLikeTest, RefusesToJudgeByAChangedBoot) {
  for (const size_t i : {1U, 4U, 5U, 6U}) {  // PCR 8, 12, 13, 14
    std::vector<PcrValue> pcrs = OwnPcrs();
    pcrs[i].sha256[0] = 1;
    EXPECT_THAT(PolicyOfPeersLike(kVariantQemuVtpm, pcrs, {}),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("did not boot the plain image")));
  }
}

TEST(PolicyOfPeersLikeTest, RefusesToJudgeWithoutMeasurements) {
  std::vector<PcrValue> pcrs = OwnPcrs();
  pcrs[0].sha256 = {};
  EXPECT_THAT(PolicyOfPeersLike(kVariantQemuVtpm, pcrs, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want a measurement")));
}

// What a node of `variant` demands of peers, with the test roots beside the
// vendors': those are what a policy of the owner's may name, and a node may
// not.
Policy TestPeers(const ComposedNode& node, const Policy& peers) {
  const Profile trusted = node.Profile();
  Profile profile = peers.profiles()[0];
  if (profile.snp.has_value()) {
    profile.snp->policy.more_roots = trusted.snp->policy.more_roots;
  }
  if (profile.tdx.has_value()) {
    profile.tdx->policy.tcb.insecure_roots =
        trusted.tdx->policy.tcb.insecure_roots;
  }
  if (profile.gcp.has_value()) {
    profile.gcp->insecure_roots = trusted.gcp->insecure_roots;
  }
  if (profile.aws.has_value()) {
    profile.aws->insecure_roots = trusted.aws->insecure_roots;
  }
  return *Policy::Create({profile}, peers.enrolled());
}

class PeersOfPlatformTest : public ::testing::TestWithParam<const char*> {
 protected:
  static Appraisal Judge(const ComposedNode& peer, const Policy& policy) {
    return Appraise(peer.Evidence(), peer.user_data, ClusterState::AnyMember(),
                    policy, peer.Collateral(),
                    constellation::testing::kComposedNow);
  }
  static ComposedNode Member() {
    ComposedNode node(GetParam());
    node.pcrs[15] = crypto::Sha256(Bytes(1, 15));
    return node;
  }
};

INSTANTIATE_TEST_SUITE_P(Variants, PeersOfPlatformTest,
                         ::testing::Values("qemu-tdx", "openstack-tdx",
                                           "azure-sev-snp", "azure-tdx",
                                           "gcp-sev-es", "gcp-sev-snp",
                                           "gcp-tdx", "aws-nitro-tpm",
                                           "aws-sev-snp"),
                         [](const auto& each) {
                           std::string name = each.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(PeersOfPlatformTest, AcceptsAPeerThatThePlatformVouchesFor) {
  const ComposedNode own(GetParam());
  ASSERT_OK_AND_ASSIGN(const Policy peers,
                       PolicyOfPeersLike(own.Evidence(), {}));
  const Appraisal good = Judge(Member(), TestPeers(own, peers));
  EXPECT_TRUE(good.accepted) << good.Failures();
}

TEST_P(PeersOfPlatformTest, TrustsVendorsOnly) {
  const ComposedNode own(GetParam());
  ASSERT_OK_AND_ASSIGN(const Policy peers,
                       PolicyOfPeersLike(own.Evidence(), {}));
  EXPECT_FALSE(Judge(Member(), peers).accepted);
}

TEST_P(PeersOfPlatformTest, RefusesAnotherImageAndAnotherPlatform) {
  const ComposedNode own(GetParam());
  ASSERT_OK_AND_ASSIGN(const Policy peers,
                       PolicyOfPeersLike(own.Evidence(), {}));
  ComposedNode peer = Member();
  // The boot loader's register; its value is in the GCP log as well.
  peer.pcrs[8] = crypto::Sha256(Bytes(1, 99));
  EXPECT_THAT(Judge(peer, TestPeers(own, peers)).Failures(),
              HasSubstr("PCR8: expected"));
  ComposedNode stranger("azure-sev-snp");
  if (std::string(GetParam()) == "azure-sev-snp") {
    stranger = ComposedNode("aws-nitro-tpm");
  }
  EXPECT_THAT(Judge(stranger, TestPeers(own, peers)).Failures(),
              HasSubstr("evidence variant"));
}

TEST_P(PeersOfPlatformTest, RefusesDebuggablePeers) {
  const ComposedNode own(GetParam());
  ASSERT_OK_AND_ASSIGN(const Policy peers,
                       PolicyOfPeersLike(own.Evidence(), {}));
  ComposedNode peer = Member();
  peer.snp.policy |= 1U << 19U;
  peer.tdx.td.td_attributes |= 1U;
  const Profile& profile = peers.profiles()[0];
  if (profile.snp.has_value() || profile.tdx.has_value()) {
    EXPECT_FALSE(Judge(peer, TestPeers(own, peers)).accepted);
  }
}

TEST(PeersLikeTest, OwnFirmwareIsNoProofOfTheTpmWithSnp) {
  const ComposedNode own("qemu-sev-snp");
  ComposedNode peer("qemu-sev-snp");
  peer.pcrs[15] = crypto::Sha256(Bytes(1, 15));
  ASSERT_OK_AND_ASSIGN(const Policy peers,
                       PolicyOfPeersLike(own.Evidence(), {}));
  const Appraisal appraisal =
      Appraise(peer.Evidence(), peer.user_data, ClusterState::AnyMember(),
               TestPeers(own, peers), constellation::testing::kComposedNow);
  EXPECT_THAT(appraisal.Failures(), HasSubstr("AK vouched for"));
}

TEST(PeersLikeTest, DemandsTheSameTdxFirmwareAndImage) {
  const ComposedNode own("qemu-tdx");
  ASSERT_OK_AND_ASSIGN(const Policy peers,
                       PolicyOfPeersLike(own.Evidence(), {}));
  for (const int which : {0, 1, 2}) {
    ComposedNode peer("qemu-tdx");
    peer.pcrs[15] = crypto::Sha256(Bytes(1, 15));
    (which == 0 ? peer.tdx.td.mr_td
                : peer.tdx.td.rtmr[static_cast<size_t>(which)])
        .fill(0x99);
    const Appraisal appraisal =
        Appraise(peer.Evidence(), peer.user_data, ClusterState::AnyMember(),
                 TestPeers(own, peers), peer.Collateral(),
                 constellation::testing::kComposedNow);
    EXPECT_THAT(appraisal.Failures(), HasSubstr(which == 0 ? "MRTD" : "RTMR"));
  }
}

TEST(PeersLikeTest, NeedsItsOwnEvidenceWhole) {
  Evidence own = ComposedNode("qemu-tdx").Evidence();
  own.hardware_report.resize(100);
  EXPECT_THAT(PolicyOfPeersLike(own, {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  own = ComposedNode("azure-tdx").Evidence();
  own.endorsements.clear();
  EXPECT_THAT(PolicyOfPeersLike(own, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no TD quote in it")));
  own = ComposedNode("gcp-sev-es").Evidence();
  own.endorsements.clear();
  EXPECT_THAT(PolicyOfPeersLike(own, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("certificate of GCP")));
  own.variant = "nonsense";
  EXPECT_THAT(
      PolicyOfPeersLike(own, {}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nonsense")));
}

}  // namespace
}  // namespace constellation::attestation
