// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_IMAGE_MEASURE_BOOT_DISK_H_
#define CONSTELLATION_IMAGE_MEASURE_BOOT_DISK_H_

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "image/measure/byte_source.h"
#include "image/measure/pe.h"

// What predictions of every kind need of a disk image and of the unified kernel
// image on it.
namespace constellation::image::measure {

// The parts of a disk that firmware reads to boot it.
struct BootDisk {
  std::vector<uint8_t> start;  // kGptBytes, a valid partition table
  std::vector<uint8_t> uki;
};

// Reads them: \EFI\BOOT\BOOTX64.EFI of the only EFI system partition.
// INVALID_ARGUMENT if something is malformed, NOT_FOUND if there is no such
// file.
absl::StatusOr<BootDisk> ReadBootDisk(const ByteSource& disk);

// Sections that systemd-stub 252 and 253 measure, in the order of its enum;
// .pcrsig cannot be measured since it signs the result.
inline constexpr std::array<std::string_view, 7> kStubMeasuredSections = {
    ".linux", ".osrel", ".cmdline", ".initrd", ".splash", ".dtb", ".pcrpkey"};

// OK if `uki` is of a stub whose measurements are known (systemd-stub 252, 253)
// and has the sections that are needed: INVALID_ARGUMENT if one of these is
// missing, FAILED_PRECONDITION for another stub or an unknown section.
absl::Status CheckUkiIsKnown(const PeFile& uki);

// What the stub hands to the kernel for the command line `line`: UTF-16LE with
// an end mark. INVALID_ARGUMENT unless it is plain ASCII, since the stub widens
// octet by octet.
absl::StatusOr<std::vector<uint8_t>> StubLoadOptions(std::string_view line);

}  // namespace constellation::image::measure

#endif  // CONSTELLATION_IMAGE_MEASURE_BOOT_DISK_H_
