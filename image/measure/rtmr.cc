// SPDX-License-Identifier: Apache-2.0
#include "image/measure/rtmr.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "image/measure/bytes.h"
#include "image/measure/gpt.h"
#include "image/measure/pe.h"

namespace constellation::image::measure {
namespace {

constexpr std::string_view kBootAction =
    "Calling EFI Application from Boot Option";
constexpr std::string_view kExitInvoked = "Exit Boot Services Invocation";
constexpr std::string_view kExitReturned =
    "Exit Boot Services Returned with Success";

// UEFI 2.10, section 5.3.2: what of the header's sector is its structure.
constexpr size_t kGptHeaderSize = 92;

using KernelVersion = std::pair<int, int>;
constexpr KernelVersion kOldestKernel = {6, 1};
// The first whose EFI stub measures without a TPM.
constexpr KernelVersion kFirstWithCcProtocol = {6, 9};
constexpr KernelVersion kNewestKernel = {6, 18};

// A register that starts at zero.
class Rtmr final {
 public:
  void ExtendDigest(const crypto::Sha384Digest& digest) {
    std::array<uint8_t, 96> both{};
    std::copy(value_.begin(), value_.end(), both.begin());
    std::copy(digest.begin(), digest.end(), both.begin() + 48);
    value_ = crypto::Sha384(both);
  }
  void Extend(std::span<const uint8_t> data) {
    ExtendDigest(crypto::Sha384(data));
  }
  const crypto::Sha384Digest& value() const { return value_; }

