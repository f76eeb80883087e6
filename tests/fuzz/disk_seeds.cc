// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "attestation/launch/ovmf.h"
#include "attestation/launch/testing/firmware_builder.h"
#include "disk-mapper/state_disk/gpt_label.h"
#include "disk-mapper/state_disk/integrity_superblock.h"
#include "disk-mapper/state_disk/layout.h"
#include "disk-mapper/state_disk/tables.h"
#include "disk-mapper/state_disk/testing/fake_device_mapper.h"
#include "image/measure/byte_source.h"
#include "image/measure/fat.h"
#include "image/measure/gpt.h"
#include "image/measure/pe.h"
#include "image/measure/predict.h"
#include "image/measure/testing/builders.h"
#include "tests/fuzz/seeds.h"

namespace constellation::fuzz {
namespace {

namespace measure = image::measure;

// Without the zeros at the end, which image_measure_fuzz adds to disks.
Bytes Trimmed(Bytes bytes) {
  while (!bytes.empty() && bytes.back() == 0) {
    bytes.pop_back();
  }
  return bytes;
}

void AddImages(std::vector<Seed>& seeds) {
  using namespace measure::testing;  // NOLINT(build/namespaces): the builders
  constexpr std::string_view kTarget = "image_measure_fuzz";
  constexpr uint64_t kEspSector = 34;
  const constellation::Bytes uki = MakePe(UkiSections());
  const constellation::Bytes fat = MakeFat(FatKind::k16, uki);
  constellation::Bytes disk =
      MakeGpt({{.type = GuidOf(measure::kEspTypeGuid),
                .id = GuidOf("6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
                .first_sector = kEspSector,
                .sector_count = fat.size() / 512}});
  Add(seeds, kTarget, "gpt", Chosen(0, disk), measure::ParseGpt(disk).status());
  disk.resize(kEspSector * 512);
  disk.insert(disk.end(), fat.begin(), fat.end());
  const constellation::Bytes signed_pe = MakePe(UkiSections(), 16);
  Add(seeds, kTarget, "pe", Chosen(1, signed_pe),
      measure::PeFile::Parse(signed_pe).status());
  constexpr std::string_view kPath[] = {"EFI", "BOOT", "BOOTX64.EFI"};
  Add(seeds, kTarget, "fat16", Chosen(2, Trimmed(fat)),
      measure::ReadFatFile(measure::MemorySource(fat), kPath, fat.size())
          .status());
  Add(seeds, kTarget, "uki", Chosen(3, uki),
      measure::PredictPcrsOfUki(uki).status());
  Add(seeds, kTarget, "disk", Chosen(4, Trimmed(disk)),
      measure::PredictPcrsOfDisk(measure::MemorySource(disk)).status());
}

// The target lays its input over a good label (XOR): zeros leave it as it is.
void AddStateDisk(std::vector<Seed>& seeds) {
  namespace disk = disk_mapper;
  constexpr std::string_view kTarget = "disk_mapper_disk_contents_fuzz";
  constexpr uint64_t kSize = 8 * 1024 * disk::kMebibyte;
  const auto label =
      disk::BuildGptLabel("6ba7b810-9dad-41d1-80b4-00c04fd430c8", kSize);
  Add(seeds, kTarget, "label", Bytes(64, 0), label.status());
  const Bytes superblock = disk::testing::KernelSuperblock(kSize);
  Bytes change = superblock;
  const auto lay = [&change](size_t offset, std::span<const uint8_t> octets) {
    for (size_t i = 0; i < octets.size(); ++i) {
      change[offset + i] ^= octets[i];
    }
  };
  lay(0, label->protective_mbr);
  lay(disk::kSectorSize, label->header);
  lay(2 * disk::kSectorSize, label->first_entries);
  Add(seeds, kTarget, "superblock", change,
      disk::CheckSuperblock(superblock, kSize));
  const std::string table = disk::testing::KernelTable();
  Add(seeds, kTarget, "table", TextBytes(table),
      disk::CheckActiveIntegrityTable(SecretBytes(AsBytes(table))));
}

// Firmware of the four pages that attestation_launch_fuzz has at most.
void AddFirmware(std::vector<Seed>& seeds) {
  constexpr std::string_view kTarget = "attestation_launch_fuzz";
  constexpr size_t kSize = 4 * attestation::kPageSize;
  constexpr uint64_t kGpa = attestation::kFirmwareEnd - kSize;
  const auto add = [&](std::string_view name,
                       const testing::TestFirmware& firmware) {
    const Bytes bytes = firmware.Build();
    Add(seeds, kTarget, name, bytes,
        attestation::OvmfFirmware::Parse(bytes).status());
  };
  testing::TestFirmware firmware{.size = kSize};
  firmware.WithApReset(0x80b004);
  add("reset", firmware);
  firmware.WithKernelHashes(0x810c00, 0x400)
      .WithSev({{.gpa = 0x800000, .size = 0x2000, .type = 1},
                {.gpa = 0x80d000, .size = 0x1000, .type = 2},
                {.gpa = 0x80e000, .size = 0x1000, .type = 3},
                {.gpa = 0x80f000, .size = 0x1000, .type = 4},
                {.gpa = 0x810000, .size = 0x1000, .type = 0x10}});
  add("sev", firmware);
  firmware.WithTdvf({{.data_offset = 0x1000,
                      .data_size = 0x3000,
                      .gpa = kGpa + 0x1000,
                      .memory_size = 0x3000,
                      .type = 0,
                      .attributes = 1},
                     {.data_offset = 0,
                      .data_size = 0x1000,
                      .gpa = kGpa,
                      .memory_size = 0x1000,
                      .type = 1},
                     {.gpa = 0x810000, .memory_size = 0x2000, .type = 3},
                     {.gpa = 0x809000, .memory_size = 0x2000, .type = 2}});
  add("sev_tdx", firmware);
}

}  // namespace

void AddDiskSeeds(std::vector<Seed>& seeds) {
  AddImages(seeds);
  AddStateDisk(seeds);
  AddFirmware(seeds);
}

}  // namespace constellation::fuzz
