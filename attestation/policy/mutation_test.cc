// SPDX-License-Identifier: Apache-2.0
// Properties that must hold for whatever somebody does to good evidence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "attestation/policy/appraisal.h"
#include "attestation/testing/software_tpm.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SoftwareTpm;
using crypto::Sha256Digest;

const absl::Time kNow = absl::FromUnixSeconds(1'780'000'000);

class MutationTest : public ::testing::Test {
 protected:
  MutationTest() : user_data_(kUserDataSize, 3) {
    Profile profile{.name = "image",
                    .variant = std::string(kVariantQemuVtpm),
                    .not_before = std::nullopt,
                    .not_after = std::nullopt,
                    .pcrs = {}};
    for (const uint32_t index : kRequiredPcrs) {
      const bool image = index == 4 || index == 9 || index == 11;
      profile.pcrs[index] =
          image ? crypto::Sha256(Bytes(index, 1)) : Sha256Digest{};
      tpm_.SetPcr(index, profile.pcrs[index]);
    }
    policy_ = std::make_unique<Policy>(
        *Policy::Create({profile}, {{.node_name = "n",
                                     .role = std::string(kRoleWorker),
                                     .tpm = tpm_.enrolled()}}));
    good_ = tpm_.AttestParts(tpm_.PartsFor(user_data_));
  }

  bool Accepts(const Evidence& evidence) const {
    return Appraise(evidence, user_data_, ClusterState::None(), *policy_, kNow)
        .accepted;
  }

  // Flips every bit of the field, one after the other.
  void ExpectEveryBitCounts(Bytes TpmEvidence::*field) const {
    Evidence evidence = good_;
    Bytes& bytes = evidence.tpm.*field;
    ASSERT_FALSE(bytes.empty());
    for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      const auto mask = static_cast<uint8_t>(1U << bit % 8);
      bytes[bit / 8] ^= mask;
      EXPECT_FALSE(Accepts(evidence)) << "bit " << bit;
      bytes[bit / 8] ^= mask;
    }
    EXPECT_TRUE(Accepts(evidence));
  }

  const Bytes user_data_;
  SoftwareTpm tpm_;
  std::unique_ptr<Policy> policy_;
  Evidence good_;
};

TEST_F(MutationTest, EveryBitOfTheStructureCounts) {
  ExpectEveryBitCounts(&TpmEvidence::attest);
}

TEST_F(MutationTest, EveryBitOfTheSignatureCounts) {
  ExpectEveryBitCounts(&TpmEvidence::signature);
}

TEST_F(MutationTest, EveryBitOfTheKeyCounts) {
  ExpectEveryBitCounts(&TpmEvidence::ak_public);
}

TEST_F(MutationTest, EveryBitOfTheCertificateCounts) {
  ExpectEveryBitCounts(&TpmEvidence::ek_certificate);
}

TEST_F(MutationTest, EveryBitOfEveryRegisterCounts) {
  for (size_t i = 0; i < good_.tpm.pcrs.size(); ++i) {
    for (size_t bit = 0; bit < 256; bit += 17) {
      Evidence evidence = good_;
      evidence.tpm.pcrs[i].sha256[bit / 8] ^=
          static_cast<uint8_t>(1U << bit % 8);
      EXPECT_FALSE(Accepts(evidence)) << i << " bit " << bit;
    }
    Evidence evidence = good_;
    evidence.tpm.pcrs[i].index += 1;
    EXPECT_FALSE(Accepts(evidence)) << i;
    evidence = good_;
    evidence.tpm.pcrs.erase(evidence.tpm.pcrs.begin() +
                            static_cast<ptrdiff_t>(i));
    EXPECT_FALSE(Accepts(evidence)) << i;
  }
}

TEST_F(MutationTest, EveryBitOfTheUserDataCounts) {
  for (size_t bit = 0; bit < 8 * user_data_.size(); ++bit) {
    Bytes other = user_data_;
    other[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
    EXPECT_FALSE(
        Appraise(good_, other, ClusterState::None(), *policy_, kNow).accepted)
        << bit;
  }
}

TEST_F(MutationTest, NoLengthButTheRightOne) {
  for (Bytes TpmEvidence::*field :
       {&TpmEvidence::attest, &TpmEvidence::signature, &TpmEvidence::ak_public,
        &TpmEvidence::ek_certificate}) {
    for (size_t size = 0; size < (good_.tpm.*field).size(); ++size) {
      Evidence evidence = good_;
      (evidence.tpm.*field).resize(size);
      EXPECT_FALSE(Accepts(evidence)) << size;
    }
    Evidence evidence = good_;
    (evidence.tpm.*field).push_back(0);
    EXPECT_FALSE(Accepts(evidence));
  }
}

// Parts of two nodes' evidence, both admitted, never make a third.
TEST_F(MutationTest, PartsOfTwoNodesDoNotMix) {
  SoftwareTpm other;
  for (const PcrValue& pcr : good_.tpm.pcrs) {
    other.SetPcr(pcr.index, pcr.sha256);
  }
  std::vector<EnrolledNode> nodes = policy_->enrolled();
  nodes.push_back({.node_name = "m",
                   .role = std::string(kRoleControlPlane),
                   .tpm = other.enrolled()});
  ASSERT_OK_AND_ASSIGN(const Policy both,
                       Policy::Create(policy_->profiles(), nodes));
  const Evidence theirs = other.AttestParts(other.PartsFor(user_data_));
  const auto accepted = [&](const Evidence& evidence) {
    return Appraise(evidence, user_data_, ClusterState::None(), both, kNow)
        .accepted;
  };
  ASSERT_TRUE(accepted(good_));
  ASSERT_TRUE(accepted(theirs));
  for (unsigned mask = 1; mask < 7; ++mask) {  // neither none nor all
    Evidence mixed = good_;
    if ((mask & 1U) != 0) {
      mixed.tpm.ak_public = theirs.tpm.ak_public;
    }
    if ((mask & 2U) != 0) {
      mixed.tpm.signature = theirs.tpm.signature;
    }
    if ((mask & 4U) != 0) {
      mixed.tpm.ek_certificate = theirs.tpm.ek_certificate;
    }
    EXPECT_FALSE(accepted(mixed)) << mask;
  }
}

}  // namespace
}  // namespace constellation::attestation
