// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::SizeIs;

XmlDocument Parse(std::string_view text) {
  auto document = XmlDocument::Parse(text);
  EXPECT_THAT(document, IsOk());
  return *std::move(document);
}

TEST(XmlTest, ReadsEc2Answers) {
  const XmlDocument document = Parse(
      "<?xml version=\"1.0\"?><R xmlns=\"http://x/\"><vpcSet><item>"
      "<vpcId>vpc-1</vpcId><n>12</n><b>true</b></item><item/><other/>"
      "</vpcSet></R>");
  const auto items = document.result().List("vpcSet");
  ASSERT_THAT(items, SizeIs(2));
  EXPECT_EQ(items[0].Text("vpcId"), "vpc-1");
  EXPECT_EQ(items[0].Number("n"), 12U);
  EXPECT_EQ(items[0].Number("vpcId", 7), 7U);
  EXPECT_TRUE(items[0].IsTrue("b"));
  EXPECT_FALSE(items[0].IsTrue("n"));
  EXPECT_EQ(items[1].Text("vpcId"), "");
}

TEST(XmlTest, FindsResultsOfQueryServices) {
  const XmlDocument document = Parse(
      "<DoResponse><DoResult><A><member>1</member></A></DoResult>"
      "<ResponseMetadata/></DoResponse>");
  EXPECT_EQ(document.result().Name(), "DoResult");
  EXPECT_EQ(document.root().Name(), "DoResponse");
  ASSERT_THAT(document.result().List("A"), SizeIs(1));
  EXPECT_EQ(document.result().List("A")[0].Text(), "1");
}

TEST(XmlTest, AbsentElementsAreEmpty) {
  const XmlDocument document = Parse("<a/>");
  const XmlElement none = document.root().At("b/c/d");
  EXPECT_FALSE(none);
  EXPECT_EQ(none.Text("x"), "");
  EXPECT_EQ(none.Name(), "");
  EXPECT_THAT(none.List("x"), SizeIs(0));
  EXPECT_FALSE(none.At("y"));
  EXPECT_EQ(XmlElement().Number("z", 3), 3U);
}

TEST(XmlTest, KnowsNoEntitiesOfDocumentTypes) {
  const XmlDocument document = Parse(
      "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;&lt;</a>");
  EXPECT_EQ(document.root().Text(), "&x;<");
}

TEST(XmlTest, RefusesWhatIsNotXml) {
  for (const char* text : {"", "x", "<a>", "<a></b>", "<a", "{\"a\":1}"}) {
    EXPECT_THAT(XmlDocument::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << text;
  }
}

TEST(XmlTest, RefusesDeepNesting) {
  const auto nested = [](int levels) {
    std::string text;
    for (int i = 0; i < levels; ++i) {
      text += "<a>";
    }
    for (int i = 0; i < levels; ++i) {
      text += "</a>";
    }
    return text;
  };
  EXPECT_THAT(XmlDocument::Parse(nested(32)), IsOk());
  EXPECT_THAT(
      XmlDocument::Parse(nested(33)),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("levels")));
  EXPECT_THAT(XmlDocument::Parse(nested(100'000)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(XmlTest, RefusesHugeAnswers) {
  EXPECT_THAT(
      XmlDocument::Parse(std::string((16U << 20U) + 1, ' ')),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("octets")));
}

}  // namespace
}  // namespace constellation::cloud::aws
