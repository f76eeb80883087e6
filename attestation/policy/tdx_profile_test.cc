// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/tdx_profile.h"

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

Json MinimalTdx() {
  return {{"acceptedStatuses", {"UpToDate"}},
          {"minimumEvaluationDataNumber", 18},
          {"mrtd", {Hex('a', 48)}}};
}
Json FullTdx() {
  Json value = MinimalTdx();
  value["acceptedStatuses"] = {"UpToDate", "SWHardeningNeeded",
                               "TDRelaunchAdvised"};
  value["acceptAnyAdvisory"] = true;
  value["acceptedAdvisories"] = {"INTEL-SA-00837"};
  value["collateralGraceHours"] = 48;
  value["insecureRoots"] = {Hex('b', 32)};
  value["allowMigratable"] = true;
  value["insecureAllowDebug"] = true;
  value["requireSeptVeDisable"] = false;
  value["xfam"] = {"00000000000600e7"};
  char digit = '0';
  for (const char* key : {"mrconfigid", "mrowner", "mrownerconfig", "mrseam",
                          "mrsignerseam", "rtmr0", "rtmr1", "rtmr2", "rtmr3"}) {
    value[key] = {Hex(++digit, 48)};
  }
  return value;
}
Json MinimalSgx() {
  return {{"acceptedStatuses", {"UpToDate"}},
          {"minimumEvaluationDataNumber", 18},
          {"mrenclave", {Hex('a', 32)}}};
}
Json FullSgx() {
  Json value = MinimalSgx();
  value["mrsigner"] = {Hex('b', 32)};
  value["isvprodid"] = 3;
  value["minimumISVSVN"] = 4;
  value["insecureAllowDebug"] = true;
  return value;
}

absl::Status ReadTdx(const Json& value) {
  return ReadTdxProfile(value, "p").status();
}
absl::Status ReadSgx(const Json& value) {
  return ReadSgxProfile(value, "p").status();
}

TEST(TdxProfileTest, ReadsValues) {
  ASSERT_OK_AND_ASSIGN(const TdxProfile profile,
                       ReadTdxProfile(FullTdx(), "p"));
  const TdxPolicy& policy = profile.policy;
  EXPECT_EQ(policy.tcb.accepted_statuses.size(), 3U);
  EXPECT_EQ(policy.tcb.minimum_evaluation_data_number, 18U);
  EXPECT_EQ(policy.tcb.collateral_grace, absl::Hours(48));
  EXPECT_EQ(policy.xfam, std::vector<uint64_t>{0x600e7});
  EXPECT_EQ(policy.rtmr[2][0][0], 0x88);
  EXPECT_TRUE(profile.covers_image());
  EXPECT_FALSE(ReadTdxProfile(MinimalTdx(), "p").value().covers_image());
}

TEST(TdxProfileTest, WritesWhatItRead) {
  for (const Json& value : {MinimalTdx(), FullTdx()}) {
    ASSERT_OK_AND_ASSIGN(const TdxProfile profile, ReadTdxProfile(value, "p"));
    EXPECT_EQ(ToJsonValue(profile), value);
  }
  for (const Json& value : {MinimalSgx(), FullSgx()}) {
    ASSERT_OK_AND_ASSIGN(const SgxProfile profile, ReadSgxProfile(value, "p"));
    EXPECT_EQ(ToJsonValue(profile), value);
  }
}

TEST(TdxProfileTest, EveryKeyMatters) {
  const TdxProfile whole = ReadTdxProfile(FullTdx(), "p").value();
  const Json all = FullTdx();
  for (const auto& [key, unused] : all.items()) {
    Json without = FullTdx();
    without.erase(key);
    const absl::StatusOr<TdxProfile> profile = ReadTdxProfile(without, "p");
    if (profile.ok()) {
      EXPECT_FALSE(*profile == whole) << key;
    }
  }
}

TEST(TdxProfileTest, WantsWhatIsNeverAssumed) {
  for (const char* key :
       {"acceptedStatuses", "minimumEvaluationDataNumber", "mrtd"}) {
    Json value = MinimalTdx();
    value.erase(key);
    EXPECT_THAT(ReadTdx(value),
                StatusIs(kInvalid, HasSubstr(std::string("p.") + key)));
  }
  Json value = MinimalTdx();
  value["minimumEvaluationDataNumber"] = 0;
  EXPECT_THAT(ReadTdx(value), StatusIs(kInvalid, HasSubstr("at least 1")));
}

TEST(TdxProfileTest, SomeStatusesCannotBeAccepted) {
  for (const char* status : {"Revoked", "NotSupported", "upToDate", ""}) {
    Json value = MinimalTdx();
    value["acceptedStatuses"] = {status};
    EXPECT_THAT(ReadTdx(value),
                StatusIs(kInvalid, HasSubstr("acceptedStatuses")))
        << status;
  }
  Json value = MinimalTdx();
  value["acceptedStatuses"] = {"UpToDat"};
  EXPECT_THAT(ReadTdx(value),
              StatusIs(kInvalid, HasSubstr("did you mean \"UpToDate\"?")));
}

TEST(TdxProfileTest, RefusesValuesOfTheWrongKind) {
  const std::pair<const char*, Json> cases[] = {
      {"mrtd", Json::array()},
      {"mrtd", {Hex('a', 32)}},
      {"rtmr1", Hex('a', 48)},
      {"xfam", {1}},
      {"xfam", {"e7"}},
      {"collateralGraceHours", 8761},
      {"collateralGraceHours", -1},
      {"insecureRoots", {Hex('b', 31)}},
      {"allowMigratable", "yes"},
      {"minimumEvaluationDataNumber", "latest"}};
  for (const auto& [key, wrong] : cases) {
    Json value = MinimalTdx();
    value[key] = wrong;
    EXPECT_THAT(ReadTdx(value), StatusIs(kInvalid, HasSubstr(key))) << wrong;
  }
  Json value = MinimalTdx();
  value["rtmr4"] = {Hex('a', 48)};
  EXPECT_THAT(ReadTdx(value), StatusIs(kInvalid, HasSubstr("rtmr")));
}

TEST(SgxProfileTest, WantsAnEnclaveOrItsMaker) {
  Json value = MinimalSgx();
  value.erase("mrenclave");
  EXPECT_THAT(ReadSgx(value), StatusIs(kInvalid, HasSubstr("mrsigner")));
  value["mrsigner"] = {Hex('b', 32)};
  EXPECT_THAT(ReadSgx(value), StatusIs(kInvalid, HasSubstr("isvprodid")));
  value["isvprodid"] = 1;
  EXPECT_THAT(ReadSgx(value), StatusIs(kInvalid, HasSubstr("minimumISVSVN")));
  value["minimumISVSVN"] = 1;
  EXPECT_THAT(ReadSgx(value), IsOk());
  value["minimumISVSVN"] = 65536;
  EXPECT_THAT(ReadSgx(value), StatusIs(kInvalid, HasSubstr("minimumISVSVN")));
}

}  // namespace
}  // namespace constellation::attestation
