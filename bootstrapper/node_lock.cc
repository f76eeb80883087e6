// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/node_lock.h"

#include <fmt/format.h>

#include <utility>

#include "common/files.h"
#include "common/status.h"

namespace constellation::bootstrapper {
namespace {

// For messages and the file.
std::string_view Name(NodeLock::Holder holder) {
  switch (holder) {
    case NodeLock::Holder::kNone:
      return "nothing";
    case NodeLock::Holder::kInit:
      return "init";
    case NodeLock::Holder::kJoin:
      return "join";
  }
  return "nothing";
}

}  // namespace

NodeLock::NodeLock(std::string lock_file, std::string committed_file)
    : lock_file_(std::move(lock_file)),
      committed_file_(std::move(committed_file)) {}

absl::Status NodeLock::TryLock(Holder holder) {
  const absl::MutexLock guard(&mutex_);
  if (holder_ != Holder::kNone) {
    return FailedPrecondition(fmt::format(
        "node lock: want it free, got it held by {}", Name(holder_)));
  }
  holder_ = holder;
  return Annotate(
      CreateFileExclusively(lock_file_, fmt::format("{}\n", Name(holder))),
      "node lock");
}

NodeLock::Holder NodeLock::holder() const {
  const absl::MutexLock guard(&mutex_);
  return holder_;
}

absl::Status NodeLock::MarkCommitted() {
  return Annotate(WriteFileAtomically(committed_file_, ""), "node lock");
}

bool NodeLock::WasAbandoned() const {
  const absl::MutexLock guard(&mutex_);
  return holder_ == Holder::kNone && FileExists(lock_file_) &&
         !FileExists(committed_file_);
}

}  // namespace constellation::bootstrapper
