// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/internal/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/testing/status_matchers.h"

namespace constellation::kubernetes::internal {
namespace {

using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

size_t Count(std::string_view text) {
  const auto documents = LoadYaml(text, "f");
  EXPECT_TRUE(documents.ok()) << documents.status() << text;
  return documents.ok() ? documents->size() : 99;
}

TEST(LoadYamlTest, LeavesOutEmptyDocuments) {
  EXPECT_EQ(Count(""), 0U);
  EXPECT_EQ(Count("# comment\n"), 0U);
  EXPECT_EQ(Count("---\n---\na: 1\n---\n"), 1U);
  EXPECT_EQ(Count("a: 1\n---\nb: 2\n...\n"), 2U);
  EXPECT_EQ(Count("~\n---\nnull\n"), 0U);
}

TEST(LoadYamlTest, SeparatorsMayHaveContentBehind) {
  ASSERT_OK_AND_ASSIGN(const auto documents,
                       LoadYaml("a: 1\n--- {b: 2}\r\n---\tc\n", "f"));
  ASSERT_EQ(documents.size(), 3U);
  EXPECT_EQ(documents[1]["b"].Scalar(), "2");
  EXPECT_EQ(documents[2].Scalar(), "c");
}

TEST(LoadYamlTest, DashesInTextSeparateNothing) {
  EXPECT_EQ(Count("a: |\n  ---\n  x\n"), 1U);
  EXPECT_EQ(Count("---a: 1\n"), 1U);
}

TEST(LoadYamlTest, ErrorsNameFileAndLine) {
  EXPECT_THAT(LoadYaml("a: 1\n---\nb: [1\n", "m.yaml"),
              StatusIs(kInvalid, StartsWith("m.yaml: line ")));
  EXPECT_THAT(LoadYaml("a: 1\n\tb: 2\n", "m.yaml"),
              StatusIs(kInvalid, StartsWith("m.yaml: line 2: ")));
}

TEST(LoadYamlTest, FiftyLevelsAreTheLimit) {
  EXPECT_EQ(Count(std::string(50, '[') + std::string(50, ']')), 1U);
  EXPECT_THAT(LoadYaml(std::string(51, '[') + std::string(51, ']'), "f"),
              StatusIs(kInvalid, "f: YAML nested deeper than 50 levels"));
}

TEST(LoadYamlTest, RefusesAliases) {
  EXPECT_THAT(LoadYaml("a: &x [1]\nb: [*x, *x]\n", "f"),
              StatusIs(kInvalid, "f: YAML aliases are not supported"));
}

TEST(LoadYamlTest, FourMibAreTheLimit) {
  const std::string most = "# " + std::string((4U << 20U) - 2, 'x');
  EXPECT_EQ(Count(most), 0U);
  EXPECT_THAT(LoadYaml(most + "x", "f"),
              StatusIs(kInvalid, "f: 4194305 octets; at most 4194304"));
}

// yaml-cpp 0.7 never came back from some of these.
TEST(LoadYamlTest, OddTextEnds) {
  for (const char* text : {",7", "]", "}", "[", "{", ":", "?", "-", "%", "@",
                           "!!", "a: b: c", "\"", "...", "--- ---"}) {
    (void)LoadYaml(text, "f");
  }
  EXPECT_THAT(LoadYaml(",7", "f"), StatusIs(kInvalid));
}

YAML::Node Parsed(const std::string& text) {
  return LoadYaml(text, "f").value().at(0);
}

TEST(TextAtTest, GivesScalarsAsTheyAreWritten) {
  const YAML::Node map = Parsed("a: x\nb: 007\nc: \"\"\nd: true\n");
  EXPECT_THAT(TextAt(map, "a"), IsOkAndHolds("x"));
  EXPECT_THAT(TextAt(map, "b"), IsOkAndHolds("007"));
  EXPECT_THAT(TextAt(map, "c"), IsOkAndHolds(""));
  EXPECT_THAT(TextAt(map, "d"), IsOkAndHolds("true"));
}

TEST(TextAtTest, MissingIsEmpty) {
  EXPECT_THAT(TextAt(Parsed("a: ~\n"), "a"), IsOkAndHolds(""));
  EXPECT_THAT(TextAt(Parsed("a: ~\n"), "b"), IsOkAndHolds(""));
}

TEST(TextAtTest, RefusesOtherKinds) {
  EXPECT_THAT(TextAt(Parsed("a: [1]\n"), "a"),
              StatusIs(kInvalid, "'a' is no text"));
  EXPECT_THAT(TextAt(Parsed("[a]\n"), "a"),
              StatusIs(kInvalid, "no map where 'a' is looked up"));
  EXPECT_THAT(TextAt(YAML::Node(), "a"), StatusIs(kInvalid, HasSubstr("'a'")));
}

}  // namespace
}  // namespace constellation::kubernetes::internal
