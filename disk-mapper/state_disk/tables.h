// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_STATE_DISK_TABLES_H_
#define CONSTELLATION_DISK_MAPPER_STATE_DISK_TABLES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/secret_bytes.h"
#include "disk-mapper/state_disk/device_mapper.h"
#include "disk-mapper/state_disk/disk_keys.h"

namespace constellation::disk_mapper {

// dm-integrity on the raw disk `device`: every 4 KiB block has an HMAC-SHA256
// over its contents, number and the superblock's salt; the journal and the
// superblock have MACs of their own. INVALID_ARGUMENT if `device` could break
// the table's syntax or a key has the wrong size.
absl::StatusOr<DmTarget> IntegrityTarget(std::string_view device,
                                         uint64_t sectors,
                                         const DiskKeys& keys);

// dm-crypt (AES-256-XTS in 4 KiB blocks) on the integrity device. Codes as
// above.
absl::StatusOr<DmTarget> CryptTarget(std::string_view device, uint64_t sectors,
                                     const DiskKeys& keys);

// Whether the kernel, after activation, really runs an integrity device with
// our parameters: some of them it takes from the superblock, which it reads
// after we have looked at it. `table` is what DeviceMapper::Table() returned.
// DATA_LOSS naming what differs.
absl::Status CheckActiveIntegrityTable(const SecretBytes& table);

// All constants of both tables as text, for the key-check block: a disk made
// with other ones does not open.
// Part of the disk format: a change of this text makes old disks unreadable.
std::string DescribeParameters();

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_STATE_DISK_TABLES_H_
