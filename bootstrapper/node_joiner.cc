// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/node_joiner.h"

#include <fmt/format.h>

#include <memory>

#include "bootstrapper/etcd_join.h"
#include "bootstrapper/kubeadm_config.h"
#include "bootstrapper/kubelet_files.h"
#include "bootstrapper/manifest_patches.h"
#include "bootstrapper/programs.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/retry.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::bootstrapper {
namespace {

constexpr absl::Duration kRegistrationTimeout = absl::Minutes(3);
constexpr absl::Duration kKubeadmTimeout = absl::Minutes(10);
constexpr absl::Duration kKubeadmPause = absl::Seconds(20);
constexpr absl::Duration kPollInterval = absl::Seconds(2);

// kubeadm gives a kubelet two minutes to register, whatever the machine: the
// kubelet runs already, and the node is known. Certificates come first, because
// etcd is asked with them.
constexpr char kAllButCertificates[] =
    "preflight,kubelet-start,control-plane-prepare/control-plane,"
    "control-plane-join";
constexpr char kCertificatesAndEtcd[] =
    "preflight,kubelet-start,control-plane-prepare/download-certs,"
    "control-plane-prepare/certs,control-plane-prepare/kubeconfig,"
    "control-plane-join/etcd";

// Certificates and public keys; everything else is private.
bool IsPublic(std::string_view name) {
  return name.ends_with(".crt") || name.ends_with(".pub");
}

}  // namespace

void NodeJoiner::Begin(std::string_view phase) const {
  node_.status.Report(phase, cloud::BootState::kRunning);
}

absl::Status NodeJoiner::Join(const JoinTicket& ticket,
                              const TicketRequest& request,
                              const SecretBytes& kubelet_key_pem) {
  RETURN_IF_ERROR(node_.lock.TryLock(NodeLock::Holder::kJoin));
  NodeClaim claim;
  claim.holder = NodeLock::Holder::kJoin;
  claim.disk_uuid = request.disk_uuid;
  claim.state_disk_key = ticket.state_disk_key.Clone();
  claim.state = {ticket.cluster_id, ticket.role, node_.self.name, {}};
  const PhaseObserver begin = [this](std::string_view phase) { Begin(phase); };
  RETURN_IF_ERROR(ClaimNode(node_, claim, begin));
  RETURN_IF_ERROR(StartKubelet(ticket, kubelet_key_pem));
  Begin("start-pod-network");
  RETURN_IF_ERROR(node_.commands.BeginStartingUnit(kPodNetworkUnit));
  Begin("wait-for-registration");
  RETURN_IF_ERROR(WaitForRegistration(ticket.time_scale));
  if (ticket.role == kControlPlane) {
    RETURN_IF_ERROR(StartControlPlane(ticket));
  }
  return CommitNode(node_, begin);
}

// kubelet's key and certificate are written to the encrypted disk only.
absl::Status NodeJoiner::StartKubelet(const JoinTicket& ticket,
                                      const SecretBytes& kubelet_key_pem) {
  Begin("start-kubelet");
  const KubeletCredentials credentials = {
      ticket.api_server_endpoint, ticket.cluster_ca_pem,
      ticket.kubelet_certificate_pem, kubelet_key_pem.Clone(),
      ticket.kubelet_config};
  RETURN_IF_ERROR(WriteKubeletFiles(credentials, node_.self, node_.paths));
  RETURN_IF_ERROR(node_.commands.StartUnit(kContainerdUnit));
  return node_.commands.StartUnit(kKubeletUnit);
}

