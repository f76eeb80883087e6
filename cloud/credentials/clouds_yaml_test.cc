// SPDX-License-Identifier: Apache-2.0
#include "cloud/credentials/clouds_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/credentials/testing/clouds_texts.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kCloudsJson;
using testing::kTwoClouds;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST(CloudsYamlTest, FlattensEntries) {
  ASSERT_OK_AND_ASSIGN(const CloudEntries clouds,
                       ParseCloudsYaml(kTwoClouds, "clouds.yaml"));
  ASSERT_EQ(clouds.size(), 2);
  EXPECT_THAT(clouds.at("shop"),
              UnorderedElementsAre(
                  Pair("profile", "vendor"), Pair("auth.username", "demo"),
                  Pair("auth.password", "5"), Pair("region_name", "R1"),
                  Pair("verify", "false")));
  EXPECT_THAT(
      clouds.at("other"),
      UnorderedElementsAre(Pair("auth.auth_url", "https://other.example")));
}

TEST(CloudsYamlTest, ReadsJsonToo) {
  ASSERT_OK_AND_ASSIGN(const CloudEntries clouds,
                       ParseCloudsYaml(kCloudsJson, "clouds.json"));
  EXPECT_EQ(clouds.at("a").at("auth.auth_url"), "https://x");
}

