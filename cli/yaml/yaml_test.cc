// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/yaml/edit_distance.h"
#include "cli/yaml/map_reader.h"
#include "cli/yaml/yaml_value.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::testing::HasSubstr;

// All problems of parsing `text`, as the user sees them.
std::string ProblemsOf(std::string_view text) {
  Problems problems;
  ParseYaml(text, problems);
  return std::string(Message(problems.ToStatus("f.yaml")));
}

TEST(EditDistanceTest, CountsEdits) {
  EXPECT_EQ(EditDistance("", ""), 0U);
  EXPECT_EQ(EditDistance("abc", ""), 3U);
  EXPECT_EQ(EditDistance("memory", "memroy"), 1U);  // one swap
  EXPECT_EQ(EditDistance("vcpus", "vcpu"), 1U);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3U);
  EXPECT_EQ(EditDistance("stateDiskSizeGb", "stateDiskSizeGB"), 0U);
}

TEST(EditDistanceTest, NearestWordMustBeNear) {
  const std::vector<std::string> known = {"vcpus", "memory", "firmware"};
  EXPECT_EQ(NearestWord("vcpu", known), "vcpus");
  EXPECT_EQ(NearestWord("memroy", known), "memory");
  EXPECT_EQ(NearestWord("mem", known), "memory");
  EXPECT_EQ(NearestWord("zzz", known), std::nullopt);
  EXPECT_EQ(NearestWord("", known), std::nullopt);
}

TEST(YamlTest, KeepsLinesAndQuoting) {
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

TEST(YamlTest, RefusesDuplicateKey) {
  EXPECT_THAT(ProblemsOf("a: 1\na: 2\n"),
              HasSubstr("line 2: key \"a\" is there twice, first in line 1"));
}

TEST(YamlTest, RefusesAliasesAnchorsTags) {
  EXPECT_THAT(ProblemsOf("a: &x 1\nb: *x\n"), HasSubstr("anchors"));
  EXPECT_THAT(ProblemsOf("b: *x\n"), HasSubstr("line 1"));
  EXPECT_THAT(ProblemsOf("a: !!int \"3\"\n"), HasSubstr("tags"));
}

TEST(YamlTest, RefusesMapAsKey) {
  EXPECT_THAT(ProblemsOf("{a: 1}: 2\n"), HasSubstr("key must be plain text"));
  EXPECT_THAT(ProblemsOf("null: 2\n"), HasSubstr("key must be plain text"));
}

TEST(YamlTest, RefusesDepth) {
  EXPECT_THAT(ProblemsOf(std::string(40, '[') + std::string(40, ']')),
              HasSubstr("nested too deeply"));
}

TEST(YamlTest, RefusesSecondDocument) {
  EXPECT_THAT(ProblemsOf("a: 1\n---\nb: 2\n"),
              HasSubstr("more than one YAML document"));
}

TEST(YamlTest, RefusesBrokenSyntaxWithLine) {
  EXPECT_THAT(ProblemsOf("a: 1\nb: [1, 2\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(ProblemsOf("a: 1\n\tb: 2\n"), HasSubstr("line 2"));
}

TEST(YamlTest, RefusesZeroBytes) {
  EXPECT_THAT(ProblemsOf(std::string("a: 1\0", 5)), HasSubstr("zero bytes"));
}

TEST(YamlTest, QuotedTextReadsBackTheSame) {
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

class MapReaderTest : public ::testing::Test {
 protected:
  explicit MapReaderTest(std::string_view text =
                             "text: hello\nnumber: 7\ntruth: true\nnothing: ~\n"
                             "list: [a, b]\nmap: {x: y}\n")
      : value_(ParseYaml(text, problems_)), reader_(value_, "", problems_) {}
  std::string Said() const {
    return std::string(Message(problems_.ToStatus("f")));
  }

  Problems problems_;
  YamlValue value_;
  MapReader reader_;
};

TEST_F(MapReaderTest, GivesTypedValues) {
  EXPECT_EQ(reader_.Text("text"), "hello");
  EXPECT_EQ(reader_.Number("number", 0, 10), 7);
  EXPECT_EQ(reader_.Truth("truth"), true);
  EXPECT_EQ(reader_.TextList("list"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(reader_.TextMap("map").at("x"), "y");
  EXPECT_EQ(reader_.Text("nothing"), std::nullopt);
  EXPECT_EQ(reader_.Text("absent"), std::nullopt);
  reader_.Finish();
  EXPECT_THAT(problems_.ToStatus("f"), IsOk());
}

TEST_F(MapReaderTest, RefusesWrongTypes) {
  EXPECT_EQ(reader_.Number("text", 0, 10), std::nullopt);
  EXPECT_THAT(Said(), HasSubstr("text must be a whole number, not \"hello\""));
  EXPECT_EQ(reader_.Truth("number"), std::nullopt);
  EXPECT_THAT(Said(),
              HasSubstr("number must be true or false, not the number"));
  EXPECT_EQ(reader_.Text("list"), std::nullopt);
  EXPECT_THAT(Said(), HasSubstr("list must be text, not a list"));
  EXPECT_EQ(reader_.ChildMap("text"), nullptr);
  EXPECT_THAT(Said(), HasSubstr("text must be a map"));
  EXPECT_EQ(reader_.ChildList("map"), nullptr);
  EXPECT_THAT(Said(), HasSubstr("map must be a list, not a map"));
}

TEST_F(MapReaderTest, RefusesNumberOutOfRange) {
  EXPECT_EQ(reader_.Number("number", 8, 10), std::nullopt);
  EXPECT_THAT(Said(), HasSubstr("number must be from 8 to 10, not 7"));
}

TEST_F(MapReaderTest, ReportsUnknownKeysWithNearest) {
  reader_.Text("txet");
  reader_.Number("number", 0, 10);
  reader_.Finish();
  EXPECT_THAT(Said(), HasSubstr("unknown key text; did you mean txet?"));
  EXPECT_THAT(Said(), HasSubstr("line 3: unknown key truth"));
}

TEST_F(MapReaderTest, ReportsMissingKeys) {
  reader_.Require("absent");
  reader_.Require("nothing");
  reader_.Require("text");
  EXPECT_EQ(problems_.size(), 2U);
  EXPECT_THAT(Said(), HasSubstr("absent is missing"));
}

TEST(ProblemsTest, SortsByLine) {
  Problems problems;
  problems.Add(9, "nine");
  problems.Add(2, "two");
  EXPECT_THAT(
      std::string(Message(problems.ToStatus("f.yaml"))),
      HasSubstr("f.yaml has 2 mistakes:\n  line 2: two\n  line 9: nine"));
}

}  // namespace
}  // namespace constellation::cli
