// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace constellation::cli {
namespace {

TEST(ArgumentsTest, LastValueOfATextCounts) {
  Arguments arguments;
  arguments.Add("--name", "a");
  arguments.Add("--name", "b");
  EXPECT_EQ(arguments.Text("--name"), "b");
  EXPECT_EQ(arguments.List("--name"), (std::vector<std::string>{"a", "b"}));
}

TEST(ArgumentsTest, SwitchHasNoText) {
  Arguments arguments;
  arguments.SetSwitch("--yes");
  EXPECT_TRUE(arguments.Has("--yes"));
  EXPECT_EQ(arguments.Text("--yes"), std::nullopt);
  EXPECT_TRUE(arguments.List("--yes").empty());
}

TEST(ArgumentsTest, NothingGiven) {
  const Arguments arguments;
  EXPECT_FALSE(arguments.Has("--yes"));
  EXPECT_EQ(arguments.Text("--yes"), std::nullopt);
  EXPECT_TRUE(arguments.List("--yes").empty());
}

TEST(ArgumentsTest, EmptyTextIsAText) {
  Arguments arguments;
  arguments.Add("--name", "");
  EXPECT_EQ(arguments.Text("--name"), "");
}

// Results and warnings go to files of their own, at once.
TEST(CommandContextTest, WarningsDoNotMixWithResults) {
  char* out = nullptr;
  char* err = nullptr;
  size_t out_size = 0;
  size_t err_size = 0;
  CommandContext context;
  context.out = open_memstream(&out, &out_size);
  context.err = open_memstream(&err, &err_size);
  context.Print("result");
  context.Warn("careful");
  EXPECT_EQ(std::string(out, out_size), "result");  // before fclose()
  EXPECT_EQ(std::string(err, err_size), "Warning: careful\n");
  std::fclose(context.out);
  std::fclose(context.err);
  std::free(out);
  std::free(err);
}

}  // namespace
}  // namespace constellation::cli
