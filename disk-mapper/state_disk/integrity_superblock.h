// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_STATE_DISK_INTEGRITY_SUPERBLOCK_H_
#define CONSTELLATION_DISK_MAPPER_STATE_DISK_INTEGRITY_SUPERBLOCK_H_

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "disk-mapper/state_disk/layout.h"

// The layout that dm-integrity gives a disk (Linux,
// Documentation/admin-guide/device-mapper/dm-integrity.rst): superblock,
// journal, then runs of tags and data. We compute it ourselves from constants
// and the disk's size, and refuse a superblock that says anything else.
namespace constellation::disk_mapper {

inline constexpr uint64_t kTagSize = 32;               // HMAC-SHA256
inline constexpr uint64_t kJournalSectors = 65536;     // asked for: 32 MiB
inline constexpr uint64_t kInterleaveSectors = 32768;  // data between tag runs

inline constexpr uint64_t kSuperblockSectors = 8;
inline constexpr uint64_t kSectorsPerBlock = kBlockSize / kSectorSize;

// A journal section: one block of entries and as many data blocks as it has
// entries. An entry holds the sector number, the last octets of each sector
// and the tag; a sector of entries ends with its commit id and a MAC part.
inline constexpr uint64_t kJournalEntrySize =
    8 + 8 * kSectorsPerBlock + kTagSize;
inline constexpr uint64_t kJournalEntriesPerSector =
    (kSectorSize - 8 - 8) / kJournalEntrySize;
inline constexpr uint64_t kJournalSectionEntries = kJournalEntriesPerSector * 8;
inline constexpr uint64_t kJournalSectionSectors =
    kJournalSectionEntries * kSectorsPerBlock + 8;
inline constexpr uint64_t kJournalSections =
    kJournalSectors / kJournalSectionSectors;
inline constexpr uint64_t kUsedJournalSectors =
    kJournalSections * kJournalSectionSectors;

// How many sectors the integrity device offers on a disk of `disk_size` bytes.
// INVALID_ARGUMENT for a size outside of kMinDiskSize..kMaxDiskSize.
absl::StatusOr<uint64_t> ProvidedSectors(uint64_t disk_size);

// Whether `block` (the first kBlockSize octets of the authenticated area) is
// the superblock that the kernel writes for our parameters and this size.
// Everything in it is determined but the salt and the MAC, which the kernel
// checks. DATA_LOSS naming the field, wanted and got.
absl::Status CheckSuperblock(std::span<const uint8_t> block,
                             uint64_t disk_size);

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_STATE_DISK_INTEGRITY_SUPERBLOCK_H_
