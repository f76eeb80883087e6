// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/state_disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "disk-mapper/state_disk/disk_keys.h"
#include "disk-mapper/state_disk/integrity_superblock.h"
#include "disk-mapper/state_disk/key_check.h"
#include "disk-mapper/state_disk/layout.h"
#include "disk-mapper/state_disk/tables.h"

namespace constellation::disk_mapper {
namespace {

// One block of kBlockSize octets.
absl::StatusOr<Bytes> ReadBlock(BlockDevice& disk, uint64_t offset) {
  Bytes block(kBlockSize);
  RETURN_IF_ERROR(disk.Read(offset, block));
  return block;
}

}  // namespace

absl::Status ZeroEnds(BlockDevice& device) {
  if (device.size() < 2 * kMebibyte) {
    return InvalidArgument("device smaller than 2 MiB");
  }
  RETURN_IF_ERROR(WriteZeros(device, 0, kMebibyte));
  return WriteZeros(device, device.size() - kMebibyte, kMebibyte);
}

absl::StatusOr<LabelInspection> StateDisk::Inspect() {
  if (disk_.size() < kLabelAreaSize) {
    return LabelInspection{LabelKind::kForeign, "", "it is too small"};
  }
  std::vector<uint8_t> area(kLabelAreaSize);
  RETURN_IF_ERROR(disk_.Read(0, area));
  return InspectLabelArea(area, disk_.size());
}

// The key-check block is written last, because it says that the rest is done.
absl::StatusOr<std::string> StateDisk::Format(const SecretBytes& state_disk_key,
                                              std::string_view disk_uuid) {
  ASSIGN_OR_RETURN(const LabelInspection found, Inspect());
  if (found.kind != LabelKind::kBlank) {
    return FailedPrecondition(fmt::format(
        "disk {} is not blank: {}", path_,
        found.kind == LabelKind::kOurs ? "it has our label" : found.reason));
  }
  // Refuse what Commit() would refuse before anything is written.
  RETURN_IF_ERROR(BuildGptLabel(disk_uuid, disk_.size()).status());
  ASSIGN_OR_RETURN(const Bytes key_check,
                   BuildKeyCheckBlock(state_disk_key, disk_uuid));
  RETURN_IF_ERROR(WriteZeros(disk_, kKeyCheckOffset, kBlockSize));
  // The kernel writes a superblock, and initialises the journal, only where it
  // finds zeros.
  RETURN_IF_ERROR(WriteZeros(disk_, kDataOffset, kBlockSize));
  RETURN_IF_ERROR(disk_.Flush());
  ASSIGN_OR_RETURN(std::string node, Map(state_disk_key));
  absl::Status finished = ExpectSuperblock();
  if (finished.ok()) {
    finished = disk_.Write(kKeyCheckOffset, key_check);
  }
  if (finished.ok()) {
    finished = disk_.Flush();
  }
  if (!finished.ok()) {
    Close().IgnoreError();  // the first error is the one to tell
    return finished;
  }
  return node;
}

// From cheap to dear: the key-check tells a wrong key without the kernel seeing
// it, the superblock is compared before the kernel interprets it.
absl::StatusOr<std::string> StateDisk::Open(const SecretBytes& state_disk_key,
                                            std::string_view disk_uuid) {
  ASSIGN_OR_RETURN(const Bytes key_check, ReadBlock(disk_, kKeyCheckOffset));
  RETURN_IF_ERROR(VerifyKeyCheckBlock(key_check, state_disk_key, disk_uuid));
  RETURN_IF_ERROR(ExpectSuperblock());
  return Map(state_disk_key);
}

absl::Status StateDisk::ExpectSuperblock() {
  ASSIGN_OR_RETURN(const Bytes block, ReadBlock(disk_, kDataOffset));
  return CheckSuperblock(block, disk_.size());
}

// The active table is read back: the kernel takes some parameters from the
// disk.
absl::StatusOr<std::string> StateDisk::Map(const SecretBytes& state_disk_key) {
  ASSIGN_OR_RETURN(const DiskKeys keys, DeriveDiskKeys(state_disk_key));
  ASSIGN_OR_RETURN(const uint64_t sectors, ProvidedSectors(disk_.size()));
  ASSIGN_OR_RETURN(const DmTarget integrity,
                   IntegrityTarget(path_, sectors, keys));
  ASSIGN_OR_RETURN(const std::string lower,
                   mapper_.Create(kIntegrityDeviceName, integrity));
  const auto map_upper = [&]() -> absl::StatusOr<std::string> {
    ASSIGN_OR_RETURN(const SecretBytes active,
                     mapper_.Table(kIntegrityDeviceName));
    RETURN_IF_ERROR(CheckActiveIntegrityTable(active));
    ASSIGN_OR_RETURN(const DmTarget crypt, CryptTarget(lower, sectors, keys));
    return mapper_.Create(kStateDeviceName, crypt);
  };
  absl::StatusOr<std::string> node = map_upper();
  if (!node.ok()) {
    mapper_.Remove(kIntegrityDeviceName).IgnoreError();  // the first error
  }
  return node;
}

// From the top: the upper device holds the lower one open.
absl::Status StateDisk::Close() {
  RETURN_IF_ERROR(mapper_.Remove(kStateDeviceName));
  return mapper_.Remove(kIntegrityDeviceName);
}

absl::Status StateDisk::ExpectFormatted() {
  ASSIGN_OR_RETURN(const Bytes key_check, ReadBlock(disk_, kKeyCheckOffset));
  if (std::all_of(key_check.begin(), key_check.end(),
                  [](uint8_t octet) { return octet == 0; }) ||
      !ExpectSuperblock().ok()) {
    return FailedPrecondition(
        fmt::format("disk {} has not been formatted", path_));
  }
  return absl::OkStatus();
}

// Replaces the sectors given in the first block and flushes.
absl::Status StateDisk::WriteFirstBlock(
    const std::array<uint8_t, kSectorSize>* mbr,
    const std::array<uint8_t, kSectorSize>* header,
    const std::array<uint8_t, kSectorSize>* entries) {
  ASSIGN_OR_RETURN(Bytes block, ReadBlock(disk_, 0));
  const std::array parts = {mbr, header, entries};
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] != nullptr) {
      std::copy(parts[i]->begin(), parts[i]->end(),
                block.begin() + static_cast<ptrdiff_t>(i * kSectorSize));
    }
  }
  RETURN_IF_ERROR(disk_.Write(0, block));
  return disk_.Flush();
}

