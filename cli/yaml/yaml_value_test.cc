// SPDX-License-Identifier: Apache-2.0
#include "cli/yaml/yaml_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;

// All problems of parsing `text`, as the user sees them.
std::string ProblemsOf(std::string_view text) {
  Problems problems;
  ParseYaml(text, problems);
  return std::string(Message(problems.ToStatus("f.yaml")));
}

TEST(YamlValueTest, KeepsLinesAndQuoting) {
  Problems problems;
  const YamlValue value = ParseYaml("a: 1\nb:\n  c: \"1\"\n", problems);
  ASSERT_TRUE(problems.empty());
  ASSERT_EQ(value.entries.size(), 2U);
  EXPECT_EQ(value.entries[1].line, 2);
  const YamlValue& quoted = value.entries[1].value.entries[0].value;
  EXPECT_TRUE(quoted.quoted);
  EXPECT_EQ(quoted.line, 3);
  EXPECT_FALSE(value.entries[0].value.quoted);
}

TEST(YamlValueTest, RefusesDuplicateKey) {
  EXPECT_THAT(ProblemsOf("a: 1\na: 2\n"),
              HasSubstr("line 2: key \"a\" is there twice, first in line 1"));
}

TEST(YamlValueTest, RefusesAliasesAnchorsTags) {
  EXPECT_THAT(ProblemsOf("a: &x 1\nb: *x\n"), HasSubstr("anchors"));
  EXPECT_THAT(ProblemsOf("b: *x\n"), HasSubstr("line 1"));
  EXPECT_THAT(ProblemsOf("a: !!int \"3\"\n"), HasSubstr("tags"));
}

TEST(YamlValueTest, RefusesMapAsKey) {
  EXPECT_THAT(ProblemsOf("{a: 1}: 2\n"), HasSubstr("key must be plain text"));
  EXPECT_THAT(ProblemsOf("null: 2\n"), HasSubstr("key must be plain text"));
}

TEST(YamlValueTest, RefusesDepth) {
  EXPECT_THAT(ProblemsOf(std::string(40, '[') + std::string(40, ']')),
              HasSubstr("nested too deeply"));
}

TEST(YamlValueTest, RefusesSecondDocument) {
  EXPECT_THAT(ProblemsOf("a: 1\n---\nb: 2\n"),
              HasSubstr("more than one YAML document"));
}

