// SPDX-License-Identifier: Apache-2.0
#include "cloud/boot_status.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <time.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"

namespace constellation::cloud {
namespace {

using Json = nlohmann::json;

// Octets of a message; a report has to fit into 8 KiB.
constexpr size_t kMaxMessage = 4000;
// The file is for everybody on the node: it holds no secrets.
constexpr mode_t kPublicFileMode = 0644;

// The word of a state in reports.
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

// Since the kernel started: the axis of a node's boot timeline.
int64_t UptimeMs() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// ASCII only, since consoles show nothing else reliably; octets that are not
// UTF-8 are replaced.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace

NodeBootStatus::NodeBootStatus(Options options, Deliver deliver, Clock& clock)
    : options_(std::move(options)),
      deliver_(std::move(deliver)),
      clock_(clock),
      thread_([this] { DeliverLoop(); }) {}

// A delivery that blocks is waited for: it holds references to its owner.
NodeBootStatus::~NodeBootStatus() {
  {
    const absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

// The console and the file come before the queue, so they have it even if the
// metadata service never answers. All under one lock: reports stay in order.
void NodeBootStatus::Report(std::string_view phase, BootState state,
                            std::string_view message) {
  const absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_.Now();
  if (phase != phase_) {
    phase_ = phase;
    phase_start_ = now;
  }
  Json report = {{"component", options_.component},
                 {"phase", phase},
                 {"state", Name(state)},
                 {"message", message.substr(0, kMaxMessage)}};
  const std::string same_but_for_time = Dump(report);
  if (same_but_for_time == last_) {
    return;
  }
  last_ = same_but_for_time;
  report["elapsedMs"] = absl::ToInt64Milliseconds(now - phase_start_);
  report["uptimeMs"] = UptimeMs();
  const std::string json = Dump(report);
  if (options_.console >= 0) {
    // A full console is no reason to stop.
    (void)WriteAll(options_.console,
                   AsBytes(fmt::format("constellation-status: {}\n", json)));
  }
  if (const absl::Status written =
          WriteFileAtomically(options_.file, json + "\n", kPublicFileMode);
      !written.ok()) {
    spdlog::warn("event=status-file-failed error=\"{}\"", Message(written));
  }
  while (!queue_.empty() && queue_.size() >= options_.max_queue) {
    queue_.pop_front();
  }
  queue_.push_back(json);
}

// With a time limit: a service that hangs must not keep a node from going on.
void NodeBootStatus::Flush(absl::Duration timeout) {
  const absl::MutexLock lock(&mutex_);
  const auto idle = [this] {
    mutex_.AssertReaderHeld();
    return queue_.empty() && !delivering_;
  };
  mutex_.AwaitWithTimeout(absl::Condition(&idle), timeout);
}

// Delivers one report at a time, without the lock. Failures are logged and the
// report is lost; the next one says more anyway.
void NodeBootStatus::DeliverLoop() {
  while (true) {
    std::string json;
    {
      const absl::MutexLock lock(&mutex_);
      const auto work = [this] {
        mutex_.AssertReaderHeld();
        return stopping_ || !queue_.empty();
      };
      mutex_.Await(absl::Condition(&work));
      if (stopping_) {
        return;
      }
      json = std::move(queue_.front());
      queue_.pop_front();
      delivering_ = true;
    }
    if (const absl::Status sent = deliver_(json); !sent.ok()) {
      spdlog::warn("event=status-not-delivered error=\"{}\"", Message(sent));
    }
    const absl::MutexLock lock(&mutex_);
    delivering_ = false;
  }
}

}  // namespace constellation::cloud
