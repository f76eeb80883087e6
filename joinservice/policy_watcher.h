// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_POLICY_WATCHER_H_
#define CONSTELLATION_JOINSERVICE_POLICY_WATCHER_H_

#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "attestation/policy/policy.h"
#include "common/clock.h"
#include "joinservice/policy_source.h"
#include "kubernetes/client.h"
#include "kubernetes/watch.h"

namespace constellation::joinservice {

// Follows data.attestationConfig of ConfigMap kube-system/join-config. A change
// takes effect with the next request. A policy that is missing or does not
// parse is logged and the last good one stays in force. Thread-safe.
class PolicyWatcher final : public PolicySource,
                            private kubernetes::WatchHandler {
 public:
  // Both outlive it.
  PolicyWatcher(kubernetes::Client& client, Clock& clock)
      : client_(client), clock_(clock) {}

  // Begins to watch on a thread of its own, until destroyed. Call once.
  void Start();

  std::shared_ptr<const attestation::Policy> Current() const override;

 private:
  void Run(const std::stop_token& stop);
  void OnList(const kubernetes::ObjectList& list) override;
  void OnChange(const kubernetes::Json& object) override;
  void OnDelete(const kubernetes::Json& object) override;

  kubernetes::Client& client_;
  Clock& clock_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const attestation::Policy> policy_ ABSL_GUARDED_BY(mutex_);
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_POLICY_WATCHER_H_