absl::Status StateDisk::Commit(std::string_view disk_uuid) {
  ASSIGN_OR_RETURN(const LabelInspection found, Inspect());
  if (found.kind == LabelKind::kOurs && found.disk_uuid == disk_uuid) {
    return absl::OkStatus();
  }
  if (found.kind != LabelKind::kBlank) {
    return FailedPrecondition(
        fmt::format("disk {} cannot become {}: {}", path_, disk_uuid,
                    found.kind == LabelKind::kOurs ? "it is " + found.disk_uuid
                                                   : found.reason));
  }
  RETURN_IF_ERROR(ExpectFormatted());
  ASSIGN_OR_RETURN(const GptLabel label,
                   BuildGptLabel(disk_uuid, disk_.size()));
  // One sector at a time; the header makes it valid.
  RETURN_IF_ERROR(WriteFirstBlock(nullptr, nullptr, &label.first_entries));
  RETURN_IF_ERROR(WriteFirstBlock(&label.protective_mbr, nullptr, nullptr));
  return WriteFirstBlock(nullptr, &label.header, nullptr);
}

// The header goes first: from then on the disk is blank, whatever comes after.
absl::Status StateDisk::Reset() {
  ASSIGN_OR_RETURN(const LabelInspection found, Inspect());
  if (found.kind == LabelKind::kForeign) {
    return FailedPrecondition(
        fmt::format("disk {} is not ours: {}", path_, found.reason));
  }
  const std::array<uint8_t, kSectorSize> zeros{};
  RETURN_IF_ERROR(WriteFirstBlock(nullptr, &zeros, nullptr));
  return WriteFirstBlock(&zeros, nullptr, &zeros);
}

}  // namespace constellation::disk_mapper
