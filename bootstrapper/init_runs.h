// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_INIT_RUNS_H_
#define CONSTELLATION_BOOTSTRAPPER_INIT_RUNS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "bootstrapper/cluster_initializer.h"
#include "bootstrapper/init_parameters.h"
#include "common/clock.h"

namespace constellation::bootstrapper {

// One run of init, watched by any number of callers. Thread-safe.
class InitRun final {
 public:
  struct Progress {
    std::string phase;
    absl::Duration elapsed;
    bool finished = false;
  };

  explicit InitRun(Clock& clock) : clock_(clock), start_(clock.Now()) {}

  // What the run does now; wakes up those who wait.
  void SetPhase(std::string_view phase);
  // Call it once: the outcome never changes.
  void Finish(absl::StatusOr<InitOutcome> outcome);

  // Waits until the phase differs from `seen_phase`, the run has finished, or
  // `timeout` has passed.
  Progress WaitForProgress(std::string_view seen_phase, absl::Duration timeout);
  // Call it once finished; UNAVAILABLE before.
  absl::StatusOr<InitOutcome> outcome() const;
  // Whether Finish() was called.
  bool finished() const;

 private:
  Clock& clock_;
  const absl::Time start_;
  mutable absl::Mutex mutex_;
  std::string phase_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::StatusOr<InitOutcome>> outcome_ ABSL_GUARDED_BY(mutex_);
};

// Makes init idempotent: it runs on a thread of its own, goes on when the
// caller's connection breaks, and whoever comes back with the same secrets gets
// the same run. Thread-safe.
class InitRuns final {
 public:
  struct Functions {
    // Lower-case hex SHA-256 of the init secret, as the metadata says now.
    std::function<absl::StatusOr<std::string>()> init_secret_sha256;
    // ClusterInitializer::Run.
    std::function<absl::StatusOr<InitOutcome>(const InitParameters&,
                                              const PhaseObserver&)>
        initialize;
    // Whether init holds the node lock: its failure is then final.
    std::function<bool()> node_is_ours;
    // Called on the run's thread after a final failure, once callers had the
    // chance to read it.
    std::function<void(const absl::Status&)> give_up;
    // Called on the run's thread after success.
    std::function<void()> succeeded;
    // For a node that is a member already: the outcome that the owner with
    // these secrets may have. Null on a new node.
    std::function<absl::StatusOr<InitOutcome>(const InitParameters&)> resume;
    // How slow this node knows itself to be; an owner who says less, because
    // his cloud did not tell him, is given more time.
    uint32_t least_time_scale = 1;
  };

  InitRuns(Functions functions, Clock& clock)
      : functions_(std::move(functions)), clock_(clock) {}
  // Waits for a run under way.
  ~InitRuns();

  // The run for `parameters`: a new one, the running one or the one that has
  // succeeded.
  // UNAUTHENTICATED: the init secret is wrong. FAILED_PRECONDITION: another
  // init, with other secrets, has the node; or the metadata knows no init
  // secret. A run that failed without touching the node can be repeated.
  absl::StatusOr<std::shared_ptr<InitRun>> Begin(InitParameters parameters);

 private:
  absl::Status Authenticate(const SecretBytes& init_secret) const;
  static bool SameSecrets(const InitParameters& a, const InitParameters& b);
  void Execute(InitRun& run, const InitParameters& parameters);

  const Functions functions_;
  Clock& clock_;
  absl::Mutex mutex_;
  // Shared with the callers that stream its progress.
  std::shared_ptr<InitRun> run_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<InitParameters> parameters_ ABSL_GUARDED_BY(mutex_);
  bool final_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_INIT_RUNS_H_
