// SPDX-License-Identifier: Apache-2.0
#include "attestation/launch/tdx_launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "attestation/launch/page_image.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using crypto::Sha384Digest;

// One measured operation is 128 octets, with a chunk of contents 256 more.
constexpr size_t kBlock = 128;
constexpr size_t kChunk = 256;
constexpr size_t kGpaOffset = 16;
constexpr std::string_view kPageAdd = "MEM.PAGE.ADD";
constexpr std::string_view kExtend = "MR.EXTEND";

// MRTD is one SHA-384 over all operations: 1.5 octets for each of measured
// memory, at most 96 MiB for hostile metadata.
class MrtdHash final {
 public:
  void AddPage(uint64_t gpa) { AppendBlock(kPageAdd, gpa); }

  void ExtendPage(uint64_t gpa, std::span<const uint8_t> page) {
    for (size_t at = 0; at < kPageSize; at += kChunk) {
      AppendBlock(kExtend, gpa + at);
      Append(page.subspan(at, kChunk));
    }
  }

  Sha384Digest Finish() const { return crypto::Sha384(operations_); }

 private:
  void AppendBlock(std::string_view operation, uint64_t gpa) {
    PageImage<kBlock> block;
    block.Put(0, AsBytes(operation));
    block.PutLe(kGpaOffset, gpa);
    Append(block.bytes());
  }
  void Append(std::span<const uint8_t> bytes) {
    operations_.insert(operations_.end(), bytes.begin(), bytes.end());
  }

  Bytes operations_;
};

// The page of a section that begins `offset` octets into it: its data, then
// zeros.
std::array<uint8_t, kPageSize> PageOf(std::span<const uint8_t> data,
                                      uint64_t offset) {
  std::array<uint8_t, kPageSize> page{};
  if (offset < data.size()) {
    const std::span<const uint8_t> rest = data.subspan(offset);
    std::copy_n(rest.begin(), std::min(rest.size(), kPageSize), page.begin());
  }
  return page;
}

void AddSection(const TdvfSection& section, std::span<const uint8_t> data,
                TdxPageOrder order, MrtdHash& hash) {
  const bool interleaved = order == TdxPageOrder::kPageByPage;
  for (uint64_t at = 0; at < section.memory_size; at += kPageSize) {
    hash.AddPage(section.gpa + at);
    if (section.extends_mrtd && interleaved) {
      hash.ExtendPage(section.gpa + at, PageOf(data, at));
    }
  }
  if (!section.extends_mrtd || interleaved) {
    return;
  }
  for (uint64_t at = 0; at < section.memory_size; at += kPageSize) {
    hash.ExtendPage(section.gpa + at, PageOf(data, at));
  }
}

// Names of the variables with the GUIDs of their owners (UEFI 2.10, section
// 3.3): global, or image security database.
constexpr std::array<uint8_t, 16> kGlobalVariable = {
    0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
    0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
constexpr std::array<uint8_t, 16> kImageSecurity = {
    0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45,
    0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f};

// UEFI_VARIABLE_DATA without data: owner, length of the name in characters,
// length of the data, the name in UTF-16.
Sha384Digest UnsetVariable(const std::array<uint8_t, 16>& owner,
                           std::string_view name) {
  Bytes event(owner.begin(), owner.end());
  event.push_back(static_cast<uint8_t>(name.size()));
  event.resize(32);
  for (const char c : name) {
    event.push_back(static_cast<uint8_t>(c));
    event.push_back(0);
  }
  return crypto::Sha384(event);
}

class Rtmr final {
 public:
  void Extend(const Sha384Digest& digest) {
    std::array<uint8_t, 96> both{};
    std::copy(value_.begin(), value_.end(), both.begin());
    std::copy(digest.begin(), digest.end(), both.begin() + 48);
    value_ = crypto::Sha384(both);
  }
  void ExtendSeparator() { Extend(crypto::Sha384(std::array<uint8_t, 4>{})); }
  const Sha384Digest& value() const { return value_; }

 private:
  Sha384Digest value_{};
};

std::string MissingParts(const TdxRtmr0Events& events) {
  std::string missing;
  const auto add = [&](bool there, std::string_view name) {
    if (!there) {
      missing += missing.empty() ? "" : ", ";
      missing += name;
    }
  };
  add(events.td_hob.has_value(), "hand-off table (memory map)");
  add(events.secure_boot.has_value(), "secure boot variables");
  add(events.acpi.has_value(), "ACPI tables");
  add(events.boot_variables.has_value(), "boot variables");
  return missing;
}

}  // namespace

absl::StatusOr<Sha384Digest> PredictTdxMrtd(const OvmfFirmware& firmware,
                                            TdxPageOrder order) {
  if (firmware.tdvf_sections().empty()) {
    return FailedPrecondition(
        "firmware: no TDX metadata, so it cannot start as a trust domain; use "
        "an OVMF built for TDX");
  }
  MrtdHash hash;
  for (const TdvfSection& section : firmware.tdvf_sections()) {
    if (section.augmented) {
      continue;  // TDH.MEM.PAGE.AUG measures nothing
    }
    ASSIGN_OR_RETURN(const std::span<const uint8_t> data,
                     firmware.TdvfSectionData(section));
    AddSection(section, data, order, hash);
  }
  return hash.Finish();
}

absl::StatusOr<Sha384Digest> TdxConfigurationVolumeDigest(
    const OvmfFirmware& firmware) {
  const TdvfSection* volume = nullptr;
  for (const TdvfSection& section : firmware.tdvf_sections()) {
    if (section.type != TdvfSectionType::kConfigurationFirmwareVolume) {
      continue;
    }
    if (volume != nullptr) {
      return InvalidArgument("firmware: two configuration volumes");
    }
    volume = &section;
  }
  if (volume == nullptr) {
    return InvalidArgument("firmware: no configuration volume for TDX");
  }
  ASSIGN_OR_RETURN(const std::span<const uint8_t> data,
                   firmware.TdvfSectionData(*volume));
  return crypto::Sha384(data);
}

std::array<Sha384Digest, 5> UnsetSecureBootDigests() {
  return {UnsetVariable(kGlobalVariable, "SecureBoot"),
          UnsetVariable(kGlobalVariable, "PK"),
          UnsetVariable(kGlobalVariable, "KEK"),
          UnsetVariable(kImageSecurity, "db"),
          UnsetVariable(kImageSecurity, "dbx")};
}

absl::StatusOr<Sha384Digest> PredictTdxRtmr0(const OvmfFirmware& firmware,
                                             const TdxRtmr0Events& events) {
  ASSIGN_OR_RETURN(const Sha384Digest volume,
                   TdxConfigurationVolumeDigest(firmware));
  if (const std::string missing = MissingParts(events); !missing.empty()) {
    return FailedPrecondition(
        fmt::format("RTMR0: known only with the event log of a machine "
                    "of the same shape; missing: {}",
                    missing));
  }
  Rtmr rtmr;
  rtmr.Extend(*events.td_hob);
  rtmr.Extend(volume);
  for (const Sha384Digest& digest : *events.secure_boot) {
    rtmr.Extend(digest);
  }
  rtmr.ExtendSeparator();
  for (const Sha384Digest& digest : *events.acpi) {
    rtmr.Extend(digest);
  }
  for (const Sha384Digest& digest : *events.boot_variables) {
    rtmr.Extend(digest);
  }
  rtmr.ExtendSeparator();
  return rtmr.value();
}

}  // namespace constellation::attestation
