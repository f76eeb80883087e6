// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "attestation/policy/variants.h"
#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Json = nlohmann::json;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::string Hex(char digit, size_t size) {
  return std::string(size, digit);
}

Json GoodProfile() {
  return {{"name", "image 1"},
          {"variant", "qemu-vtpm"},
          {"notBefore", "2026-01-01T00:00:00Z"},
          {"notAfter", "2027-01-01T00:00:00Z"},
          {"pcrs",
           {{"4", Hex('4', 64)},
            {"9", Hex('9', 64)},
            {"11", Hex('b', 64)},
            {"8", Hex('0', 64)},
            {"12", Hex('0', 64)},
            {"13", Hex('0', 64)},
            {"14", Hex('0', 64)}}}};
}

Json GoodNode() {
  return {{"nodeName", "node-0"},
          {"role", "control-plane"},
          {"ekCertificateSHA256", Hex('e', 64)},
          {"akName", "000b" + Hex('a', 64)}};
}

Json GoodPolicy() {
  return {{"version", 1},
          {"profiles", Json::array({GoodProfile()})},
          {"enrolledTPMs", Json::array({GoodNode()})}};
}

absl::StatusOr<Policy> Parse(const Json& document) {
  return Policy::Parse(document.dump());
}

// The good policy with one value at `pointer` replaced.
absl::StatusOr<Policy> With(const std::string& pointer, const Json& value) {
  Json document = GoodPolicy();
  document[Json::json_pointer(pointer)] = value;
  return Parse(document);
}

// And without it.
absl::StatusOr<Policy> Without(const std::string& parent,
                               const std::string& key) {
  Json document = GoodPolicy();
  document[Json::json_pointer(parent)].erase(key);
  return Parse(document);
}

TEST(PolicyTest, ReadsEverything) {
  ASSERT_OK_AND_ASSIGN(const Policy policy, Parse(GoodPolicy()));
  ASSERT_THAT(policy.profiles(), SizeIs(1));
  const Profile& profile = policy.profiles()[0];
  EXPECT_EQ(profile.name, "image 1");
  EXPECT_EQ(profile.variant, kVariantQemuVtpm);
  EXPECT_EQ(profile.not_before,
            absl::FromCivil(absl::CivilDay(2026, 1, 1), absl::UTCTimeZone()));
  EXPECT_EQ(profile.pcrs.at(4)[0], 0x44);
  EXPECT_EQ(profile.pcrs.at(12), crypto::Sha256Digest{});
  ASSERT_THAT(policy.enrolled(), SizeIs(1));
  EXPECT_EQ(policy.enrolled()[0].node_name, "node-0");
  EXPECT_EQ(policy.enrolled()[0].role, kRoleControlPlane);
  EXPECT_EQ(policy.enrolled()[0].tpm.ak_name[1], 0x0b);
  EXPECT_EQ(policy.enrolled()[0].tpm.ek_certificate_sha256[31], 0xee);
}

TEST(PolicyTest, WritesWhatItReads) {
  ASSERT_OK_AND_ASSIGN(const Policy policy, Parse(GoodPolicy()));
  ASSERT_OK_AND_ASSIGN(const Policy again, Policy::Parse(policy.ToJson()));
  EXPECT_EQ(policy, again);
  EXPECT_EQ(policy.ToJson(), again.ToJson());
  EXPECT_EQ(Json::parse(policy.ToJson()), GoodPolicy());
}

TEST(PolicyTest, MayBeEmpty) {
  ASSERT_OK_AND_ASSIGN(
      const Policy policy,
      Policy::Parse(R"({"version":1,"profiles":[],"enrolledTPMs":[]})"));
  EXPECT_THAT(policy.profiles(), IsEmpty());
  EXPECT_THAT(policy.enrolled(), IsEmpty());
}

TEST(PolicyTest, ValidityIsOptional) {
  EXPECT_THAT(Without("/profiles/0", "notBefore"), IsOk());
  EXPECT_THAT(Without("/profiles/0", "notAfter"), IsOk());
}