// Names of files were checked against a fixed list (ValidateTicket).
absl::Status NodeJoiner::StartControlPlane(const JoinTicket& ticket) {
  Begin("write-control-plane-files");
  RETURN_IF_ERROR(
      MakeDirectories(node_.paths.Pki() + "/etcd", kPublicDirectoryMode));
  for (const SharedFile& file : ticket.control_plane_files) {
    RETURN_IF_ERROR(WriteFileAtomically(
        fmt::format("{}/{}", node_.paths.Pki(), file.name),
        AsText(file.contents.Expose()),
        IsPublic(file.name) ? kPublicFileMode : kPrivateFileMode));
  }
  RETURN_IF_ERROR(WriteFileAtomically(node_.paths.AuditPolicy(),
                                      AuditPolicyYaml(), kPublicFileMode));
  RETURN_IF_ERROR(
      WriteProbePatches(node_.paths.KubeadmPatches(), ticket.time_scale));
  const SecretBytes config =
      MakeJoinConfig({ticket.api_server_endpoint,
                      ticket.bootstrap_token.Clone(), ticket.ca_cert_hash},
                     node_.self);
  RETURN_IF_ERROR(RunKubeadmJoin("kubeadm-join-certificates", config,
                                 kAllButCertificates, ticket.time_scale));
  EtcdJoin etcd(node_, connect_, connect_to_etcd_, ticket.time_scale);
  RETURN_IF_ERROR(StartEtcd(etcd, ticket.time_scale));
  RETURN_IF_ERROR(RunKubeadmJoin("kubeadm-join", config, kCertificatesAndEtcd,
                                 ticket.time_scale));
  Begin("etcd-start");
  return etcd.WaitUntilStarted();
}

absl::Status NodeJoiner::StartEtcd(EtcdJoin& etcd, uint32_t time_scale) {
  Begin("etcd-announce");
  ASSIGN_OR_RETURN(const EtcdJoin::Announcement announced, etcd.Announce());
  RETURN_IF_ERROR(WriteInitialClusterPatch(node_.paths.KubeadmPatches(),
                                           announced.initial_cluster));
  RETURN_IF_ERROR(WriteFileAtomically(
      node_.paths.KubeadmConfig(),
      MakeEtcdConfig(announced.cluster_configuration, node_.self)));
  return node_.commands.Kubeadm(
      {"init", "phase", "etcd", "local", "--config",
       node_.paths.KubeadmConfig(), "--experimental-patches",
       node_.paths.KubeadmPatches()},
      {}, Scaled(kKubeadmTimeout, time_scale));
}

absl::Status NodeJoiner::RunKubeadmJoin(std::string_view phase,
                                        const SecretBytes& config,
                                        const std::string& skipped_phases,
                                        uint32_t time_scale) {
  const std::vector<std::string> arguments = {"join",
                                              "--config",
                                              "/dev/stdin",
                                              "--experimental-patches",
                                              node_.paths.KubeadmPatches(),
                                              "--skip-phases",
                                              skipped_phases};
  Begin(phase);
  const absl::Duration timeout = Scaled(kKubeadmTimeout, time_scale);
  const absl::Time deadline = node_.clock.Now() + timeout;
  while (true) {
    const absl::Status status =
        node_.commands.Kubeadm(arguments, config.Expose(), timeout);
    if (status.ok() || node_.clock.Now() + kKubeadmPause >= deadline) {
      return status;
    }
    node_.status.Report(phase, cloud::BootState::kWaiting, Message(status));
    node_.clock.Sleep(kKubeadmPause);
  }
}

// Asked with kubelet's own credentials: proof that they work.
absl::Status NodeJoiner::WaitForRegistration(uint32_t time_scale) {
  const std::string path = fmt::format("/api/v1/nodes/{}", node_.self.name);
  const absl::Time deadline =
      node_.clock.Now() + Scaled(kRegistrationTimeout, time_scale);
  absl::Status last;
  std::unique_ptr<ClusterApi> api;
  while (node_.clock.Now() < deadline) {
    if (api == nullptr) {
      auto connected = connect_(node_.paths.KubeletKubeconfig());
      last = connected.status();
      if (connected.ok()) {
        api = *std::move(connected);
      }
    }
    if (api != nullptr) {
      last = api->Get(path).status();
      if (last.ok()) {
        return last;
      }
    }
    node_.clock.Sleep(kPollInterval);
  }
  return Annotate(
      last, fmt::format("node {} did not register (kubelet's last lines: {})",
                        node_.self.name, node_.commands.LogTail(kKubeletUnit)));
}

}  // namespace constellation::bootstrapper
