// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "disk-mapper/state_disk/gpt_label.h"
#include "disk-mapper/state_disk/integrity_superblock.h"
#include "disk-mapper/state_disk/key_check.h"
#include "disk-mapper/state_disk/layout.h"
#include "disk-mapper/state_disk/tables.h"

namespace constellation::disk_mapper {
namespace {

std::vector<uint8_t> GoodArea(uint64_t disk_size) {
  std::vector<uint8_t> area(kLabelAreaSize);
  const auto label =
      BuildGptLabel("6ba7b810-9dad-41d1-80b4-00c04fd430c8", disk_size);
  std::ranges::copy(label->protective_mbr, area.begin());
  std::ranges::copy(label->header, area.begin() + kSectorSize);
  std::ranges::copy(label->first_entries, area.begin() + 2 * kSectorSize);
  return area;
}

// Everything that we read from a disk before its key is known: a good label,
// superblock or nothing, changed by the input (XOR). What is called ours must
// be what we would have written.
void Try(std::span<const uint8_t> input) {
  constexpr uint64_t kSize = 8 * 1024 * kMebibyte;
  std::vector<uint8_t> area = GoodArea(kSize);
  for (size_t i = 0; i < std::min(input.size(), area.size()); ++i) {
    area[i] ^= input[i];
  }
  const LabelInspection found = InspectLabelArea(area, kSize);
  if (found.kind == LabelKind::kOurs &&
      !BuildGptLabel(found.disk_uuid, kSize).ok()) {
    std::abort();
  }
  const std::span<const uint8_t> block = std::span(area).first(kBlockSize);
  CheckSuperblock(block, kSize).IgnoreError();
  const SecretBytes key(32);
  if (VerifyKeyCheckBlock(block, key, found.disk_uuid).ok()) {
    std::abort();  // a forged HMAC
  }
  CheckActiveIntegrityTable(SecretBytes(input)).IgnoreError();
}

}  // namespace
}  // namespace constellation::disk_mapper

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constellation::disk_mapper::Try({data, size});
  return 0;
}
