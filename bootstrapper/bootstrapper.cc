// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/bootstrapper.h"

#include <fmt/format.h>
#include <grpcpp/server.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "bootstrapper/cluster_initializer.h"
#include "bootstrapper/etcd_client.h"
#include "bootstrapper/etcd_join.h"
#include "bootstrapper/grpc_ticket_source.h"
#include "bootstrapper/init_service.h"
#include "bootstrapper/join_client.h"
#include "bootstrapper/kubeadm_config.h"
#include "bootstrapper/kubernetes_api.h"
#include "bootstrapper/node_joiner.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"
#include "crypto/key_hierarchy.h"
#include "crypto/tls_identity.h"

namespace constellation::bootstrapper {
namespace {

// On real hardware; what talks to TPM or API server is stretched by the time
// scale.
constexpr absl::Duration kMetadataInterval = absl::Seconds(2);
// Quotes of an emulated TPM included.
constexpr absl::Duration kCallLimit = absl::Seconds(30);
constexpr absl::Duration kApiLimit = absl::Seconds(30);
constexpr absl::Duration kShutdownLimit = absl::Seconds(2);

}  // namespace

Bootstrapper::Bootstrapper(BootstrapperOptions options,
                           cloud::MetadataClient& metadata,
                           CommandRunner& runner, Clock& clock)
    : options_(std::move(options)),
      paths_{options_.root},
      metadata_(metadata),
      clock_(clock),
      commands_(runner),
      lock_(paths_.NodeLock(), paths_.Committed()),
      status_(
          {.component = "bootstrapper",
           .file = paths_.BootStatus(),
           .console = STDOUT_FILENO},
          [&metadata](std::string_view json) {
            return metadata.ReportStatus(json);
          },
          clock) {}

Bootstrapper::~Bootstrapper() = default;

// A member goes on as one; a node whose init or join was cut off in the middle
// is reset, because nobody knows what it holds; all others look for a cluster.
absl::Status Bootstrapper::Run() {
  if (const absl::Status ready = SetUp(); !ready.ok()) {
    status_.Report("start", cloud::BootState::kFailed, Message(ready));
    return ready;
  }
  if (lock_.WasAbandoned()) {
    const absl::Status why =
        Internal("the bootstrapper stopped in the middle of init or join");
    GiveUpNode(MakeNode(self_), why);
    return why;
  }
  ASSIGN_OR_RETURN(const bool member, mark_->IsMember());
  if (!member) {
    RETURN_IF_ERROR(BecomeMember());
  }
  const absl::Status ended = RunAsMember();
  if (!ended.ok()) {
    status_.Report("member", cloud::BootState::kFailed, Message(ended));
    status_.Flush(kCallLimit);
  }
  return ended;
}

// Everything that both new nodes and members need. The host name is what
// kubelet registers under, so it must be the metadata's.
absl::Status Bootstrapper::SetUp() {
  RETURN_IF_ERROR(MakeDirectories(paths_.Runtime()));
  status_.Report("start", cloud::BootState::kRunning);
  RETURN_IF_ERROR(WaitForMetadata());
  if (options_.root.empty() &&
      sethostname(self_.name.data(), self_.name.size()) != 0) {
    return ErrnoStatus(errno, "set host name to", self_.name);
  }
  ASSIGN_OR_RETURN(attester_,
                   attestation::NodeAttester::Create(options_.attester));
  mark_ = std::make_unique<TpmClusterMark>(attester_->tpm());
  return absl::OkStatus();
}

// For ever: without metadata a node has no name. The owner sees the reason in
// the boot status.
absl::Status Bootstrapper::WaitForMetadata() {
  while (true) {
    auto instance = metadata_.Self();
    if (instance.ok()) {
      instance_ = *std::move(instance);
      break;
    }
    status_.Report("metadata", cloud::BootState::kWaiting,
                   Message(instance.status()));
    clock_.Sleep(kMetadataInterval);
  }
  self_.name = instance_.name;
  self_.cluster_ip = instance_.cluster_ip;
  self_.provider_id = instance_.provider_id;
  self_.zone = instance_.zone;
  self_.region = instance_.region;
  self_.role = cloud::NodeRoleName(instance_.role);
  time_scale_ = std::clamp<uint32_t>(instance_.time_scale, 1, kMaxTimeScale);
  commands_.set_time_scale(time_scale_);
  return absl::OkStatus();
}

// Waits for kubeadm, which was started when the node began to look around.
absl::StatusOr<NodeIdentity> Bootstrapper::WaitForIdentity() const {
  NodeIdentity self = self_;
  ASSIGN_OR_RETURN(self.kubernetes_version, version_.get());
  return self;
}

// References to this object's members: the result must not outlive it.
Node Bootstrapper::MakeNode(const NodeIdentity& self) {
  return {self, paths_, commands_, *mark_, lock_, status_, clock_};
}

// A copy, so that its user need not know this object.
ConnectToCluster Bootstrapper::Connector() const {
  if (options_.connect) {
    return options_.connect;
  }
  return [limit = Scaled(kApiLimit, time_scale_)](const std::string& path) {
    return ConnectWithKubeconfig(path, limit);
  };
}

ConnectToEtcd Bootstrapper::EtcdConnector() const {
  if (options_.connect_to_etcd) {
    return options_.connect_to_etcd;
  }
  return [pki = paths_.Pki(),
          limit = Scaled(kApiLimit, time_scale_)](const std::string& url) {
    return ConnectWithCertificates(url, pki, limit);
  };
}

// The hash of the init secret is asked for on every call: the owner may publish
// it after the node has booted. An endpoint that cannot be had is an error, but
// one that does not exist means the node's own.
InitRuns::Functions Bootstrapper::InitFunctions() {
  InitRuns::Functions functions;
  functions.least_time_scale = time_scale_;
  functions.init_secret_sha256 = [this]() -> absl::StatusOr<std::string> {
    ASSIGN_OR_RETURN(const cloud::InstanceMetadata now, metadata_.Self());
    return now.init_secret_sha256;
  };
  functions.initialize =
      [this](const InitParameters& parameters,
             const PhaseObserver& observer) -> absl::StatusOr<InitOutcome> {
    ASSIGN_OR_RETURN(NodeIdentity self, WaitForIdentity());
    const auto endpoint = metadata_.Endpoint();
    if (!endpoint.ok() && !absl::IsNotFound(endpoint.status())) {
      return Annotate(endpoint.status(), "address of the API server");
    }
    self.api_server_endpoint = endpoint.value_or("");
    return ClusterInitializer(MakeNode(self), Connector())
        .Run(parameters, observer);
  };
  functions.node_is_ours = [this] {
    return lock_.holder() == NodeLock::Holder::kInit;
  };
  functions.give_up = [this](const absl::Status& why) {
    GiveUpNode(MakeNode(self_), why);
  };
  functions.succeeded = [this] {
    status_.Report("member", cloud::BootState::kDone,
                   "initialized the cluster");
  };
  return functions;
}

// Init and join at the same time. Returns once this node is a member by join;
// never if it initializes the cluster, for then the init server goes on.
absl::Status Bootstrapper::BecomeMember() {
  version_ = std::async(std::launch::async,
                        [this] { return commands_.KubernetesVersion(); });
  absl::Status joined;
  const auto join = [this, &joined] {
    const auto self = WaitForIdentity();
    joined = self.ok() ? JoinCluster(*self) : self.status();
  };
  if (instance_.role != cloud::NodeRole::kControlPlane) {
    join();
    return joined;
  }
  RETURN_IF_ERROR(ServeInit(InitFunctions(), [&](grpc::Server& server) {
    status_.Report("init", cloud::BootState::kWaiting,
                   "for the owner, or for a cluster to join");
    join();
    if (lock_.holder() == NodeLock::Holder::kInit) {
      server.Wait();
    }
  }));
  return joined;
}

// The server lives no longer than `until`; calls under way get a moment to end.
absl::Status Bootstrapper::ServeInit(
    InitRuns::Functions functions,
    const std::function<void(grpc::Server&)>& until) {
  ASSIGN_OR_RETURN(crypto::TlsIdentity identity, crypto::CreateTlsIdentity());
  InitRuns runs(std::move(functions), clock_);
  InitService service(runs, *attester_, std::move(identity),
                      Scaled(kCallLimit, time_scale_));
  int port = 0;
  ASSIGN_OR_RETURN(const std::unique_ptr<grpc::Server> server,
                   StartInitServer(service, options_.listen_address, &port));
  if (options_.on_listening) {
    options_.on_listening(*server, port);
  }
  until(*server);
  server->Shutdown(absl::ToChronoTime(absl::Now() + kShutdownLimit));
  return absl::OkStatus();
}

// The node's own evidence decides what a peer must prove: the same image and
// variant (PeerVerifier). A failure behind the lock gives the node up.
absl::Status Bootstrapper::JoinCluster(const NodeIdentity& self) {
  ASSIGN_OR_RETURN(attestation::Evidence own,
                   attester_->Attest(Bytes(attestation::kUserDataSize)));
  attestation::CollateralService collateral(
      {.folder = paths_.CollateralCache()}, attestation::NodeFetcherOptions(),
      clock_);
  const attestation::PeerVerifier verifier(
      std::move(own), [this] { return metadata_.EnrolledTpms(); }, clock_,
      &collateral);
  ASSIGN_OR_RETURN(crypto::TlsIdentity identity, crypto::CreateTlsIdentity());
  GrpcTicketSource source(
      *attester_,
      [&verifier](const attestation::Evidence& evidence,
                  std::span<const uint8_t> user_data) {
        return verifier.Verify(evidence, user_data);
      },
      std::move(identity), Scaled(kCallLimit, time_scale_));
  NodeJoiner joiner(MakeNode(self), Connector(), EtcdConnector());
  const absl::Status joined =
      JoinClient(MakeNode(self), metadata_, source, joiner).Run();
  if (!joined.ok() && lock_.holder() == NodeLock::Holder::kJoin) {
    GiveUpNode(MakeNode(self), joined);
  }
  return joined;
}

// Units are only asked to start: they wait for each other themselves.
absl::Status Bootstrapper::StartMemberUnits() {
  status_.Report("start-kubelet", cloud::BootState::kRunning);
  // Of the last boot: no pod may start before the pod network is up again.
  const std::string cni = paths_.CniConfig();
  if (unlink(cni.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "remove", cni);
  }
  for (const char* unit : {kContainerdUnit, kKubeletUnit, kPodNetworkUnit}) {
    RETURN_IF_ERROR(commands_.BeginStartingUnit(unit));
  }
  return absl::OkStatus();
}

absl::Status CheckOwner(const InitParameters& parameters,
                        std::span<const uint8_t> cluster_id) {
  ASSIGN_OR_RETURN(const crypto::KeyHierarchy keys,
                   crypto::KeyHierarchy::Create(parameters.master_key.Clone(),
                                                parameters.master_salt));
  ASSIGN_OR_RETURN(const Bytes id, keys.ClusterId(parameters.measurement_salt));
  if (!crypto::EqualsConstantTime(id, cluster_id)) {
    return FailedPrecondition(
        "init: this node belongs to a cluster with other secrets");
  }
  return absl::OkStatus();
}

// For an owner whose connection broke at the end of init. The kubeconfig is as
// powerful as the master secret, which the caller therefore has to know.
absl::StatusOr<InitOutcome> Bootstrapper::Resume(
    const NodeState& state, const InitParameters& parameters) const {
  RETURN_IF_ERROR(CheckOwner(parameters, state.cluster_id));
  ASSIGN_OR_RETURN(std::string kubeconfig, ReadFile(paths_.AdminKubeconfig()));
  return InitOutcome{std::move(kubeconfig), state.cluster_id};
}

// The node is a member whatever comes of it; the owner sees the reason.
void Bootstrapper::KeepEtcd(const std::stop_token& stop) {
  EtcdJoin etcd(MakeNode(self_), Connector(), EtcdConnector(), time_scale_);
  if (EtcdJoin::IsUnderWay(paths_)) {
    const absl::Status counts = etcd.BecomeVoter(stop);
    if (absl::IsCancelled(counts)) {
      return;
    }
    if (!counts.ok()) {
      status_.Report("etcd-promote", cloud::BootState::kFailed,
                     Message(counts));
      return;
    }
    status_.Report("member", cloud::BootState::kDone, kControlPlane);
  }
  etcd.Tend(stop);
}

// The state lies on the authenticated state disk; if it is damaged the error is
// final.
absl::Status Bootstrapper::RunAsMember() {
  ASSIGN_OR_RETURN(const std::string json, ReadFile(paths_.NodeState()));
  ASSIGN_OR_RETURN(const NodeState state, ParseNodeState(json));
  RETURN_IF_ERROR(StartMemberUnits());
  if (EtcdJoin::IsUnderWay(paths_)) {
    status_.Report("etcd-promote", cloud::BootState::kRunning);
  } else {
    status_.Report("member", cloud::BootState::kDone, state.role);
  }
  if (state.role != kControlPlane) {
    status_.Flush(kCallLimit);
    return absl::OkStatus();
  }
  const std::jthread etcd(
      [this](const std::stop_token& stop) { KeepEtcd(stop); });
  InitRuns::Functions functions = InitFunctions();
  functions.resume = [this, &state](const InitParameters& parameters) {
    return Resume(state, parameters);
  };
  return ServeInit(std::move(functions),
                   [](grpc::Server& server) { server.Wait(); });
}

}  // namespace constellation::bootstrapper
