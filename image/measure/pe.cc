// SPDX-License-Identifier: Apache-2.0
#include "image/measure/pe.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/status.h"
#include "common/status_macros.h"
#include "image/measure/bytes.h"

namespace constellation::image::measure {
namespace {

constexpr size_t kDosHeaderSize = 64;
constexpr size_t kPePointer = 0x3C;
constexpr size_t kCoffHeaderSize = 24;  // with the signature before it
constexpr uint16_t kPe32Plus = 0x20B;
constexpr size_t kOptionalFixedSize = 112;
constexpr size_t kSectionSize = 40;
constexpr uint32_t kCertificateDirectory = 4;
constexpr uint16_t kMaxSections = 96;  // as the Windows loader
constexpr uint32_t kMaxDirectories = 16;

// Positions are not told: the file is wrong as a whole.
absl::Status Malformed(std::string_view what) {
  return InvalidArgument(fmt::format("PE file: {}", what));
}

// Eight octets, padded with zeros; a name of eight has no end mark.
std::string SectionName(std::span<const uint8_t> raw) {
  const auto end = std::find(raw.begin(), raw.begin() + 8, uint8_t{0});
  return {raw.begin(), end};
}

}  // namespace

absl::StatusOr<PeFile> PeFile::Parse(std::span<const uint8_t> bytes) {
  PeFile file;
  file.bytes_ = bytes;
  RETURN_IF_ERROR(file.ParseHeaders());
  return file;
}

// Stricter than loaders: the optional header has exactly its directories and
// the section table lies within the headers, so that what is hashed is what is
// run.
absl::Status PeFile::ParseHeaders() {
  if (bytes_.size() < kDosHeaderSize || bytes_[0] != 'M' || bytes_[1] != 'Z') {
    return Malformed("no DOS header");
  }
  const size_t pe = ReadLe32(bytes_, kPePointer);
  if (!Within(pe, kCoffHeaderSize + kOptionalFixedSize, bytes_.size()) ||
      ReadLe32(bytes_, pe) != 0x00004550) {
    return Malformed("no PE header");
  }
  const uint16_t section_count = ReadLe16(bytes_, pe + 6);
  const uint16_t optional_size = ReadLe16(bytes_, pe + 20);
  const size_t optional = pe + kCoffHeaderSize;
  if (ReadLe16(bytes_, optional) != kPe32Plus) {
    return Malformed("not PE32+");
  }
  headers_size_ = ReadLe32(bytes_, optional + 60);
  checksum_offset_ = optional + 64;
  const uint32_t directory_count = ReadLe32(bytes_, optional + 108);
  if (directory_count > kMaxDirectories ||
      optional_size != kOptionalFixedSize + 8 * directory_count) {
    return Malformed("size of the optional header");
  }
  const size_t table = optional + optional_size;
  const size_t table_size = size_t{section_count} * kSectionSize;
  if (section_count == 0 || section_count > kMaxSections ||
      !Within(table, table_size, headers_size_) ||
      headers_size_ > bytes_.size()) {
    return Malformed("size of the headers");
  }
  RETURN_IF_ERROR(ParseSections(table, section_count));
  return ParseCertificates(optional + kOptionalFixedSize, directory_count);
}

// Overlapping sections would be hashed twice, and firmware differs about that.
absl::Status PeFile::ParseSections(size_t table, uint16_t count) {
  for (uint16_t i = 0; i < count; ++i) {
    const auto raw =
        bytes_.subspan(table + size_t{i} * kSectionSize, kSectionSize);
    PeSection section{.name = SectionName(raw),
                      .virtual_address = ReadLe32(raw, 12),
                      .virtual_size = ReadLe32(raw, 8),
                      .file_offset = ReadLe32(raw, 20),
                      .file_size = ReadLe32(raw, 16)};
    if (section.file_size != 0 &&
        (section.file_offset < headers_size_ ||
         !Within(section.file_offset, section.file_size, bytes_.size()))) {
      return Malformed(fmt::format("section {} leaves the file", i));
    }
    sections_.push_back(std::move(section));
  }
  std::vector<PeSection> ordered = sections_;
  std::erase_if(ordered, [](const auto& s) { return s.file_size == 0; });
  std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return a.file_offset < b.file_offset;
  });
  for (size_t i = 1; i < ordered.size(); ++i) {
    if (ordered[i].file_offset - ordered[i - 1].file_offset <
        ordered[i - 1].file_size) {
      return Malformed("sections overlap");
    }
  }
  return absl::OkStatus();
}

