// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TESTING_FAKE_ATTESTER_H_
#define CONSTELLATION_ATTESTATION_TESTING_FAKE_ATTESTER_H_

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "attestation/attester.h"
#include "attestation/channel/handshake_core.h"
#include "common/status.h"

namespace constellation::attestation::testing {

// Evidence that proves nothing: it carries the user data as it is, in
// `tpm.attest`, and the name of whoever made it in `variant`. Stands for a
// genuine machine in tests of everything around attestation. Thread-safe.
class FakeAttester final : public Attester {
 public:
  explicit FakeAttester(std::string name = "fake") : name_(std::move(name)) {}

  absl::StatusOr<Evidence> Attest(std::span<const uint8_t> user_data) override {
    const absl::MutexLock lock(&mutex_);
    if (!failure_.ok()) {
      return failure_;
    }
    if (user_data.size() != kUserDataSize) {
      return InvalidArgument("fake attester: wrong length of user data");
    }
    Evidence evidence;
    evidence.variant = name_;
    evidence.tpm.attest.assign(user_data.begin(), user_data.end());
    made_.push_back(evidence);
    return evidence;
  }

  // Makes every further call fail.
  void Fail(const absl::Status& status) {
    const absl::MutexLock lock(&mutex_);
    failure_ = status;
  }
  // All evidence made so far, for replaying.
  std::vector<Evidence> made() const {
    const absl::MutexLock lock(&mutex_);
    return made_;
  }

 private:
  const std::string name_;
  mutable absl::Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::vector<Evidence> made_ ABSL_GUARDED_BY(mutex_);
};

// Accepts the evidence of a FakeAttester called `name` if it covers the user
// data. PERMISSION_DENIED otherwise.
inline VerifyFn FakeVerifier(const std::string& name = "fake") {
  return [name](const Evidence& evidence,
                std::span<const uint8_t> user_data) -> absl::Status {
    if (evidence.variant != name) {
      return PermissionDenied("fake evidence: made by another attester");
    }
    if (!std::ranges::equal(evidence.tpm.attest, user_data)) {
      return PermissionDenied("fake evidence: covers other user data");
    }
    return absl::OkStatus();
  };
}

}  // namespace constellation::attestation::testing

#endif  // CONSTELLATION_ATTESTATION_TESTING_FAKE_ATTESTER_H_
