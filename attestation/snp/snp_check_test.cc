// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/snp_check.h"

#include <gtest/gtest.h>

#include <set>

namespace constellation::attestation {
namespace {

// Names are what machines read: each its own, none without.
TEST(SnpCheckTest, EveryCheckHasAName) {
  std::set<std::string_view> names;
  for (int id = 0; id <= static_cast<int>(SnpCheckId::kSignature); ++id) {
    const std::string_view name = ToString(static_cast<SnpCheckId>(id));
    EXPECT_NE(name, "unknown") << id;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(names.size(), 18U);
  EXPECT_EQ(ToString(static_cast<SnpCheckId>(names.size())), "unknown");
  EXPECT_TRUE(names.contains("ARK pinned"));
}

TEST(SnpCheckTest, NothingCheckedIsNothingPassed) {
  EXPECT_FALSE(AllPassed({}));
}

TEST(SnpCheckTest, OneFailureIsEnough) {
  const SnpCheck good{
      .id = SnpCheckId::kTcb, .expected = "a", .got = "a", .passed = true};
  SnpCheck bad = good;
  bad.passed = false;
  EXPECT_TRUE(AllPassed({good, good}));
  EXPECT_FALSE(AllPassed({good, bad}));
  EXPECT_FALSE(AllPassed({bad, good}));
}

}  // namespace
}  // namespace constellation::attestation
