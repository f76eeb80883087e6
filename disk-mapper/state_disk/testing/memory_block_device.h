// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_STATE_DISK_TESTING_MEMORY_BLOCK_DEVICE_H_
#define CONSTELLATION_DISK_MAPPER_STATE_DISK_TESTING_MEMORY_BLOCK_DEVICE_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "disk-mapper/state_disk/block_device.h"
#include "disk-mapper/state_disk/layout.h"

namespace constellation::disk_mapper::testing {

// A sparse disk in memory. Can lose power: writes after a given number fail and
// change nothing.
class MemoryBlockDevice final : public BlockDevice {
 public:
  explicit MemoryBlockDevice(uint64_t size = 8 * 1024 * kMebibyte)
      : size_(size) {}

  uint64_t size() const override { return size_; }

  absl::Status Read(uint64_t offset, std::span<uint8_t> out) override {
    RETURN_IF_ERROR(CheckBlockRange(size_, offset, out.size()));
    for (size_t at = 0; at < out.size(); at += kBlockSize) {
      const Bytes block = Block(offset + at);
      std::copy(block.begin(), block.end(),
                out.begin() + static_cast<ptrdiff_t>(at));
    }
    return absl::OkStatus();
  }

  absl::Status Write(uint64_t offset, std::span<const uint8_t> bytes) override {
    RETURN_IF_ERROR(CheckBlockRange(size_, offset, bytes.size()));
    if (writes_left_.has_value() && (*writes_left_)-- <= 0) {
      return DataLoss("the power is off");
    }
    for (size_t at = 0; at < bytes.size(); at += kBlockSize) {
      const auto part = bytes.subspan(at, kBlockSize);
      blocks_[offset + at] = Bytes(part.begin(), part.end());
    }
    ++writes_;
    return absl::OkStatus();
  }

  absl::Status Flush() override { return absl::OkStatus(); }

  // The block at `offset`, zeros if it was never written.
  Bytes Block(uint64_t offset) const {
    const auto found = blocks_.find(offset);
    return found == blocks_.end() ? Bytes(kBlockSize) : found->second;
  }
  // Changes one octet behind everybody's back.
  void Flip(uint64_t offset) {
    const uint64_t start = offset / kBlockSize * kBlockSize;
    Bytes block = Block(start);
    block[offset - start] ^= 1U;
    blocks_[start] = block;
  }
  void CutPowerAfter(int writes) { writes_left_ = writes; }
  void PowerOn() { writes_left_.reset(); }
  int writes() const { return writes_; }

 private:
  uint64_t size_;
  std::map<uint64_t, Bytes> blocks_;
  std::optional<int> writes_left_;
  int writes_ = 0;
};

}  // namespace constellation::disk_mapper::testing

#endif  // CONSTELLATION_DISK_MAPPER_STATE_DISK_TESTING_MEMORY_BLOCK_DEVICE_H_