TEST(PolicyTest, RefusesEveryMissingKey) {
  const std::pair<const char*, const char*> keys[] = {
      {"", "version"},
      {"", "profiles"},
      {"", "enrolledTPMs"},
      {"/profiles/0", "name"},
      {"/profiles/0", "variant"},
      {"/profiles/0", "pcrs"},
      {"/profiles/0/pcrs", "4"},
      {"/profiles/0/pcrs", "8"},
      {"/profiles/0/pcrs", "9"},
      {"/profiles/0/pcrs", "11"},
      {"/profiles/0/pcrs", "12"},
      {"/profiles/0/pcrs", "13"},
      {"/profiles/0/pcrs", "14"},
      {"/enrolledTPMs/0", "nodeName"},
      {"/enrolledTPMs/0", "role"},
      {"/enrolledTPMs/0", "ekCertificateSHA256"},
      {"/enrolledTPMs/0", "akName"}};
  for (const auto& [parent, key] : keys) {
    EXPECT_THAT(Without(parent, key),
                StatusIs(kInvalid, AllOf(HasSubstr(std::string(".") + key),
                                         HasSubstr("missing"))));
  }
}

TEST(PolicyTest, RefusesUnknownKeysWithTheNearest) {
  EXPECT_THAT(With("/profile", Json::array()),
              StatusIs(kInvalid, HasSubstr("policy: unknown key \"profile\"; "
                                           "did you mean \"profiles\"?")));
  EXPECT_THAT(With("/profiles/0/notafter", "x"),
              StatusIs(kInvalid, HasSubstr("did you mean \"notAfter\"?")));
  EXPECT_THAT(With("/enrolledTPMs/0/akname", "x"),
              StatusIs(kInvalid, HasSubstr("did you mean \"akName\"?")));
  EXPECT_THAT(With("/somethingElse", 1),
              StatusIs(kInvalid, HasSubstr("want some of enrolledTPMs, "
                                           "profiles, version")));
  EXPECT_THAT(With("/profiles/0/pcrs/15", Hex('0', 64)),
              StatusIs(kInvalid, HasSubstr("unknown key \"15\"")));
  EXPECT_THAT(With("/profiles/0/pcrs/04", Hex('0', 64)),
              StatusIs(kInvalid, HasSubstr("unknown key \"04\"")));
}

TEST(PolicyTest, RefusesWrongTypes) {
  const std::pair<const char*, Json> values[] = {
      {"", Json::array()},
      {"/version", "1"},
      {"/version", 1.0},
      {"/version", -1},
      {"/profiles", Json::object()},
      {"/profiles/0", "x"},
      {"/profiles/0/name", 1},
      {"/profiles/0/variant", nullptr},
      {"/profiles/0/notBefore", 1767225600},
      {"/profiles/0/pcrs", Json::array()},
      {"/profiles/0/pcrs/4", 4},
      {"/enrolledTPMs", nullptr},
      {"/enrolledTPMs/0", Json::array()},
      {"/enrolledTPMs/0/akName", false}};
  for (const auto& [pointer, value] : values) {
    EXPECT_THAT(With(pointer, value), StatusIs(kInvalid, HasSubstr("want")))
        << pointer;
  }
}

TEST(PolicyTest, RefusesOtherVersion) {
  EXPECT_THAT(With("/version", 2),
              StatusIs(kInvalid, HasSubstr("policy.version: want 1, got 2")));
}

TEST(PolicyTest, RefusesHexOfWrongLengthOrAlphabet) {
  EXPECT_THAT(
      With("/profiles/0/pcrs/4", Hex('4', 62)),
      StatusIs(kInvalid, HasSubstr("policy.profiles[0].pcrs.4: want 64 hex "
                                   "digits, got 62 characters")));
  EXPECT_THAT(With("/profiles/0/pcrs/4", Hex('4', 66)), StatusIs(kInvalid));
  EXPECT_THAT(With("/profiles/0/pcrs/4", Hex('g', 64)),
              StatusIs(kInvalid, HasSubstr("policy.profiles[0].pcrs.4")));
  EXPECT_THAT(With("/enrolledTPMs/0/akName", Hex('a', 64)),
              StatusIs(kInvalid, HasSubstr("want 68 hex digits")));
  EXPECT_THAT(With("/enrolledTPMs/0/akName", "000c" + Hex('a', 64)),
              StatusIs(kInvalid, HasSubstr("want 000b (sha256)")));
  EXPECT_THAT(With("/enrolledTPMs/0/ekCertificateSHA256", ""),
              StatusIs(kInvalid));
}

TEST(PolicyTest, RefusesPlaceholderMeasurements) {
  for (const char* index : {"4", "9", "11"}) {
    EXPECT_THAT(With(std::string("/profiles/0/pcrs/") + index, Hex('0', 64)),
                StatusIs(kInvalid, HasSubstr("want a measurement, got zeros")));
  }
}

