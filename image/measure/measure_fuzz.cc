// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/status.h"
#include "image/measure/byte_source.h"
#include "image/measure/fat.h"
#include "image/measure/gpt.h"
#include "image/measure/pe.h"
#include "image/measure/predict.h"

namespace {

// A disk of which only the beginning is not zero: file systems say how large
// they are, and no input is.
class LargeDisk final : public constellation::image::measure::ByteSource {
 public:
  explicit LargeDisk(std::span<const uint8_t> start) : start_(start) {}
  uint64_t size() const override { return uint64_t{64} << 20U; }
  absl::Status ReadAt(uint64_t offset, std::span<uint8_t> out) const override {
    if (offset > size() || out.size() > size() - offset) {
      return constellation::InvalidArgument("behind the disk's end");
    }
    std::ranges::fill(out, uint8_t{0});
    if (offset < start_.size()) {
      const auto rest = start_.subspan(offset);
      std::ranges::copy(rest.first(std::min(rest.size(), out.size())),
                        out.begin());
    }
    return absl::OkStatus();
  }

 private:
  const std::span<const uint8_t> start_;
};

}  // namespace

// The first octet chooses the parser, the rest is its input.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace constellation::image::measure;
  if (size == 0) {
    return 0;
  }
  const std::span<const uint8_t> input(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      (void)ParseGpt(input);
      break;
    case 1: {
      const auto pe = PeFile::Parse(input);
      if (pe.ok()) {
        (void)pe->AuthenticodeSha256();
      }
      break;
    }
    case 2: {
      constexpr std::string_view kPath[] = {"EFI", "BOOT", "BOOTX64.EFI"};
      (void)ReadFatFile(LargeDisk(input), kPath, size_t{1} << 20U);
      break;
    }
    case 3:
      (void)PredictPcrsOfUki(input);
      break;
    default:
      (void)PredictPcrsOfDisk(LargeDisk(input));
      break;
  }
  return 0;
}
