// SPDX-License-Identifier: Apache-2.0
#include "image/measure/boot_disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "image/measure/fat.h"
#include "image/measure/gpt.h"

namespace constellation::image::measure {
namespace {

constexpr size_t kMaxUkiSize = size_t{256} << 20U;
constexpr std::array<std::string_view, 3> kLoaderPath = {"EFI", "BOOT",
                                                         "BOOTX64.EFI"};

constexpr std::array<std::string_view, 4> kRequiredSections = {
    ".linux", ".osrel", ".cmdline", ".initrd"};
// What else a stub consists of. Anything not listed here is refused: a newer
// stub may measure it.
constexpr std::array<std::string_view, 9> kStubSections = {
    ".text",  ".rodata", ".data",    ".dynamic", ".dynsym",
    ".reloc", ".rela",   ".sdmagic", ".sbat"};
constexpr int kOldestStub = 252;
constexpr int kNewestStub = 253;

// The stub calls itself "#### LoaderInfo: systemd-stub 252.39-1 ####".
std::optional<int> StubVersion(const PeFile& uki) {
  const auto magic = uki.SectionData(".sdmagic");
  if (!magic.has_value()) {
    return std::nullopt;
  }
  constexpr std::string_view kPrefix = "#### LoaderInfo: systemd-stub ";
  const std::string_view text = AsText(*magic);
  if (text.substr(0, kPrefix.size()) != kPrefix) {
    return std::nullopt;
  }
  const std::string_view rest = text.substr(kPrefix.size());
  int version = 0;
  const auto [end, error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), version);
  if (error != std::errc{}) {
    return std::nullopt;
  }
  return version;
}

}  // namespace

// A list of what is known, not of what is bad: an unknown section may be
// measured by a stub of tomorrow, and the prediction would be wrong in silence.
absl::Status CheckUkiIsKnown(const PeFile& uki) {
  const auto version = StubVersion(uki);
  if (!version.has_value()) {
    return FailedPrecondition("unified kernel image: not by systemd-stub");
  }
  if (*version < kOldestStub || *version > kNewestStub) {
    return FailedPrecondition(
        fmt::format("unified kernel image: what systemd-stub {} measures is "
                    "not known, only {} to {}",
                    *version, kOldestStub, kNewestStub));
  }
  for (const PeSection& section : uki.sections()) {
    const auto is_it = [&](std::string_view n) { return n == section.name; };
    if (std::none_of(kStubMeasuredSections.begin(), kStubMeasuredSections.end(),
                     is_it) &&
        std::none_of(kStubSections.begin(), kStubSections.end(), is_it)) {
      return FailedPrecondition(fmt::format(
          "unified kernel image: unknown section \"{}\"", section.name));
    }
  }
  for (const std::string_view name : kRequiredSections) {
    if (!uki.SectionData(name).has_value()) {
      return InvalidArgument(fmt::format(
          "unified kernel image: section {} missing or damaged", name));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<uint8_t>> StubLoadOptions(std::string_view line) {
  std::vector<uint8_t> wide;
  for (const char c : line) {
    const auto octet = static_cast<uint8_t>(c);
    if (octet < 0x20 || octet > 0x7E) {
      return InvalidArgument(
          "unified kernel image: command line is not plain ASCII");
    }
    wide.push_back(octet);
    wide.push_back(0);
  }
  wide.insert(wide.end(), {0, 0});
  return wide;
}

// Two system partitions would leave the choice to the firmware.
absl::StatusOr<BootDisk> ReadBootDisk(const ByteSource& disk) {
  if (disk.size() < kGptBytes) {
    return InvalidArgument("disk image: too short");
  }
  BootDisk boot;
  ASSIGN_OR_RETURN(boot.start, ReadRange(disk, 0, kGptBytes));
  ASSIGN_OR_RETURN(const std::vector<Partition> partitions,
                   ParseGpt(boot.start));
  const Partition* esp = nullptr;
  for (const Partition& partition : partitions) {
    if (partition.type.ToString() != kEspTypeGuid) {
      continue;
    }
    if (esp != nullptr) {
      return InvalidArgument("disk image: two EFI system partitions");
    }
    esp = &partition;
  }
  if (esp == nullptr) {
    return NotFound("disk image: no EFI system partition");
  }
  ASSIGN_OR_RETURN(const RangeSource file_system,
                   RangeSource::Create(disk, esp->first_sector * kSectorSize,
                                       esp->sector_count * kSectorSize));
  ASSIGN_OR_RETURN(boot.uki,
                   ReadFatFile(file_system, kLoaderPath, kMaxUkiSize));
  return boot;
}

}  // namespace constellation::image::measure
