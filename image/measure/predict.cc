// SPDX-License-Identifier: Apache-2.0
#include "image/measure/predict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
#include "common/status_macros.h"
#include "image/measure/fat.h"
#include "image/measure/gpt.h"
#include "image/measure/pe.h"

namespace constellation::image::measure {
namespace {

constexpr size_t kMaxUkiSize = size_t{256} << 20U;
constexpr std::array<std::string_view, 3> kLoaderPath = {"EFI", "BOOT",
                                                         "BOOTX64.EFI"};

// TCG PC Client Platform Firmware Profile 1.05, section 10.4.
constexpr std::string_view kBootAction =
    "Calling EFI Application from Boot Option";
constexpr std::array<uint8_t, 4> kSeparator = {0, 0, 0, 0};

// Sections that systemd-stub 252 and 253 measure, in the order of its enum;
// .pcrsig cannot be measured since it signs the result.
constexpr std::array<std::string_view, 7> kMeasuredSections = {
    ".linux", ".osrel", ".cmdline", ".initrd", ".splash", ".dtb", ".pcrpkey"};
constexpr std::array<std::string_view, 4> kRequiredSections = {
    ".linux", ".osrel", ".cmdline", ".initrd"};
// What else a stub consists of. Anything not listed here is refused: a newer
// stub may measure it.
constexpr std::array<std::string_view, 9> kStubSections = {
    ".text",  ".rodata", ".data",    ".dynamic", ".dynsym",
    ".reloc", ".rela",   ".sdmagic", ".sbat"};
constexpr int kOldestStub = 252;
constexpr int kNewestStub = 253;
constexpr std::array<uint32_t, 5> kZeroPcrs = {8, 12, 13, 14, 15};

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string_view AsText(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A PCR that starts at zero.
class Pcr final {
 public:
  void ExtendDigest(const crypto::Sha256Digest& digest) {
    std::array<uint8_t, 64> both{};
    std::copy(value_.begin(), value_.end(), both.begin());
    std::copy(digest.begin(), digest.end(), both.begin() + 32);
    value_ = crypto::Sha256(both);
  }
  void Extend(std::span<const uint8_t> data) {
    ExtendDigest(crypto::Sha256(data));
  }
  const crypto::Sha256Digest& value() const { return value_; }

 private:
  crypto::Sha256Digest value_{};
};

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

absl::Status CheckKnown(const PeFile& uki) {
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
    if (std::none_of(kMeasuredSections.begin(), kMeasuredSections.end(),
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

// Firmware: the action, the end of its own part, then each program it loads;
// the stub has it load the kernel too.
absl::StatusOr<crypto::Sha256Digest> PredictPcr4(const PeFile& uki) {
  ASSIGN_OR_RETURN(const PeFile kernel,
                   PeFile::Parse(*uki.SectionData(".linux")));
  Pcr pcr;
  pcr.Extend(AsBytes(kBootAction));
  pcr.Extend(kSeparator);
  pcr.ExtendDigest(uki.AuthenticodeSha256());
  pcr.ExtendDigest(kernel.AuthenticodeSha256());
  return pcr.value();
}

// What the stub hands to the kernel: UTF-16LE with an end mark. Only ASCII,
// since the stub widens octet by octet.
absl::StatusOr<std::vector<uint8_t>> LoadOptions(std::string_view line) {
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

// The kernel's EFI stub: load options, then the initrd it got from
// systemd-stub.
absl::StatusOr<crypto::Sha256Digest> PredictPcr9(const PeFile& uki) {
  ASSIGN_OR_RETURN(const std::vector<uint8_t> options,
                   LoadOptions(AsText(*uki.SectionData(".cmdline"))));
  Pcr pcr;
  pcr.Extend(options);
  pcr.Extend(*uki.SectionData(".initrd"));
  return pcr.value();
}

crypto::Sha256Digest PredictPcr11(const PeFile& uki) {
  Pcr pcr;
  for (const std::string_view name : kMeasuredSections) {
    const auto data = uki.SectionData(name);
    if (!data.has_value()) {
      continue;
    }
    std::string with_end(name);
    with_end.push_back('\0');
    pcr.Extend(AsBytes(with_end));
    pcr.Extend(*data);
  }
  return pcr.value();
}

}  // namespace

absl::StatusOr<PredictedPcrs> PredictPcrsOfUki(std::span<const uint8_t> uki) {
  ASSIGN_OR_RETURN(const PeFile file, PeFile::Parse(uki));
  RETURN_IF_ERROR(CheckKnown(file));
  PredictedPcrs predicted;
  ASSIGN_OR_RETURN(predicted.values[4], PredictPcr4(file));
  ASSIGN_OR_RETURN(predicted.values[9], PredictPcr9(file));
  predicted.values[11] = PredictPcr11(file);
  for (const uint32_t index : kZeroPcrs) {
    predicted.values[index] = {};
  }
  predicted.command_line = std::string(AsText(*file.SectionData(".cmdline")));
  predicted.uki_authenticode = file.AuthenticodeSha256();
  return predicted;
}

absl::StatusOr<PredictedPcrs> PredictPcrsOfDisk(const ByteSource& disk) {
  if (disk.size() < kGptBytes) {
    return InvalidArgument("disk image: too short");
  }
  ASSIGN_OR_RETURN(const std::vector<uint8_t> start,
                   ReadRange(disk, 0, kGptBytes));
  ASSIGN_OR_RETURN(const std::vector<Partition> partitions, ParseGpt(start));
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
  ASSIGN_OR_RETURN(const std::vector<uint8_t> uki,
                   ReadFatFile(file_system, kLoaderPath, kMaxUkiSize));
  return PredictPcrsOfUki(uki);
}

absl::StatusOr<PredictedPcrs> PredictPcrs(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<FileSource> file,
                   FileSource::Open(path));
  auto predicted = PredictPcrsOfDisk(*file);
  if (!predicted.ok()) {
    return Annotate(predicted.status(), path);
  }
  return predicted;
}

}  // namespace constellation::image::measure
