// SPDX-License-Identifier: Apache-2.0
#include "cli/testing/scoped_variable.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "cli/testing/command_runner.h"

namespace constellation::cli::testing {
namespace {

std::optional<std::string> Value(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

TEST(ScopedVariableTest, GivesBackWhatWasThere) {
  constexpr char kName[] = "CONSTELLATION_SCOPED_VARIABLE_TEST";
  {
    ScopedVariable outer(kName, "outer");
    EXPECT_EQ(Value(kName), "outer");
    {
      const ScopedVariable inner(kName, std::nullopt);
      EXPECT_EQ(Value(kName), std::nullopt);
    }
    EXPECT_EQ(Value(kName), "outer");
    {
      ScopedVariable later(kName);
      EXPECT_EQ(Value(kName), "outer");
      later.Set("");
      EXPECT_EQ(Value(kName), "");
    }
    EXPECT_EQ(Value(kName), "outer");
  }
  EXPECT_EQ(Value(kName), std::nullopt);
}

class SomeCommandTest final : public CommandTest {
 public:
  void TestBody() override {}
};

// Tests of the same program that come after must not write into a folder that
// is gone.
TEST(CommandTestTest, LeavesTheUsersHomeAsItWas) {
  const ScopedVariable home("HOME", "/home/me");
  const ScopedVariable cache("XDG_CACHE_HOME", "/fast/cache");
  {
    const SomeCommandTest test;
    EXPECT_NE(Value("HOME"), "/home/me");
    EXPECT_EQ(Value("XDG_CACHE_HOME"), std::nullopt);
  }
  EXPECT_EQ(Value("HOME"), "/home/me");
  EXPECT_EQ(Value("XDG_CACHE_HOME"), "/fast/cache");
}

}  // namespace
}  // namespace constellation::cli::testing
