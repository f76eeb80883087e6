// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/collateral_folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace constellation::cli {
namespace {

TEST(CollateralFolderTest, FollowsTheUsersCache) {
  setenv("HOME", "/home/me", 1);
  setenv("XDG_CACHE_HOME", "/fast/cache", 1);
  EXPECT_EQ(DefaultCollateralFolder(), "/fast/cache/constellation/collateral");
  // The specification: empty counts as not set.
  setenv("XDG_CACHE_HOME", "", 1);
  EXPECT_EQ(DefaultCollateralFolder(),
            "/home/me/.cache/constellation/collateral");
  unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(DefaultCollateralFolder(),
            "/home/me/.cache/constellation/collateral");
  unsetenv("HOME");
  EXPECT_EQ(DefaultCollateralFolder(), "./.cache/constellation/collateral");
}

}  // namespace
}  // namespace constellation::cli
