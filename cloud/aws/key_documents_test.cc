// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/key_documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// 2027-01-15 09:00:00
const absl::Time kLater = absl::FromUnixSeconds(1'800'003'600);

std::string SecretOf(const Credentials& keys) {
  return std::string(AsText(keys.secret_access_key.Expose()));
}

TEST(ParseExpiryTest, KnowsBothForms) {
  EXPECT_THAT(ParseExpiry("2027-01-15T09:00:00Z"), IsOkAndHolds(kLater));
  EXPECT_THAT(ParseExpiry("2027-01-15T10:00:00+01:00"), IsOkAndHolds(kLater));
  EXPECT_THAT(ParseExpiry("2027-01-15T09:00:00UTC"), IsOkAndHolds(kLater));
  for (const char* bad : {"", "soon", "1800003600", "2027-01-15", "UTC"}) {
    EXPECT_THAT(ParseExpiry(bad), StatusIs(absl::StatusCode::kUnauthenticated,
                                           HasSubstr("RFC 3339")))
        << bad;
  }
}

TEST(KeysFromJsonTest, ReadsKeys) {
  const auto keys = KeysFromJson(
      R"({"Code":"Success","AccessKeyId":"A","SecretAccessKey":"s",)"
      R"("Token":"t","SessionToken":"u","Expiration":"2027-01-15T09:00:00Z"})",
      "Token", "x");
  ASSERT_THAT(keys, IsOk());
  EXPECT_EQ(keys->access_key_id, "A");
  EXPECT_EQ(SecretOf(*keys), "s");
  EXPECT_EQ(keys->session_token, "t");
  EXPECT_EQ(keys->expires, kLater);
  const auto fixed = KeysFromJson(
      R"({"AccessKeyId":"A","SecretAccessKey":"s"})", "Token", "x");
  ASSERT_THAT(fixed, IsOk());
  EXPECT_EQ(fixed->session_token, "");
  EXPECT_EQ(fixed->expires, absl::InfiniteFuture());
}

TEST(KeysFromJsonTest, RefusesEverythingElseWithoutQuotingIt) {
  for (const char* text :
       {"", "hush", "[\"hush\"]", "{}", R"({"AccessKeyId":"hush"})",
        R"({"SecretAccessKey":"hush"})",
        R"({"AccessKeyId":7,"SecretAccessKey":"hush"})",
        R"({"AccessKeyId":"A","SecretAccessKey":["hush"]})",
        R"({"AccessKeyId":"","SecretAccessKey":"hush"})",
        R"({"AccessKeyId":"hush","SecretAccessKey":""})",
        R"({"AccessKeyId":"A","SecretAccessKey":"hush","Token":7})",
        R"({"AccessKeyId":"A","SecretAccessKey":"hush","Expiration":7})",
        R"({"AccessKeyId":"A","SecretAccessKey":"hush","Expiration":"x"})"}) {
    EXPECT_THAT(
        KeysFromJson(text, "Token", "x"),
        StatusIs(absl::StatusCode::kUnauthenticated, Not(HasSubstr("hush"))))
        << text;
  }
  EXPECT_THAT(KeysFromJson(std::string(65537, ' '), "Token", "x"),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(KeysFromSsoTest, ReadsAndRefuses) {
  const auto keys = KeysFromSso(
      R"({"roleCredentials":{"accessKeyId":"A","secretAccessKey":"s",)"
      R"("sessionToken":"t","expiration":1800003600000}})");
  ASSERT_THAT(keys, IsOk());
  EXPECT_EQ(SecretOf(*keys), "s");
  EXPECT_EQ(keys->expires, kLater);
  for (const char* text :
       {"", "[]", "{}", R"({"roleCredentials":"hush"})",
        R"({"roleCredentials":{"accessKeyId":"A","secretAccessKey":"hush",)"
        R"("sessionToken":"t"}})",
        R"({"roleCredentials":{"accessKeyId":"A","secretAccessKey":"hush",)"
        R"("sessionToken":"t","expiration":-1}})",
        R"({"roleCredentials":{"accessKeyId":"","secretAccessKey":"hush",)"
        R"("sessionToken":"t","expiration":1}})"}) {
    EXPECT_THAT(KeysFromSso(text), StatusIs(absl::StatusCode::kUnauthenticated,
                                            Not(HasSubstr("hush"))))
        << text;
  }
}

TEST(KeysFromStsTest, WantsCompleteTemporaryKeys) {
  const auto parse = [](const std::string& inner) {
    const auto document =
        XmlDocument::Parse("<R><Credentials>" + inner + "</Credentials></R>");
    EXPECT_THAT(document, IsOk());
    return KeysFromSts(document->root(), "AssumeRole");
  };
  const std::string id = "<AccessKeyId>A</AccessKeyId>";
  const std::string secret = "<SecretAccessKey>s</SecretAccessKey>";
  const std::string token = "<SessionToken>t</SessionToken>";
  const std::string end = "<Expiration>2027-01-15T09:00:00Z</Expiration>";
  const auto keys = parse(id + secret + token + end);
  ASSERT_THAT(keys, IsOk());
  EXPECT_EQ(keys->session_token, "t");
  EXPECT_EQ(keys->expires, kLater);
  for (const std::string& part :
       {secret + token + end, id + token + end, id + secret + end}) {
    EXPECT_THAT(parse(part), StatusIs(absl::StatusCode::kUnauthenticated,
                                      HasSubstr("sts:AssumeRole")))
        << part;
  }
  EXPECT_THAT(parse(id + secret + token),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       AllOf(HasSubstr("expiry"), Not(HasSubstr("s>")))));
}

TEST(KeysFromSectionTest, WantsBothHalves) {
  EXPECT_FALSE(KeysFromSection({}));
  EXPECT_FALSE(KeysFromSection({{"aws_access_key_id", "A"}}));
  EXPECT_FALSE(KeysFromSection({{"aws_secret_access_key", "s"}}));
  const auto keys = KeysFromSection({{"aws_access_key_id", "A"},
                                     {"aws_secret_access_key", "s"},
                                     {"aws_session_token", "t"}});
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->access_key_id, "A");
  EXPECT_EQ(SecretOf(*keys), "s");
  EXPECT_EQ(keys->session_token, "t");
}

TEST(SplitCommandTest, SplitsWithoutExpanding) {
  EXPECT_THAT(SplitCommand(""), IsEmpty());
  EXPECT_THAT(SplitCommand(" \t "), IsEmpty());
  EXPECT_THAT(SplitCommand(" a  b\tc "), ElementsAre("a", "b", "c"));
  EXPECT_THAT(SplitCommand(R"("a b" 'c "d' e\ f "")"),
              ElementsAre("a b", "c \"d", "e f", ""));
  EXPECT_THAT(SplitCommand("x $HOME; `id` | y > z"),
              ElementsAre("x", "$HOME;", "`id`", "|", "y", ">", "z"));
  EXPECT_THAT(SplitCommand("a\\"), ElementsAre("a\\"));
  EXPECT_THAT(SplitCommand("\"open"), ElementsAre("open"));
}

}  // namespace
}  // namespace constellation::cloud::aws
