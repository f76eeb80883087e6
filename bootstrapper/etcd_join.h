// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_ETCD_JOIN_H_
#define CONSTELLATION_BOOTSTRAPPER_ETCD_JOIN_H_

#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bootstrapper/cluster_api.h"
#include "bootstrapper/etcd_api.h"
#include "bootstrapper/node_claim.h"

namespace constellation::bootstrapper {

// How this node's etcd comes into that of a cluster: first as a learner, which
// does not count for the majority, and as one that counts only when it has
// caught up and the state disk is committed. So a node that dies on the way, at
// whatever moment, costs the others nothing. kubeadm 1.20 adds members that
// count before they run, and gives etcd two seconds for an answer: it only
// writes the manifest here.
//
// Everything is repeated until it works or the time is over: members of a
// starting cluster do not always answer. Thread-compatible.
class EtcdJoin final {
 public:
  EtcdJoin(Node node, ConnectToCluster connect, ConnectToEtcd connect_to_etcd,
           uint32_t time_scale)
      : node_(std::move(node)),
        connect_(std::move(connect)),
        connect_to_etcd_(std::move(connect_to_etcd)),
        time_scale_(time_scale) {}

  // What etcd of this node needs to know.
  struct Announcement {
    std::string initial_cluster;  // all members, as etcd's flag wants them
    // kubeadm's ClusterConfiguration of this cluster, YAML.
    std::string cluster_configuration;
  };
  // Takes this node in as a learner. Removed before: who had this node's
  // address, for its data is gone; members whose Node has been deleted; a
  // learner of somebody else whose etcd has not run for five minutes. Marks the
  // node as joining.
  //
  // The last error after ten minutes.
  absl::StatusOr<Announcement> Announce();

  // Waits until the others know that this node's etcd runs. Five minutes.
  // FAILED_PRECONDITION: somebody has removed it meanwhile.
  absl::Status WaitUntilStarted();

  // Waits until this node's etcd has caught up and counts, then removes the
  // mark. No time-out, because the node is a member already: it ends with OK,
  // with CANCELLED once `stop` is requested (noticed within some seconds), or
  // with FAILED_PRECONDITION if somebody has removed the member.
  absl::Status BecomeVoter(const std::stop_token& stop);

  // Removes members whose Node has been deleted; a Node that is missing for the
  // first time is only remembered. So `kubectl delete node` is all that it
  // takes to make the control plane smaller. Errors: of API server and etcd.
  absl::Status RemoveTheDeleted();

  // RemoveTheDeleted() every minute, until `stop` is requested (noticed within
  // some seconds). Errors are only logged: the next minute brings another try.
  void Tend(const std::stop_token& stop);

  // Whether the mark is there: BecomeVoter() is still to be called.
  static bool IsUnderWay(const NodePaths& paths);

 private:
  struct Facts {
    std::vector<std::string> node_names;
    std::vector<std::string> client_urls;  // of other nodes' etcd
    std::string cluster_configuration;
  };
  // Who there is and what to ask, as the API server says.
  absl::StatusOr<Facts> ReadFacts();
  // A member that answers, and what it said of the members.
  struct Witness {
    std::unique_ptr<EtcdApi> etcd;
    std::vector<EtcdMember> members;
    Facts facts;
  };
  absl::StatusOr<Witness> Ask();
  bool HasNode(const EtcdMember& member, const Facts& facts) const;
  absl::StatusOr<Announcement> TryToAnnounce();
  absl::Status RemoveTheDeparted(Witness& witness);
  // The own member; FAILED_PRECONDITION if there is none.
  absl::StatusOr<EtcdMember> Own(const Witness& witness) const;
  std::string PeerUrl() const;
  std::string ClientUrl() const;
  bool IsGone(const EtcdMember& member, const Facts& facts);

  const Node node_;
  const ConnectToCluster connect_;
  const ConnectToEtcd connect_to_etcd_;
  const uint32_t time_scale_;
  // Somebody else's learner that has not run, and since when we see it.
  std::string idle_learner_;
  absl::Time idle_since_;
  // Members without a Node, as of the last RemoveTheDeleted().
  std::vector<std::string> without_node_;
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_ETCD_JOIN_H_
