// SPDX-License-Identifier: Apache-2.0
#include "attestation/same_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "attestation/policy/appraisal.h"
#include "attestation/testing/software_tpm.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

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

}  // namespace
}  // namespace constellation::attestation
