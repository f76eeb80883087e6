// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_CLUSTER_INITIALIZER_H_
#define CONSTELLATION_BOOTSTRAPPER_CLUSTER_INITIALIZER_H_

#include <string>

#include "absl/status/statusor.h"
#include "bootstrapper/cluster_api.h"
#include "bootstrapper/init_parameters.h"
#include "bootstrapper/node_claim.h"

namespace constellation::bootstrapper {

// What the owner gets.
struct InitOutcome {
  std::string kubeconfig;  // of an administrator: secret
  Bytes cluster_id;
};

// Makes this node the first of a cluster. Thread-compatible.
class ClusterInitializer final {
 public:
  ClusterInitializer(Node node, ConnectToCluster connect)
      : node_(std::move(node)), connect_(std::move(connect)) {}

  // Validates, takes the node lock, and only then changes the node, in this
  // order: state disk, PCR15, node state, containerd, kubeadm, objects, commit.
  //
  // INVALID_ARGUMENT: wrong parameters; FAILED_PRECONDITION: the node is taken.
  // Either way nothing has changed. After any other error the lock is ours and
  // the node must be given up (GiveUpNode). Does not check the init secret.
  absl::StatusOr<InitOutcome> Run(const InitParameters& parameters,
                                  const PhaseObserver& observer);

 private:
  absl::Status Claim(const InitParameters& parameters, const Bytes& cluster_id,
                     SecretBytes disk_key, const std::string& disk_uuid,
                     const PhaseObserver& begin);
  absl::Status RunKubeadm(const InitParameters& parameters,
                          const PhaseObserver& begin);
  absl::Status ApplyObjects(const InitParameters& parameters,
                            const PhaseObserver& begin);

  const Node node_;
  const ConnectToCluster connect_;
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_CLUSTER_INITIALIZER_H_
