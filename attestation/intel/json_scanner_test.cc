// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/json_scanner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

absl::Status ScanAll(std::string_view text) {
  JsonScanner scanner(text);
  const absl::Status status = scanner.Skip();
  return status.ok() ? scanner.ExpectEnd() : status;
}

void ExpectRefused(std::string_view text, const char* why) {
  EXPECT_THAT(ScanAll(text),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)))
      << text;
}

TEST(JsonScannerTest, SkipsEveryKindOfValue) {
  for (const char* const text :
       {"{}", "[]", "\"\"", "0", "-0", "-1.5e+10", "1E5", "true", "false",
        "null", " [ 1 , {\"a\" : [ ] } , \"b\\u00e9\\n\\\\\" ]\r\n\t"}) {
    EXPECT_THAT(ScanAll(text), IsOk()) << text;
  }
}

TEST(JsonScannerTest, RefusesWhatIsNotJson) {
  ExpectRefused("", "want a digit, got the end");
  ExpectRefused("{", "want a key, got the end");
  ExpectRefused("{\"a\"}", "want ':'");
  ExpectRefused("{\"a\":1", "want ',' or '}', got the end");
  ExpectRefused("{\"a\":1,}", "want a key");
  ExpectRefused("{a:1}", "want a key");
  ExpectRefused("[1,]", "want a digit");
  ExpectRefused("[1 2]", "want ',' or ']'");
  ExpectRefused("01", "without leading zeros");
  ExpectRefused("1.", "want a digit");
  ExpectRefused("1e", "want a digit");
  ExpectRefused("+1", "want a digit");
  ExpectRefused("tru", "want a value");
  ExpectRefused("nul", "want a value");
  ExpectRefused("\"abc", "want '\"', got the end");
  ExpectRefused("\"\\x\"", "want an escape sequence");
  ExpectRefused("\"\\u12g4\"", "want four hex digits");
  ExpectRefused("\"\\", "want an escape sequence, got the end");
  ExpectRefused("{} {}", "want the end");
  ExpectRefused(std::string_view("{}\0", 3),
                "want the end, got character 0x00");
}

TEST(JsonScannerTest, RefusesWhatIsNotPrintableAscii) {
  ExpectRefused("\"\x01\"", "printable ASCII, got character 0x01");
  ExpectRefused("\"\x7f\"", "printable ASCII");
  ExpectRefused("\"\xc3\xa9\"", "printable ASCII, got character 0xc3");
}

TEST(JsonScannerTest, SurrogatesComeInPairs) {
  for (const char* const text :
       {R"("\ud800\udc00")", R"("\uDBFF\uDFFFx")", R"("\ud7ff\ue000")"}) {
    EXPECT_THAT(ScanAll(text), IsOk()) << text;
  }
  for (const char* const low : {R"("\udc00")", R"("\udfff\ud800")"}) {
    ExpectRefused(low, "the first half of a surrogate pair before this");
  }
  for (const char* const high :
       {R"("\ud800")", R"("\udbff\n")", R"("\ud800u")", R"("\ud800 \udc00")"}) {
    ExpectRefused(high, "want the second half of a surrogate pair, got");
  }
  for (const char* const pair :
       {R"("\ud800\ud800")", R"("\ud800\ue000")", R"("\udbff\u0041")"}) {
    ExpectRefused(pair, "the second half of a surrogate pair before this");
  }
  ExpectRefused(R"("\ud800\udc0g")", "four hex digits");
}

TEST(JsonScannerTest, RefusesKeysGivenTwice) {
  ExpectRefused(R"({"a":1,"b":2,"a":3})", "key \"a\" is given twice");
  ExpectRefused(R"({"x":{"a":1,"a":1}})", "key \"a\" is given twice");
  EXPECT_THAT(ScanAll(R"({"a":{"a":1},"b":{"a":1}})"), IsOk());
  // Nor in disguise.
  ExpectRefused(R"({"a":1,"\u0061":2})", "without escape sequences");
}

TEST(JsonScannerTest, BoundsNestingAndKeys) {
  EXPECT_THAT(ScanAll(std::string(12, '[') + std::string(12, ']')), IsOk());
  ExpectRefused(std::string(13, '['), "nesting of at most 12");
  ExpectRefused(std::string(100000, '['), "nesting of at most 12");
  std::string object = "{";
  for (int i = 0; i < 40; ++i) {
    object += "\"k" + std::to_string(i) + "\":0,";
  }
  object.back() = '}';
  EXPECT_THAT(ScanAll(object), IsOk());
  object.back() = ',';
  ExpectRefused(object + "\"more\":0}", "at most 40 keys");
}

TEST(JsonScannerTest, DepthGoesDownAgain) {
  EXPECT_THAT(ScanAll("[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[{}]]"),
              IsOk());
}

TEST(JsonScannerTest, ReadsNumbersWithinBounds) {
  const auto read = [](std::string_view text, uint64_t max) {
    return JsonScanner(text).ReadNumber(max);
  };
  EXPECT_THAT(read("0", 0), testing::IsOkAndHolds(0U));
  EXPECT_THAT(read(" 65535,", 65535), testing::IsOkAndHolds(65535U));
  EXPECT_FALSE(read("65536", 65535).ok());
  EXPECT_FALSE(read("1", 0).ok());
  EXPECT_THAT(read("18446744073709551615", UINT64_MAX),
              testing::IsOkAndHolds(UINT64_MAX));
  EXPECT_FALSE(read("18446744073709551616", UINT64_MAX).ok());
  EXPECT_FALSE(read("99999999999999999999999999", UINT64_MAX).ok());
  for (const char* const text : {"-1", "1.0", "1e1", "01", "\"1\"", "", "x"}) {
    EXPECT_FALSE(read(text, 100).ok()) << text;
  }
}

TEST(JsonScannerTest, ReadsStringsWithoutEscapes) {
  EXPECT_EQ(JsonScanner(" \"abc\" ").ReadString().value(), "abc");
  EXPECT_FALSE(JsonScanner("\"a\\nb\"").ReadString().ok());
  EXPECT_FALSE(JsonScanner("5").ReadString().ok());
}

TEST(JsonScannerTest, ArraysAreBounded) {
  const auto read = [](std::string_view text) {
    JsonScanner scanner(text);
    return scanner.ReadArray(2, [&] { return scanner.Skip(); });
  };
  EXPECT_THAT(read("[1,2]"), IsOk());
  EXPECT_THAT(read("[1,2,3]"), StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("at most 2 elements")));
}

TEST(JsonScannerTest, ErrorsOfTheReaderEndTheReading) {
  JsonScanner scanner(R"({"a":1,"b":2})");
  std::vector<std::string> seen;
  const absl::Status status =
      scanner.ReadObject([&](std::string_view key) -> absl::Status {
        seen.emplace_back(key);
        return absl::InternalError("stop");
      });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInternal));
  EXPECT_EQ(seen.size(), 1U);
}

// What another reader refuses, this one refuses.
TEST(JsonScannerTest, IsNotMoreLenientThanAnotherReader) {
  const std::string good =
      R"({"a":[1,-2.5e3,true,null,"x\u0041\n"],"b":{"c":"d","e":0}})";
  ASSERT_THAT(ScanAll(good), IsOk());
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string text = good;
      text[i] = static_cast<char>(text[i] ^ (1 << bit));
      if (ScanAll(text).ok()) {
        EXPECT_TRUE(nlohmann::json::accept(text)) << text;
      }
    }
    EXPECT_FALSE(ScanAll(good.substr(0, i)).ok()) << i;
  }
}

}  // namespace
}  // namespace constellation::attestation
