// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_LAUNCH_OVMF_H_
#define CONSTELLATION_ATTESTATION_LAUNCH_OVMF_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace constellation::attestation {

// Guest firmware lies below 4 GiB and ends there.
inline constexpr uint64_t kFirmwareEnd = uint64_t{1} << 32U;
inline constexpr size_t kPageSize = 4096;
// More than any firmware in use (OVMF: 2 or 4 MiB).
inline constexpr size_t kMaxFirmwareSize = size_t{16} << 20U;

// Bounds the work that hostile metadata can cause: real firmware has less than
// 256 KiB of such memory beside itself.
inline constexpr uint64_t kMaxPreparedMemory = uint64_t{64} << 20U;

// What the hypervisor does with a range of guest memory before launch (OVMF,
// OvmfPkg/ResetVector: OvmfSevMetadata). The numbers are those of the file.
enum class SevSectionType : uint32_t {
  kSecMemory = 1,
  kSecrets = 2,
  kCpuid = 3,
  kSvsmCaa = 4,
  kKernelHashes = 0x10,
};

// A range in SEV metadata: page-aligned, not empty, below 4 GiB. All ranges
// together are at most kMaxPreparedMemory.
struct SevSection {
  uint32_t gpa = 0;
  uint32_t size = 0;  // octets
  SevSectionType type{};
};

// Section types of the TDVF descriptor (Intel TDX Virtual Firmware Design
// Guide, 344991-004, section 11.2).
enum class TdvfSectionType : uint32_t {
  kBootFirmwareVolume = 0,
  kConfigurationFirmwareVolume = 1,
  kTdHob = 2,
  kTempMemory = 3,
  kPermMemory = 4,
  kPayload = 5,
  kPayloadParameter = 6,
};

// A range in TDX metadata; address and memory size are page-aligned. Whether
// its data lie within the firmware is for TdvfSectionData() to check.
struct TdvfSection {
  uint32_t data_offset = 0;  // into the firmware
  uint32_t data_size = 0;    // 0: memory without contents
  uint64_t gpa = 0;
  uint64_t memory_size = 0;
  TdvfSectionType type{};
  bool extends_mrtd = false;  // attribute MR.EXTEND
  bool augmented = false;     // attribute PAGE.AUG: added after launch
};

// Where firmware wants the hashes of kernel, initrd and command line.
struct KernelHashTable {
  uint32_t gpa = 0;
  uint32_t size = 0;  // octets
};

// The tables that firmware carries for the hypervisor: a list of {data, size,
// GUID} read backwards from 32 octets before its end. Refers to the bytes that
// it was made of, which must outlive it. Immutable; thread-safe.
//
// Nothing here is authenticated: whoever chooses the firmware chooses the
// measurement, and a policy pins the latter.
class OvmfFirmware final {
 public:
  // Parses hostile bytes. INVALID_ARGUMENT if the size is not a multiple of 4
  // KiB up to kMaxFirmwareSize, there is no footer, a table reaches beyond its
  // container, an entry appears twice, a known entry has another size or
  // version, or a section is unknown, unaligned or beyond its memory. Unknown
  // entries are skipped.
  static absl::StatusOr<OvmfFirmware> Parse(std::span<const uint8_t> bytes);

  std::span<const uint8_t> bytes() const { return bytes_; }
  // Guest physical address of the first octet.
  uint64_t gpa() const { return kFirmwareEnd - bytes_.size(); }
  // EIP at which application processors start, when SEV-ES or later is on.
  std::optional<uint32_t> ap_reset_eip() const { return ap_reset_eip_; }
  // Nothing if absent, or present with address and size zero (a build that
  // takes no hashes).
  std::optional<KernelHashTable> kernel_hash_table() const {
    return kernel_hash_table_;
  }
  // In the order of the table; empty if the firmware has no SEV metadata.
  const std::vector<SevSection>& sev_sections() const { return sev_sections_; }
  // In the order of the table; empty if it has no TDX metadata.
  const std::vector<TdvfSection>& tdvf_sections() const {
    return tdvf_sections_;
  }
  // The octets that `section` of this firmware loads; may be empty.
  // INVALID_ARGUMENT if they lie outside the firmware.
  absl::StatusOr<std::span<const uint8_t>> TdvfSectionData(
      const TdvfSection& section) const;

 private:
  OvmfFirmware() = default;
  absl::Status ParseFooter();
  absl::Status ParseEntry(std::span<const uint8_t> guid,
                          std::span<const uint8_t> data);
  absl::Status ParseKernelHashes(std::span<const uint8_t> entry);
  absl::StatusOr<std::span<const uint8_t>> FromEnd(
      std::span<const uint8_t> entry, std::string_view what) const;
  absl::Status ParseSevMetadata(std::span<const uint8_t> entry);
  absl::Status ParseTdvfMetadata(std::span<const uint8_t> entry);

  std::span<const uint8_t> bytes_;
  std::optional<uint32_t> ap_reset_eip_;
  std::optional<KernelHashTable> kernel_hash_table_;
  std::vector<SevSection> sev_sections_;
  std::vector<TdvfSection> tdvf_sections_;
  std::vector<std::span<const uint8_t>> seen_;  // GUIDs, while parsing
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_LAUNCH_OVMF_H_
