// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_IMAGE_ARCHIVE_H_
#define CONSTELLATION_CLOUD_GCP_IMAGE_ARCHIVE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace constellation::cloud::gcp {

// What came out of PackImage().
struct PackedImage {
  uint64_t size = 0;        // octets of the archive
  uint32_t crc32c = 0;      // of the archive
  std::string sha256 = {};  // hex, of the disk image that was read
};

// Writes the raw disk image `image` to `archive` as Compute Engine wants it for
// import: one member "disk.raw" in a tar of GNU's old format, compressed with
// gzip; zeros are added up to the next GiB. The same image always gives the
// same octets. `progress` gets the part that is done, 0-1. Codes of errno;
// INVALID_ARGUMENT for an empty image or one of more than 64 TiB.
absl::StatusOr<PackedImage> PackImage(
    const std::string& image, const std::string& archive,
    const std::function<void(double)>& progress);

// CRC-32C (RFC 3720 appendix B.4), as storage services tell it; `crc` is that
// of what came before, 0 at first.
uint32_t Crc32c(uint32_t crc, std::span<const uint8_t> octets);

// The 512 octets of a tar header for a regular file, GNU's old format: sizes
// from 8 GiB on in base 256.
std::string TarHeader(const std::string& name, uint64_t size);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_IMAGE_ARCHIVE_H_
