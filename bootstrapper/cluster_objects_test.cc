// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/cluster_objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "bootstrapper/testing/init_fixtures.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::Filled;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

InitParameters Parameters() {
  InitParameters parameters;
  parameters.init_secret = Filled(1);
  parameters.master_key = Filled(2);
  parameters.master_salt = Bytes(kSaltSize, 3);
  parameters.measurement_salt = Bytes(kSaltSize, 4);
  parameters.cluster_name = "mini";
  parameters.kubernetes_version = "v1.20.2";
  parameters.service_cidr = "10.96.0.0/16";
  parameters.pod_cidr = "10.244.0.0/16";
  parameters.attestation_policy = "{\"version\":1}";
  parameters.time_scale = 10;
  return parameters;
}

TEST(ClusterObjectsTest, MasterSecretIsASecretThatStays) {
  const Json object = MasterSecretObject(Parameters());
  EXPECT_EQ(object["kind"], "Secret");
  EXPECT_EQ(object["immutable"], true);
  EXPECT_EQ(object["metadata"]["name"], "constellation-mastersecret");
  EXPECT_EQ(object["metadata"]["namespace"], "kube-system");
  EXPECT_EQ(object["data"]["key"], Base64Encode(Bytes(32, 2)));
  EXPECT_EQ(object["data"]["salt"], Base64Encode(Bytes(32, 3)));
}

TEST(ClusterObjectsTest, JoinConfigHasPolicyAndSalt) {
  const Json object = JoinConfigObject(Parameters());
  EXPECT_EQ(object["kind"], "ConfigMap");
  EXPECT_EQ(object["metadata"]["name"], "join-config");
  EXPECT_EQ(object["data"]["attestationConfig"], "{\"version\":1}");
  EXPECT_EQ(object["binaryData"]["measurementSalt"],
            Base64Encode(Bytes(32, 4)));
}

// ConfigMaps are read by every node and by many pods.
TEST(ClusterObjectsTest, ConfigMapsHoldNoSecret) {
  for (const Json& object :
       {JoinConfigObject(Parameters()),
        ClusterInfoObject(Parameters(), testing::ControlPlaneNode())}) {
    for (const uint8_t secret : {uint8_t{1}, uint8_t{2}, uint8_t{3}}) {
      EXPECT_THAT(object.dump(),
                  Not(HasSubstr(Base64Encode(Bytes(32, secret)))));
    }
  }
}

TEST(ClusterObjectsTest, ClusterInfoTellsJoiningNodes) {
  const Json data =
      ClusterInfoObject(Parameters(), testing::ControlPlaneNode())["data"];
  EXPECT_THAT(data["apiServerEndpoint"].get<std::string>(),
              HasSubstr("10.42.0.11:6443"));
  EXPECT_EQ(data["clusterName"], "mini");
  EXPECT_EQ(data["kubernetesVersion"], "v1.20.2");
  EXPECT_EQ(data["podCIDR"], "10.244.0.0/16");
  EXPECT_EQ(data["serviceCIDR"], "10.96.0.0/16");
  EXPECT_EQ(data["timeScale"], "10");  // text, as all of a ConfigMap's data
}

// Nodes may read names and one ConfigMap, and change nothing.
TEST(ClusterObjectsTest, NodeAgentsOnlyRead) {
  const std::vector<Json> objects = NodeAgentAccessObjects();
  ASSERT_EQ(objects.size(), 2U);
  const Json& role = objects[0];
  EXPECT_EQ(role["kind"], "ClusterRole");
  for (const Json& rule : role["rules"]) {
    for (const Json& verb : rule["verbs"]) {
      EXPECT_TRUE(verb == "get" || verb == "list" || verb == "watch") << verb;
    }
    for (const Json& resource : rule["resources"]) {
      EXPECT_NE(resource, "secrets");
      if (resource == "configmaps") {
        EXPECT_EQ(rule["resourceNames"],
                  Json::array({"constellation-cluster"}));
      }
    }
  }
  const Json& binding = objects[1];
  EXPECT_EQ(binding["roleRef"]["name"], role["metadata"]["name"]);
  EXPECT_EQ(binding["subjects"][0]["kind"], "Group");
  EXPECT_EQ(binding["subjects"][0]["name"], "system:nodes");
}

TEST(ClusterObjectsTest, WipesEveryString) {
  Json json = {
      {"a", "secret"}, {"b", Json::array({"x", {{"c", "yz"}}})}, {"d", 5}};
  WipeStrings(json);
  EXPECT_EQ(json["a"], std::string(6, '\0'));
  EXPECT_EQ(json["b"][0], std::string(1, '\0'));
  EXPECT_EQ(json["b"][1]["c"], std::string(2, '\0'));
  EXPECT_EQ(json["d"], 5);
}

class ManifestsTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) const {
    EXPECT_THAT(WriteFileAtomically(folder_.Join(name), text), IsOk());
  }
  static std::string Pod(const std::string& name) {
    return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: " + name + "\n";
  }

  constellation::testing::TempDir folder_;
};

TEST_F(ManifestsTest, ReadsInTheOrderOfNames) {
  Write("20-b.yaml", Pod("c"));
  Write("10-a.yaml", Pod("a") + "---\n" + Pod("b"));
  Write("README.md", "not a manifest");
  ASSERT_OK_AND_ASSIGN(const auto objects, ReadManifests(folder_.path()));
  ASSERT_EQ(objects.size(), 3U);
  EXPECT_EQ(objects[0]["metadata"]["name"], "a");
  EXPECT_EQ(objects[1]["metadata"]["name"], "b");
  EXPECT_EQ(objects[2]["metadata"]["name"], "c");
}

TEST_F(ManifestsTest, NamesTheFileThatIsWrong) {
  Write("10-a.yaml", Pod("a"));
  Write("20-b.yaml", "[1, 2]\n");
  EXPECT_THAT(ReadManifests(folder_.path()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(folder_.Join("20-b.yaml"))));
}

TEST_F(ManifestsTest, NoFolderIsAnError) {
  EXPECT_THAT(
      ReadManifests(folder_.Join("absent")),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr(folder_.Join("absent"))));
}

}  // namespace
}  // namespace constellation::bootstrapper
