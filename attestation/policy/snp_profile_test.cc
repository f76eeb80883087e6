// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/snp_profile.h"

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

Json Floor() {
  return {{"bootLoader", 4}, {"tee", 0}, {"snp", 24}, {"microcode", 219}};
}
// Accepted; the smallest there is.
Json Minimal() {
  return {{"products", {{"Milan", {{"minimumTCB", Floor()}}}}},
          {"measurements", {Hex('a', 48)}}};
}
// Every key, with a value that is not its default.
Json Everything() {
  Json value = Minimal();
  Json turin = Floor();
  turin["fmc"] = 1;
  value["products"]["Turin"] = {{"minimumTCB", turin},
                                {"minimumReportedTCB", turin},
                                {"minimumCurrentTCB", turin},
                                {"minimumCommittedTCB", turin},
                                {"minimumLaunchTCB", turin}};
  for (const char* key : {"allowMaskedChipId",
                          "allowMigrationAgent",
                          "allowVlek",
                          "insecureAllowDebug",
                          "measurementCoversImage",
                          "requireAes256Xts",
                          "requireCiphertextHiding",
                          "requireCxlForbidden",
                          "requirePageSwapDisabled",
                          "requirePlatformAliasCheck",
                          "requirePlatformCiphertextHiding",
                          "requirePlatformEcc",
                          "requirePlatformRaplOff",
                          "requirePlatformSmtOff",
                          "requirePlatformTioOff",
                          "requirePlatformTsme",
                          "requireRaplOff",
                          "requireRevocationList",
                          "requireSingleSocket",
                          "requireSmtForbidden"}) {
    value[key] = true;
  }
  value["minimumFirmware"] = "1.55.21";
  value["minimumAbi"] = "1.51";
  value["minimumGuestSvn"] = 7;
  value["requiredLaunchMitigations"] = 1;
  value["requiredCurrentMitigations"] = 2;
  value["vmpls"] = {0, 1};
  value["hostData"] = {Hex('1', 32)};
  value["familyIds"] = {Hex('2', 16)};
  value["imageIds"] = {Hex('3', 16)};
  value["idKeyDigests"] = {Hex('4', 48)};
  value["authorKeyDigests"] = {Hex('5', 48)};
  value["chipIds"] = {Hex('6', 64), Hex('7', 8)};
  value["cspIds"] = {"CN=cc-us-east-2.amazonaws.com"};
  value["insecureRoots"] = {
      {{"product", "Milan"}, {"spkiSHA256", Hex('8', 32)}}};
  return value;
}

absl::Status Read(const Json& value) {
  return ReadSnpProfile(value, "p").status();
}

TEST(SnpProfileTest, ReadsTheSmallest) {
  ASSERT_OK_AND_ASSIGN(const SnpProfile profile,
                       ReadSnpProfile(Minimal(), "p"));
  const SnpPolicy& policy = profile.policy;
  ASSERT_EQ(policy.products.size(), 1U);
  const SnpTcbFloor& floor = policy.products.at(SnpProduct::kMilan).minimum;
  EXPECT_EQ(floor.boot_loader, 4);
  EXPECT_EQ(floor.tee, 0);
  EXPECT_EQ(floor.snp, 24);
  EXPECT_EQ(floor.microcode, 219);
  EXPECT_EQ(floor.fmc, std::nullopt);
  EXPECT_FALSE(policy.insecure_allow_debug);
  EXPECT_FALSE(policy.insecure_any_measurement);
  EXPECT_FALSE(profile.measurement_covers_image);
  EXPECT_EQ(policy.vmpls, std::vector<uint32_t>{0});
}

TEST(SnpProfileTest, WritesWhatItRead) {
  for (const Json& value : {Minimal(), Everything()}) {
    ASSERT_OK_AND_ASSIGN(const SnpProfile profile, ReadSnpProfile(value, "p"));
    EXPECT_EQ(ToJsonValue(profile), value);
    ASSERT_OK_AND_ASSIGN(const SnpProfile again,
                         ReadSnpProfile(ToJsonValue(profile), "p"));
    EXPECT_EQ(again, profile);
  }
}

TEST(SnpProfileTest, EveryKeyMatters) {
  const SnpProfile whole = ReadSnpProfile(Everything(), "p").value();
  const Json all = Everything();
  for (const auto& [key, unused] : all.items()) {
    Json without = Everything();
    without.erase(key);
    const absl::StatusOr<SnpProfile> profile = ReadSnpProfile(without, "p");
    if (profile.ok()) {
      EXPECT_FALSE(*profile == whole) << key;
    }
  }
}

TEST(SnpProfileTest, NamesUnknownKeysWithTheNearest) {
  Json value = Minimal();
  value["measurement"] = value["measurements"];
  EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr("measurements")));
  value = Minimal();
  value["products"]["Milano"] = value["products"]["Milan"];
  EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr("Milan")));
  // Roots beside AMD's are for tests, and their key says so.
  value = Minimal();
  value["moreRoots"] = Everything()["insecureRoots"];
  EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr("moreRoots")));
}

