// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/cloud_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::string Hex(char digit, size_t octets) {
  return std::string(2 * octets, digit);
}

Json FullAzure() {
  return {{"allowConsole", false},   {"allowPersistedTpm", false},
          {"minimumHclVersion", 2},  {"requireSecureBoot", false},
          {"requireUserData", true}, {"vmIds", {"ab-12"}}};
}
Json FullGcp() {
  return {{"anyTechnology", true},
          {"insecureAnyProject", true},
          {"insecureRoots", {Hex('a', 32)}},
          {"instanceIds", {9223372036854775809U}},
          {"instanceNames", {"node-1"}},
          {"minimumSecurityVersion", 3},
          {"projectIds", {"my-project"}},
          {"projectNumbers", {117}},
          {"requireProduction", false},
          {"requireRevocationList", true},
          {"zones", {"europe-west3"}}};
}
Json AwsPcrs() {
  Json pcrs = Json::object();
  for (const char* index : {"4", "8", "9", "11", "12", "13", "14"}) {
    pcrs[index] = {Hex('c', 48), Hex('d', 48)};
  }
  return pcrs;
}
Json FullAws() {
  return {{"insecureAllowDebug", true},    {"insecureRoots", {Hex('a', 32)}},
          {"maximumAgeSeconds", 60},       {"moduleIds", {"i-0123"}},
          {"requireRevocationList", true}, {"pcrs", AwsPcrs()}};
}

TEST(CloudProfileTest, WritesWhatItRead) {
  ASSERT_OK_AND_ASSIGN(const AzureProfile azure,
                       ReadAzureProfile(FullAzure(), "p"));
  EXPECT_EQ(ToJsonValue(azure), FullAzure());
  ASSERT_OK_AND_ASSIGN(const GcpProfile gcp, ReadGcpProfile(FullGcp(), "p"));
  EXPECT_EQ(ToJsonValue(gcp), FullGcp());
  ASSERT_OK_AND_ASSIGN(const AwsProfile aws,
                       ReadAwsProfile(FullAws(), "p", false));
  EXPECT_EQ(ToJsonValue(aws), FullAws());
}

TEST(CloudProfileTest, DefaultsAreTheVerifiers) {
  ASSERT_OK_AND_ASSIGN(const AzureProfile azure,
                       ReadAzureProfile(Json::object(), "p"));
  EXPECT_TRUE(azure.policy.require_secure_boot);
  EXPECT_EQ(azure.policy.minimum_hcl_version, 1U);
  EXPECT_EQ(ToJsonValue(azure), Json::object());
  EXPECT_EQ(azure, AzureProfile());
  ASSERT_OK_AND_ASSIGN(
      const GcpProfile gcp,
      ReadGcpProfile(Json::object({{"projectIds", {"x"}}}), "p"));
  EXPECT_TRUE(gcp.policy.require_production);
  EXPECT_FALSE(gcp.policy.any_technology);
  ASSERT_OK_AND_ASSIGN(
      const AwsProfile aws,
      ReadAwsProfile(Json::object({{"pcrs", AwsPcrs()}}), "p", false));
  EXPECT_EQ(aws.max_age, absl::Minutes(5));
  EXPECT_EQ(aws.policy.kind, NitroKind::kNitroTpm);
}

TEST(CloudProfileTest, EveryKeyMatters) {
  const AzureProfile azure = ReadAzureProfile(FullAzure(), "p").value();
  const Json all = FullAzure();
  for (const auto& [key, unused] : all.items()) {
    Json without = FullAzure();
    without.erase(key);
    EXPECT_FALSE(ReadAzureProfile(without, "p").value() == azure) << key;
  }
  const GcpProfile gcp = ReadGcpProfile(FullGcp(), "p").value();
  const Json all_gcp = FullGcp();
  for (const auto& [key, unused] : all_gcp.items()) {
    Json without = FullGcp();
    without.erase(key);
    EXPECT_FALSE(ReadGcpProfile(without, "p").value() == gcp) << key;
  }
  const AwsProfile aws = ReadAwsProfile(FullAws(), "p", false).value();
  const Json all_aws = FullAws();
  for (const auto& [key, unused] : all_aws.items()) {
    if (key != "pcrs") {  // must be there
      Json without = FullAws();
      without.erase(key);
      EXPECT_FALSE(ReadAwsProfile(without, "p", false).value() == aws) << key;
    }
  }
}

