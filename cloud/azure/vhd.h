// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_VHD_H_
#define CONSTELLATION_CLOUD_AZURE_VHD_H_

#include <cstdint>
#include <string>

namespace constellation::cloud::azure {

inline constexpr uint64_t kVhdFooterSize = 512;
// Azure takes disks of whole mebibytes only.
inline constexpr uint64_t kVhdAlignment = uint64_t{1} << 20U;

// `size` octets rounded up to a mebibyte: what the disk will have.
// `size` is at most 2^64 - 2^20.
uint64_t VhdDiskSize(uint64_t size);

// The footer of a fixed VHD of `disk_size` octets, a multiple of kVhdAlignment
// (Microsoft, Virtual Hard Disk Image Format Specification 1.0, "Hard Disk
// Footer Format"): big-endian, 512 octets, with its checksum. `id` is put into
// the UUID field, 16 octets; the timestamp is zero, so that the same disk has
// the same footer.
std::string VhdFooter(uint64_t disk_size, const std::string& id);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_VHD_H_
