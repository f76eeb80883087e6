// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_BOOTSTRAPPER_H_
#define CONSTELLATION_BOOTSTRAPPER_BOOTSTRAPPER_H_

#include <grpcpp/server.h>

#include <functional>
#include <future>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/collateral/evidence_collateral.h"
#include "attestation/issuer/node_attester.h"
#include "bootstrapper/cluster_api.h"
#include "bootstrapper/etcd_api.h"
#include "bootstrapper/init_runs.h"
#include "bootstrapper/node_claim.h"
#include "bootstrapper/tpm_cluster_mark.h"
#include "cloud/boot_status.h"
#include "cloud/metadata.h"
#include "common/clock.h"
#include "common/command.h"

namespace constellation::bootstrapper {

struct BootstrapperOptions {
  // TPM and guest drivers; `variant` is empty: what the machine is.
  attestation::NodeAttesterOptions attester;
  std::string listen_address = "0.0.0.0:9000";
  // Tests only: a prefix of all paths, other ways to the API server and to
  // etcd, and who is told on which port the init server listens.
  std::string root;
  ConnectToCluster connect;
  ConnectToEtcd connect_to_etcd;
  std::function<void(grpc::Server& server, int port)> on_listening;
};

// The life of a node between the opening of its state disk and Kubernetes:
// member, or init and join side by side. Thread-compatible.
class Bootstrapper final {
 public:
  // Everything outlives it.
  Bootstrapper(BootstrapperOptions options, cloud::MetadataClient& metadata,
               CommandRunner& runner, Clock& clock);
  ~Bootstrapper();

  // Blocks: for good on control-plane nodes (it serves the owner's init calls),
  // on others until the node is a member. An error means that the process
  // should be started anew, or that the node is about to reboot.
  absl::Status Run();

 private:
  // Host name, metadata, TPM.
  absl::Status SetUp();
  absl::Status WaitForMetadata();
  // Init and join side by side, until one of them has the node.
  absl::Status BecomeMember();
  // Starts what a member runs; on control-plane nodes serves the owner.
  absl::Status RunAsMember();
  // Looks for a JoinService until the node is a member or init has it.
  absl::Status JoinCluster(const NodeIdentity& self);
  // Serves the owner until `until` returns.
  absl::Status ServeInit(InitRuns::Functions functions,
                         const std::function<void(grpc::Server&)>& until);
  absl::Status StartMemberUnits();
  InitRuns::Functions InitFunctions();
  absl::StatusOr<InitOutcome> Resume(const NodeState& state,
                                     const InitParameters& parameters) const;
  Node MakeNode(const NodeIdentity& self);
  // Who this node is, with the version of its Kubernetes, which kubeadm needs a
  // while to tell.
  absl::StatusOr<NodeIdentity> WaitForIdentity() const;
  ConnectToCluster Connector() const;
  ConnectToEtcd EtcdConnector() const;
  // What a control-plane node does for etcd until `stop`: ends the joining of
  // its own, also after a reboot in between; then looks after the others.
  void KeepEtcd(const std::stop_token& stop);

  const BootstrapperOptions options_;
  const NodePaths paths_;
  cloud::MetadataClient& metadata_;
  Clock& clock_;
  NodeCommands commands_;
  NodeLock lock_;
  cloud::NodeBootStatus status_;
  cloud::InstanceMetadata instance_;
  NodeIdentity self_;  // but for the version
  std::shared_future<absl::StatusOr<std::string>> version_;
  uint32_t time_scale_ = 1;
  std::unique_ptr<attestation::NodeAttester> attester_;
  std::unique_ptr<TpmClusterMark> mark_;
};

// OK, and the cluster's ID, if `parameters` hold the secrets of the cluster
// `cluster_id`; FAILED_PRECONDITION otherwise.
absl::Status CheckOwner(const InitParameters& parameters,
                        std::span<const uint8_t> cluster_id);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_BOOTSTRAPPER_H_
