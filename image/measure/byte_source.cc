// SPDX-License-Identifier: Apache-2.0
#include "image/measure/byte_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"
#include "image/measure/bytes.h"

namespace constellation::image::measure {
namespace {

// The one place where reads are bounded, for all sources.
absl::Status CheckRange(uint64_t offset, uint64_t size, uint64_t total) {
  if (!Within(offset, size, total)) {
    return InvalidArgument(fmt::format(
        "wanted {} octets at {}, but there are only {}", size, offset, total));
  }
  return absl::OkStatus();
}

}  // namespace

FileSource::FileSource(UniqueFd fd, uint64_t size, std::string path)
    : fd_(std::move(fd)), size_(size), path_(std::move(path)) {}

absl::StatusOr<std::unique_ptr<FileSource>> FileSource::Open(
    const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "open", path);
  }
  struct stat info {};
  if (fstat(fd.get(), &info) < 0) {
    return ErrnoStatus(errno, "stat", path);
  }
  if (!S_ISREG(info.st_mode)) {
    return InvalidArgument(fmt::format("{}: not a regular file", path));
  }
  return std::unique_ptr<FileSource>(
      new FileSource(std::move(fd), static_cast<uint64_t>(info.st_size), path));
}

absl::Status FileSource::ReadAt(uint64_t offset, std::span<uint8_t> out) const {
  RETURN_IF_ERROR(CheckRange(offset, out.size(), size_));
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = pread(fd_.get(), out.data() + done, out.size() - done,
                              static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return ErrnoStatus(errno, "read", path_);
    }
    if (got == 0) {
      return DataLoss(fmt::format("{}: shrank while being read", path_));
    }
    done += static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

absl::Status MemorySource::ReadAt(uint64_t offset,
                                  std::span<uint8_t> out) const {
  RETURN_IF_ERROR(CheckRange(offset, out.size(), bytes_.size()));
  const auto from = bytes_.subspan(offset, out.size());
  std::copy(from.begin(), from.end(), out.begin());
  return absl::OkStatus();
}

absl::StatusOr<RangeSource> RangeSource::Create(const ByteSource& whole,
                                                uint64_t offset,
                                                uint64_t size) {
  RETURN_IF_ERROR(CheckRange(offset, size, whole.size()));
  return RangeSource(whole, offset, size);
}

absl::Status RangeSource::ReadAt(uint64_t offset,
                                 std::span<uint8_t> out) const {
  RETURN_IF_ERROR(CheckRange(offset, out.size(), size_));
  return whole_->ReadAt(offset_ + offset, out);
}

absl::StatusOr<std::vector<uint8_t>> ReadRange(const ByteSource& source,
                                               uint64_t offset, size_t size) {
  // Before allocating: a hostile size must not exhaust memory.
  RETURN_IF_ERROR(CheckRange(offset, size, source.size()));
  std::vector<uint8_t> bytes(size);
  RETURN_IF_ERROR(source.ReadAt(offset, bytes));
  return bytes;
}

}  // namespace constellation::image::measure
