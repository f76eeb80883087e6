// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/etcd_join.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "bootstrapper/kubeadm_config.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/json.h"

namespace constellation::bootstrapper {
namespace {

using kubernetes::Json;

constexpr absl::Duration kAnnounceTimeout = absl::Minutes(10);
constexpr absl::Duration kStartTimeout = absl::Minutes(5);
constexpr absl::Duration kIdleLimit = absl::Minutes(5);
constexpr absl::Duration kTendInterval = absl::Minutes(1);
constexpr absl::Duration kEtcdPause = absl::Seconds(5);
constexpr int kPeerPort = 2380;
constexpr int kClientPort = 2379;

constexpr char kNodes[] = "/api/v1/nodes";
constexpr char kEtcdPods[] =
    "/api/v1/namespaces/kube-system/pods?labelSelector=component%3Detcd";
// What kubeadm keeps of itself in the cluster.
constexpr char kKubeadmConfig[] =
    "/api/v1/namespaces/kube-system/configmaps/kubeadm-config";
// Where kubeadm writes a member's address.
constexpr char kClientUrlAnnotation[] =
    "kubeadm.kubernetes.io/etcd.advertise-client-urls";

// The text at `path` in each item of a list, where there is one.
std::vector<std::string> TextsOf(const Json& list,
                                 std::initializer_list<std::string_view> path) {
  std::vector<std::string> texts;
  const Json* items = kubernetes::Find(list, {"items"});
  if (items == nullptr || !items->is_array()) {
    return texts;
  }
  for (const Json& item : *items) {
    if (auto text = kubernetes::FindString(item, path); text.has_value()) {
      texts.push_back(*std::move(text));
    }
  }
  return texts;
}

// Names must differ; who has none yet gets its ID.
std::string InitialCluster(const std::vector<EtcdMember>& members,
                           std::string_view own_url,
                           std::string_view own_name) {
  std::string text;
  for (const EtcdMember& member : members) {
    const std::string_view name = member.peer_url == own_url ? own_name
                                  : member.name.empty()
                                      ? std::string_view(member.id)
                                      : std::string_view(member.name);
    text +=
        fmt::format("{}{}={}", text.empty() ? "" : ",", name, member.peer_url);
  }
  return text;
}

absl::Status RemoveMark(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "remove", path);
  }
  return absl::OkStatus();
}

}  // namespace

std::string EtcdJoin::PeerUrl() const {
  return fmt::format("https://{}:{}", node_.self.cluster_ip, kPeerPort);
}

std::string EtcdJoin::ClientUrl() const {
  return fmt::format("https://{}:{}", node_.self.cluster_ip, kClientPort);
}

bool EtcdJoin::IsUnderWay(const NodePaths& paths) {
  return FileExists(paths.EtcdJoining());
}

absl::StatusOr<EtcdJoin::Facts> EtcdJoin::ReadFacts() {
  ASSIGN_OR_RETURN(const std::unique_ptr<ClusterApi> api,
                   connect_(node_.paths.AdminKubeconfig()));
  Facts facts;
  ASSIGN_OR_RETURN(const Json nodes, api->Get(kNodes));
  facts.node_names = TextsOf(nodes, {"metadata", "name"});
  ASSIGN_OR_RETURN(const Json pods, api->Get(kEtcdPods));
  facts.client_urls =
      TextsOf(pods, {"metadata", "annotations", kClientUrlAnnotation});
  ASSIGN_OR_RETURN(const Json kubeadm, api->Get(kKubeadmConfig));
  ASSIGN_OR_RETURN(
      facts.cluster_configuration,
      kubernetes::RequireString(kubeadm, {"data", "ClusterConfiguration"}));
  return facts;
}

// A list without this node, which has registered, is not to be believed.
bool EtcdJoin::HasNode(const EtcdMember& member, const Facts& facts) const {
  const auto listed = [&facts](const std::string& name) {
    return std::ranges::find(facts.node_names, name) != facts.node_names.end();
  };
  return listed(member.name) || !listed(node_.self.name);
}

// A learner gives no answer, so the own etcd does not before it counts.
absl::StatusOr<EtcdJoin::Witness> EtcdJoin::Ask() {
  Witness witness;
  ASSIGN_OR_RETURN(witness.facts, ReadFacts());
  absl::Status last = Unavailable("etcd: no member on another node is known");
  for (const std::string& url : witness.facts.client_urls) {
    if (url == ClientUrl() && IsUnderWay(node_.paths)) {
      continue;
    }
    auto etcd = connect_to_etcd_(url);
    last = etcd.status();
    if (!last.ok()) {
      continue;
    }
    auto members = (*etcd)->Members();
    last = members.status();
    if (last.ok()) {
      witness.etcd = *std::move(etcd);
      witness.members = *std::move(members);
      return witness;
    }
  }
  return last;
}

