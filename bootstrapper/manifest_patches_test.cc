// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/manifest_patches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>

#include "bootstrapper/testing/kubeadm_program.h"
#include "common/command.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;
using ::constellation::testing::IsOk;
using ::constellation::testing::TempDir;
using ::testing::ElementsAre;

// The one container that the patch of `file` changes.
Json ContainerOf(uint32_t time_scale, const std::string& file) {
  for (const ManifestPatch& patch : MakeProbePatches(time_scale)) {
    if (patch.file_name == file) {
      const Json containers = Json::parse(patch.json)["spec"]["containers"];
      EXPECT_EQ(containers.size(), 1U);
      return containers[0];
    }
  }
  ADD_FAILURE() << "no patch " << file;
  return Json::object();
}

TEST(ProbePatchesTest, NamesEveryStaticPodAsKubeadmWants) {
  std::vector<std::string> names;
  for (const ManifestPatch& patch : MakeProbePatches(1)) {
    names.push_back(patch.file_name);
  }
  EXPECT_THAT(
      names, ElementsAre("etcd+strategic.json", "kube-apiserver+strategic.json",
                         "kube-controller-manager+strategic.json",
                         "kube-scheduler+strategic.json"));
}

TEST(ProbePatchesTest, RealMachinesKeepKubeadmsValues) {
  const Json container = ContainerOf(1, "kube-scheduler+strategic.json");
  EXPECT_EQ(container["name"], "kube-scheduler");
  EXPECT_EQ(container["livenessProbe"]["timeoutSeconds"], 15);
  EXPECT_EQ(container["livenessProbe"]["periodSeconds"], 10);
  EXPECT_EQ(container["startupProbe"]["timeoutSeconds"], 15);
}

TEST(ProbePatchesTest, SlowMachinesGetMoreTimeButNotForEver) {
  const std::string api_server = "kube-apiserver+strategic.json";
  const Json slow = ContainerOf(4, api_server);
  EXPECT_EQ(slow["livenessProbe"]["timeoutSeconds"], 60);
  EXPECT_EQ(slow["livenessProbe"]["periodSeconds"], 40);
  EXPECT_EQ(slow["startupProbe"]["timeoutSeconds"], 60);
  EXPECT_EQ(slow["readinessProbe"]["timeoutSeconds"], 60);
  const Json slowest = ContainerOf(20, api_server);
  EXPECT_EQ(slowest["livenessProbe"]["timeoutSeconds"], 150);
  EXPECT_EQ(slowest["livenessProbe"]["periodSeconds"], 100);
}

TEST(ProbePatchesTest, OnlyTheApiServerHasAReadinessProbeToPatch) {
  EXPECT_FALSE(
      ContainerOf(4, "etcd+strategic.json").contains("readinessProbe"));
}

TEST(ProbePatchesTest, WritesOverWhatAnEarlierTryLeft) {
  const TempDir dir;
  const std::string folder = dir.Join("patches");
  ASSERT_THAT(WriteProbePatches(folder, 1), IsOk());
  ASSERT_THAT(WriteProbePatches(folder, 2), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string written,
                       ReadFile(folder + "/etcd+strategic.json"));
  EXPECT_EQ(written, MakeProbePatches(2).front().json);
}

TEST(ProbePatchesTest, RealKubeadmAppliesThem) {
  const std::string kubeadm = testing::FindKubeadm();
  if (kubeadm.empty() || getuid() != 0) {
    GTEST_SKIP() << "NOT TESTED: want kubeadm (build the node image, or set "
                    "CONSTELLATION_KUBEADM) and root";
  }
  // kubeadm changes its root directory, so it does not touch this machine's.
  const TempDir root;
  ASSERT_THAT(MakeDirectories(root.Join("tmp")), IsOk());
  ASSERT_THAT(WriteProbePatches(root.Join("patches"), 10), IsOk());
  ASSERT_THAT(WriteInitialClusterPatch(root.Join("patches"), "a=x,b=y"),
              IsOk());
  ASSERT_THAT(WriteFileAtomically(root.Join("config.yaml"),
                                  R"({"apiVersion": "kubeadm.k8s.io/v1beta2",
 "kind": "InitConfiguration",
 "localAPIEndpoint": {"advertiseAddress": "192.0.2.1"}}
---
{"apiVersion": "kubeadm.k8s.io/v1beta2", "kind": "ClusterConfiguration",
 "kubernetesVersion": "v1.20.2"}
)"),
              IsOk());
  ProcessRunner runner;
  for (const auto& phase : std::vector<std::vector<std::string>>{
           {"control-plane", "all"}, {"etcd", "local"}}) {
    ASSERT_OK_AND_ASSIGN(
        const CommandResult result,
        runner.Run({kubeadm, "init", "phase", phase[0], phase[1], "--config",
                    "/config.yaml", "--experimental-patches", "/patches",
                    "--rootfs", root.path()},
                   {}));
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  for (const char* pod : {"etcd", "kube-apiserver", "kube-controller-manager",
                          "kube-scheduler"}) {
    ASSERT_OK_AND_ASSIGN(const std::string manifest,
                         ReadFile(root.Join(std::string("etc/kubernetes/"
                                                        "manifests/") +
                                            pod + ".yaml")));
    const YAML::Node container = YAML::Load(manifest)["spec"]["containers"][0];
    EXPECT_EQ(container["livenessProbe"]["timeoutSeconds"].as<int>(), 150);
    EXPECT_EQ(container["livenessProbe"]["periodSeconds"].as<int>(), 100);
    EXPECT_EQ(container["livenessProbe"]["failureThreshold"].as<int>(), 8);
    EXPECT_EQ(container["startupProbe"]["timeoutSeconds"].as<int>(), 150);
    EXPECT_TRUE(container["livenessProbe"]["httpGet"].IsDefined());
    // The last flag is the one that counts.
    const auto command = container["command"].as<std::vector<std::string>>();
    if (std::string(pod) == "etcd") {
      EXPECT_EQ(command[command.size() - 2], "--initial-cluster=a=x,b=y");
      EXPECT_EQ(command.back(), "--initial-cluster-state=existing");
    }
  }
}

}  // namespace
}  // namespace constellation::bootstrapper
