// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/check_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace constellation::attestation {

enum class FruitId { kApple, kPear };

std::string_view ToString(FruitId id) {
  return id == FruitId::kApple ? "apple" : "pear";
}

namespace {

using Rows = CheckRows<FruitId>;

TEST(CheckRowsTest, NothingCheckedIsNothingPassed) {
  EXPECT_FALSE(Rows().AllPassed());
}

TEST(CheckRowsTest, EveryRowMustPass) {
  Rows rows;
  EXPECT_TRUE(rows.Add(FruitId::kApple, true, "red", "red", "paint it"));
  EXPECT_TRUE(rows.AllPassed());
  EXPECT_FALSE(rows.Add(FruitId::kPear, false, "green", "brown", "throw away"));
  EXPECT_FALSE(rows.AllPassed());
  const auto taken = rows.Take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].advice, "");  // none is needed
  EXPECT_EQ(taken[1].advice, "throw away");
  EXPECT_EQ(FirstFailed(taken), &taken[1]);
}

TEST(CheckRowsTest, StatusGivesItsMessage) {
  Rows rows;
  EXPECT_TRUE(rows.AddStatus(FruitId::kApple, absl::OkStatus(), "an apple"));
  EXPECT_FALSE(
      rows.AddStatus(FruitId::kPear, InvalidArgument("a stone"), "a pear"));
  const auto taken = rows.Take();
  EXPECT_EQ(taken[0].got, "as expected");
  EXPECT_EQ(taken[1].got, "a stone");
}

TEST(CheckRowsTest, UnavailableFails) {
  Rows rows;
  rows.AddUnavailable(FruitId::kPear, "a pear", "no tree");
  EXPECT_FALSE(rows.AllPassed());
  EXPECT_EQ(rows.Take()[0].got, "not available: no tree");
}

TEST(CheckRowsTest, DescriptionHasAllParts) {
  Rows rows;
  rows.Add(FruitId::kPear, false, "green", "brown", "throw away");
  rows.Add(FruitId::kApple, false, "red", "green");
  const auto taken = rows.Take();
  EXPECT_EQ(DescribeFailure("basket", taken[0]),
            "basket: pear: expected green, got brown; throw away");
  EXPECT_EQ(DescribeFailure("basket", taken[1]),
            "basket: apple: expected red, got green");
  EXPECT_EQ(FirstFailed(std::vector<Check<FruitId>>()), nullptr);
}

}  // namespace
}  // namespace constellation::attestation
