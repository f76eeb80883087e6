// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_IMAGE_MEASURE_RTMR_H_
#define CONSTELLATION_IMAGE_MEASURE_RTMR_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/hash.h"
#include "image/measure/boot_disk.h"
#include "image/measure/byte_source.h"

namespace constellation::image::measure {

// How the firmware of a trust domain measures.
struct RtmrOptions {
  // Where the separator in front of the boot goes: OVMF of QEMU puts it into
  // RTMR0, the firmware of Google into RTMR1 (seen in logs of both).
  bool separator_in_rtmr1 = false;
};

// Runtime measurement registers of a TDX guest that only depend on the node
// image. RTMR1 covers all of it: partition table, unified kernel image with
// command line and initrd (so the root hash), kernel.
struct PredictedRtmrs {
  crypto::Sha384Digest rtmr1{};
  // Zero for kernels before 6.9: neither they nor systemd-stub 252 and 253 use
  // EFI_CC_MEASUREMENT_PROTOCOL.
  crypto::Sha384Digest rtmr2{};
  std::string kernel_release;  // as in the kernel's header, to its first space
};

// Predicts for a disk that firmware boots as its only device. PCR 2-6 go into
// RTMR1 and PCR 8-15 into RTMR2 (UEFI 2.10, section 38.4.1).
//
// INVALID_ARGUMENT and NOT_FOUND as ReadBootDisk(); FAILED_PRECONDITION for a
// stub or kernel whose measurements are unknown.
absl::StatusOr<PredictedRtmrs> PredictRtmrsOfDisk(const ByteSource& disk,
                                                  const RtmrOptions& options);

// The same for its parts.
// Pure: reads nothing but `boot`. Codes as above.
absl::StatusOr<PredictedRtmrs> PredictRtmrs(const BootDisk& boot,
                                            const RtmrOptions& options);

// What firmware measures of a partition table (UEFI_GPT_DATA): header, number
// of used entries, these. `start` as ParseGpt() takes it; INVALID_ARGUMENT if
// that refuses it.
absl::StatusOr<std::vector<uint8_t>> GptEventData(
    std::span<const uint8_t> start);

// "6.1.0-40-cloud-amd64" from a kernel image (Linux, Documentation/arch/x86/
// boot.rst). INVALID_ARGUMENT if there is no such header.
absl::StatusOr<std::string> KernelRelease(std::span<const uint8_t> kernel);

}  // namespace constellation::image::measure

#endif  // CONSTELLATION_IMAGE_MEASURE_RTMR_H_
