// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/init_runs.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::bootstrapper {

void InitRun::SetPhase(std::string_view phase) {
  const absl::MutexLock lock(&mutex_);
  phase_ = phase;
}

void InitRun::Finish(absl::StatusOr<InitOutcome> outcome) {
  const absl::MutexLock lock(&mutex_);
  outcome_ = std::move(outcome);
}

InitRun::Progress InitRun::WaitForProgress(std::string_view seen_phase,
                                           absl::Duration timeout) {
  const absl::MutexLock lock(&mutex_);
  const auto changed = [this, seen_phase] {
    mutex_.AssertReaderHeld();
    return outcome_.has_value() || phase_ != seen_phase;
  };
  mutex_.AwaitWithTimeout(absl::Condition(&changed), timeout);
  return {phase_, clock_.Now() - start_, outcome_.has_value()};
}

absl::StatusOr<InitOutcome> InitRun::outcome() const {
  const absl::MutexLock lock(&mutex_);
  if (!outcome_.has_value()) {
    return Unavailable("init: want a finished run, got one under way");
  }
  return *outcome_;
}

bool InitRun::finished() const {
  const absl::MutexLock lock(&mutex_);
  return outcome_.has_value();
}

// The thread is moved out first: it needs the mutex to end.
InitRuns::~InitRuns() {
  std::thread thread;
  {
    const absl::MutexLock lock(&mutex_);
    thread = std::move(thread_);
  }
  if (thread.joinable()) {
    thread.join();
  }
}

// The metadata holds only the hash, so that whoever can read metadata does not
// own the cluster.
absl::Status InitRuns::Authenticate(const SecretBytes& init_secret) const {
  ASSIGN_OR_RETURN(const std::string wanted_hex,
                   functions_.init_secret_sha256());
  const auto wanted = HexDecode(wanted_hex);
  if (!wanted.ok() || wanted->size() != crypto::Sha256Digest().size()) {
    return FailedPrecondition(
        "init secret: want its SHA-256 in the metadata, got none");
  }
  // Comparing hashes of secrets: time tells nothing about the secret.
  if (init_secret.empty() ||
      !crypto::EqualsConstantTime(crypto::Sha256(init_secret.Expose()),
                                  *wanted)) {
    return Unauthenticated("init secret: want the one of this infrastructure");
  }
  return absl::OkStatus();
}

// In constant time, as both sides hold secrets.
bool InitRuns::SameSecrets(const InitParameters& a, const InitParameters& b) {
  return a.master_key.EqualsConstantTime(b.master_key) &&
         crypto::EqualsConstantTime(a.master_salt, b.master_salt) &&
         crypto::EqualsConstantTime(a.measurement_salt, b.measurement_salt);
}

absl::StatusOr<std::shared_ptr<InitRun>> InitRuns::Begin(
    InitParameters parameters) {
  RETURN_IF_ERROR(Authenticate(parameters.init_secret));
  if (functions_.resume) {
    ASSIGN_OR_RETURN(InitOutcome outcome, functions_.resume(parameters));
    auto run = std::make_shared<InitRun>(clock_);
    run->Finish(std::move(outcome));
    return run;
  }
  const absl::MutexLock lock(&mutex_);
  if (run_ != nullptr && (!run_->finished() || final_)) {
    if (!SameSecrets(*parameters_, parameters)) {
      return FailedPrecondition(
          "init: want the secrets of the init that has this node, got others");
    }
    return run_;
  }
  if (thread_.joinable()) {
    thread_.join();  // of a run that failed early; it has finished
  }
  parameters.time_scale =
      std::max(parameters.time_scale, functions_.least_time_scale);
  parameters_ = std::make_unique<InitParameters>(std::move(parameters));
  run_ = std::make_shared<InitRun>(clock_);
  thread_ = std::thread(
      [this, run = run_, &wanted = *parameters_] { Execute(*run, wanted); });
  return run_;
}

// Runs on the run's own thread.
void InitRuns::Execute(InitRun& run, const InitParameters& parameters) {
  absl::StatusOr<InitOutcome> outcome = functions_.initialize(
      parameters, [&run](std::string_view phase) { run.SetPhase(phase); });
  const absl::Status status = outcome.status();
  const bool is_final = status.ok() || functions_.node_is_ours();
  {
    // Together, so that nobody starts a second run in between.
    const absl::MutexLock lock(&mutex_);
    final_ = is_final;
    run.Finish(std::move(outcome));
  }
  if (status.ok()) {
    functions_.succeeded();
  } else if (is_final) {
    functions_.give_up(status);
  } else {
    spdlog::info("event=init-refused error=\"{}\"", Message(status));
  }
}

}  // namespace constellation::bootstrapper
