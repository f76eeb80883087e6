// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>

#include "image/measure/byte_source.h"
#include "image/measure/fat.h"
#include "image/measure/gpt.h"
#include "image/measure/pe.h"
#include "image/measure/predict.h"

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
      (void)ReadFatFile(MemorySource(input), kPath, size_t{1} << 20U);
      break;
    }
    case 3:
      (void)PredictPcrsOfUki(input);
      break;
    default:
      (void)PredictPcrsOfDisk(MemorySource(input));
      break;
  }
  return 0;
}
