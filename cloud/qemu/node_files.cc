// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/node_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cloud/qemu/qemu_command.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace constellation::cloud::qemu {
namespace {

constexpr size_t kMaxTail = 2000;
constexpr size_t kMaxStatusLog = size_t{4} << 20U;
constexpr size_t kMaxFirmwareVariables = size_t{16} << 20U;

// Sparse: an 8 GiB disk of a node that was never started takes no space.
absl::Status CreateStateDisk(const std::string& path, uint64_t size) {
  const UniqueFd fd(open(path.c_str(),
                         O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                         kPrivateFileMode));
  if (!fd.valid() || ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return ErrnoStatus(errno, "create state disk", path);
  }
  return absl::OkStatus();
}

// At most the last `max_size` octets from `offset` on.
// The file may grow or shrink meanwhile; a short read is a short answer.
std::string ReadEnd(const std::string& path, size_t offset, size_t max_size) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const size_t size = FileSize(path);
  if (!fd.valid() || size <= offset) {
    return "";
  }
  const size_t start = std::max(offset, size - std::min(size, max_size));
  std::string text(size - start, '\0');
  const ssize_t got =
      pread(fd.get(), text.data(), text.size(), static_cast<off_t>(start));
  text.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return text;
}

}  // namespace

// A disk that is half made looks like a blank one to the node, so it gets its
// name only when it is whole.
absl::Status CreateNodeFiles(const NodePaths& paths,
                             uint64_t state_disk_bytes) {
  RETURN_IF_ERROR(MakeDirectories(paths.directory));
  if (!FileExists(paths.StateDisk())) {
    const std::string unfinished = paths.StateDisk() + ".new";
    RETURN_IF_ERROR(CreateStateDisk(unfinished, state_disk_bytes));
    if (std::rename(unfinished.c_str(), paths.StateDisk().c_str()) != 0) {
      return ErrnoStatus(errno, "create", paths.StateDisk());
    }
  }
  if (!FileExists(paths.FirmwareVariables())) {
    ASSIGN_OR_RETURN(
        const std::string fresh,
        ReadFile(std::string(kFirmwareVariables), kMaxFirmwareVariables));
    RETURN_IF_ERROR(WriteFileAtomically(paths.FirmwareVariables(), fresh));
  }
  return absl::OkStatus();
}

size_t FileSize(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? static_cast<size_t>(info.st_size) : 0;
}

std::string LogTail(const std::string& path, size_t offset) {
  std::string text = ReadEnd(path, offset, kMaxTail);
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  return text;
}

void AppendBootStatus(const std::string& file, const BootStatusEntry& entry) {
  if (FileSize(file) > kMaxStatusLog) {
    std::rename(file.c_str(), (file + ".1").c_str());
  }
  const UniqueFd fd(open(file.c_str(),
                         O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                         kPrivateFileMode));
  const nlohmann::json status =
      nlohmann::json::parse(entry.json, nullptr, /*allow_exceptions=*/false);
  if (!fd.valid() || status.is_discarded()) {
    return;  // a log for people; the status itself is kept in memory
  }
  const nlohmann::json line = {
      {"time",
       absl::FormatTime(absl::RFC3339_sec, entry.time, absl::UTCTimeZone())},
      {"status", status}};
  (void)WriteAll(fd.get(), AsBytes(line.dump() + "\n"));
}

// A line that a crash cut off reads as none.
std::optional<BootStatusEntry> LastBootStatus(const std::string& file) {
  std::string text = ReadEnd(file, 0, size_t{64} << 10U);
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  const size_t start = text.rfind('\n');
  const nlohmann::json line = nlohmann::json::parse(
      start == std::string::npos ? text : text.substr(start + 1), nullptr,
      /*allow_exceptions=*/false);
  if (!line.is_object() || !line.contains("time") ||
      !line["time"].is_string() || !line.contains("status")) {
    return std::nullopt;
  }
  BootStatusEntry entry{.time = absl::InfinitePast(),
                        .json = line["status"].dump()};
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, line["time"].get<std::string>(),
                       &entry.time, &error)) {
    return std::nullopt;
  }
  return entry;
}

// The guest can write to its serial port without end: the host's disk must not
// fill by it. What is written between the copy and the truncation is lost.
void BoundSerialLog(const std::string& file, size_t max_size) {
  if (FileSize(file) <= max_size) {
    return;
  }
  const std::string kept = ReadEnd(file, 0, max_size);
  if (WriteFileAtomically(file + ".1", kept).ok()) {
    (void)!truncate(file.c_str(), 0);  // QEMU appends: it goes on at 0
  }
}

}  // namespace constellation::cloud::qemu
