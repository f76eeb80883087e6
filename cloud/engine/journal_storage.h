// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_JOURNAL_STORAGE_H_
#define CONSTELLATION_CLOUD_ENGINE_JOURNAL_STORAGE_H_

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/unique_fd.h"

namespace constellation::cloud {

// The boundary to the disk. What a call has returned OK for survives a crash of
// the machine. Not thread-safe.
class JournalStorage {
 public:
  virtual ~JournalStorage() = default;
  // All of it. NOT_FOUND if there is none.
  virtual absl::StatusOr<std::string> Read() = 0;
  // Puts `contents` in place of everything, or changes nothing.
  virtual absl::Status Replace(std::string_view contents) = 0;
  // Adds `line`, its line break included. After a failure a part of it may be
  // there.
  virtual absl::Status Append(std::string_view line) = 0;
  // OK if there is none.
  virtual absl::Status Remove() = 0;
};

// A file that nobody else may read.
class FileJournalStorage final : public JournalStorage {
 public:
  explicit FileJournalStorage(std::string path) : path_(std::move(path)) {}
  absl::StatusOr<std::string> Read() override;
  absl::Status Replace(std::string_view contents) override;
  absl::Status Append(std::string_view line) override;
  absl::Status Remove() override;

 private:
  const std::string path_;
  UniqueFd file_;
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_ENGINE_JOURNAL_STORAGE_H_