TEST(YamlValueTest, RefusesBrokenSyntaxWithLine) {
  EXPECT_THAT(ProblemsOf("a: 1\nb: [1, 2\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(ProblemsOf("a: 1\n\tb: 2\n"), HasSubstr("line 2"));
}

TEST(YamlValueTest, RefusesZeroBytes) {
  EXPECT_THAT(ProblemsOf(std::string("a: 1\0", 5)), HasSubstr("zero bytes"));
}

TEST(YamlValueTest, QuotedTextReadsBackTheSame) {
  for (const std::string& text :
       {std::string(), std::string("plain"), std::string("true"),
        std::string("12"), std::string("a: b"), std::string("\"q\"\\"),
        std::string("line\nbreak"), std::string("- x"), std::string("~"),
        std::string("#c"), std::string("grün"), std::string("\x01")}) {
    Problems problems;
    const YamlValue value =
        ParseYaml("key: " + QuoteYaml(text) + "\n", problems);
    ASSERT_TRUE(problems.empty()) << text;
    ASSERT_EQ(value.entries.size(), 1U) << text;
    EXPECT_EQ(value.entries[0].value.kind, YamlValue::Kind::kScalar) << text;
    EXPECT_EQ(value.entries[0].value.text, text);
  }
}

TEST(YamlValueTest, RefusesTagsOfMapsAndLists) {
  EXPECT_THAT(ProblemsOf("a: !!omap {b: 1}\n"), HasSubstr("line 1: tags"));
  EXPECT_THAT(ProblemsOf("a: 1\nb: !mine [1]\n"), HasSubstr("line 2: tags"));
  EXPECT_THAT(ProblemsOf("a: &x [1]\n"), HasSubstr("anchors"));
  EXPECT_THAT(ProblemsOf("a: &x {b: 1}\n"), HasSubstr("anchors"));
}

TEST(YamlValueTest, TakesListsAndMapsInBothStyles) {
  Problems problems;
  const YamlValue value =
      ParseYaml("a: [x, {y: z}]\nb:\n  - c: d\n    e: f\n", problems);
  ASSERT_TRUE(problems.empty()) << problems.ToStatus("f");
  ASSERT_EQ(value.kind, YamlValue::Kind::kMap);
  const YamlValue& flow = value.entries.at(0).value;
  ASSERT_EQ(flow.kind, YamlValue::Kind::kList);
  EXPECT_EQ(flow.items.at(0).text, "x");
  EXPECT_EQ(flow.items.at(1).entries.at(0).value.text, "z");
  const YamlValue& block = value.entries.at(1).value.items.at(0);
  EXPECT_EQ(block.line, 3);
  EXPECT_EQ(block.entries.at(1).key, "e");
  EXPECT_EQ(block.entries.at(1).line, 4);
}

TEST(YamlValueTest, NothingIsNull) {
  Problems problems;
  const YamlValue value = ParseYaml("a:\nb: ~\nc: null\nd: \"~\"\n", problems);
  EXPECT_EQ(value.entries.at(0).value.kind, YamlValue::Kind::kNull);
  EXPECT_EQ(value.entries.at(1).value.kind, YamlValue::Kind::kNull);
  EXPECT_EQ(value.entries.at(2).value.kind, YamlValue::Kind::kNull);
  EXPECT_EQ(value.entries.at(3).value.kind, YamlValue::Kind::kScalar);
  EXPECT_EQ(ParseYaml("", problems).kind, YamlValue::Kind::kNull);
  EXPECT_TRUE(problems.empty());
}

TEST(YamlValueTest, SixteenLevelsAreTheLimit) {
  EXPECT_EQ(ProblemsOf(std::string(16, '[') + std::string(16, ']')), "");
  EXPECT_THAT(ProblemsOf(std::string(17, '[') + std::string(17, ']')),
              HasSubstr("line 1: nested too deeply"));
}

TEST(YamlValueTest, TwentyThousandValuesAreTheLimit) {
  std::string text = "[";
  for (int i = 0; i < 19999; ++i) {
    text += "1,";
  }
  EXPECT_EQ(ProblemsOf(text + "]"), "");
  EXPECT_THAT(ProblemsOf(text + "1]"), HasSubstr("too many values"));
}

TEST(YamlValueTest, DescribesKinds) {
  Problems problems;
  const YamlValue value = ParseYaml(
      "[{a: b}, [], , -1.5, word, \"7\", " + std::string(41, 'x') + "]",
      problems);
  ASSERT_TRUE(problems.empty()) << problems.ToStatus("f");
  std::vector<std::string> described;
  for (const YamlValue& item : value.items) {
    described.push_back(DescribeKind(item));
  }
  EXPECT_THAT(described,
              ::testing::ElementsAre(
                  "a map", "a list", "nothing", "the number -1.5", "\"word\"",
                  "the text \"7\"", "\"" + std::string(40, 'x') + "...\""));
}

TEST(YamlValueTest, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(QuoteYaml("plain/path_1.x"), "plain/path_1.x");
  for (const std::string_view text :
       {"", "1.2", "-x", ".5", "true", "false", "null", "yes", "no", "on",
        "off", "a b", "a:", "#"}) {
    EXPECT_EQ(QuoteYaml(text), "\"" + std::string(text) + "\"");
  }
  EXPECT_EQ(QuoteYaml("a\"\\\n"), "\"a\\\"\\\\\\x0a\"");
}

}  // namespace
}  // namespace constellation::cli
