// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/manifest_patches.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "bootstrapper/kubeadm_config.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;

// The values of kubeadm 1.20 for every probe that it writes.
constexpr absl::Duration kProbeTimeout = absl::Seconds(15);
constexpr absl::Duration kLivenessPeriod = absl::Seconds(10);
constexpr uint32_t kMaxProbeFactor = 10;
constexpr char kApiServer[] = "kube-apiserver";

}  // namespace

// Also with a scale of 1: the patches then say what kubeadm does.
std::vector<ManifestPatch> MakeProbePatches(uint32_t time_scale) {
  const auto scaled = [time_scale](absl::Duration value) {
    return absl::ToInt64Seconds(Scaled(value, time_scale, kMaxProbeFactor));
  };
  const Json timeout = {{"timeoutSeconds", scaled(kProbeTimeout)}};
  std::vector<ManifestPatch> patches;
  for (const char* pod :
       {"etcd", kApiServer, "kube-controller-manager", "kube-scheduler"}) {
    Json container = {{"name", pod},
                      {"livenessProbe",
                       {{"timeoutSeconds", scaled(kProbeTimeout)},
                        {"periodSeconds", scaled(kLivenessPeriod)}}},
                      {"startupProbe", timeout}};
    // The others have none, and half a probe would make the pod invalid.
    if (pod == kApiServer) container["readinessProbe"] = timeout;
    const Json patch = {
        {"spec", {{"containers", Json::array({std::move(container)})}}}};
    patches.push_back(
        {fmt::format("{}+strategic.json", pod), patch.dump(2) + "\n"});
  }
  return patches;
}

ManifestPatch MakeInitialClusterPatch(const std::string& initial_cluster) {
  Json patch = Json::array();
  for (const std::string& flag :
       {"--initial-cluster=" + initial_cluster,
        std::string("--initial-cluster-state=existing")}) {
    patch.push_back({{"op", "add"},
                     {"path", "/spec/containers/0/command/-"},
                     {"value", flag}});
  }
  return {"etcd1+json.json", patch.dump(2) + "\n"};
}

absl::Status WriteInitialClusterPatch(const std::string& folder,
                                      const std::string& initial_cluster) {
  const ManifestPatch patch = MakeInitialClusterPatch(initial_cluster);
  return WriteFileAtomically(fmt::format("{}/{}", folder, patch.file_name),
                             patch.json);
}

absl::Status WriteProbePatches(const std::string& folder, uint32_t time_scale) {
  RETURN_IF_ERROR(MakeDirectories(folder));
  for (const ManifestPatch& patch : MakeProbePatches(time_scale)) {
    RETURN_IF_ERROR(WriteFileAtomically(
        fmt::format("{}/{}", folder, patch.file_name), patch.json));
  }
  return absl::OkStatus();
}

}  // namespace constellation::bootstrapper
