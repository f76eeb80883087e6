// SPDX-License-Identifier: Apache-2.0
// Guest firmware: tables at its end, and predictions from whatever they say.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "attestation/launch/ovmf.h"
#include "attestation/launch/snp_launch.h"
#include "attestation/launch/tdx_launch.h"

namespace {

using constellation::attestation::kPageSize;
using constellation::attestation::OvmfFirmware;
using constellation::attestation::SnpLaunchOptions;

// Keeps a case fast: hashing gigabytes finds nothing.
constexpr uint64_t kEnoughMemory = uint64_t{1} << 20U;

void PredictAll(const OvmfFirmware& firmware) {
  uint64_t memory = 0;
  for (const auto& section : firmware.sev_sections()) {
    memory += section.size;
  }
  for (const auto& section : firmware.tdvf_sections()) {
    memory += section.augmented ? 0 : section.memory_size;
  }
  if (memory > kEnoughMemory) {
    return;
  }
  SnpLaunchOptions options;
  options.vcpus = 2;
  options.cpu_signature = 1;
  for (const bool direct : {false, true}) {
    if (direct) {
      options.direct_boot.emplace();
    }
    static_cast<void>(PredictSnpLaunchDigest(firmware, options));
  }
  static_cast<void>(PredictTdxMrtd(firmware));
  static_cast<void>(PredictTdxRtmr0(firmware, {}));
}

}  // namespace

// The input is the end of the firmware; what is in front of it is zero.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const size_t pages = std::min<size_t>((size + kPageSize - 1) / kPageSize, 4);
  std::vector<uint8_t> bytes(std::max<size_t>(pages, 1) * kPageSize);
  const size_t used = std::min(size, bytes.size());
  std::copy_n(data + (size - used), used,
              bytes.end() - static_cast<ptrdiff_t>(used));
  const auto firmware = OvmfFirmware::Parse(bytes);
  if (firmware.ok()) {
    PredictAll(*firmware);
  }
  return 0;
}