TEST(PolicyTest, RefusesUnknownVariant) {
  EXPECT_THAT(With("/profiles/0/variant", "qemu-vptm"),
              StatusIs(kInvalid, HasSubstr("did you mean \"qemu-vtpm\"?")));
  EXPECT_THAT(With("/profiles/0/variant", "a platform of tomorrow"),
              StatusIs(kInvalid, HasSubstr("want one of qemu-vtpm")));
  // Known, but then more has to be demanded.
  EXPECT_THAT(
      With("/profiles/0/variant", "azure-sev-snp"),
      StatusIs(kInvalid, HasSubstr("policy.profiles[0].sevSnp: missing; "
                                   "variant azure-sev-snp rests on "
                                   "it")));
}

TEST(PolicyTest, RefusesTimesInOtherForms) {
  for (const char* time :
       {"2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.5Z", "2026-01-01 00:00:00Z", "infinite-future",
        "2026-13-01T00:00:00Z", "2026-01-32T00:00:00Z", ""}) {
    EXPECT_THAT(
        With("/profiles/0/notBefore", time),
        StatusIs(kInvalid, HasSubstr("want a time like 2026-01-31T23:59:59Z")))
        << time;
  }
}

TEST(PolicyTest, RefusesYearsThatNobodyMeans) {
  EXPECT_THAT(With("/profiles/0/notBefore", "0064-01-01T00:00:00Z"),
              StatusIs(kInvalid, HasSubstr("notBefore: want a year from 1970 "
                                           "to 9999, got 64")));
  ASSERT_OK_AND_ASSIGN(const Policy good, Parse(GoodPolicy()));
  Profile profile = good.profiles()[0];
  profile.not_after = absl::InfiniteFuture();
  EXPECT_THAT(Policy::Create({profile}, {}),
              StatusIs(kInvalid, HasSubstr("notAfter: want a year")));
}

TEST(PolicyTest, RefusesWindowThatEndsBeforeItBegins) {
  EXPECT_THAT(With("/profiles/0/notAfter", "2025-12-31T23:59:59Z"),
              StatusIs(kInvalid, HasSubstr("is before notBefore")));
}

TEST(PolicyTest, RefusesNodeNames) {
  for (const std::string& name :
       {std::string(), std::string("Node"), std::string("-a"),
        std::string("a-"), std::string("a..b"), std::string("a.-b"),
        std::string("a-.b"), std::string(".a"), std::string("a."),
        std::string("a_b"), std::string("a/b"), std::string(254, 'a')}) {
    EXPECT_THAT(With("/enrolledTPMs/0/nodeName", name),
                StatusIs(kInvalid, HasSubstr("nodeName: want a lower-case")))
        << name;
  }
  EXPECT_THAT(With("/enrolledTPMs/0/nodeName", "a-1.b"), IsOk());
}

// One TPM under two Names would be two nodes.
TEST(PolicyTest, RefusesNamesOverOtherHashes) {
  for (const char* algorithm : {"0004", "000c", "0b00", "0000"}) {
    EXPECT_THAT(
        With("/enrolledTPMs/0/akName", algorithm + Hex('a', 64)),
        StatusIs(kInvalid, HasSubstr("policy.enrolledTPMs[0].akName: want 000b "
                                     "(sha256) at the start")))
        << algorithm;
  }
  EXPECT_THAT(With("/enrolledTPMs/0/akName", "000b" + Hex('a', 64)), IsOk());
}

TEST(PolicyTest, RefusesRoles) {
  EXPECT_THAT(
      With("/enrolledTPMs/0/role", "admin"),
      StatusIs(kInvalid, HasSubstr("want \"control-plane\" or \"worker\"")));
}

TEST(PolicyTest, RefusesProfileNamesThatCannotBeShown) {
  for (const std::string& name : {std::string(), std::string("a\x1b[2J"),
                                  std::string("\xc3\xa4"), Hex('x', 129)}) {
    EXPECT_THAT(
        With("/profiles/0/name", name),
        StatusIs(kInvalid, HasSubstr("policy.profiles[0].name: want 1 to 128 "
                                     "printable ASCII characters")))
        << name;
  }
}

