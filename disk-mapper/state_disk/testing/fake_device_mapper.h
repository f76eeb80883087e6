// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_STATE_DISK_TESTING_FAKE_DEVICE_MAPPER_H_
#define CONSTELLATION_DISK_MAPPER_STATE_DISK_TESTING_FAKE_DEVICE_MAPPER_H_

#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/hex.h"
#include "common/status.h"
#include "disk-mapper/state_disk/device_mapper.h"
#include "disk-mapper/state_disk/integrity_superblock.h"
#include "disk-mapper/state_disk/layout.h"
#include "disk-mapper/state_disk/testing/memory_block_device.h"

namespace constellation::disk_mapper::testing {

// The superblock that Linux 6.12 writes for our parameters, without salt.
inline Bytes KernelSuperblock(uint64_t disk_size) {
  Bytes block(kBlockSize);
  const uint64_t provided = *ProvidedSectors(disk_size);
  std::memcpy(block.data(), "integrt\0\5\17\40\0", 12);
  block[12] = kJournalSections;
  std::memcpy(block.data() + 16, &provided, sizeof(provided));
  block[24] = 0x19;
  block[28] = 3;
  block[29] = 12;
  return block;
}

// What Linux 6.12 shows of an active device with our parameters.
inline std::string KernelTable() {
  return "252:0 2048 32 J 9 journal_sectors:65472 interleave_sectors:32768 "
         "buffer_sectors:128 block_size:4096 journal_watermark:50 "
         "commit_time:10000 fix_padding fix_hmac internal_hash:hmac(sha256) "
         "journal_mac:hmac(sha256)";
}

// Remembers what was asked of it; writes the superblock onto `disk` as the
// kernel does.
class FakeDeviceMapper final : public DeviceMapper {
 public:
  explicit FakeDeviceMapper(MemoryBlockDevice* disk = nullptr) : disk_(disk) {}

  absl::StatusOr<std::string> Create(std::string_view name,
                                     const DmTarget& target) override {
    if (target.type == fail_type) {
      return DataLoss("no such luck");
    }
    if (devices.contains(std::string(name))) {
      return AlreadyExists("device exists");
    }
    devices[std::string(name)] =
        std::string(AsText(target.parameters.Expose()));
    sectors[std::string(name)] = target.sectors;
    if (target.type == "integrity" && disk_ != nullptr &&
        disk_->Block(kDataOffset) == Bytes(kBlockSize)) {
      const absl::Status written =
          disk_->Write(kDataOffset, KernelSuperblock(disk_->size()));
      if (!written.ok()) {
        devices.erase(std::string(name));
        return written;
      }
    }
    return target.type == "integrity" ? "/dev/dm-0" : upper_node;
  }

  absl::Status Replace(std::string_view name, const DmTarget& target) override {
    devices[std::string(name)] =
        std::string(AsText(target.parameters.Expose()));
    return absl::OkStatus();
  }

  absl::StatusOr<SecretBytes> Table(std::string_view name) override {
    if (!devices.contains(std::string(name))) {
      return NotFound("no such device");
    }
    return SecretBytes(AsBytes(table));
  }

  absl::Status Remove(std::string_view name) override {
    devices.erase(std::string(name));
    return absl::OkStatus();
  }

  std::map<std::string, std::string> devices;  // name -> parameters
  std::map<std::string, uint64_t> sectors;
  std::string table = KernelTable();
  std::string upper_node = "/dev/dm-1";
  std::string fail_type;  // Create() of this target type fails

 private:
  MemoryBlockDevice* disk_;
};

}  // namespace constellation::disk_mapper::testing

#endif  // CONSTELLATION_DISK_MAPPER_STATE_DISK_TESTING_FAKE_DEVICE_MAPPER_H_
