// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_TESTING_FAKES_H_
#define CONSTELLATION_JOINSERVICE_TESTING_FAKES_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "attestation/policy/policy.h"
#include "common/status.h"
#include "joinservice/cluster_api.h"
#include "joinservice/key_source.h"
#include "joinservice/policy_source.h"

namespace constellation::joinservice::testing {

// The policy that the test has set.
class FixedPolicy final : public PolicySource {
 public:
  void Set(attestation::Policy policy) {
    absl::MutexLock lock(&mutex_);
    policy_ = std::make_shared<const attestation::Policy>(std::move(policy));
  }
  std::shared_ptr<const attestation::Policy> Current() const override {
    absl::MutexLock lock(&mutex_);
    return policy_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::shared_ptr<const attestation::Policy> policy_ ABSL_GUARDED_BY(mutex_);
};

// Keys that tell for which disk they are: 32 times its first character.
class FakeKeySource final : public KeySource {
 public:
  bool down = false;
  absl::StatusOr<SecretBytes> StateDiskKey(std::string_view uuid) override {
    if (down) return Unavailable("key service: no connection");
    return SecretBytes(Bytes(32, static_cast<uint8_t>(uuid[0])));
  }
  absl::StatusOr<Bytes> ClusterId() override {
    if (down) return Unavailable("key service: no connection");
    return Bytes(32, 0xC1);
  }
};

// A cluster with fixed facts; remembers what it was asked to sign.
class FakeClusterApi final : public ClusterApi {
 public:
  absl::Status error;
  ClusterFacts facts;

  absl::StatusOr<ClusterFacts> Facts() override {
    if (!error.ok()) return error;
    return facts;
  }
  absl::StatusOr<std::string> IssueKubeletCertificate(
      std::string_view csr_pem, std::string_view node_name) override {
    absl::MutexLock lock(&mutex_);
    signed_.emplace_back(csr_pem);
    return "certificate of " + std::string(node_name);
  }
  absl::StatusOr<SecretBytes> CreateBootstrapToken(
      std::string_view /*node_name*/) override {
    absl::MutexLock lock(&mutex_);
    ++tokens_;
    return SecretBytes(AsBytes(std::string_view("abcdef.0123456789abcdef")));
  }
  std::vector<std::string> signed_requests() const {
    absl::MutexLock lock(&mutex_);
    return signed_;
  }
  int tokens() const {
    absl::MutexLock lock(&mutex_);
    return tokens_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::vector<std::string> signed_ ABSL_GUARDED_BY(mutex_);
  int tokens_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace constellation::joinservice::testing

#endif  // CONSTELLATION_JOINSERVICE_TESTING_FAKES_H_
