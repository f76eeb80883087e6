// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_STATE_DISK_BLOCK_DEVICE_H_
#define CONSTELLATION_DISK_MAPPER_STATE_DISK_BLOCK_DEVICE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/unique_fd.h"

namespace constellation::disk_mapper {

// A disk as far as we read or write it ourselves. Offsets and lengths are
// multiples of kBlockSize. Not thread-safe.
class BlockDevice {
 public:
  virtual ~BlockDevice() = default;

  virtual uint64_t size() const = 0;
  // Fills `out` from `offset`. INVALID_ARGUMENT for an offset or length that is
  // not a multiple of kBlockSize or beyond the end, else what errno says
  // (DATA_LOSS for I/O errors).
  virtual absl::Status Read(uint64_t offset, std::span<uint8_t> out) = 0;
  // Codes as Read(). Not on the medium before Flush() has returned.
  virtual absl::Status Write(uint64_t offset,
                             std::span<const uint8_t> bytes) = 0;
  // Returns when everything written is on the medium.
  virtual absl::Status Flush() = 0;
};

// A disk or an image file, past the page cache (O_DIRECT) where the file system
// can do that.
class FileBlockDevice final : public BlockDevice {
 public:
  // NOT_FOUND, PERMISSION_DENIED as errno says; INVALID_ARGUMENT if `path` is
  // neither a block device nor a regular file.
  static absl::StatusOr<std::unique_ptr<FileBlockDevice>> Open(
      const std::string& path);

  uint64_t size() const override { return size_; }
  absl::Status Read(uint64_t offset, std::span<uint8_t> out) override;
  absl::Status Write(uint64_t offset, std::span<const uint8_t> bytes) override;
  absl::Status Flush() override;

 private:
  FileBlockDevice(UniqueFd fd, std::string path, uint64_t size)
      : fd_(std::move(fd)), path_(std::move(path)), size_(size) {}

  UniqueFd fd_;
  std::string path_;
  uint64_t size_;
};

// INVALID_ARGUMENT unless [offset, offset + length) are whole blocks within
// `size` bytes.
absl::Status CheckBlockRange(uint64_t size, uint64_t offset, uint64_t length);

// Overwrites [offset, offset + length) with zeros.
absl::Status WriteZeros(BlockDevice& device, uint64_t offset, uint64_t length);

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_STATE_DISK_BLOCK_DEVICE_H_
