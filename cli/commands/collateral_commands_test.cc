// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/command_runner.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;

class CollateralCommandsTest : public testing::CommandTest {
 protected:
  const std::string cache_ = workspace_.Join("cache");
  const std::string junk_ = Write("junk", "hello");
};

TEST_F(CollateralCommandsTest, NothingNeedsCollateral) {
  EXPECT_EQ(Run({"collateral", "fetch", "--offline", "--cache", cache_, junk_}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("none of the files is a SEV-SNP report"));
}

TEST_F(CollateralCommandsTest, MissingEvidenceIsNamed) {
  EXPECT_EQ(Run({"collateral", "fetch", "--offline", "--cache", cache_,
                 workspace_.Join("absent")}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr(workspace_.Join("absent")));
}

TEST_F(CollateralCommandsTest, SpoiltBundleIsRefused) {
  EXPECT_EQ(Run({"collateral", "fetch", "--offline", "--cache", cache_,
                 "--from-bundle", junk_, junk_}),
            ExitCode::kError);
  EXPECT_THAT(err_, ::testing::Not(HasSubstr("none of the files")));
}

TEST_F(CollateralCommandsTest, EmptyCacheMakesNoBundle) {
  const std::string bundle = workspace_.Join("b.json");
  EXPECT_EQ(Run({"collateral", "bundle", "--cache", cache_, "--to", bundle}),
            ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr("the cache is empty"));
  EXPECT_FALSE(FileExists(bundle));
}

TEST_F(CollateralCommandsTest, CacheThatIsNoFolderIsNamed) {
  EXPECT_EQ(Run({"collateral", "bundle", "--cache", junk_}), ExitCode::kError);
  EXPECT_THAT(err_, HasSubstr(junk_));
}

// Without --cache the user's folder is meant.
TEST_F(CollateralCommandsTest, CacheIsInTheUsersFolder) {
  EXPECT_EQ(Run({"collateral", "bundle"}), ExitCode::kError);
  EXPECT_TRUE(FileExists(folder_.Join(".cache/constellation/collateral")));
  setenv("XDG_CACHE_HOME", folder_.Join("other").c_str(), 1);
  EXPECT_EQ(Run({"collateral", "bundle"}), ExitCode::kError);
  EXPECT_TRUE(FileExists(folder_.Join("other/constellation/collateral")));
  unsetenv("XDG_CACHE_HOME");
}

}  // namespace
}  // namespace constellation::cli
