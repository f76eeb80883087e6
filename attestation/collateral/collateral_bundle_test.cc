// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/collateral_bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

CollateralBundle Example() {
  CollateralBundle bundle(kNow);
  EXPECT_THAT(bundle.Add("b/key", {.content = {1, 2, 3},
                                   .issuer_chain = "chain",
                                   .fetched_at = kNow}),
              IsOk());
  EXPECT_THAT(bundle.Add("a/key", {.content = {}, .fetched_at = kNow}), IsOk());
  return bundle;
}

Json ExampleJson() {
  return Json::parse(Example().Serialise());
}

TEST(CollateralBundleTest, SurvivesWritingAndReading) {
  ASSERT_OK_AND_ASSIGN(const CollateralBundle bundle,
                       CollateralBundle::Parse(Example().Serialise()));
  EXPECT_EQ(bundle.created_at(), kNow);
  EXPECT_THAT(bundle.Keys(), ElementsAre("a/key", "b/key"));
  const Collateral* entry = bundle.Find("b/key");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->content, (Bytes{1, 2, 3}));
  EXPECT_EQ(entry->issuer_chain, "chain");
  EXPECT_EQ(entry->source, CollateralSource::kBundle);
  EXPECT_EQ(entry->fetched_at, kNow);
  EXPECT_EQ(bundle.Find("c/key"), nullptr);
  EXPECT_EQ(bundle.Serialise(), Example().Serialise());
}

TEST(CollateralBundleTest, IsTheDocumentedFormat) {
  const Json json = ExampleJson();
  EXPECT_EQ(json["format"], "constellation-collateral-bundle/v1");
  EXPECT_EQ(json["createdAt"], "2027-01-15T08:00:00Z");
  const Json& entry = json["entries"][1];
  EXPECT_EQ(entry["key"], "b/key");
  EXPECT_EQ(entry["content"], "AQID");
  EXPECT_EQ(entry["sha256"],
            "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81");
  EXPECT_EQ(entry["issuerChain"], "Y2hhaW4=");
  EXPECT_FALSE(json["entries"][0].contains("issuerChain"));
}

TEST(CollateralBundleTest, NoticesContentThatDoesNotFitItsDigest) {
  Json json = ExampleJson();
  json["entries"][1]["content"] = "AQIE";
  EXPECT_THAT(
      CollateralBundle::Parse(json.dump()),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("entries[1].sha256")));
  json = ExampleJson();
  json["entries"][1]["issuerChain"] = "Y2hhaXg=";
  EXPECT_THAT(
      CollateralBundle::Parse(json.dump()),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("issuerChainSha256")));
}

TEST(CollateralBundleTest, RefusesEveryFieldMissingOrOfAnotherType) {
  const Json good = ExampleJson();
  for (const auto& [name, value] : good.items()) {
    Json json = good;
    json.erase(name);
    EXPECT_THAT(CollateralBundle::Parse(json.dump()),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << name;
    json = good;
    json[name] = 7;
    EXPECT_THAT(CollateralBundle::Parse(json.dump()),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << name;
  }
  for (const auto& [name, value] : good["entries"][1].items()) {
    Json json = good;
    json["entries"][1][name] = 7;
    EXPECT_THAT(CollateralBundle::Parse(json.dump()),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("entries[1]." + name)))
        << name;
    if (name != "issuerChain" && name != "issuerChainSha256") {
      json["entries"][1].erase(name);
      EXPECT_FALSE(CollateralBundle::Parse(json.dump()).ok()) << name;
    }
  }
}

TEST(CollateralBundleTest, RefusesTimesOfOtherForms) {
  for (const char* time : {"", "2026-01-01", "2026-13-01T00:00:00Z", "now"}) {
    Json json = ExampleJson();
    json["createdAt"] = time;
    EXPECT_THAT(CollateralBundle::Parse(json.dump()),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("bundle.createdAt: want a time as")))
        << time;
    json = ExampleJson();
    json["entries"][1]["fetchedAt"] = time;
    EXPECT_THAT(CollateralBundle::Parse(json.dump()),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("entries[1].fetchedAt: want a time as")))
        << time;
  }
}

TEST(CollateralBundleTest, RefusesUnknownKeys) {
  Json json = ExampleJson();
  json["more"] = 1;
  EXPECT_THAT(CollateralBundle::Parse(json.dump()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("bundle: has an unknown key")));
  json = ExampleJson();
  json["entries"][0]["more"] = 1;
  EXPECT_THAT(CollateralBundle::Parse(json.dump()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("entries[0]: has an unknown key")));
}

TEST(CollateralBundleTest, RefusesOtherFormatsAndVersions) {
  Json json = ExampleJson();
  json["format"] = "constellation-collateral-bundle/v2";
  EXPECT_THAT(
      CollateralBundle::Parse(json.dump()),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("bundle.format")));
}

TEST(CollateralBundleTest, RefusesAKeyGivenTwice) {
  Json json = ExampleJson();
  json["entries"].push_back(json["entries"][0]);
  EXPECT_THAT(
      CollateralBundle::Parse(json.dump()),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a/key twice")));
  std::string text = Example().Serialise();
  const std::string field = "\"createdAt\"";
  text.insert(text.find(field), "\"createdAt\": \"2026-01-01T00:00:00Z\", ");
  EXPECT_THAT(CollateralBundle::Parse(text),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("given twice in one object")));
}

TEST(CollateralBundleTest, RefusesHostileDocuments) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) {
    deep += "{\"a\":";
  }
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("null"), std::string("{"),
        deep, Example().Serialise() + "x",
        Example().Serialise().substr(0, 100)}) {
    EXPECT_THAT(CollateralBundle::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(CollateralBundle::Parse(deep),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("nested too deeply")));
  EXPECT_THAT(CollateralBundle::Parse("[]"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want an object")));
  EXPECT_THAT(
      CollateralBundle::Parse(std::string(kMaxBundleSize + 1, ' ')),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most")));
}

TEST(CollateralBundleTest, RefusesKeysThatAreNone) {
  CollateralBundle bundle;
  for (const std::string& key :
       {std::string(), std::string("a b"), std::string("a\nb"),
        std::string("\xc3\xa9"), std::string(kMaxKeySize + 1, 'a')}) {
    EXPECT_THAT(bundle.Add(key, {}),
                StatusIs(absl::StatusCode::kInvalidArgument));
    Json json = ExampleJson();
    if (key != "\xc3\xa9") {
      json["entries"][0]["key"] = key;
      EXPECT_THAT(CollateralBundle::Parse(json.dump()),
                  StatusIs(absl::StatusCode::kInvalidArgument,
                           HasSubstr("entries[0]")));
    }
  }
}

TEST(CollateralBundleTest, RefusesLooseBase64) {
  for (const char* base64 : {"AQI", "AQID\n", "AQ=D", "????"}) {
    Json json = ExampleJson();
    json["entries"][1]["content"] = base64;
    EXPECT_THAT(CollateralBundle::Parse(json.dump()),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("entries[1].content")))
        << base64;
  }
}

}  // namespace
}  // namespace constellation::attestation
