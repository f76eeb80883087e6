// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/cloud_run.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "cli/exit_code.h"
#include "cli/terminal/interrupt.h"
#include "cli/terminal/table.h"
#include "cloud/engine/explained_provider.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// Reads a journal and forgets what is written: for commands that only look.
class ReadOnlyStorage final : public cloud::JournalStorage {
 public:
  explicit ReadOnlyStorage(std::string path) : file_(std::move(path)) {}
  absl::StatusOr<std::string> Read() override { return file_.Read(); }
  absl::Status Replace(std::string_view /*contents*/) override {
    return absl::OkStatus();
  }
  absl::Status Append(std::string_view /*line*/) override {
    return absl::OkStatus();
  }
  absl::Status Remove() override { return absl::OkStatus(); }

 private:
  cloud::FileJournalStorage file_;
};

// "created", "deleted", ...: the end of something's story, else empty.
std::string_view EndWord(cloud::ProgressStep step) {
  switch (step) {
    case cloud::ProgressStep::kReady:
      return "ready";
    case cloud::ProgressStep::kGone:
      return "gone";
    case cloud::ProgressStep::kFailed:
      return "FAILED";
    default:
      return "";
  }
}

}  // namespace

CloudRun::CloudRun(Private /*unused*/, const CloudRunParts& parts,
                   cloud::ClusterIdentity identity,
                   std::unique_ptr<cloud::JournalStorage> storage)
    : parts_(parts),
      identity_(std::move(identity)),
      storage_(std::move(storage)) {}

absl::StatusOr<std::unique_ptr<CloudRun>> CloudRun::Open(
    const CloudRunParts& parts, const cloud::ClusterIdentity& identity,
    const std::string& journal_path, bool read_only) {
  std::unique_ptr<cloud::JournalStorage> storage;
  if (read_only) {
    storage = std::make_unique<ReadOnlyStorage>(journal_path);
  } else {
    storage = std::make_unique<cloud::FileJournalStorage>(journal_path);
  }
  auto run = std::make_unique<CloudRun>(Private(), parts, identity,
                                        std::move(storage));
  absl::StatusOr<std::unique_ptr<cloud::Journal>> journal =
      cloud::Journal::Open(*run->storage_, parts.clock, run->identity_,
                           parts.tools.engine.window);
  if (!journal.ok()) {
    return Annotate(journal.status(), journal_path);
  }
  run->journal_ = *std::move(journal);
  return run;
}

cloud::EngineParts CloudRun::Parts() {
  return {.cluster = identity_,
          .drivers = parts_.drivers,
          .journal = *journal_,
          .clock = parts_.clock,
          .random = parts_.tools.random,
          .options = parts_.tools.engine,
          .progress = [this](const cloud::Progress& line) { Tell(line); },
          .stop = stop_.get_token()};
}

// The engine calls this from one thread at a time.
void CloudRun::Tell(const cloud::Progress& line) {
  // Names and reasons come from the cloud, which is not trusted.
  const std::string detail = Printable(line.detail);
  const std::string_view end = EndWord(line.step);
  if (end.empty()) {
    parts_.progress.Detail(
        fmt::format("[{}/{}] {} {}{}", finished_, expected_,
                    cloud::ProgressStepName(line.step), line.name,
                    detail.empty() ? "" : fmt::format(" ({})", detail)));
    return;
  }
  ++finished_;
  parts_.progress.Note(fmt::format("  {:<7} {} ({}){}", end, line.name,
                                   line.kind,
                                   detail.empty() ? "" : ": " + detail));
}

absl::StatusOr<cloud::Plan> CloudRun::MakePlan(
    const std::vector<cloud::Resource>& desired) {
  const CancelOnInterrupt cancel([this] { stop_.request_stop(); });
  expected_ = static_cast<int>(desired.size());
  finished_ = 0;
  const cloud::EngineParts engine = Parts();
  absl::StatusOr<cloud::Plan> plan = cloud::ComputePlan(engine, desired);
  if (!plan.ok() && Interrupted()) {
    return InterruptedStatus();
  }
  return plan.ok()
             ? std::move(plan)
             : absl::StatusOr<cloud::Plan>(cloud::WithNextStep(plan.status()));
}

cloud::EngineResult CloudRun::Apply(const cloud::Plan& plan) {
  const CancelOnInterrupt cancel([this] { stop_.request_stop(); });
  expected_ = static_cast<int>(plan.actions.size() -
                               plan.Count(cloud::PlanAction::kUnchanged));
  finished_ = 0;
  const cloud::EngineParts engine = Parts();
  return Finish(cloud::Apply(engine, plan));
}

cloud::EngineResult CloudRun::Terminate() {
  const CancelOnInterrupt cancel([this] { stop_.request_stop(); });
  expected_ = static_cast<int>(journal_->Entries().size());
  finished_ = 0;
  const cloud::EngineParts engine = Parts();
  return Finish(cloud::Terminate(engine));
}

// Ctrl-C wins over failures: calls that were cut off fail, too.
cloud::EngineResult CloudRun::Finish(cloud::EngineResult result) {
  if (result.status.ok()) {
    return result;
  }
  if (Interrupted()) {
    result.status = InterruptedStatus();
    return result;
  }
  // All of them: one missing permission seldom comes alone.
  if (!result.failures.empty()) {
    result.status = absl::Status(
        result.status.code(),
        "the cloud refused\n" + PrintableLines(cloud::FailuresToText(result)));
  }
  return result;
}

}  // namespace constellation::cli