// Learners that have not run belong to nodes that are joining right now, or
// that died over it.
bool EtcdJoin::IsGone(const EtcdMember& member, const Facts& facts) {
  if (member.peer_url == PeerUrl()) {
    return true;
  }
  if (!member.name.empty()) {
    return !HasNode(member, facts);
  }
  if (!member.learner) {
    return false;
  }
  if (idle_learner_ != member.id) {
    idle_learner_ = member.id;
    idle_since_ = node_.clock.Now();
  }
  return node_.clock.Now() - idle_since_ >= Scaled(kIdleLimit, time_scale_);
}

absl::Status EtcdJoin::RemoveTheDeparted(Witness& witness) {
  for (const EtcdMember& member : witness.members) {
    if (!IsGone(member, witness.facts)) {
      continue;
    }
    const absl::Status removed = witness.etcd->Remove(member.id);
    if (!removed.ok() && !absl::IsNotFound(removed)) {
      return removed;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<EtcdJoin::Announcement> EtcdJoin::TryToAnnounce() {
  ASSIGN_OR_RETURN(Witness witness, Ask());
  RETURN_IF_ERROR(RemoveTheDeparted(witness));
  ASSIGN_OR_RETURN(const std::vector<EtcdMember> members,
                   witness.etcd->AddLearner(PeerUrl()));
  return Announcement{InitialCluster(members, PeerUrl(), node_.self.name),
                      std::move(witness.facts.cluster_configuration)};
}

absl::StatusOr<EtcdJoin::Announcement> EtcdJoin::Announce() {
  // First: a member that nobody would make count is worse than a mark too many.
  RETURN_IF_ERROR(WriteFileAtomically(node_.paths.EtcdJoining(), ""));
  const absl::Time deadline =
      node_.clock.Now() + Scaled(kAnnounceTimeout, time_scale_);
  while (true) {
    auto announced = TryToAnnounce();
    if (announced.ok() || node_.clock.Now() >= deadline) {
      return announced;
    }
    node_.status.Report("etcd-announce", cloud::BootState::kWaiting,
                        Message(announced.status()));
    node_.clock.Sleep(kEtcdPause);
  }
}

absl::StatusOr<EtcdMember> EtcdJoin::Own(const Witness& witness) const {
  const auto own =
      std::ranges::find(witness.members, PeerUrl(), &EtcdMember::peer_url);
  if (own == witness.members.end()) {
    return FailedPrecondition(fmt::format(
        "etcd: no member at {}: somebody has removed it; replace this node",
        PeerUrl()));
  }
  return *own;
}

absl::Status EtcdJoin::WaitUntilStarted() {
  const absl::Time deadline =
      node_.clock.Now() + Scaled(kStartTimeout, time_scale_);
  while (true) {
    const auto witness = Ask();
    absl::Status status = witness.status();
    if (status.ok()) {
      ASSIGN_OR_RETURN(const EtcdMember own, Own(*witness));
      if (!own.name.empty()) {
        return absl::OkStatus();
      }
      status = DeadlineExceeded(fmt::format(
          "etcd of this node does not run (kubelet's last lines: {})",
          node_.commands.LogTail(kKubeletUnit)));
    }
    if (node_.clock.Now() >= deadline) {
      return status;
    }
    node_.clock.Sleep(kEtcdPause);
  }
}

absl::Status EtcdJoin::BecomeVoter(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto witness = Ask();
    absl::Status status = witness.status();
    if (status.ok()) {
      ASSIGN_OR_RETURN(const EtcdMember own, Own(*witness));
      status = own.learner ? witness->etcd->Promote(own.id) : status;
    }
    if (status.ok()) {
      return RemoveMark(node_.paths.EtcdJoining());
    }
    node_.status.Report("etcd-promote", cloud::BootState::kWaiting,
                        Message(status));
    node_.clock.Sleep(kEtcdPause);
  }
  return absl::CancelledError("etcd: the bootstrapper ends");
}

absl::Status EtcdJoin::RemoveTheDeleted() {
  ASSIGN_OR_RETURN(const Witness witness, Ask());
  const std::vector<std::string> before =
      std::exchange(without_node_, std::vector<std::string>());
  for (const EtcdMember& member : witness.members) {
    if (member.name.empty() || HasNode(member, witness.facts)) {
      continue;
    }
    if (std::ranges::find(before, member.id) == before.end()) {
      without_node_.push_back(member.id);
      continue;
    }
    spdlog::info("etcd: removing member {}: its node was deleted", member.name);
    RETURN_IF_ERROR(witness.etcd->Remove(member.id));
  }
  return absl::OkStatus();
}

void EtcdJoin::Tend(const std::stop_token& stop) {
  const absl::Duration interval = Scaled(kTendInterval, time_scale_);
  absl::Time next = node_.clock.Now() + interval;
  while (!stop.stop_requested()) {
    node_.clock.Sleep(kEtcdPause);
    if (stop.stop_requested() || node_.clock.Now() < next) {
      continue;
    }
    next = node_.clock.Now() + interval;
    const absl::Status looked = RemoveTheDeleted();
    if (!looked.ok()) {
      spdlog::debug("etcd: {}", Message(looked));
    }
  }
}

}  // namespace constellation::bootstrapper