absl::Status PeFile::ParseCertificates(size_t directories, uint32_t count) {
  if (count <= kCertificateDirectory) {
    return absl::OkStatus();
  }
  certificate_entry_offset_ = directories + size_t{8} * kCertificateDirectory;
  const uint32_t offset = ReadLe32(bytes_, certificate_entry_offset_);
  certificate_size_ = ReadLe32(bytes_, certificate_entry_offset_ + 4);
  uint64_t end_of_sections = headers_size_;
  for (const PeSection& section : sections_) {
    end_of_sections = std::max(
        end_of_sections, uint64_t{section.file_offset} + section.file_size);
  }
  // Certificates are the end of the file: only then is what is left out of the
  // hash exactly what no section holds.
  if (certificate_size_ != 0 &&
      (offset < end_of_sections ||
       uint64_t{offset} + certificate_size_ != bytes_.size())) {
    return Malformed("certificates are not at the end");
  }
  return absl::OkStatus();
}

std::optional<std::span<const uint8_t>> PeFile::SectionData(
    std::string_view name) const {
  const PeSection* found = nullptr;
  for (const PeSection& section : sections_) {
    if (section.name != name) {
      continue;
    }
    if (found != nullptr) {
      return std::nullopt;
    }
    found = &section;
  }
  if (found == nullptr || found->virtual_size > found->file_size) {
    return std::nullopt;
  }
  return bytes_.subspan(found->file_offset, found->virtual_size);
}

// Microsoft's "Windows Authenticode Portable Executable Signature Format",
// "Calculating the PE Image Hash", steps 3 to 14.
std::vector<std::span<const uint8_t>> PeFile::AuthenticodeParts() const {
  std::vector<std::span<const uint8_t>> parts;
  const auto headers = bytes_.first(headers_size_);
  parts.push_back(headers.first(checksum_offset_));
  if (certificate_entry_offset_ == 0) {
    parts.push_back(headers.subspan(checksum_offset_ + 4));
  } else {
    parts.push_back(
        headers.subspan(checksum_offset_ + 4,
                        certificate_entry_offset_ - checksum_offset_ - 4));
    parts.push_back(headers.subspan(certificate_entry_offset_ + 8));
  }
  std::vector<PeSection> ordered = sections_;
  std::erase_if(ordered, [](const auto& s) { return s.file_size == 0; });
  std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return a.file_offset < b.file_offset;
  });
  uint64_t hashed = headers_size_;
  for (const PeSection& section : ordered) {
    parts.push_back(bytes_.subspan(section.file_offset, section.file_size));
    hashed += section.file_size;
  }
  // What follows is counted, not located: the specification and the firmware
  // add up sizes.
  const uint64_t end = bytes_.size() - certificate_size_;
  if (hashed < end) {
    parts.push_back(bytes_.subspan(hashed, end - hashed));
  }
  return parts;
}

crypto::Sha256Digest PeFile::AuthenticodeSha256() const {
  crypto::Sha256Hasher hasher;
  for (const std::span<const uint8_t> part : AuthenticodeParts()) {
    hasher.Update(part);
  }
  return hasher.Finish();
}

crypto::Sha384Digest PeFile::AuthenticodeSha384() const {
  std::vector<uint8_t> all;
  all.reserve(bytes_.size());
  for (const std::span<const uint8_t> part : AuthenticodeParts()) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return crypto::Sha384(all);
}

}  // namespace constellation::image::measure