TEST(CloudsYamlTest, RefusesDamagedFilesWithoutQuotingThem) {
  for (const char* text :
       {"clouds:\n  a: &x\n    auth: {password: hunter2}\n",
        "clouds:\n  a: {password: hunter2}\n  b: *a\n",
        "clouds: {a: {password: hunter2\n", "clouds:\n\t- hunter2: [\n",
        "clouds:\n  ? [hunter2]\n  : x\n"}) {
    const absl::Status status = ParseCloudsYaml(text, "clouds.yaml").status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("clouds.yaml: line")))
        << text;
    EXPECT_THAT(std::string(Message(status)), Not(HasSubstr("hunter2")));
  }
  EXPECT_THAT(ParseCloudsYaml(std::string(2U << 20U, ' '), "x"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseCloudsYaml(std::string(1000, '['), "x"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(CloudsYamlTest, AnythingElseHoldsNoCloud) {
  for (const char* text : {"", "5", "[]", "clouds:", "clouds: [a]",
                           "clouds: {a: 5}", "other: {a: {b: c}}"}) {
    EXPECT_THAT(ParseCloudsYaml(text, "x"), IsOkAndHolds(IsEmpty())) << text;
  }
}

class ChooseCloudTest : public ::testing::Test {
 protected:
  absl::StatusOr<ChosenCloud> Choose(std::string cloud = "",
                                     std::string path = "") {
    const Environment environment =
        [this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::nullopt
                                       : std::optional(found->second);
    };
    return ChooseCloud({.cloud = std::move(cloud),
                        .path = std::move(path),
                        .environment = environment,
                        .read = [this](const std::string& file)
                            -> absl::StatusOr<std::string> {
                          const auto found = files_.find(file);
                          if (found == files_.end()) {
                            return NotFound(file);
                          }
                          return found->second;
                        }});
  }

  std::map<std::string, std::string, std::less<>> variables_ = {
      {"HOME", "/home/u"}};
  std::map<std::string, std::string> files_;
};

TEST_F(ChooseCloudTest, MergesSecretsAndVendors) {
  files_["/home/u/.config/openstack/clouds.yaml"] = kTwoClouds;
  files_["/etc/openstack/secure.yaml"] =
      "clouds: {shop: {auth: {password: better}}}";
  files_["./clouds-public.yaml"] =
      "public-clouds: {vendor: {auth: {auth_url: 'https://v'}, region_name: "
      "X}}";
  ASSERT_OK_AND_ASSIGN(const ChosenCloud chosen, Choose("shop"));
  EXPECT_EQ(chosen.source, "/home/u/.config/openstack/clouds.yaml");
  EXPECT_EQ(chosen.entry.at("auth.password"), "better");
  EXPECT_EQ(chosen.entry.at("auth.auth_url"), "https://v");
  EXPECT_EQ(chosen.entry.at("region_name"), "R1") << "the entry wins";
}

TEST_F(ChooseCloudTest, KeepsOpenstacksdksOrder) {
  files_["./clouds.yaml"] = "clouds: {one: {auth: {auth_url: a}}}";
  files_["/set"] = "clouds: {one: {auth: {auth_url: b}}}";
  files_["/config"] = "clouds: {one: {auth: {auth_url: c}}}";
  ASSERT_OK_AND_ASSIGN(ChosenCloud chosen, Choose());
  EXPECT_EQ(chosen.entry.at("auth.auth_url"), "a") << "the only one";
  variables_["OS_CLIENT_CONFIG_FILE"] = "/set";
  ASSERT_OK_AND_ASSIGN(chosen, Choose());
  EXPECT_EQ(chosen.source, "/set");
  ASSERT_OK_AND_ASSIGN(chosen, Choose("", "/config"));
  EXPECT_EQ(chosen.source, "/config");
  variables_["OS_AUTH_URL"] = "https://env";
  variables_["OS_USERNAME"] = "e";
  variables_["OS_REGION_NAME"] = "R";
  ASSERT_OK_AND_ASSIGN(chosen, Choose());
  EXPECT_EQ(chosen.source, "OS_* variables");
  EXPECT_EQ(chosen.name, "envvars");
  EXPECT_EQ(chosen.entry.at("auth.username"), "e");
  EXPECT_EQ(chosen.entry.at("region_name"), "R");
  ASSERT_OK_AND_ASSIGN(chosen, Choose("one"));
  EXPECT_EQ(chosen.source, "/set") << "a name means a file";
  variables_["OS_CLOUD"] = "one";
  ASSERT_OK_AND_ASSIGN(chosen, Choose());
  EXPECT_EQ(chosen.source, "/set");
  EXPECT_FALSE(chosen.entry.contains("region_name"));
}

TEST_F(ChooseCloudTest, SaysWhatWasTried) {
  EXPECT_THAT(Choose(),
              StatusIs(absl::StatusCode::kNotFound,
                       ::testing::AllOf(
                           HasSubstr("OS_AUTH_URL"), HasSubstr("./clouds.yaml"),
                           HasSubstr("/home/u/.config/openstack/clouds.json"),
                           HasSubstr("/etc/openstack/clouds.yml"))));
  files_["./clouds.yaml"] = kTwoClouds;
  EXPECT_THAT(Choose("third"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("other, shop")));
  EXPECT_THAT(Choose(), StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("several clouds (other, shop)")));
}

TEST_F(ChooseCloudTest, LooksInEveryFolderWithEverySuffix) {
  files_["/etc/openstack/clouds.json"] = R"({"clouds":{"e":{}}})";
  files_["/etc/openstack/clouds.yml"] = "clouds: {d: {x: 1}}";
  ASSERT_OK_AND_ASSIGN(ChosenCloud chosen, Choose());
  EXPECT_EQ(chosen.source, "/etc/openstack/clouds.yml");
  files_["/home/u/.config/openstack/clouds.json"] =
      R"({"clouds":{"c":{"x":1}}})";
  ASSERT_OK_AND_ASSIGN(chosen, Choose());
  EXPECT_EQ(chosen.name, "c");
  files_["/xdg/openstack/clouds.yaml"] = "clouds: {b: {x: 1}}";
  variables_["XDG_CONFIG_HOME"] = "/xdg";
  ASSERT_OK_AND_ASSIGN(chosen, Choose());
  EXPECT_EQ(chosen.name, "b");
  files_["./clouds.json"] = R"({"clouds":{"a":{"x":1}}})";
  ASSERT_OK_AND_ASSIGN(chosen, Choose());
  EXPECT_EQ(chosen.source, "./clouds.json");
}

TEST_F(ChooseCloudTest, FilesOfVariablesComeFirst) {
  files_["./clouds.yaml"] = "clouds: {a: {profile: v, auth: {password: x}}}";
  files_["./secure.yaml"] = "clouds: {a: {auth: {password: near}}}";
  files_["./clouds-public.yaml"] = "public-clouds: {v: {region_name: near}}";
  files_["/far/s"] = "clouds: {a: {auth: {password: far}}}";
  files_["/far/v"] = "public-clouds: {v: {region_name: far}}";
  ASSERT_OK_AND_ASSIGN(ChosenCloud chosen, Choose());
  EXPECT_EQ(chosen.entry.at("auth.password"), "near");
  EXPECT_EQ(chosen.entry.at("region_name"), "near");
  variables_["OS_CLIENT_SECURE_FILE"] = "/far/s";
  variables_["OS_CLIENT_VENDOR_FILE"] = "/far/v";
  ASSERT_OK_AND_ASSIGN(chosen, Choose());
  EXPECT_EQ(chosen.entry.at("auth.password"), "far");
  EXPECT_EQ(chosen.entry.at("region_name"), "far");
}

TEST_F(ChooseCloudTest, ARegionAloneMakesNoCloud) {
  variables_["OS_REGION_NAME"] = "R";
  variables_["OS_CACERT"] = "/ca";
  EXPECT_THAT(Choose(), StatusIs(absl::StatusCode::kNotFound));
  variables_["OS_TOKEN"] = "t";
  ASSERT_OK_AND_ASSIGN(const ChosenCloud chosen, Choose());
  EXPECT_THAT(chosen.entry, UnorderedElementsAre(Pair("auth.token", "t"),
                                                 Pair("region_name", "R"),
                                                 Pair("cacert", "/ca")));
}

TEST_F(ChooseCloudTest, TheVariablesCloudMayHaveAName) {
  variables_["OS_AUTH_URL"] = "https://env";
  variables_["OS_CLOUD_NAME"] = "mine";
  ASSERT_OK_AND_ASSIGN(ChosenCloud chosen, Choose("mine"));
  EXPECT_EQ(chosen.source, "OS_* variables");
  files_["./clouds.yaml"] = "clouds: {envvars: {auth: {auth_url: f}}}";
  ASSERT_OK_AND_ASSIGN(chosen, Choose("envvars"));
  EXPECT_EQ(chosen.source, "./clouds.yaml");
}

TEST_F(ChooseCloudTest, DamagedFilesEndTheSearch) {
  files_["./clouds.yaml"] = "clouds: [hush";
  files_["/etc/openstack/clouds.yaml"] = "clouds: {a: {x: 1}}";
  EXPECT_THAT(Choose(), StatusIs(absl::StatusCode::kInvalidArgument,
                                 ::testing::AllOf(HasSubstr("./clouds.yaml"),
                                                  Not(HasSubstr("hush")))));
  files_["./clouds.yaml"] = "clouds: {a: {x: 1}}";
  files_["./secure.yaml"] = "clouds: {a: &hush {x: 1}}";
  EXPECT_THAT(Choose(), StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("./secure.yaml")));
}

}  // namespace
}  // namespace constellation::cloud
