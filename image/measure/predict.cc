// SPDX-License-Identifier: Apache-2.0
#include "image/measure/predict.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "image/measure/boot_disk.h"
#include "image/measure/pe.h"

namespace constellation::image::measure {
namespace {

// TCG PC Client Platform Firmware Profile 1.05, section 10.4.
constexpr std::string_view kBootAction =
    "Calling EFI Application from Boot Option";
constexpr std::array<uint8_t, 4> kSeparator = {0, 0, 0, 0};

constexpr std::array<uint32_t, 5> kZeroPcrs = {8, 12, 13, 14, 15};

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

// The kernel's EFI stub: load options, then the initrd it got from
// systemd-stub.
absl::StatusOr<crypto::Sha256Digest> PredictPcr9(const PeFile& uki) {
  ASSIGN_OR_RETURN(const std::vector<uint8_t> options,
                   StubLoadOptions(AsText(*uki.SectionData(".cmdline"))));
  Pcr pcr;
  pcr.Extend(options);
  pcr.Extend(*uki.SectionData(".initrd"));
  return pcr.value();
}

// systemd-stub measures each section's name with its zero, then its contents.
crypto::Sha256Digest PredictPcr11(const PeFile& uki) {
  Pcr pcr;
  for (const std::string_view name : kStubMeasuredSections) {
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

// Registers that nothing is measured into are part of the prediction: a boot
// that measured something there was another boot.
absl::StatusOr<PredictedPcrs> PredictPcrsOfUki(std::span<const uint8_t> uki) {
  ASSIGN_OR_RETURN(const PeFile file, PeFile::Parse(uki));
  RETURN_IF_ERROR(CheckUkiIsKnown(file));
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
  ASSIGN_OR_RETURN(const BootDisk boot, ReadBootDisk(disk));
  return PredictPcrsOfUki(boot.uki);
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
