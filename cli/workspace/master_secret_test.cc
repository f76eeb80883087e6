// SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/master_secret.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kFile[] = "m.json";

std::string Json(const std::string& key, const std::string& salt) {
  return fmt::format(R"({{"key": "{}", "salt": "{}"}})", key, salt);
}
std::string Base64Of(size_t size) {
  return Base64Encode(Bytes(size, 9));
}

TEST(MasterSecretTest, ReadsBackTheSame) {
  const MasterSecret secret = GenerateMasterSecret();
  ASSERT_OK_AND_ASSIGN(const MasterSecret read,
                       ParseMasterSecret(RenderMasterSecret(secret), kFile));
  EXPECT_TRUE(read.key.EqualsConstantTime(secret.key));
  EXPECT_EQ(read.salt, secret.salt);
}

TEST(MasterSecretTest, EveryOneIsNew) {
  const MasterSecret a = GenerateMasterSecret();
  const MasterSecret b = GenerateMasterSecret();
  EXPECT_EQ(a.key.size(), 32U);
  EXPECT_EQ(a.salt.size(), 32U);
  EXPECT_FALSE(a.key.EqualsConstantTime(b.key));
  EXPECT_NE(a.salt, b.salt);
}

TEST(MasterSecretTest, RefusesWhatIsNoObject) {
  for (const char* text : {"", "[]", "{", "\"x\"", "null", "{} {}"}) {
    EXPECT_THAT(ParseMasterSecret(text, kFile),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         "m.json: not a JSON object"))
        << text;
  }
}

TEST(MasterSecretTest, RefusesMissingFields) {
  EXPECT_THAT(ParseMasterSecret("{}", kFile),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "m.json: \"key\" must be base64 text"));
  EXPECT_THAT(
      ParseMasterSecret(fmt::format(R"({{"key": "{}"}})", Base64Of(32)), kFile),
      StatusIs(absl::StatusCode::kInvalidArgument,
               "m.json: \"salt\" must be base64 text"));
  EXPECT_THAT(ParseMasterSecret(R"({"key": 5})", kFile),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "m.json: \"key\" must be base64 text"));
}

TEST(MasterSecretTest, RefusesUnknownFields) {
  EXPECT_THAT(ParseMasterSecret(R"({"Key": ""})", kFile),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "m.json: unknown field \"Key\"; known: key, salt"));
}

TEST(MasterSecretTest, RefusesOtherLengths) {
  EXPECT_THAT(ParseMasterSecret(Json(Base64Of(31), Base64Of(32)), kFile),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "m.json: \"key\" must be 32 octets, not 31"));
  EXPECT_THAT(ParseMasterSecret(Json(Base64Of(32), Base64Of(33)), kFile),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "m.json: \"salt\" must be 32 octets, not 33"));
}

TEST(MasterSecretTest, MessagesNeverRepeatTheSecret) {
  const std::string almost = "c2VjcmV0IHNlY3JldA=";
  const absl::Status status =
      ParseMasterSecret(Json(almost, Base64Of(32)), kFile).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               "m.json: \"key\" is not valid base64"));
  EXPECT_THAT(std::string(Message(status)), Not(HasSubstr("c2Vj")));
}

}  // namespace
}  // namespace constellation::cli
