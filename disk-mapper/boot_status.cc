// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/boot_status.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"

namespace constellation::disk_mapper {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kComponent = "disk-mapper";
constexpr size_t kMaxMessage = 4096;
constexpr mode_t kPublicFile = 0644;

std::string_view Name(BootState state) {
  switch (state) {
    case BootState::kRunning:
      return "running";
    case BootState::kWaiting:
      return "waiting";
    case BootState::kDone:
      return "done";
    case BootState::kFailed:
      return "failed";
  }
  return "failed";
}

// Peers' error texts may be no UTF-8.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace

NodeBootStatus::NodeBootStatus(std::string file, int console, Deliver deliver,
                               Clock& clock)
    : file_(std::move(file)),
      console_(console),
      deliver_(std::move(deliver)),
      clock_(clock),
      thread_([this] { DeliverLoop(); }) {}

NodeBootStatus::~NodeBootStatus() {
  {
    const absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void NodeBootStatus::Report(std::string_view phase, BootState state,
                            std::string_view message) {
  const absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_.Now();
  if (phase != phase_) {
    phase_ = phase;
    phase_start_ = now;
  }
  Json report = {{"component", kComponent},
                 {"phase", phase},
                 {"state", Name(state)},
                 {"message", message.substr(0, kMaxMessage)}};
  std::string without_time = Dump(report);
  if (without_time == last_) {
    return;
  }
  last_ = std::move(without_time);
  report["elapsedMs"] = absl::ToInt64Milliseconds(now - phase_start_);
  pending_ = Dump(report);
  if (console_ >= 0) {
    const std::string line =
        fmt::format("constellation-status: {}\n", pending_);
    WriteAll(console_, AsBytes(line)).IgnoreError();  // nobody reads it: fine
  }
  if (const absl::Status written =
          WriteFileAtomically(file_, pending_ + "\n", kPublicFile);
      !written.ok()) {
    spdlog::warn("event=status-file-failed error=\"{}\"", Message(written));
  }
}

void NodeBootStatus::Flush(absl::Duration timeout) {
  const absl::MutexLock lock(&mutex_);
  const auto idle = [this] {
    mutex_.AssertReaderHeld();
    return pending_.empty() && !delivering_;
  };
  mutex_.AwaitWithTimeout(absl::Condition(&idle), timeout);
}

void NodeBootStatus::DeliverLoop() {
  while (true) {
    std::string json;
    {
      const absl::MutexLock lock(&mutex_);
      const auto work = [this] {
        mutex_.AssertReaderHeld();
        return stopping_ || !pending_.empty();
      };
      mutex_.Await(absl::Condition(&work));
      if (stopping_) {
        return;
      }
      json = std::exchange(pending_, {});
      delivering_ = true;
    }
    if (const absl::Status sent = deliver_(json); !sent.ok()) {
      spdlog::warn("event=status-not-delivered error=\"{}\"", Message(sent));
    }
    const absl::MutexLock lock(&mutex_);
    delivering_ = false;
  }
}

}  // namespace constellation::disk_mapper
