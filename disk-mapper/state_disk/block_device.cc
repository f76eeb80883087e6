// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/block_device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "common/status.h"
#include "common/status_macros.h"
#include "disk-mapper/state_disk/layout.h"

namespace constellation::disk_mapper {
namespace {

// Size of one transfer.
constexpr size_t kChunk = size_t{1} << 20U;

// O_DIRECT wants aligned memory; a mapping of its own is.
class AlignedBuffer final {
 public:
  AlignedBuffer()
      : data_(mmap(nullptr, kChunk, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {}
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer() {
    if (valid()) {
      munmap(data_, kChunk);
    }
  }

  bool valid() const { return data_ != MAP_FAILED; }
  void* data() { return data_; }

 private:
  void* data_;
};

// Calls pread or pwrite on `buffer` until `length` octets are through.
template <typename Call>
absl::Status Transfer(Call call, int fd, uint8_t* buffer, size_t length,
                      uint64_t offset, const char* action,
                      const std::string& path) {
  size_t done = 0;
  while (done < length) {
    const ssize_t n = call(fd, buffer + done, length - done,
                           static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return ErrnoStatus(errno, action,
                         fmt::format("{} at byte {}", path, offset + done));
    }
    if (n == 0) {
      return DataLoss(
          fmt::format("{} {}: ends at byte {}", action, path, offset + done));
    }
    done += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

// In bytes. Tests and images use files, nodes use block devices.
absl::StatusOr<uint64_t> SizeOf(int fd, const std::string& path) {
  struct stat info {};
  if (fstat(fd, &info) != 0) {
    return ErrnoStatus(errno, "stat", path);
  }
  if (S_ISREG(info.st_mode)) {
    return static_cast<uint64_t>(info.st_size);
  }
  if (!S_ISBLK(info.st_mode)) {
    return InvalidArgument(fmt::format("{}: not a disk", path));
  }
  uint64_t size = 0;
  if (ioctl(fd, BLKGETSIZE64, &size) != 0) {
    return ErrnoStatus(errno, "get size of", path);
  }
  return size;
}

}  // namespace

// Written so that nothing overflows, whatever the numbers.
absl::Status CheckBlockRange(uint64_t size, uint64_t offset, uint64_t length) {
  if (offset % kBlockSize != 0 || length % kBlockSize != 0) {
    return InvalidArgument(fmt::format(
        "disk range: want multiples of {} bytes, got offset {}, length {}",
        kBlockSize, offset, length));
  }
  if (offset > size || length > size - offset) {
    return InvalidArgument(
        fmt::format("disk range: want at most {} bytes, got offset {}, length "
                    "{}",
                    size, offset, length));
  }
  return absl::OkStatus();
}

absl::Status WriteZeros(BlockDevice& device, uint64_t offset, uint64_t length) {
  const std::vector<uint8_t> zeros(
      static_cast<size_t>(std::min<uint64_t>(length, kChunk)));
  for (uint64_t done = 0; done < length; done += zeros.size()) {
    const size_t part =
        static_cast<size_t>(std::min<uint64_t>(length - done, zeros.size()));
    RETURN_IF_ERROR(device.Write(offset + done, std::span(zeros).first(part)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FileBlockDevice>> FileBlockDevice::Open(
    const std::string& path) {
  constexpr int kFlags = O_RDWR | O_CLOEXEC;
  UniqueFd fd(open(path.c_str(), kFlags | O_DIRECT));
  if (!fd.valid() && errno == EINVAL) {  // tmpfs knows no O_DIRECT
    fd = UniqueFd(open(path.c_str(), kFlags));
  }
  if (!fd.valid()) {
    return ErrnoStatus(errno, "open", path);
  }
  ASSIGN_OR_RETURN(const uint64_t size, SizeOf(fd.get(), path));
  return std::unique_ptr<FileBlockDevice>(
      new FileBlockDevice(std::move(fd), path, size));  // NOLINT: private
}

absl::Status FileBlockDevice::Read(uint64_t offset, std::span<uint8_t> out) {
  RETURN_IF_ERROR(CheckBlockRange(size_, offset, out.size()));
  AlignedBuffer buffer;
  if (!buffer.valid()) {
    return ErrnoStatus(errno, "map", "buffer");
  }
  for (size_t done = 0; done < out.size();) {
    const size_t part = std::min(kChunk, out.size() - done);
    auto* bytes = static_cast<uint8_t*>(buffer.data());
    RETURN_IF_ERROR(
        Transfer(pread, fd_.get(), bytes, part, offset + done, "read", path_));
    std::memcpy(out.data() + done, bytes, part);
    done += part;
  }
  return absl::OkStatus();
}

absl::Status FileBlockDevice::Write(uint64_t offset,
                                    std::span<const uint8_t> bytes) {
  RETURN_IF_ERROR(CheckBlockRange(size_, offset, bytes.size()));
  AlignedBuffer buffer;
  if (!buffer.valid()) {
    return ErrnoStatus(errno, "map", "buffer");
  }
  for (size_t done = 0; done < bytes.size();) {
    const size_t part = std::min(kChunk, bytes.size() - done);
    auto* copy = static_cast<uint8_t*>(buffer.data());
    std::memcpy(copy, bytes.data() + done, part);
    RETURN_IF_ERROR(
        Transfer(pwrite, fd_.get(), copy, part, offset + done, "write", path_));
    done += part;
  }
  return absl::OkStatus();
}

// An error here may be that of an earlier write: the caller must give up.
absl::Status FileBlockDevice::Flush() {
  if (fsync(fd_.get()) != 0) {
    return ErrnoStatus(errno, "flush", path_);
  }
  return absl::OkStatus();
}

}  // namespace constellation::disk_mapper
