// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_NODE_JOINER_H_
#define CONSTELLATION_BOOTSTRAPPER_NODE_JOINER_H_

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "bootstrapper/cluster_api.h"
#include "bootstrapper/etcd_api.h"
#include "bootstrapper/etcd_join.h"
#include "bootstrapper/join_ticket.h"
#include "bootstrapper/node_claim.h"
#include "common/secret_bytes.h"

namespace constellation::bootstrapper {

// Turns a ticket into a member of the cluster. Thread-compatible.
class NodeJoiner final {
 public:
  NodeJoiner(Node node, ConnectToCluster connect, ConnectToEtcd connect_to_etcd)
      : node_(std::move(node)),
        connect_(std::move(connect)),
        connect_to_etcd_(std::move(connect_to_etcd)) {}

  // Takes the node lock and joins: state disk, PCR15, node state, kubelet, then
  // waits until the API server knows the node; kubeadm join makes it one of the
  // control plane, and its etcd a learner (EtcdJoin); then commits. `ticket`
  // must have passed ValidateTicket(); `kubelet_key_pem` belongs to the
  // request's CSR. On control-plane nodes EtcdJoin::BecomeVoter() remains to be
  // done.
  //
  // FAILED_PRECONDITION if init has the node: nothing has changed. After any
  // other error the node must be given up if the lock is held by join.
  absl::Status Join(const JoinTicket& ticket, const TicketRequest& request,
                    const SecretBytes& kubelet_key_pem);

 private:
  absl::Status StartKubelet(const JoinTicket& ticket,
                            const SecretBytes& kubelet_key_pem);
  absl::Status StartControlPlane(const JoinTicket& ticket);
  // Announces this node's etcd and has kubelet start it.
  absl::Status StartEtcd(EtcdJoin& etcd, uint32_t time_scale);
  // kubeadm join without `skipped_phases`, again and again until its time is
  // over: all that is left of its phases can be repeated.
  absl::Status RunKubeadmJoin(std::string_view phase, const SecretBytes& config,
                              const std::string& skipped_phases,
                              uint32_t time_scale);
  absl::Status WaitForRegistration(uint32_t time_scale);
  void Begin(std::string_view phase) const;

  const Node node_;
  const ConnectToCluster connect_;
  const ConnectToEtcd connect_to_etcd_;
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_NODE_JOINER_H_
