// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "cli/command_line.h"

namespace constellation::cli {
namespace {

std::string PathOf(const Command& command) {
  std::string path;
  for (const std::string& word : command.path) {
    path += (path.empty() ? "" : " ") + word;
  }
  return path;
}

TEST(CommandTableTest, EveryPathIsThereOnce) {
  std::set<std::string> paths;
  for (const Command& command : AllCommands()) {
    ASSERT_FALSE(command.path.empty());
    EXPECT_LE(command.path.size(), 2U) << PathOf(command);
    EXPECT_TRUE(paths.insert(PathOf(command)).second) << PathOf(command);
    EXPECT_TRUE(command.run != nullptr) << PathOf(command);
  }
}

TEST(CommandTableTest, EveryFirstWordOfTwoIsAGroup) {
  std::set<std::string> groups;
  for (const CommandGroup& group : AllGroups()) {
    EXPECT_TRUE(groups.insert(group.name).second) << group.name;
    EXPECT_FALSE(group.help.empty()) << group.name;
  }
  std::set<std::string> used;
  for (const Command& command : AllCommands()) {
    if (command.path.size() == 2) {
      EXPECT_TRUE(groups.contains(command.path[0])) << PathOf(command);
      used.insert(command.path[0]);
    } else {
      EXPECT_FALSE(groups.contains(command.path[0])) << PathOf(command);
    }
  }
  EXPECT_EQ(used, groups);
}

TEST(CommandTableTest, HelpAndExampleAreGiven) {
  for (const Command& command : AllCommands()) {
    EXPECT_FALSE(command.help.empty()) << PathOf(command);
    EXPECT_EQ(command.help.back(), '.') << PathOf(command);
    EXPECT_NE(command.example.find("constellation "), std::string::npos)
        << PathOf(command);
    EXPECT_NE(command.example.find(command.path.back()), std::string::npos)
        << PathOf(command);
    for (const Positional& positional : command.positionals) {
      EXPECT_FALSE(positional.help.empty()) << PathOf(command);
    }
  }
}

// A flag that shadows a global one would never be seen.
TEST(CommandTableTest, FlagsAreUnambiguous) {
  for (const Command& command : AllCommands()) {
    std::set<std::string> names;
    std::vector<Flag> flags = GlobalFlags();
    flags.insert(flags.end(), command.flags.begin(), command.flags.end());
    for (const Flag& flag : flags) {
      EXPECT_EQ(flag.name.substr(0, 2), "--") << PathOf(command);
      EXPECT_TRUE(names.insert(flag.name).second)
          << PathOf(command) << " " << flag.name;
      if (!flag.short_name.empty()) {
        EXPECT_EQ(flag.short_name.size(), 2U) << flag.name;
        EXPECT_TRUE(names.insert(flag.short_name).second)
            << PathOf(command) << " " << flag.short_name;
      }
      EXPECT_EQ(flag.kind == Flag::Kind::kSwitch, flag.value_name.empty())
          << PathOf(command) << " " << flag.name;
    }
  }
}

// Behind an optional or repeated argument nothing can be told apart.
TEST(CommandTableTest, OptionalArgumentsComeLast) {
  for (const Command& command : AllCommands()) {
    bool open_end = false;
    for (const Positional& positional : command.positionals) {
      EXPECT_FALSE(open_end && (positional.required || positional.list))
          << PathOf(command);
      open_end = open_end || !positional.required || positional.list;
    }
  }
}

}  // namespace
}  // namespace constellation::cli