// A floor that is missing or unresolved is never zero.
TEST(SnpProfileTest, WantsEveryFloor) {
  for (const char* level : {"bootLoader", "tee", "snp", "microcode"}) {
    Json value = Minimal();
    value["products"]["Milan"]["minimumTCB"].erase(level);
    EXPECT_THAT(Read(value),
                StatusIs(kInvalid,
                         HasSubstr(std::string("p.products.Milan.minimumTCB.") +
                                   level + ": missing")));
    value["products"]["Milan"]["minimumTCB"][level] = "latest";
    EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr("must be resolved")));
    for (const Json& wrong : {Json(256), Json(-1), Json(1.5), Json(nullptr)}) {
      value["products"]["Milan"]["minimumTCB"][level] = wrong;
      EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr(level)));
    }
  }
  Json value = Minimal();
  value["products"]["Milan"].erase("minimumTCB");
  EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr("minimumTCB")));
  value["products"] = Json::object();
  EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr("at least one of")));
  value.erase("products");
  EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr("p.products")));
}

TEST(SnpProfileTest, OnlyTurinHasAnFmc) {
  Json value = Minimal();
  value["products"]["Milan"]["minimumTCB"]["fmc"] = 1;
  EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr("only Turin")));
  value = Everything();
  value["products"]["Turin"]["minimumTCB"].erase("fmc");
  EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr("fmc: missing")));
}

TEST(SnpProfileTest, RefusesToAcceptAnyGuest) {
  Json value = Minimal();
  value.erase("measurements");
  EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr("accepts any guest")));
  value["insecureAnyMeasurement"] = true;
  EXPECT_THAT(Read(value), IsOk());
  value["measurements"] = {Hex('a', 48)};
  EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr("contradicts")));
  for (const char* key : {"idKeyDigests", "authorKeyDigests"}) {
    value = Minimal();
    value.erase("measurements");
    value[key] = {Hex('b', 48)};
    ASSERT_OK_AND_ASSIGN(const SnpProfile profile, ReadSnpProfile(value, "p"));
    EXPECT_FALSE(profile.policy.insecure_any_measurement);
    EXPECT_TRUE(EffectiveSnpPolicy(profile, "name").insecure_any_measurement);
    EXPECT_EQ(EffectiveSnpPolicy(profile, "name").profile, "name");
  }
  EXPECT_FALSE(EffectiveSnpPolicy(ReadSnpProfile(Minimal(), "p").value(), "n")
                   .insecure_any_measurement);
}

TEST(SnpProfileTest, RulesBetweenKeys) {
  Json value = Minimal();
  value["cspIds"] = {"CN=x"};
  EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr("allowVlek")));
  value = Minimal();
  value["measurementCoversImage"] = true;
  value["idKeyDigests"] = value["measurements"];
  value.erase("measurements");
  EXPECT_THAT(Read(value),
              StatusIs(kInvalid, HasSubstr("measurementCoversImage")));
}

TEST(SnpProfileTest, RefusesValuesOfTheWrongKind) {
  const std::pair<const char*, Json> cases[] = {
      {"measurements", Json::array()},
      {"measurements", {Hex('a', 47)}},
      {"measurements", {Hex('a', 48), Hex('a', 48)}},
      {"measurements", Hex('a', 48)},
      {"chipIds", {Hex('a', 32)}},
      {"chipIds", {7}},
      {"vmpls", {4}},
      {"vmpls", {"0"}},
      {"allowVlek", 1},
      {"minimumGuestSvn", 4294967296},
      {"minimumFirmware", "1.55"},
      {"minimumFirmware", "1.55.256"},
      {"minimumFirmware", "1x55x21"},
      {"minimumFirmware", "1.55.2 "},
      {"minimumAbi", "1.5.5"},
      {"minimumAbi", ""},
      {"minimumAbi", 1},
      {"cspIds", {"\x01"}},
      {"insecureRoots", Json::array()},
      {"insecureRoots", {{{"product", "Rome"}, {"spkiSHA256", Hex('8', 32)}}}},
      {"insecureRoots", {{{"product", "Milan"}}}},
      {"requiredLaunchMitigations", -1}};
  const Json root = {{"product", "Milan"}, {"spkiSHA256", Hex('8', 32)}};
  Json many = Json::array();
  for (size_t i = 0; i < 17; ++i) {
    many.push_back(root);
    many.back()["spkiSHA256"] = std::string(i, 'a') + std::string(64 - i, 'b');
  }
  for (const Json& roots : {many, Json::array({root, root})}) {
    Json value = Minimal();
    value["insecureRoots"] = roots;
    EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr("insecureRoots")));
  }
  for (const auto& [key, wrong] : cases) {
    Json value = Minimal();
    value[key] = wrong;
    EXPECT_THAT(Read(value), StatusIs(kInvalid, HasSubstr(key))) << wrong;
  }
  EXPECT_THAT(Read(Json::array()), StatusIs(kInvalid));
}

// What was made in memory without floors does not become text with zeros.
TEST(SnpProfileTest, WritesNoZeroForAMissingFloor) {
  SnpProfile profile = ReadSnpProfile(Minimal(), "p").value();
  profile.policy.products[SnpProduct::kMilan].minimum.snp.reset();
  EXPECT_THAT(Read(ToJsonValue(profile)),
              StatusIs(kInvalid, HasSubstr("snp: missing")));
}

}  // namespace
}  // namespace constellation::attestation
