// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CLOUD_CLOUD_RUN_H_
#define CONSTELLATION_CLI_CLOUD_CLOUD_RUN_H_

#include <atomic>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/cloud/cloud_tools.h"
#include "cli/terminal/progress.h"
#include "cloud/engine/executor.h"
#include "cloud/engine/journal.h"
#include "cloud/engine/plan.h"
#include "common/clock.h"

namespace constellation::cli {

// What a run works with. References must outlive it.
struct CloudRunParts {
  const cloud::DriverRegistry& drivers;
  const CloudTools& tools;
  Clock& clock;
  Progress& progress;
};

// One run of the engine: journal, Ctrl-C, progress lines. Not thread-safe.
class CloudRun final {
  struct Private {  // lets std::make_unique call the constructor, nobody else
    explicit Private() = default;
  };

 public:
  // Opens the journal at `path`; with `read_only` nothing is ever written
  // there. FAILED_PRECONDITION if it belongs to another cluster or account,
  // DATA_LOSS if it is damaged; the messages say what to do.
  // The result refers to `parts`.
  static absl::StatusOr<std::unique_ptr<CloudRun>> Open(
      const CloudRunParts& parts, const cloud::ClusterIdentity& identity,
      const std::string& journal_path, bool read_only);
  CloudRun(Private /*unused*/, const CloudRunParts& parts,
           cloud::ClusterIdentity identity,
           std::unique_ptr<cloud::JournalStorage> storage);

  // Compares what is wanted with what is there. CANCELLED after Ctrl-C.
  absl::StatusOr<cloud::Plan> MakePlan(
      const std::vector<cloud::Resource>& desired);
  // Does it, telling of every resource. The status has all failures, each with
  // its next step. FAILED_PRECONDITION if working things would be destroyed and
  // the engine's options do not allow it. After Ctrl-C what runs is ended, the
  // journal is whole, and the status is that of InterruptedStatus().
  cloud::EngineResult Apply(const cloud::Plan& plan);
  // Deletes everything with the identity's uid, then the journal.
  cloud::EngineResult Terminate();

 private:
  // The engine's view of this object.
  cloud::EngineParts Parts();
  // Shows one line of the engine's story.
  void Tell(const cloud::Progress& line);
  // Puts what went wrong into one status.
  cloud::EngineResult Finish(cloud::EngineResult result);

  const CloudRunParts parts_;
  const cloud::ClusterIdentity identity_;
  const std::unique_ptr<cloud::JournalStorage> storage_;
  std::unique_ptr<cloud::Journal> journal_;
  std::stop_source stop_;
  // For "[3/17]": resources whose story has ended, and all of them.
  int finished_ = 0;
  int expected_ = 0;
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CLOUD_CLOUD_RUN_H_
