// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_LAZY_ATTESTER_H_
#define CONSTELLATION_JOINSERVICE_LAZY_ATTESTER_H_

#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "attestation/attester.h"

namespace constellation::joinservice {

// An attester that is made when first needed, so that the service is there at
// once; if that fails, the next call tries again. Thread-safe.
class LazyAttester final : public attestation::Attester {
 public:
  using Factory =
      std::function<absl::StatusOr<std::unique_ptr<attestation::Attester>>()>;

  explicit LazyAttester(Factory factory) : factory_(std::move(factory)) {}

  absl::StatusOr<attestation::Evidence> Attest(
      std::span<const uint8_t> user_data) override;

 private:
  absl::StatusOr<attestation::Attester*> Get();

  const Factory factory_;
  absl::Mutex mutex_;
  std::unique_ptr<attestation::Attester> attester_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_LAZY_ATTESTER_H_
