// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_TESTING_FAKE_ETCD_H_
#define CONSTELLATION_BOOTSTRAPPER_TESTING_FAKE_ETCD_H_

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "bootstrapper/etcd_api.h"
#include "common/status.h"

namespace constellation::bootstrapper::testing {

// The membership of an etcd 3.4 that always has a majority. Thread-safe.
class FakeEtcd {
 public:
  FakeEtcd() {
    Set({{"1", "control-plane-0", "https://10.42.0.11:2380",
          "https://10.42.0.11:2379", false}});
  }

  void Set(std::vector<EtcdMember> members) {
    const absl::MutexLock lock(&mutex_);
    members_ = std::move(members);
  }
  std::vector<EtcdMember> members() const {
    const absl::MutexLock lock(&mutex_);
    return members_;
  }
  // Client URLs that were asked.
  std::vector<std::string> asked() const {
    const absl::MutexLock lock(&mutex_);
    return asked_;
  }
  // The next calls end so; OK: as etcd would.
  void FailWith(absl::Status status) {
    const absl::MutexLock lock(&mutex_);
    failure_ = std::move(status);
  }
  // Removals end so. With NOT_FOUND somebody else was quicker.
  void EndRemovalsWith(absl::Status status) {
    const absl::MutexLock lock(&mutex_);
    removal_ = std::move(status);
  }
  // A learner starts as soon as it is announced, under this name.
  void StartAs(std::string name) {
    const absl::MutexLock lock(&mutex_);
    starts_as_ = std::move(name);
  }
  // So many promotions are refused, because the learner has not caught up.
  void LagFor(int promotions) {
    const absl::MutexLock lock(&mutex_);
    lag_ = promotions;
  }

  ConnectToEtcd Connector() {
    return [this](const std::string& url)
               -> absl::StatusOr<std::unique_ptr<EtcdApi>> {
      const absl::MutexLock lock(&mutex_);
      asked_.push_back(url);
      return std::make_unique<Api>(*this);
    };
  }

 private:
  class Api final : public EtcdApi {
   public:
    explicit Api(FakeEtcd& etcd) : etcd_(etcd) {}

    absl::StatusOr<std::vector<EtcdMember>> Members() override {
      const absl::MutexLock lock(&etcd_.mutex_);
      if (!etcd_.failure_.ok()) return etcd_.failure_;
      return etcd_.members_;
    }

    absl::StatusOr<std::vector<EtcdMember>> AddLearner(
        std::string_view peer_url) override {
      const absl::MutexLock lock(&etcd_.mutex_);
      if (!etcd_.failure_.ok()) return etcd_.failure_;
      for (const EtcdMember& member : etcd_.members_) {
        if (member.learner) return FailedPrecondition("too many learners");
        if (member.peer_url == peer_url) {
          return FailedPrecondition("peer URL exists");
        }
      }
      etcd_.members_.push_back({std::to_string(100 + etcd_.members_.size()), "",
                                std::string(peer_url), "", true});
      const std::vector<EtcdMember> answer = etcd_.members_;
      etcd_.members_.back().name = etcd_.starts_as_;
      return answer;
    }

    absl::Status Promote(std::string_view id) override {
      const absl::MutexLock lock(&etcd_.mutex_);
      const auto member =
          std::ranges::find(etcd_.members_, id, &EtcdMember::id);
      if (member == etcd_.members_.end()) return NotFound("no such member");
      if (!member->learner || etcd_.lag_-- > 0) {
        return FailedPrecondition("not in sync with the leader");
      }
      member->learner = false;
      return absl::OkStatus();
    }

    absl::Status Remove(std::string_view id) override {
      const absl::MutexLock lock(&etcd_.mutex_);
      const auto member =
          std::ranges::find(etcd_.members_, id, &EtcdMember::id);
      if (member == etcd_.members_.end()) return NotFound("no such member");
      if (etcd_.removal_.ok() || absl::IsNotFound(etcd_.removal_)) {
        etcd_.members_.erase(member);
      }
      return etcd_.removal_;
    }

   private:
    FakeEtcd& etcd_;
  };

  mutable absl::Mutex mutex_;
  std::vector<EtcdMember> members_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> asked_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  absl::Status removal_ ABSL_GUARDED_BY(mutex_);
  std::string starts_as_ ABSL_GUARDED_BY(mutex_);
  int lag_ ABSL_GUARDED_BY(mutex_) = 0;
};

// What the API server has for EtcdJoin: nodes of these names, etcd's pods at
// these client URLs, and kubeadm's configuration.
template <typename Cluster>
void ShowEtcd(Cluster& cluster, const std::vector<std::string>& nodes,
              const std::vector<std::string>& client_urls) {
  auto node_items = nlohmann::json::array();
  for (const std::string& name : nodes) {
    node_items.push_back({{"metadata", {{"name", name}}}});
  }
  auto pod_items = nlohmann::json::array();
  for (const std::string& url : client_urls) {
    pod_items.push_back(
        {{"metadata",
          {{"annotations",
            {{"kubeadm.kubernetes.io/etcd.advertise-client-urls", url}}}}}});
  }
  cluster.objects["/api/v1/nodes"] = {{"items", node_items}};
  cluster.objects
      ["/api/v1/namespaces/kube-system/pods?labelSelector=component%3Detcd"] = {
      {"items", pod_items}};
  cluster.objects["/api/v1/namespaces/kube-system/configmaps/kubeadm-config"] =
      {{"data", {{"ClusterConfiguration", "kind: ClusterConfiguration"}}}};
}

}  // namespace constellation::bootstrapper::testing

#endif  // CONSTELLATION_BOOTSTRAPPER_TESTING_FAKE_ETCD_H_
