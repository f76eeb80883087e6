// SPDX-License-Identifier: Apache-2.0
#include "cloud/credentials/ini_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTypical[] =
    "\xef\xbb\xbf# comment\n"
    "[default]\n"
    "aws_access_key_id = AKIDEXAMPLE\n"
    "aws_secret_access_key=a/b+c=d#e ; f\n"
    "\n"
    "[profile dev]\n"
    "  ; indented comment\n"
    "region: eu-west-1\n"
    "s3 =\n"
    "  addressing_style = path\n"
    "  max_bandwidth = 1 # fast\n"
    "output = json\n"
    "[ default ]\n"
    "region=us-east-2\n";

TEST(IniFileTest, ReadsWhatPeopleHave) {
  ASSERT_OK_AND_ASSIGN(const IniFile file, IniFile::Parse(kTypical));
  EXPECT_EQ(file.Get("default", "aws_access_key_id"), "AKIDEXAMPLE");
  EXPECT_EQ(file.Get("default", "aws_secret_access_key"), "a/b+c=d#e ; f");
  EXPECT_EQ(file.Get("default", "region"), "us-east-2");
  EXPECT_EQ(file.Get("profile dev", "region"), "eu-west-1");
  EXPECT_EQ(file.Get("profile dev", "s3"), "");
  EXPECT_EQ(file.Get("profile dev", "s3.addressing_style"), "path");
  EXPECT_EQ(file.Get("profile dev", "s3.max_bandwidth"), "1 # fast");
  EXPECT_EQ(file.Get("profile dev", "output"), "json");
  EXPECT_EQ(file.Get("profile dev", "Region"), std::nullopt);
  EXPECT_EQ(file.Get("dev", "region"), std::nullopt);
  EXPECT_EQ(file.Find("dev"), nullptr);
}

TEST(IniFileTest, WindowsLinesAndNoLastLineBreak) {
  ASSERT_OK_AND_ASSIGN(const IniFile file,
                       IniFile::Parse("[a]\r\nb = c\r\nd=e"));
  EXPECT_EQ(file.Get("a", "b"), "c");
  EXPECT_EQ(file.Get("a", "d"), "e");
}

TEST(IniFileTest, IndentedLinesContinueAValue) {
  ASSERT_OK_AND_ASSIGN(const IniFile file, IniFile::Parse("[a]\nb = c\n  d\n"));
  EXPECT_EQ(file.Get("a", "b"), "c\nd");
}

TEST(IniFileTest, LastValueCounts) {
  ASSERT_OK_AND_ASSIGN(const IniFile file,
                       IniFile::Parse("[a]\nb=1\n[c]\n[a]\nb=2\nb=3\n"));
  EXPECT_EQ(file.Get("a", "b"), "3");
  EXPECT_THAT(IniFile::Parse(""), IsOk());
}

TEST(IniFileTest, MistakesNameTheLineAndNoSecret) {
  for (const std::string_view text :
       {std::string_view("[a]\ns3cret"), std::string_view("\ns3cret = x"),
        std::string_view("[a]\n= s3cret"), std::string_view("[a]\n[s3cret"),
        std::string_view("[a]\nb = s3cret\0", 15)}) {
    EXPECT_THAT(IniFile::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("line 2"), Not(HasSubstr("s3cret")))))
        << text;
  }
  EXPECT_THAT(IniFile::Parse("[a]\nb =\n  s3cret\n"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("line 3"), Not(HasSubstr("s3cret")))));
  EXPECT_THAT(IniFile::Parse(std::string((1 << 20) + 1, '\n')),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(IniFileTest, SkipsAByteOrderMarkAndComments) {
  ASSERT_OK_AND_ASSIGN(
      const IniFile file,
      IniFile::Parse("\xef\xbb\xbf[a] ; of mine\n# one\n  ; two\nb: c\n"
                     "  # three\n\n \t\nd = e\n"));
  EXPECT_EQ(file.Get("a", "b"), "c");
  EXPECT_EQ(file.Get("a", "d"), "e");
  EXPECT_EQ(file.sections().size(), 1U);
  // In the middle it is no mark.
  EXPECT_THAT(IniFile::Parse("\n\xef\xbb\xbf[a]\n"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(IniFileTest, TheFirstSeparatorCounts) {
  ASSERT_OK_AND_ASSIGN(
      const IniFile file,
      IniFile::Parse("[a]\nb: c=d\ne=f:g\nurl = https://x/?a=b\nKey=1\n"));
  EXPECT_EQ(file.Get("a", "b"), "c=d");
  EXPECT_EQ(file.Get("a", "e"), "f:g");
  EXPECT_EQ(file.Get("a", "url"), "https://x/?a=b");
  EXPECT_EQ(file.Get("a", "key"), std::nullopt);
  EXPECT_EQ(file.Get("a", "Key"), "1");
}

TEST(IniFileTest, ASectionEndsTheBlockBeforeIt) {
  ASSERT_OK_AND_ASSIGN(const IniFile file,
                       IniFile::Parse("[a]\ns3 =\n x = 1\n[b]\n y = 2\n"));
  EXPECT_EQ(file.Get("a", "s3.x"), "1");
  EXPECT_EQ(file.Get("b", "y"), "2");
  EXPECT_EQ(file.Get("b", "s3.y"), std::nullopt);
}

}  // namespace
}  // namespace constellation::cloud
