// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/manifest.h"

#include "common/testing/status_matchers.h"
#include "kubernetes/testing/fake_transport.h"

namespace constellation::kubernetes {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kHead[] =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

absl::StatusOr<std::vector<Json>> Parse(const std::string& tail) {
  return ParseManifest(kHead + tail);
}

TEST(ManifestTest, ReadsSeveralDocuments) {
  ASSERT_OK_AND_ASSIGN(const std::vector<Json> objects,
                       ParseManifest(std::string("# comment\n---\n") + kHead +
                                     "---\n" + kHead + "---\n# nothing\n"));
  EXPECT_THAT(objects, SizeIs(2));
}

TEST(ManifestTest, EndsOnTextOverWhichYamlCppLoopsForEver) {
  for (const char* text : {",7\x04", ",", "a: b\n,", "}\n"}) {
    EXPECT_THAT(ParseManifest(text),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << text;
  }
}

TEST(ManifestTest, SeparatorsMayCarryContentAndLineNumbersAreOfTheFile) {
  ASSERT_OK_AND_ASSIGN(
      const std::vector<Json> objects,
      ParseManifest(std::string("--- # first\n") + kHead + "...\n" +
                    "--- {apiVersion: v1, kind: A, metadata: {name: b}}\n"));
  EXPECT_THAT(objects, SizeIs(2));
  EXPECT_THAT(ParseManifest(std::string(kHead) + "---\na: [\n"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::ContainsRegex("line [56]")));
  EXPECT_THAT(Parse("v: |\n  ---\n  x\n"), ::constellation::testing::IsOk());
}

TEST(ManifestTest, TypesScalarsAsKubectlDoes) {
  ASSERT_OK_AND_ASSIGN(
      const std::vector<Json> objects,
      Parse("v:\n  i: -7\n  mode: 0400\n  r: 1.5\n  t: true\n  n: ~\n"
            "  q: \"7\"\n  s: '2'\n  w: a b\n  d: 1.20.2\n  c: 100m\n"
            "  l: |\n    12\n  z: 0\n  e: \"\"\n  f: 09\n"));
  const Json expected = {{"i", -7},     {"mode", 256},  {"r", 1.5},
                         {"t", true},   {"n", nullptr}, {"q", "7"},
                         {"s", "2"},    {"w", "a b"},   {"d", "1.20.2"},
                         {"c", "100m"}, {"l", "12\n"},  {"z", 0},
                         {"e", ""},     {"f", 9}};
  EXPECT_EQ(*Find(objects[0], {"v"}), expected);
}

TEST(ManifestTest, RefusesAmbiguousFlags) {
  EXPECT_THAT(Parse("v: yes\n"), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("quote 'yes'")));
}

TEST(ManifestTest, RefusesDuplicateKeys) {
  EXPECT_THAT(
      Parse("v: 1\nv: 2\n"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'v' twice")));
}

TEST(ManifestTest, RefusesWhatIsNoObject) {
  for (const char* yaml :
       {"a: b", "[1]", "7", "apiVersion: v1\nkind: A\nmetadata: {}",
        "apiVersion: 1\nkind: A\nmetadata: {name: x}", "? [a]\n: b"}) {
    EXPECT_THAT(ParseManifest(yaml),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << yaml;
  }
}

TEST(ManifestTest, ApplyNamesTheObjectThatFailed) {
  auto transport = std::make_unique<testing::FakeTransport>();
  transport->Answer(
      200,
      R"({"resources":[{"name":"configmaps","namespaced":true,"kind":"ConfigMap"}]})");
  transport->Answer(422, R"({"kind":"Status","message":"bad field"})");
  Client client(std::move(transport));
  EXPECT_THAT(ApplyManifest(client, kHead, "me"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("apply ConfigMap a: ")));
}

}  // namespace
}  // namespace constellation::kubernetes
