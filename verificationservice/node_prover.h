// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_VERIFICATIONSERVICE_NODE_PROVER_H_
#define CONSTELLATION_VERIFICATIONSERVICE_NODE_PROVER_H_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "attestation/attester.h"
#include "attestation/evidence.h"

namespace constellation::verificationservice {

// Makes evidence of this node for whoever asks. The attester is made when first
// needed, so that the service is there at once; if that fails, the next call
// tries again. Thread-safe.
class NodeProver final {
 public:
  using Factory =
      std::function<absl::StatusOr<std::unique_ptr<attestation::Attester>>()>;

  NodeProver(std::string node_name, Factory factory)
      : node_name_(std::move(node_name)), factory_(std::move(factory)) {}

  const std::string& node_name() const { return node_name_; }

  // Evidence for VerificationBinding(nonce, node_name()). INVALID_ARGUMENT
  // unless the nonce has 32 octets; otherwise errors of the attester.
  absl::StatusOr<attestation::Evidence> Prove(std::span<const uint8_t> nonce);

 private:
  absl::StatusOr<attestation::Attester*> GetAttester();

  const std::string node_name_;
  const Factory factory_;
  absl::Mutex mutex_;
  std::unique_ptr<attestation::Attester> attester_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::verificationservice

#endif  // CONSTELLATION_VERIFICATIONSERVICE_NODE_PROVER_H_
