// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/snp_chain_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "attestation/snp/testing/test_platform.h"
#include "attestation/snp/verify_snp.h"

namespace constellation::attestation {
namespace {

using testing::MakeEvidence;
using testing::TestSnpEvidence;
using testing::TestSnpPlatform;

const absl::Time kNow = absl::FromUnixSeconds(1788220800);  // 2026-09-01

class SnpChainCacheTest : public ::testing::Test {
 protected:
  bool Verifies(const TestSnpEvidence& evidence, absl::Time now = kNow) {
    return Verifies(evidence.Input(), now);
  }
  bool Verifies(const SnpVerificationInput& input, absl::Time now = kNow) {
    return CheckSnp(input, now, &cache_).report.has_value();
  }

  SnpChainCache cache_{4};
  const TestSnpEvidence evidence_ =
      MakeEvidence(TestSnpPlatform::Create(SnpProduct::kMilan));
};

TEST_F(SnpChainCacheTest, KeepsAChainThatPassed) {
  EXPECT_TRUE(Verifies(evidence_));
  EXPECT_EQ(cache_.size(), 1U);
  EXPECT_TRUE(Verifies(evidence_));
  EXPECT_EQ(cache_.size(), 1U);
}

TEST_F(SnpChainCacheTest, AHitHasTheSameRows) {
  const SnpVerification first = CheckSnp(evidence_.Input(), kNow, &cache_);
  const SnpVerification second = CheckSnp(evidence_.Input(), kNow, &cache_);
  ASSERT_EQ(first.checks.size(), second.checks.size());
  for (size_t i = 0; i < first.checks.size(); ++i) {
    EXPECT_EQ(first.checks[i].id, second.checks[i].id);
    EXPECT_EQ(first.checks[i].got, second.checks[i].got);
  }
  EXPECT_EQ(&first.report->chain(), &second.report->chain());
}

TEST_F(SnpChainCacheTest, KeepsNoRefusal) {
  TestSnpEvidence spoilt = evidence_;
  spoilt.signer.back() ^= 1U;
  EXPECT_FALSE(Verifies(spoilt));
  spoilt = evidence_;
  spoilt.roots.clear();
  EXPECT_FALSE(Verifies(spoilt));
  EXPECT_EQ(cache_.size(), 0U);
  SnpChainVerification forged;
  forged.checks = {{.id = SnpCheckId::kRootPinned,
                    .expected = "",
                    .got = "",
                    .passed = true}};
  cache_.Insert({}, forged);
  EXPECT_EQ(cache_.size(), 0U);
}

// What the cache must never do: whatever is refused without it, is refused
// with it, although everything else is the same as in what it holds.
TEST_F(SnpChainCacheTest, NeverTurnsARefusalIntoAnAcceptance) {
  ASSERT_TRUE(Verifies(evidence_));
  for (const auto member :
       {&TestSnpEvidence::signer, &TestSnpEvidence::intermediate,
        &TestSnpEvidence::root, &TestSnpEvidence::crl}) {
    for (size_t i = 0; i < (evidence_.*member).size(); i += 7) {
      TestSnpEvidence spoilt = evidence_;
      (spoilt.*member)[i] ^= 4U;
      ASSERT_FALSE(Verifies(spoilt)) << i;
    }
    TestSnpEvidence without = evidence_;
    (without.*member).clear();
    EXPECT_EQ(Verifies(without), member == &TestSnpEvidence::crl);
  }
  // Every bit of the report, which is not part of the chain.
  for (size_t i = 0; i < evidence_.report.size(); i += 5) {
    TestSnpEvidence spoilt = evidence_;
    spoilt.report[i] ^= 4U;
    ASSERT_FALSE(Verifies(spoilt)) << i;
  }
}

TEST_F(SnpChainCacheTest, OtherOptionsFindNothing) {
  ASSERT_TRUE(Verifies(evidence_));
  TestSnpEvidence other = evidence_;
  other.roots.clear();
  EXPECT_FALSE(Verifies(other));
  other = evidence_;
  other.roots[0].product = SnpProduct::kGenoa;
  EXPECT_FALSE(Verifies(other));
  other = evidence_;
  other.crl.clear();
  ASSERT_TRUE(Verifies(other));
  SnpVerificationInput input = other.Input();
  input.options.crl_required = true;
  EXPECT_FALSE(Verifies(input));
}

TEST_F(SnpChainCacheTest, KeysTellFieldsApart) {
  const Bytes one = {1};
  const Bytes two = {1, 1};
  const auto key = [](const Bytes& signer, const Bytes& intermediate) {
    return SnpChainCache::KeyOf(
        {.signer = signer, .intermediate = intermediate, .root = {}, .crl = {}},
        {});
  };
  EXPECT_NE(key(one, two), key(two, one));
  EXPECT_NE(key(one, {}), key({}, one));
  EXPECT_EQ(key(one, two), key(one, two));
}

TEST_F(SnpChainCacheTest, DatesHoldForHitsToo) {
  TestSnpPlatform platform = TestSnpPlatform::Create(SnpProduct::kMilan);
  platform.crl.next_update = kNow + absl::Hours(1);
  platform.signer.not_before = kNow - absl::Hours(1);
  const TestSnpEvidence evidence = MakeEvidence(platform);
  ASSERT_TRUE(Verifies(evidence));
  EXPECT_TRUE(Verifies(evidence, kNow + absl::Hours(1)));
  EXPECT_FALSE(Verifies(evidence, kNow + absl::Hours(1) + absl::Seconds(1)));
  EXPECT_TRUE(Verifies(evidence, kNow - absl::Hours(1)));
  EXPECT_FALSE(Verifies(evidence, kNow - absl::Hours(1) - absl::Seconds(1)));
  EXPECT_EQ(cache_.size(), 1U);
}

TEST_F(SnpChainCacheTest, KeepsWhatWasUsedLast) {
  SnpChainCache cache(2);
  std::vector<TestSnpEvidence> all;
  for (uint8_t i = 1; i <= 3; ++i) {
    TestSnpPlatform platform = TestSnpPlatform::Create(SnpProduct::kMilan);
    platform.signer.serial = {i};
    all.push_back(MakeEvidence(platform));
  }
  const auto keep = [&](const TestSnpEvidence& evidence) {
    const SnpVerificationInput input = evidence.Input();
    CheckSnpChain(input.endorsements, input.options, kNow, &cache);
  };
  const auto has = [&](const TestSnpEvidence& evidence) {
    const SnpVerificationInput input = evidence.Input();
    return cache
        .Find(SnpChainCache::KeyOf(input.endorsements, input.options), kNow)
        .has_value();
  };
  keep(all[0]);
  keep(all[1]);
  EXPECT_TRUE(has(all[0]));  // a use
  keep(all[2]);
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_TRUE(has(all[0]));
  EXPECT_FALSE(has(all[1]));
  EXPECT_TRUE(has(all[2]));
}

TEST_F(SnpChainCacheTest, HoldsAtLeastOne) {
  SnpChainCache cache(0);
  const SnpVerificationInput input = evidence_.Input();
  CheckSnpChain(input.endorsements, input.options, kNow, &cache);
  EXPECT_EQ(cache.size(), 1U);
}

TEST_F(SnpChainCacheTest, ManyThreadsMayShareIt) {
  TestSnpEvidence spoilt = evidence_;
  spoilt.intermediate.back() ^= 1U;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        EXPECT_TRUE(Verifies(evidence_));
        EXPECT_FALSE(Verifies(spoilt));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(cache_.size(), 1U);
}

}  // namespace
}  // namespace constellation::attestation