TEST(PolicyTest, RefusesDuplicates) {
  Json document = GoodPolicy();
  document["profiles"].push_back(GoodProfile());
  EXPECT_THAT(Parse(document),
              StatusIs(kInvalid, HasSubstr("profiles[1].name: given twice")));

  const std::pair<const char*, Json> changes[] = {
      {"nodeName", "node-1"},
      {"akName", "000b" + Hex('b', 64)},
      {"ekCertificateSHA256", Hex('f', 64)}};
  for (const auto& [kept, unused] : changes) {
    Json node = GoodNode();
    for (const auto& [key, value] : changes) {
      if (std::string_view(key) != kept) {
        node[key] = value;
      }
    }
    document = GoodPolicy();
    document["enrolledTPMs"].push_back(node);
    EXPECT_THAT(Parse(document),
                StatusIs(kInvalid, HasSubstr(std::string("enrolledTPMs[1].") +
                                             kept + ": given twice")));
  }
}

TEST(PolicyTest, RefusesKeyGivenTwice) {
  EXPECT_THAT(
      Policy::Parse(
          R"({"version":1,"profiles":[],"enrolledTPMs":[],"version":1})"),
      StatusIs(kInvalid, HasSubstr("key \"version\": given twice")));
}

TEST(PolicyTest, RefusesWhatIsNotJson) {
  for (const char* text :
       {"", "{", "null x", "{\"version\":1,}", "\xff\xfe", "// c\n{}"}) {
    EXPECT_THAT(Policy::Parse(text), StatusIs(kInvalid)) << text;
  }
}

TEST(PolicyTest, RefusesWhatHidesBehindANul) {
  EXPECT_THAT(Policy::Parse(GoodPolicy().dump() + std::string("\0{}", 3)),
              StatusIs(kInvalid, HasSubstr("contains a NUL")));
}

TEST(PolicyTest, RefusesHugeOrDeepDocuments) {
  EXPECT_THAT(Policy::Parse(std::string((1U << 20U) + 1, ' ')),
              StatusIs(kInvalid, HasSubstr("want at most")));
  EXPECT_THAT(Policy::Parse(Hex('[', 1000) + Hex(']', 1000)),
              StatusIs(kInvalid, HasSubstr("nesting")));
}

TEST(PolicyTest, CreateChecksTheSame) {
  ASSERT_OK_AND_ASSIGN(const Policy good, Parse(GoodPolicy()));
  EXPECT_THAT(Policy::Create(good.profiles(), good.enrolled()), IsOk());
  Profile with_cluster_pcr = good.profiles()[0];
  with_cluster_pcr.pcrs[15] = {};
  EXPECT_THAT(Policy::Create({with_cluster_pcr}, {}),
              StatusIs(kInvalid, HasSubstr("15 belongs to the cluster")));
  EnrolledNode bad_role = good.enrolled()[0];
  bad_role.role = "";
  EXPECT_THAT(Policy::Create({}, {bad_role}), StatusIs(kInvalid));
  EXPECT_THAT(Policy::Create(std::vector<Profile>(65, good.profiles()[0]), {}),
              StatusIs(kInvalid, HasSubstr("want at most 64, got 65")));
  EXPECT_THAT(
      Policy::Create({}, std::vector<EnrolledNode>(5001, good.enrolled()[0])),
      StatusIs(kInvalid, HasSubstr("want at most 5000, got 5001")));
}

TEST(PolicyTest, KeepsWholeSecondsOnly) {
  ASSERT_OK_AND_ASSIGN(const Policy good, Parse(GoodPolicy()));
  Profile profile = good.profiles()[0];
  profile.not_after = *profile.not_after + absl::Milliseconds(5);
  ASSERT_OK_AND_ASSIGN(const Policy policy, Policy::Create({profile}, {}));
  ASSERT_OK_AND_ASSIGN(const Policy again, Policy::Parse(policy.ToJson()));
  EXPECT_EQ(policy, again);
}

TEST(PolicyPartsTest, ProfileStandsAlone) {
  ASSERT_OK_AND_ASSIGN(const Profile profile,
                       ParseProfile(GoodProfile().dump()));
  ASSERT_OK_AND_ASSIGN(const Profile again,
                       ParseProfile(ProfileToJson(profile)));
  EXPECT_EQ(profile, again);
  EXPECT_THAT(ParseProfile("[]"),
              StatusIs(kInvalid, HasSubstr("profile: want an object")));
}

