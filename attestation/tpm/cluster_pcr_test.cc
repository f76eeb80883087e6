// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/cluster_pcr.h"

#include <gtest/gtest.h>

#include "common/hex.h"

namespace constellation::attestation {
namespace {

const Bytes kClusterId(32, 0xc1);

// Pins the formula that `verify` and every node agree on.
TEST(ClusterPcrTest, IsOneExtendOfTheHashedId) {
  Bytes preimage(32, 0);
  const crypto::Sha256Digest id = crypto::Sha256(kClusterId);
  preimage.insert(preimage.end(), id.begin(), id.end());
  EXPECT_EQ(ExpectedClusterPcr(kClusterId), crypto::Sha256(preimage));
}

TEST(ClusterPcrTest, DependsOnEveryBitOfTheId) {
  const crypto::Sha256Digest value = ExpectedClusterPcr(kClusterId);
  EXPECT_NE(value, crypto::Sha256Digest{});
  for (size_t bit = 0; bit < 8 * kClusterId.size(); ++bit) {
    Bytes other = kClusterId;
    other[bit / 8] = static_cast<uint8_t>(other[bit / 8] ^ 1U << bit % 8);
    EXPECT_NE(ExpectedClusterPcr(other), value) << bit;
  }
}

}  // namespace
}  // namespace constellation::attestation
