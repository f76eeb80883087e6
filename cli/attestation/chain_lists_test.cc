// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/chain_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/gcp/testing/gce_machine.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::GceMachine;
using ::testing::SizeIs;

const absl::Time kNow = absl::FromUnixSeconds(1700000000);

class ChainListsTest : public ::testing::Test {
 protected:
  crypto::Certificate Leaf() const {
    return crypto::Certificate::FromDer(machine_.leaf_der).value();
  }
  void AddAuthorities() {
    for (const crypto::Certificate& authority : machine_.candidates) {
      set_.Add("authority", authority.der(), true);
    }
  }
  std::vector<crypto::RevocationList> Lists() const {
    return ListsFor(set_, ChainInSet(set_, Leaf()), kNow);
  }

  GceMachine machine_;
  EvidenceSet set_;
};

TEST_F(ChainListsTest, AChainGoesAsFarAsTheSet) {
  EXPECT_THAT(ChainInSet(set_, Leaf()), SizeIs(1));
  AddAuthorities();
  const auto chain = ChainInSet(set_, Leaf());
  ASSERT_THAT(chain, SizeIs(3));
  EXPECT_EQ(chain[0].der(), machine_.leaf_der);
  EXPECT_EQ(chain[1].der(), machine_.candidates[1].der());
  EXPECT_EQ(chain[2].der(), machine_.candidates[0].der());
}

// Two certificates that name each other as issuer.
TEST_F(ChainListsTest, ACircleEnds) {
  machine_.root.issuer = "intermediate";
  machine_.Refresh();
  AddAuthorities();
  EXPECT_THAT(ChainInSet(set_, Leaf()), SizeIs(6));
}

TEST_F(ChainListsTest, GivenListsCountWhateverTheyAre) {
  set_.Add(
      "old",
      GceMachine::Listed(true, {.next_update = kNow - absl::Seconds(1)}).der(),
      true);
  EXPECT_THAT(Lists(), SizeIs(1));
}

TEST_F(ChainListsTest, KeptListsMustBeValidAndOfTheChain) {
  const auto keep = [this](const Bytes& der) { set_.Add("kept", der, false); };
  keep(GceMachine::Listed(true, {}).der());
  EXPECT_THAT(Lists(), SizeIs(0)) << "no chain";
  AddAuthorities();
  EXPECT_THAT(Lists(), SizeIs(1));
  keep(
      GceMachine::Listed(true, {.next_update = kNow - absl::Seconds(1)}).der());
  keep(
      GceMachine::Listed(true, {.this_update = kNow + absl::Seconds(1)}).der());
  const constellation::testing::TestKey key(
      constellation::testing::TestKeyType::kP256);
  keep(MakeCrl({.issuer = "root"}, key));
  keep(MakeCrl({.issuer = "somebody"}, key));
  EXPECT_THAT(Lists(), SizeIs(1));
  keep(GceMachine::Listed(false, {}).der());
  EXPECT_THAT(Lists(), SizeIs(2));
}

TEST_F(ChainListsTest, WhatAnOldKeptListRevokedStaysRevoked) {
  AddAuthorities();
  const auto keep_old = [this](long serial) {
    set_.Add("kept",
             GceMachine::Listed(false, {.next_update = kNow - absl::Seconds(1),
                                        .revoked = {serial}})
                 .der(),
             false);
  };
  keep_old(8);
  EXPECT_THAT(Lists(), SizeIs(0)) << "somebody else's";
  keep_old(7);
  EXPECT_THAT(Lists(), SizeIs(1));
}

}  // namespace
}  // namespace constellation::cli
