// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_STATE_DISK_STATE_DISK_H_
#define CONSTELLATION_DISK_MAPPER_STATE_DISK_STATE_DISK_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/secret_bytes.h"
#include "disk-mapper/state_disk/block_device.h"
#include "disk-mapper/state_disk/device_mapper.h"
#include "disk-mapper/state_disk/gpt_label.h"

namespace constellation::disk_mapper {

inline constexpr std::string_view kIntegrityDeviceName =
    "constellation-state-integrity";
inline constexpr std::string_view kStateDeviceName = "constellation-state";

// The encrypted, authenticated disk of a node: dm-crypt on dm-integrity, both
// with constant parameters and keys from the state disk key. References must
// outlive it. Not thread-safe.
//
// States on the medium: blank -> Format() -> blank still, until -> Commit() ->
// ours. Reset() leads back to blank. A power cut at any moment leaves one of
// the two.
class StateDisk final {
 public:
  // `path` is how the kernel's device mapper is told about `disk`.
  StateDisk(std::string path, BlockDevice& disk, DeviceMapper& mapper)
      : path_(std::move(path)), disk_(disk), mapper_(mapper) {}

  // Reads the label area. Errors only if the disk cannot be read.
  absl::StatusOr<LabelInspection> Inspect();

  // Makes a blank disk ready for a file system and returns the node of the
  // opened device, "/dev/dm-N". Takes the same time whatever the size: only the
  // metadata and the first and last MiB are written, and reading a block that
  // was never written is an I/O error. FAILED_PRECONDITION unless the disk is
  // blank, INVALID_ARGUMENT for a wrong uuid, key or disk size.
  absl::StatusOr<std::string> Format(const SecretBytes& state_disk_key,
                                     std::string_view disk_uuid);

  // Opens the disk with this id; returns the node. UNAUTHENTICATED: the key is
  // not this disk's. DATA_LOSS: damaged or altered. Does not check the label:
  // `disk_uuid` is what Inspect() found, and a lie makes the key wrong. Does
  // not look at the data: a flipped bit shows when the block is read.
  absl::StatusOr<std::string> Open(const SecretBytes& state_disk_key,
                                   std::string_view disk_uuid);

  // Removes the devices that Format() or Open() made. OK if there are none.
  absl::Status Close();

  // Writes the label: from now on the disk is ours. FAILED_PRECONDITION if the
  // disk is foreign, has another id or was not formatted. OK if this label is
  // there already.
  absl::Status Commit(std::string_view disk_uuid);

  // Removes our label, so that the node boots as a blank one. OK if the disk is
  // blank, FAILED_PRECONDITION if it is foreign.
  absl::Status Reset();

 private:
  // Makes both devices, the lower one first; on failure none is left.
  absl::StatusOr<std::string> Map(const SecretBytes& state_disk_key);
  // DATA_LOSS unless the superblock is the one for this disk's size.
  absl::Status ExpectSuperblock();
  // FAILED_PRECONDITION unless Format() has got to its end.
  absl::Status ExpectFormatted();
  absl::Status WriteFirstBlock(const std::array<uint8_t, kSectorSize>* mbr,
                               const std::array<uint8_t, kSectorSize>* header,
                               const std::array<uint8_t, kSectorSize>* entries);

  std::string path_;
  BlockDevice& disk_;
  DeviceMapper& mapper_;
};

// Zeros the first and last MiB of an opened device: what probes and mkfs read
// before they write.
absl::Status ZeroEnds(BlockDevice& device);

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_STATE_DISK_STATE_DISK_H_
