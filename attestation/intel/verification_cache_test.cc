// SPDX-License-Identifier: Apache-2.0
// What the cache remembers, seen through the only one who may fill it.
#include "attestation/intel/verification_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/intel/testing/synthetic.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::CheckSynthetic;
using ::constellation::testing::FailedChecks;
using ::constellation::testing::IntelSigner;
using ::constellation::testing::IntelTestEvidence;
using ::constellation::testing::IntelTestPck;
using ::constellation::testing::kSyntheticNow;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

// A platform of its own: another serial number of the PCK.
IntelTestEvidence Platform(uint8_t serial) {
  IntelTestPck pck;
  pck.serial = {0x21, serial};
  return IntelSigner::Get().Make({}, pck);
}

TEST(VerificationCacheTest, RemembersWhatWasGood) {
  IntelVerificationCache cache;
  EXPECT_EQ(cache.size(), 0U);
  const IntelTestEvidence evidence = Platform(1);
  EXPECT_THAT(
      FailedChecks(CheckSynthetic(evidence, kSyntheticNow, &cache).checks),
      IsEmpty());
  const size_t size = cache.size();
  EXPECT_GT(size, 0U);
  EXPECT_THAT(
      FailedChecks(CheckSynthetic(evidence, kSyntheticNow, &cache).checks),
      IsEmpty());
  EXPECT_EQ(cache.size(), size) << "the same again takes no room";
}

TEST(VerificationCacheTest, RemembersNoFailure) {
  IntelVerificationCache cache;
  IntelTestEvidence evidence = Platform(1);
  evidence.quote.back() ^= 1U;  // of the PCK chain's text
  EXPECT_THAT(
      FailedChecks(CheckSynthetic(evidence, kSyntheticNow, &cache).checks),
      Not(IsEmpty()));
}

TEST(VerificationCacheTest, TimeIsJudgedAnew) {
  IntelVerificationCache cache;
  const IntelTestEvidence evidence = Platform(1);
  EXPECT_THAT(
      FailedChecks(CheckSynthetic(evidence, kSyntheticNow, &cache).checks),
      IsEmpty());
  EXPECT_THAT(
      FailedChecks(CheckSynthetic(evidence,
                                  kSyntheticNow + absl::Hours(24 * 365 * 40),
                                  &cache)
                       .checks),
      Contains(IntelCheckId::kPckDates));
}

TEST(VerificationCacheTest, HasABoundedSize) {
  IntelVerificationCache small(2);
  for (uint8_t serial = 1; serial < 6; ++serial) {
    EXPECT_THAT(
        FailedChecks(
            CheckSynthetic(Platform(serial), kSyntheticNow, &small).checks),
        IsEmpty());
    EXPECT_LE(small.size(), 4U);
  }
  // What was forgotten is only slower.
  EXPECT_THAT(
      FailedChecks(CheckSynthetic(Platform(1), kSyntheticNow, &small).checks),
      IsEmpty());
  IntelVerificationCache none(0);
  EXPECT_THAT(
      FailedChecks(CheckSynthetic(Platform(1), kSyntheticNow, &none).checks),
      IsEmpty());
  EXPECT_EQ(none.size(), 0U);
}

}  // namespace
}  // namespace constellation::attestation
