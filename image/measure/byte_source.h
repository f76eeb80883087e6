// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_IMAGE_MEASURE_BYTE_SOURCE_H_
#define CONSTELLATION_IMAGE_MEASURE_BYTE_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/unique_fd.h"

namespace constellation::image::measure {

// Bytes that may be too many for memory: a disk image, or a part of one.
// Contents are hostile: readers check all that they take from it.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual uint64_t size() const = 0;
  // Fills `out` from `offset`. INVALID_ARGUMENT if that exceeds size();
  // INTERNAL or DATA_LOSS if reading fails.
  virtual absl::Status ReadAt(uint64_t offset,
                              std::span<uint8_t> out) const = 0;
};

// A regular file. Thread-safe.
class FileSource final : public ByteSource {
 public:
  // NOT_FOUND or PERMISSION_DENIED as errno says.
  static absl::StatusOr<std::unique_ptr<FileSource>> Open(
      const std::string& path);
  uint64_t size() const override { return size_; }
  absl::Status ReadAt(uint64_t offset, std::span<uint8_t> out) const override;

 private:
  FileSource(UniqueFd fd, uint64_t size, std::string path);
  UniqueFd fd_;
  uint64_t size_;
  std::string path_;
};

// Bytes in memory, which must outlive it.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  uint64_t size() const override { return bytes_.size(); }
  absl::Status ReadAt(uint64_t offset, std::span<uint8_t> out) const override;

 private:
  std::span<const uint8_t> bytes_;
};

// A range of another source, which must outlive it.
class RangeSource final : public ByteSource {
 public:
  // INVALID_ARGUMENT if the range exceeds `whole`.
  static absl::StatusOr<RangeSource> Create(const ByteSource& whole,
                                            uint64_t offset, uint64_t size);
  uint64_t size() const override { return size_; }
  absl::Status ReadAt(uint64_t offset, std::span<uint8_t> out) const override;

 private:
  RangeSource(const ByteSource& whole, uint64_t offset, uint64_t size)
      : whole_(&whole), offset_(offset), size_(size) {}
  const ByteSource* whole_;
  uint64_t offset_;
  uint64_t size_;
};

// `size` octets at `offset`; as ReadAt().
absl::StatusOr<std::vector<uint8_t>> ReadRange(const ByteSource& source,
                                               uint64_t offset, size_t size);

}  // namespace constellation::image::measure

#endif  // CONSTELLATION_IMAGE_MEASURE_BYTE_SOURCE_H_
