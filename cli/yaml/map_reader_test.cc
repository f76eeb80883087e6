// SPDX-License-Identifier: Apache-2.0
#include "cli/yaml/map_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::testing::HasSubstr;

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

TEST_F(MapReaderTest, RefusesNumbersThatAreNone) {
  Problems problems;
  const YamlValue value = ParseYaml(
      "half: 1.5\nquoted: \"7\"\nhuge: 99999999999999999999\nlist: [1]\n"
      "end: 7x\n",
      problems);
  MapReader reader(value, "top", problems);
  for (const char* key : {"half", "quoted", "huge", "list", "end"}) {
    EXPECT_EQ(reader.Number(key, 0, std::numeric_limits<int64_t>::max()),
              std::nullopt)
        << key;
  }
  EXPECT_EQ(Message(problems.ToStatus("f")),
            "f has 5 mistakes:\n"
            "  line 1: top.half must be a whole number, not the number 1.5\n"
            "  line 2: top.quoted must be a whole number, not the text \"7\"\n"
            "  line 3: top.huge must be from 0 to 9223372036854775807, not "
            "99999999999999999999\n"
            "  line 4: top.list must be a whole number, not a list\n"
            "  line 5: top.end must be a whole number, not \"7x\"");
}

TEST_F(MapReaderTest, TakesNumbersAtBothEnds) {
  EXPECT_EQ(reader_.Number("number", 7, 7), 7);
  EXPECT_EQ(reader_.Number("number", 0, 6), std::nullopt);
  EXPECT_THAT(Said(), HasSubstr("number must be from 0 to 6, not 7"));
}

TEST_F(MapReaderTest, QuotedTruthIsText) {
  Problems problems;
  const YamlValue value =
      ParseYaml("a: \"true\"\nb: false\nc: yes\n", problems);
  MapReader reader(value, "", problems);
  EXPECT_EQ(reader.Truth("a"), std::nullopt);
  EXPECT_EQ(reader.Truth("b"), false);
  EXPECT_EQ(reader.Truth("c"), std::nullopt);
  EXPECT_THAT(std::string(Message(problems.ToStatus("f"))),
              HasSubstr("line 1: a must be true or false, not the text"));
  EXPECT_EQ(problems.size(), 2U);
}

TEST_F(MapReaderTest, ChoiceNamesTheNearest) {
  EXPECT_EQ(reader_.Choice("text", {"bye", "hello"}), "hello");
  EXPECT_EQ(reader_.Choice("text", {"hellos", "bye"}), std::nullopt);
  EXPECT_THAT(Said(), HasSubstr("line 1: text must be one of hellos, bye, not "
                                "\"hello\"; did you mean hellos?"));
  EXPECT_EQ(reader_.Choice("absent", {"a"}), std::nullopt);
  EXPECT_EQ(problems_.size(), 1U);
}

TEST_F(MapReaderTest, ListsAndMapsHoldTextOnly) {
  Problems problems;
  const YamlValue value =
      ParseYaml("list: [a, [b], c]\nmap: {x: y, z: {}}\n", problems);
  MapReader reader(value, "", problems);
  EXPECT_EQ(reader.TextList("list"), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(reader.TextMap("map"),
            (std::map<std::string, std::string>{{"x", "y"}}));
  EXPECT_EQ(Message(problems.ToStatus("f")),
            "f has 2 mistakes:\n  line 1: list must list texts, not a list\n"
            "  line 2: map.z must be text, not a map");
}

TEST_F(MapReaderTest, RemovedKeyIsToldOnce) {
  reader_.Removed("text", "nobody reads it");
  reader_.Removed("absent", "nobody reads it");
  for (const char* key : {"number", "truth", "nothing", "list", "map"}) {
    reader_.Child(key);
  }
  reader_.Finish();
  EXPECT_EQ(Said(),
            "f has a mistake:\n  line 1: text is not used: nobody reads it; "
            "delete the line");
}

TEST_F(MapReaderTest, FinishListsKnownKeysWithoutNearOne) {
  for (const char* key : {"number", "truth", "nothing", "list", "map"}) {
    reader_.Child(key);
  }
  reader_.Finish();
  EXPECT_EQ(Said(),
            "f has a mistake:\n  line 1: unknown key text; known here: number, "
            "truth, nothing, list, map");
}

TEST_F(MapReaderTest, OtherKindsAreNoMap) {
  Problems problems;
  const YamlValue list = ParseYaml("\n[a]\n", problems);
  MapReader top(list, "", problems);
  top.Require("name");  // not said as well
  const YamlValue text = ParseYaml("a", problems);
  MapReader inner(text, "provider.qemu", problems);
  EXPECT_EQ(Message(problems.ToStatus("f")),
            "f has 2 mistakes:\n  line 1: provider.qemu must be a map (key: "
            "value), not \"a\"\n  line 2: the file must be a map (key: value), "
            "not a list");
  MapReader nothing(YamlValue{}, "", problems);
  EXPECT_EQ(problems.size(), 2U);
}

TEST_F(MapReaderTest, PathIsPutBeforeKeys) {
  Problems problems;
  const YamlValue value = ParseYaml("a: 1\nb: 2\n", problems);
  MapReader reader(value, "x.y", problems);
  EXPECT_EQ(reader.PathOf("a"), "x.y.a");
  EXPECT_EQ(reader_.PathOf("a"), "a");
  EXPECT_TRUE(reader.Has("b"));
  EXPECT_FALSE(reader.Has("c"));
  reader.Problem("b", "is too blue");
  reader.Require("c");
  EXPECT_EQ(
      Message(problems.ToStatus("f")),
      "f has 2 mistakes:\n  x.y.c is missing\n  line 2: x.y.b is too blue");
}

}  // namespace
}  // namespace constellation::cli
