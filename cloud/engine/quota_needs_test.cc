// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/quota_needs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace constellation::cloud {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(QuotaNeedsTest, ANewClusterNeedsEverything) {
  QuotaNeeds needs;
  needs.Want("a", "cores", 12);
  needs.Want("b", "cores", 8);
  needs.Want("b", "ram", 16);
  EXPECT_THAT(needs.Missing(), ElementsAre(Pair("cores", 20), Pair("ram", 16)));
}

TEST(QuotaNeedsTest, WhatIsThereIsNotNeededAgain) {
  QuotaNeeds needs;
  needs.Want("a", "cores", 12);
  needs.Have("a", "cores", 4);
  needs.Have("a", "cores", 4);
  EXPECT_THAT(needs.Missing(), ElementsAre(Pair("cores", 4)));
  needs.Have("a", "cores", 4);
  EXPECT_THAT(needs.Missing(), IsEmpty());
}

TEST(QuotaNeedsTest, AGroupThatShrinksGivesNothingToOneThatGrows) {
  QuotaNeeds needs;
  needs.Want("a", "cores", 4);
  needs.Have("a", "cores", 40);
  needs.Want("b", "cores", 8);
  EXPECT_THAT(needs.Missing(), ElementsAre(Pair("cores", 8)));
}

TEST(QuotaNeedsTest, AGroupThatGoesGivesWhatItHas) {
  QuotaNeeds needs;
  needs.Have("old", "cores", 6);
  needs.Have("old", "ram", 6);
  needs.Have("empty", "cores", 1);
  needs.Want("empty", "cores", 0);
  needs.Want("new", "cores", 8);
  EXPECT_THAT(needs.Missing(), ElementsAre(Pair("cores", 1)));
  needs.Have("old", "cores", 100);
  EXPECT_THAT(needs.Missing(), IsEmpty());
}

TEST(QuotaNeedsTest, OneQuotaIsNoOther) {
  QuotaNeeds needs;
  needs.Want("a", "new family", 8);
  needs.Have("a", "old family", 8);
  EXPECT_THAT(needs.Missing(), ElementsAre(Pair("new family", 8)));
}

TEST(QuotaNeedsTest, NonsenseIsClamped) {
  QuotaNeeds needs;
  needs.Want("a", "cores", std::numeric_limits<int64_t>::max());
  needs.Want("a", "cores", std::numeric_limits<int64_t>::max());
  needs.Have("a", "cores", std::numeric_limits<int64_t>::min());
  EXPECT_THAT(needs.Missing(), ElementsAre(Pair("cores", 2'000'000'000)));
}

}  // namespace
}  // namespace constellation::cloud
