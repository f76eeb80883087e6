// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_IMAGE_MEASURE_TESTING_BUILDERS_H_
#define CONSTELLATION_IMAGE_MEASURE_TESTING_BUILDERS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "image/measure/gpt.h"

namespace constellation::image::measure::testing {

using Bytes = std::vector<uint8_t>;

Bytes ToBytes(std::string_view text);
void PutLe16(Bytes& bytes, size_t offset, uint16_t value);
void PutLe32(Bytes& bytes, size_t offset, uint32_t value);
void PutLe64(Bytes& bytes, size_t offset, uint64_t value);

// "c12a7328-f81f-..." -> Guid.
Guid GuidOf(std::string_view text);

// The first kGptBytes of a disk. Partition numbers are ignored: they are those
// of the order.
Bytes MakeGpt(const std::vector<Partition>& partitions);
// Makes both checksums right again after a mutation.
void FixGptChecksums(Bytes& disk);

// A file system with /EFI/BOOT/BOOTX64.EFI. FAT16 has 2048-octet clusters,
// FAT32 512-octet ones.
enum class FatKind { k16, k32 };
Bytes MakeFat(FatKind kind, const Bytes& loader);
// Offset in MakeFat()'s result of cluster `cluster`'s table entry, and of its
// data.
size_t FatEntryOffset(FatKind kind, uint32_t cluster);
size_t FatClusterOffset(FatKind kind, uint32_t cluster);
// The loader's first cluster; its directory is the cluster before.
inline constexpr uint32_t kLoaderCluster = 5;

// A PE32+ file with the given sections; `certificates` octets follow at its
// end.
using Sections = std::vector<std::pair<std::string, Bytes>>;
Bytes MakePe(const Sections& sections, size_t certificates = 0);
// Offsets in MakePe()'s result.
inline constexpr size_t kPeOffset = 64;
inline constexpr size_t kPeOptional = kPeOffset + 24;
inline constexpr size_t kPeChecksum = kPeOptional + 64;
inline constexpr size_t kPeCertificateEntry = kPeOptional + 112 + 32;
inline constexpr size_t kPeSections = kPeOptional + 240;

// A unified kernel image that PredictPcrsOfUki() accepts.
Sections UkiSections();

}  // namespace constellation::image::measure::testing

#endif  // CONSTELLATION_IMAGE_MEASURE_TESTING_BUILDERS_H_
