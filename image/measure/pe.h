// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_IMAGE_MEASURE_PE_H_
#define CONSTELLATION_IMAGE_MEASURE_PE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/hash.h"

namespace constellation::image::measure {

// A section of a PE file; its range lies within the file.
struct PeSection {
  std::string name;  // at most eight characters
  uint32_t virtual_address = 0;
  uint32_t virtual_size = 0;
  uint32_t file_offset = 0;
  uint32_t file_size = 0;
};

// A PE32+ file (Microsoft PE format). Refers to the bytes it was made of, which
// must outlive it. Immutable.
class PeFile final {
 public:
  // Checks that headers and section data lie within `bytes` and that section
  // data does not overlap. INVALID_ARGUMENT for anything else, also for PE32.
  static absl::StatusOr<PeFile> Parse(std::span<const uint8_t> bytes);

  const std::vector<PeSection>& sections() const { return sections_; }

  // What the section holds in memory, without padding of the file. Nothing if
  // it is absent or present twice, or if the file holds less than the memory.
  std::optional<std::span<const uint8_t>> SectionData(
      std::string_view name) const;

  // SHA-256 by "Windows Authenticode Portable Executable Signature Format": all
  // but the checksum, the pointer to the certificates, and these.
  crypto::Sha256Digest AuthenticodeSha256() const;
  // The same for firmware that measures with SHA-384 (TDX). Copies what it
  // hashes.
  crypto::Sha384Digest AuthenticodeSha384() const;

 private:
  // What both hash, in order.
  std::vector<std::span<const uint8_t>> AuthenticodeParts() const;
  PeFile() = default;
  // The three run once, in this order; each needs what the former has found.
  absl::Status ParseHeaders();
  absl::Status ParseSections(size_t table, uint16_t count);
  absl::Status ParseCertificates(size_t directories, uint32_t count);

  std::span<const uint8_t> bytes_;
  std::vector<PeSection> sections_;
  size_t checksum_offset_ = 0;
  size_t certificate_entry_offset_ = 0;  // 0: there is no such entry
  uint32_t certificate_size_ = 0;
  uint32_t headers_size_ = 0;
};

}  // namespace constellation::image::measure

#endif  // CONSTELLATION_IMAGE_MEASURE_PE_H_