TEST(PolicyPartsTest, EnrolledNodesStandAlone) {
  ASSERT_OK_AND_ASSIGN(const std::vector<EnrolledNode> nodes,
                       ParseEnrolledNodes(Json::array({GoodNode()}).dump()));
  ASSERT_OK_AND_ASSIGN(const std::vector<EnrolledNode> again,
                       ParseEnrolledNodes(EnrolledNodesToJson(nodes)));
  EXPECT_EQ(nodes, again);
  EXPECT_THAT(ParseEnrolledNodes("{}"),
              StatusIs(kInvalid, HasSubstr("enrolledTPMs: want an array")));
  EXPECT_THAT(
      ParseEnrolledNodes(Json::array({GoodNode(), GoodNode()}).dump()),
      StatusIs(kInvalid, HasSubstr("enrolledTPMs[1].nodeName: given twice")));
}

// docs/formats/policy.schema.json is for editors and CI of others: it must know
// the same keys and demand the same ones.
TEST(PolicySchemaTest, KnowsTheSameKeys) {
  const char* source = getenv("CONSTELLATION_SOURCE_DIR");
  const auto text = ReadFile(std::string(source == nullptr ? "." : source) +
                             "/docs/formats/policy.schema.json");
  ASSERT_THAT(text, IsOk());
  const Json schema = Json::parse(*text);
  const auto keys = [](const Json& object) {
    std::set<std::string> names;
    for (const auto& item : object.items()) {
      names.insert(item.key());
    }
    return names;
  };
  const Json& top = schema["properties"];
  const Json& profile = top["profiles"]["items"];
  const Json& pcrs = profile["properties"]["pcrs"];
  const Json& node = top["enrolledTPMs"]["items"];
  EXPECT_EQ(keys(top), keys(GoodPolicy()));
  std::set<std::string> profile_keys = keys(GoodProfile());
  profile_keys.insert({"sevSnp", "tdx", "sgx", "azure", "gcp", "aws"});
  EXPECT_EQ(keys(profile["properties"]), profile_keys);
  EXPECT_EQ(keys(node["properties"]), keys(GoodNode()));
  EXPECT_EQ(pcrs["required"].size(), std::size(kRequiredPcrs));
  EXPECT_EQ(pcrs["required"].size(), GoodProfile()["pcrs"].size());
  EXPECT_EQ(pcrs["properties"].size(), kClusterPcr);
  const Json& variants = profile["properties"]["variant"]["enum"];
  EXPECT_EQ(variants.size(), VariantNames().size());
  for (const Json& variant : variants) {
    EXPECT_NE(FindVariant(variant.get<std::string>()), nullptr) << variant;
  }
}

// Layers have more keys than one document can hold, so each key is offered to
// the reader alone: it must find fault with the value, not with the key.
TEST(PolicySchemaTest, KnowsTheSameKeysOfLayers) {
  const char* source = getenv("CONSTELLATION_SOURCE_DIR");
  const auto text = ReadFile(std::string(source == nullptr ? "." : source) +
                             "/docs/formats/policy.schema.json");
  ASSERT_THAT(text, IsOk());
  const Json schema = Json::parse(*text)["$defs"];
  const std::pair<const char*, absl::Status (*)(const Json&)> layers[] = {
      {"sevSnp",
       [](const Json& value) { return ReadSnpProfile(value, "p").status(); }},
      {"tdx",
       [](const Json& value) { return ReadTdxProfile(value, "p").status(); }},
      {"sgx",
       [](const Json& value) { return ReadSgxProfile(value, "p").status(); }},
      {"azure",
       [](const Json& value) { return ReadAzureProfile(value, "p").status(); }},
      {"gcp",
       [](const Json& value) { return ReadGcpProfile(value, "p").status(); }},
      {"aws", [](const Json& value) {
         return ReadAwsProfile(value, "p", false).status();
       }}};
  for (const auto& [name, read] : layers) {
    ASSERT_FALSE(schema[name]["properties"].empty()) << name;
    for (const auto& [key, unused] : schema[name]["properties"].items()) {
      const absl::Status status = read(Json::object({{key, nullptr}}));
      EXPECT_EQ(Message(status).find("unknown key"), std::string::npos)
          << name << "." << key << ": " << status;
    }
    EXPECT_NE(
        Message(read(Json::object({{"notAKey", nullptr}}))).find("unknown key"),
        std::string::npos)
        << name;
  }
}

}  // namespace
}  // namespace constellation::attestation