 private:
  crypto::Sha384Digest value_{};
};

// The first two numbers of "6.12.41-cloud"; what follows does not matter here.
absl::StatusOr<KernelVersion> VersionOf(std::string_view release) {
  KernelVersion version;
  const char* const end = release.data() + release.size();
  const auto [dot, major_error] =
      std::from_chars(release.data(), end, version.first);
  if (major_error != std::errc{} || dot == end || *dot != '.') {
    return InvalidArgument(
        fmt::format("kernel: release \"{}\" is no version", release));
  }
  const auto [rest, minor_error] =
      std::from_chars(dot + 1, end, version.second);
  if (minor_error != std::errc{}) {
    return InvalidArgument(
        fmt::format("kernel: release \"{}\" is no version", release));
  }
  return version;
}

// The order of events in the logs of both firmwares: action, partition table,
// both programs, end of the boot services.
absl::StatusOr<crypto::Sha384Digest> PredictRtmr1(const BootDisk& boot,
                                                  const PeFile& uki,
                                                  const RtmrOptions& options) {
  ASSIGN_OR_RETURN(const PeFile kernel,
                   PeFile::Parse(*uki.SectionData(".linux")));
  ASSIGN_OR_RETURN(const std::vector<uint8_t> table, GptEventData(boot.start));
  Rtmr rtmr;
  rtmr.Extend(AsBytes(kBootAction));
  if (options.separator_in_rtmr1) {
    rtmr.Extend(std::array<uint8_t, 4>{});
  }
  rtmr.Extend(table);
  rtmr.ExtendDigest(uki.AuthenticodeSha384());
  rtmr.ExtendDigest(kernel.AuthenticodeSha384());
  rtmr.Extend(AsBytes(kExitInvoked));
  rtmr.Extend(AsBytes(kExitReturned));
  return rtmr.value();
}

// The kernel's EFI stub measures load options and initrd. A kernel that nobody
// has looked at may measure more: it is refused rather than guessed.
absl::StatusOr<crypto::Sha384Digest> PredictRtmr2(const PeFile& uki,
                                                  std::string_view release) {
  ASSIGN_OR_RETURN(const KernelVersion version, VersionOf(release));
  if (version < kOldestKernel || version > kNewestKernel) {
    return FailedPrecondition(
        fmt::format("kernel {}: what its EFI stub measures is not known, only "
                    "of {}.{} to {}.{}",
                    release, kOldestKernel.first, kOldestKernel.second,
                    kNewestKernel.first, kNewestKernel.second));
  }
  Rtmr rtmr;
  if (version >= kFirstWithCcProtocol) {
    ASSIGN_OR_RETURN(const std::vector<uint8_t> options,
                     StubLoadOptions(AsText(*uki.SectionData(".cmdline"))));
    rtmr.Extend(options);
    rtmr.Extend(*uki.SectionData(".initrd"));
  }
  return rtmr.value();
}

}  // namespace

// "kernel_version" is an offset to the text behind the boot sector.
absl::StatusOr<std::string> KernelRelease(std::span<const uint8_t> kernel) {
  constexpr size_t kMagic = 0x202;
  constexpr size_t kPointer = 0x20e;
  constexpr size_t kBase = 0x200;
  constexpr size_t kMaxSize = 64;
  if (kernel.size() < kPointer + 2 ||
      AsText(kernel.subspan(kMagic, 4)) != "HdrS") {
    return InvalidArgument("kernel: no setup header");
  }
  const size_t start = kBase + ReadLe16(kernel, kPointer);
  if (start == kBase || start >= kernel.size()) {
    return InvalidArgument("kernel: no release in its header");
  }
  const std::string_view text =
      AsText(kernel.subspan(start, std::min(kMaxSize, kernel.size() - start)));
  const std::string_view release =
      text.substr(0, text.find_first_of(std::string_view(" \0", 2)));
  const bool printable =
      std::all_of(release.begin(), release.end(),
                  [](char c) { return c > 0x20 && c < 0x7f; });
  if (release.empty() || release.size() == text.size() || !printable) {
    return InvalidArgument("kernel: release in its header is no word");
  }
  return std::string(release);
}

absl::StatusOr<std::vector<uint8_t>> GptEventData(
    std::span<const uint8_t> start) {
  ASSIGN_OR_RETURN(const std::vector<Partition> partitions, ParseGpt(start));
  const std::span<const uint8_t> header =
      start.subspan(kSectorSize, kGptHeaderSize);
  const size_t entry_size = ReadLe32(header, 84);
  const size_t entries = ReadLe64(header, 72) * kSectorSize;
  std::vector<uint8_t> event(header.begin(), header.end());
  for (uint64_t count = partitions.size(), i = 0; i < 8; ++i) {
    event.push_back(static_cast<uint8_t>(count >> 8U * i));
  }
  // EDK II copies its own structure of 128 octets whatever the entries' size.
  constexpr size_t kEntrySize = 128;
  if (entry_size != kEntrySize) {
    return InvalidArgument(
        fmt::format("partition table: how entries of {} bytes are measured is "
                    "not known",
                    entry_size));
  }
  for (const Partition& partition : partitions) {
    const auto index = static_cast<size_t>(partition.number) - 1;
    const auto entry = start.subspan(entries + index * kEntrySize, kEntrySize);
    event.insert(event.end(), entry.begin(), entry.end());
  }
  return event;
}

absl::StatusOr<PredictedRtmrs> PredictRtmrs(const BootDisk& boot,
                                            const RtmrOptions& options) {
  ASSIGN_OR_RETURN(const PeFile uki, PeFile::Parse(boot.uki));
  RETURN_IF_ERROR(CheckUkiIsKnown(uki));
  PredictedRtmrs predicted;
  ASSIGN_OR_RETURN(predicted.kernel_release,
                   KernelRelease(*uki.SectionData(".linux")));
  ASSIGN_OR_RETURN(predicted.rtmr1, PredictRtmr1(boot, uki, options));
  ASSIGN_OR_RETURN(predicted.rtmr2,
                   PredictRtmr2(uki, predicted.kernel_release));
  return predicted;
}

absl::StatusOr<PredictedRtmrs> PredictRtmrsOfDisk(const ByteSource& disk,
                                                  const RtmrOptions& options) {
  ASSIGN_OR_RETURN(const BootDisk boot, ReadBootDisk(disk));
  return PredictRtmrs(boot, options);
}

}  // namespace constellation::image::measure
