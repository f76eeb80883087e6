// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/cluster_initializer.h"

#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "bootstrapper/cluster_objects.h"
#include "bootstrapper/kubeadm_config.h"
#include "bootstrapper/manifest_patches.h"
#include "bootstrapper/programs.h"
#include "common/files.h"
#include "common/retry.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/key_hierarchy.h"
#include "crypto/random.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;

constexpr absl::Duration kKubeadmTimeout = absl::Minutes(10);
constexpr absl::Duration kApiTimeout = absl::Minutes(2);

}  // namespace

// The disk key is derived before anything is changed: a bad secret costs
// nothing.
absl::StatusOr<InitOutcome> ClusterInitializer::Run(
    const InitParameters& parameters, const PhaseObserver& observer) {
  const PhaseObserver begin = [this, &observer](std::string_view phase) {
    node_.status.Report(phase, cloud::BootState::kRunning);
    observer(phase);
  };
  begin("validate");
  RETURN_IF_ERROR(ValidateInitParameters(parameters, node_.self));
  // Nothing but this process's memory changes before the lock.
  RETURN_IF_ERROR(node_.lock.TryLock(NodeLock::Holder::kInit));
  ASSIGN_OR_RETURN(const crypto::KeyHierarchy keys,
                   crypto::KeyHierarchy::Create(parameters.master_key.Clone(),
                                                parameters.master_salt));
  InitOutcome outcome;
  ASSIGN_OR_RETURN(outcome.cluster_id,
                   keys.ClusterId(parameters.measurement_salt));
  const std::string disk_uuid = crypto::RandomUuid();
  ASSIGN_OR_RETURN(SecretBytes disk_key, keys.StateDiskKey(disk_uuid));
  RETURN_IF_ERROR(Claim(parameters, outcome.cluster_id, std::move(disk_key),
                        disk_uuid, begin));
  RETURN_IF_ERROR(RunKubeadm(parameters, begin));
  RETURN_IF_ERROR(ApplyObjects(parameters, begin));
  ASSIGN_OR_RETURN(outcome.kubeconfig, ReadFile(node_.paths.AdminKubeconfig()));
  RETURN_IF_ERROR(CommitNode(node_, begin));
  return outcome;
}

// The first node keeps the measurement salt: its key service needs it.
absl::Status ClusterInitializer::Claim(const InitParameters& parameters,
                                       const Bytes& cluster_id,
                                       SecretBytes disk_key,
                                       const std::string& disk_uuid,
                                       const PhaseObserver& begin) {
  NodeClaim claim;
  claim.holder = NodeLock::Holder::kInit;
  claim.disk_uuid = disk_uuid;
  claim.state_disk_key = std::move(disk_key);
  claim.state = {cluster_id, std::string(kControlPlane), node_.self.name,
                 parameters.measurement_salt};
  return ClaimNode(node_, claim, begin);
}

// kubeadm runs once: what it leaves after a failure cannot be trusted, and the
// node is given up.
absl::Status ClusterInitializer::RunKubeadm(const InitParameters& parameters,
                                            const PhaseObserver& begin) {
  begin("start-containerd");
  // Meanwhile kubeadm makes certificates; kubelet's unit waits for containerd.
  RETURN_IF_ERROR(node_.commands.BeginStartingUnit(kContainerdUnit));
  begin("kubeadm-init");
  RETURN_IF_ERROR(MakeDirectories(node_.paths.Kubernetes()));
  RETURN_IF_ERROR(WriteFileAtomically(node_.paths.AuditPolicy(),
                                      AuditPolicyYaml(), kPublicFileMode));
  RETURN_IF_ERROR(WriteFileAtomically(
      node_.paths.KubeadmConfig(),
      MakeInitConfig(parameters, node_.self, node_.paths.AuditPolicy(),
                     node_.paths.AuditLogs())));
  RETURN_IF_ERROR(
      WriteProbePatches(node_.paths.KubeadmPatches(), parameters.time_scale));
  // Images are in the node image, and Debian has neither crictl nor CoreDNS.
  return node_.commands.Kubeadm(
      {"init", "--config", node_.paths.KubeadmConfig(),
       "--experimental-patches", node_.paths.KubeadmPatches(), "--skip-phases",
       "preflight,addon/coredns", "--skip-token-print"},
      {}, Scaled(kKubeadmTimeout, parameters.time_scale));
}

// Server-side apply, so a repeated attempt changes nothing. The API server may
// still be starting: each object is tried for a while.
absl::Status ClusterInitializer::ApplyObjects(const InitParameters& parameters,
                                              const PhaseObserver& begin) {
  begin("start-pod-network");
  RETURN_IF_ERROR(node_.commands.BeginStartingUnit(kPodNetworkUnit));
  begin("apply-objects");
  // Pods of the manifests mount the first ones.
  std::vector<Json> objects = {MasterSecretObject(parameters),
                               JoinConfigObject(parameters),
                               ClusterInfoObject(parameters, node_.self)};
  const absl::Cleanup wipe = [&objects] { WipeStrings(objects.front()); };
  ASSIGN_OR_RETURN(const std::vector<Json> manifests,
                   ReadManifests(node_.paths.Manifests()));
  for (const auto& more : {NodeAgentAccessObjects(), manifests}) {
    objects.insert(objects.end(), more.begin(), more.end());
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ClusterApi> api,
                   connect_(node_.paths.AdminKubeconfig()));
  RetryPolicy policy;
  policy.give_up_after = Scaled(kApiTimeout, parameters.time_scale);
  for (const Json& object : objects) {
    const absl::Status applied = Retry(
        policy, node_.clock, [&api, &object] { return api->Apply(object); });
    RETURN_IF_ERROR(
        Annotate(applied, object.value("kind", "object") + " " +
                              object["metadata"].value("name", "")));
  }
  return absl::OkStatus();
}

}  // namespace constellation::bootstrapper