TEST(GcpProfileTest, RefusesAnyCustomersMachine) {
  EXPECT_THAT(ReadGcpProfile(Json::object(), "p"),
              StatusIs(kInvalid, HasSubstr("any customer")));
  EXPECT_THAT(ReadGcpProfile(Json::object({{"zones", {"europe-west3"}}}), "p"),
              StatusIs(kInvalid, HasSubstr("any customer")));
  for (const Json& value : {Json::object({{"projectIds", {"x"}}}),
                            Json::object({{"projectNumbers", {1}}}),
                            Json::object({{"instanceIds", {1}}}),
                            Json::object({{"insecureAnyProject", true}})}) {
    EXPECT_THAT(ReadGcpProfile(value, "p"), IsOk()) << value;
  }
}

TEST(AwsProfileTest, WantsEveryRegister) {
  for (const char* index : {"4", "8", "9", "11", "12", "13", "14"}) {
    Json pcrs = AwsPcrs();
    pcrs.erase(index);
    EXPECT_THAT(ReadAwsProfile(Json::object({{"pcrs", pcrs}}), "p", false),
                StatusIs(kInvalid, HasSubstr(std::string("p.pcrs.") + index +
                                             ": missing")));
  }
  EXPECT_THAT(ReadAwsProfile(Json::object(), "p", false),
              StatusIs(kInvalid, HasSubstr("p.pcrs.4")));
  EXPECT_THAT(
      ReadAwsProfile(Json::object({{"insecureAnyPcrs", true}}), "p", false),
      IsOk());
  EXPECT_THAT(ReadAwsProfile({{"insecureAnyPcrs", true}, {"pcrs", AwsPcrs()}},
                             "p", false),
              StatusIs(kInvalid, HasSubstr("contradicts")));
}

TEST(AwsProfileTest, EnclavesHaveOtherRegisters) {
  Json pcrs = Json::object();
  for (const char* index : {"0", "1", "2"}) {
    EXPECT_THAT(ReadAwsProfile(Json::object({{"pcrs", pcrs}}), "p", true),
                StatusIs(kInvalid, HasSubstr("want all of 0, 1, 2")));
    pcrs[index] = {Hex('e', 48)};
  }
  ASSERT_OK_AND_ASSIGN(
      const AwsProfile profile,
      ReadAwsProfile(Json::object({{"pcrs", pcrs}}), "p", true));
  EXPECT_EQ(profile.policy.kind, NitroKind::kEnclave);
}

TEST(CloudProfileTest, RefusesValuesOfTheWrongKind) {
  EXPECT_THAT(ReadAzureProfile(Json::object({{"minimumHclVersion", 3}}), "p"),
              StatusIs(kInvalid, HasSubstr("minimumHclVersion")));
  EXPECT_THAT(ReadAzureProfile(Json::object({{"requireSecureBot", true}}), "p"),
              StatusIs(kInvalid, HasSubstr("requireSecureBoot")));
  EXPECT_THAT(ReadAzureProfile(Json::object({{"vmIds", Json::array()}}), "p"),
              StatusIs(kInvalid, HasSubstr("vmIds")));
  Json gcp = FullGcp();
  gcp["projectNumbers"] = {"117"};
  EXPECT_THAT(ReadGcpProfile(gcp, "p"),
              StatusIs(kInvalid, HasSubstr("projectNumbers[0]")));
  Json aws = FullAws();
  aws["maximumAgeSeconds"] = 86401;
  EXPECT_THAT(ReadAwsProfile(aws, "p", false),
              StatusIs(kInvalid, HasSubstr("maximumAgeSeconds")));
  aws = FullAws();
  aws["pcrs"]["24"] = {Hex('c', 48)};
  EXPECT_THAT(ReadAwsProfile(aws, "p", false),
              StatusIs(kInvalid, HasSubstr("pcrs")));
  aws = FullAws();
  aws["pcrs"]["4"] = {Hex('c', 32)};
  EXPECT_THAT(ReadAwsProfile(aws, "p", false),
              StatusIs(kInvalid, HasSubstr("96 hex digits")));
}

}  // namespace
}  // namespace constellation::attestation
