// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <vector>

#include "common/testing/status_matchers.h"

namespace constellation::verificationservice {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class OptionsTest : public ::testing::Test {
 protected:
  OptionsTest() { setenv("NODE_NAME", "node-0", 1); }
  ~OptionsTest() override { unsetenv("NODE_NAME"); }

  static absl::StatusOr<Options> Parse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "verificationservice");
    std::vector<char*> argv;
    for (std::string& argument : arguments) {
      argv.push_back(argument.data());
    }
    return ParseOptions(static_cast<int>(argv.size()), argv.data());
  }
};

TEST_F(OptionsTest, DefaultsAreThoseOfTheManifest) {
  ASSERT_OK_AND_ASSIGN(const Options options, Parse({}));
  EXPECT_EQ(options.listen, "0.0.0.0:30081");
  EXPECT_EQ(options.node_name, "node-0");
  EXPECT_EQ(options.kubeconfig, "");
  EXPECT_FALSE(options.help);
}

TEST_F(OptionsTest, EveryOptionHasItsPlace) {
  ASSERT_OK_AND_ASSIGN(
      const Options options,
      Parse({"--listen", "1", "--node-name", "n2", "--kubeconfig", "3",
             "--tcti", "4", "--event-log", "5", "--variant", "6"}));
  EXPECT_EQ(options.listen, "1");
  EXPECT_EQ(options.node_name, "n2");  // before the environment
  EXPECT_EQ(options.kubeconfig, "3");
  EXPECT_EQ(options.attester.paths.tcti, "4");
  EXPECT_EQ(options.attester.paths.event_log, "5");
  EXPECT_EQ(options.attester.variant, "6");
}

// Evidence covers the name: without one it would be nobody's.
TEST_F(OptionsTest, NeedsANodeName) {
  unsetenv("NODE_NAME");
  EXPECT_THAT(Parse({}), StatusIs(kInvalid,
                                  "want the node's name in --node-name or "
                                  "NODE_NAME, got ''"));
  for (const char* bad : {"Node", "a b", "-a", "a..b"}) {
    EXPECT_THAT(Parse({"--node-name", bad}),
                StatusIs(kInvalid, HasSubstr(bad)));
  }
}

TEST_F(OptionsTest, HelpNeedsNoName) {
  unsetenv("NODE_NAME");
  ASSERT_OK_AND_ASSIGN(const Options options, Parse({"--help"}));
  EXPECT_TRUE(options.help);
}

TEST_F(OptionsTest, RefusesUnknownOptionsAndMissingValues) {
  EXPECT_THAT(Parse({"--port"}), StatusIs(kInvalid, "unknown option '--port'"));
  EXPECT_THAT(Parse({"--tcti"}),
              StatusIs(kInvalid, "option --tcti wants a value"));
}

}  // namespace
}  // namespace constellation::verificationservice
