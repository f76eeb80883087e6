// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_STATE_DISK_GPT_LABEL_H_
#define CONSTELLATION_DISK_MAPPER_STATE_DISK_GPT_LABEL_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "disk-mapper/state_disk/layout.h"

namespace constellation::disk_mapper {

// The name of the label's one partition, as the kernel shows it (PARTNAME).
inline constexpr std::string_view kStatePartitionName = "constellation-state";

// The label of a state disk is a GPT (UEFI 2.10, 5.3) with one partition of our
// own type; the partition's UUID is the disk's id. Only the three sectors below
// hold anything. Sectors are 512 bytes whatever the disk says.
struct GptLabel {
  std::array<uint8_t, kSectorSize> protective_mbr{};  // sector 0
  std::array<uint8_t, kSectorSize> header{};          // sector 1
  std::array<uint8_t, kSectorSize> first_entries{};   // sector 2
};

inline constexpr std::string_view kStatePartitionType =
    "aa977c54-741f-4bc4-9a44-ddf2cff9e5aa";

// The label for a disk of `disk_size` bytes. INVALID_ARGUMENT unless
// `disk_uuid` is a lower-case UUID and the size is within our limits.
absl::StatusOr<GptLabel> BuildGptLabel(std::string_view disk_uuid,
                                       uint64_t disk_size);

// What the label area says about a disk.
enum class LabelKind {
  kBlank,  // zero, or a label of ours that was not finished or is half removed
  kOurs,
  kForeign,
};

struct LabelInspection {
  LabelKind kind = LabelKind::kForeign;
  std::string disk_uuid;  // kOurs: what the label claims, syntax checked
  std::string reason;     // kForeign: why
};

// Judges the first kLabelAreaSize bytes of a disk of `disk_size` bytes (hostile
// input). kOurs means that every byte is the one that BuildGptLabel() would
// have written for the claimed id; the claim itself proves nothing. Anything
// that is neither ours nor blank is kForeign.
LabelInspection InspectLabelArea(std::span<const uint8_t> area,
                                 uint64_t disk_size);

}  // namespace constellation::disk_mapper

#endif  // CONSTELLATION_DISK_MAPPER_STATE_DISK_GPT_LABEL_H_
