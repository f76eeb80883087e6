// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_IMAGE_MEASURE_PREDICT_H_
#define CONSTELLATION_IMAGE_MEASURE_PREDICT_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "crypto/hash.h"
#include "image/measure/byte_source.h"

namespace constellation::image::measure {

// PCRs of the SHA-256 bank that only depend on the node image: 4, 9 and 11 from
// its contents; 8, 12, 13, 14 and 15 stay zero. PCR 15 is the value before the
// node belongs to a cluster.
struct PredictedPcrs {
  std::map<uint32_t, crypto::Sha256Digest> values;
  std::string command_line;  // what the kernel is started with
  crypto::Sha256Digest uki_authenticode{};
};

// Predicts from a unified kernel image. The rules are those of systemd-stub 252
// and 253, EDK II, and the kernel's EFI stub since 6.1.
//
// INVALID_ARGUMENT if it is malformed or a section is missing;
// FAILED_PRECONDITION if it has sections or a stub whose measurement is
// unknown.
absl::StatusOr<PredictedPcrs> PredictPcrsOfUki(std::span<const uint8_t> uki);

// Predicts from a disk image: \EFI\BOOT\BOOTX64.EFI of its only EFI system
// partition. Codes as above, NOT_FOUND if there is no such file.
absl::StatusOr<PredictedPcrs> PredictPcrsOfDisk(const ByteSource& disk);

// Predicts from the file of a disk image (constellation.raw).
// Codes as above, and those of FileSource::Open(); messages name the file.
absl::StatusOr<PredictedPcrs> PredictPcrs(const std::string& path);

}  // namespace constellation::image::measure

#endif  // CONSTELLATION_IMAGE_MEASURE_PREDICT_H_
