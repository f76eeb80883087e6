// SPDX-License-Identifier: Apache-2.0
#include "image/initrd/modules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace constellation::image::initrd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ModulePathsTest, KeepTheOrderOfTheList) {
  EXPECT_THAT(ModulePaths("b.ko\na.ko\n"),
              ElementsAre("/modules/b.ko", "/modules/a.ko"));
}

TEST(ModulePathsTest, ALastLineNeedsNoEnd) {
  EXPECT_THAT(ModulePaths("a.ko\nb.ko"),
              ElementsAre("/modules/a.ko", "/modules/b.ko"));
}

TEST(ModulePathsTest, EmptyLinesAreNoModules) {
  EXPECT_THAT(ModulePaths(""), IsEmpty());
  EXPECT_THAT(ModulePaths("\n\na.ko\n\n"), ElementsAre("/modules/a.ko"));
}

}  // namespace
}  // namespace constellation::image::initrd
