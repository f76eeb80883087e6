// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_SNP_SNP_REPORT_H_
#define CONSTELLATION_ATTESTATION_SNP_SNP_REPORT_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "attestation/snp/snp_tcb.h"

namespace constellation::attestation {

// Octets of an ATTESTATION_REPORT (AMD 56860 "SEV Secure Nested Paging Firmware
// ABI", table ATTESTATION_REPORT), and how many of them are signed.
inline constexpr size_t kSnpReportSize = 1184;
inline constexpr size_t kSnpSignedSize = 0x2a0;

// The launch policy that the guest's owner chose (AMD 56860, GUEST_POLICY).
struct SnpGuestPolicy {
  uint64_t raw = 0;

  uint8_t abi_minor() const { return static_cast<uint8_t>(raw); }
  uint8_t abi_major() const { return static_cast<uint8_t>(raw >> 8U); }
  bool smt_allowed() const { return Bit(16); }
  bool migration_agent_allowed() const { return Bit(18); }
  bool debug_allowed() const { return Bit(19); }
  bool single_socket_only() const { return Bit(20); }
  bool cxl_allowed() const { return Bit(21); }
  bool aes256_xts_required() const { return Bit(22); }
  bool rapl_must_be_off() const { return Bit(23); }
  bool ciphertext_hiding_required() const { return Bit(24); }
  bool page_swap_disabled() const { return Bit(25); }

 private:
  bool Bit(unsigned index) const { return (raw >> index & 1U) != 0; }
};

// What the firmware says of the platform (AMD 56860, PLATFORM_INFO). Other bits
// are kept in `raw`: real Turin reports set bit 6, which is called reserved.
struct SnpPlatformInfo {
  uint64_t raw = 0;

  bool smt_enabled() const { return Bit(0); }
  bool tsme_enabled() const { return Bit(1); }
  bool ecc_enabled() const { return Bit(2); }
  bool rapl_off() const { return Bit(3); }
  bool ciphertext_hiding() const { return Bit(4); }
  bool alias_check_complete() const { return Bit(5); }
  bool tio_enabled() const { return Bit(7); }

 private:
  bool Bit(unsigned index) const { return (raw >> index & 1U) != 0; }
};

// Which key signed a report. Values as in the report.
enum class SnpSigningKey : uint8_t { kVcek = 0, kVlek = 1, kNone = 7 };
// "VCEK", "VLEK", "none" or "reserved (<n>)".
std::string ToString(SnpSigningKey key);

// Family, model and stepping of the processor, combined values.
struct SnpCpuid {
  uint8_t family = 0;
  uint8_t model = 0;
  uint8_t stepping = 0;
};

// A version of the SNP firmware.
struct SnpFirmwareVersion {
  uint8_t major = 0;
  uint8_t minor = 0;
  uint8_t build = 0;

  auto operator<=>(const SnpFirmwareVersion&) const = default;
};
// "1.55.29".
std::string ToString(const SnpFirmwareVersion& version);

// The fields of an SEV-SNP report: anybody's claim until VerifySnp() has
// checked signature, chain and consistency. Value; thread-safe.
struct SnpReportUnverified {
  uint32_t version = 0;
  uint32_t guest_svn = 0;
  SnpGuestPolicy policy;
  std::array<uint8_t, 16> family_id{};
  std::array<uint8_t, 16> image_id{};
  uint32_t vmpl = 0;                 // 0 to 3, or 0xffffffff if the host asked
  uint32_t signature_algorithm = 0;  // 1: ECDSA P-384 with SHA-384
  SnpRawTcb current_tcb{};
  SnpPlatformInfo platform_info;
  bool author_key_enabled = false;
  bool mask_chip_key = false;
  SnpSigningKey signing_key = SnpSigningKey::kVcek;
  std::array<uint8_t, 64> report_data{};
  std::array<uint8_t, 48> measurement{};
  std::array<uint8_t, 32> host_data{};
  std::array<uint8_t, 48> id_key_digest{};
  std::array<uint8_t, 48> author_key_digest{};
  std::array<uint8_t, 32> report_id{};
  std::array<uint8_t, 32> report_id_ma{};  // all ff without migration agent
  SnpRawTcb reported_tcb{};  // the one that the signing key is derived from
  std::optional<SnpCpuid> cpuid;  // from version 3 on
  std::array<uint8_t, 64> chip_id{};
  SnpRawTcb committed_tcb{};
  SnpFirmwareVersion current_version;
  SnpFirmwareVersion committed_version;
  SnpRawTcb launch_tcb{};
  // Vectors of mitigations (version 5; zero before): a bit each.
  uint64_t launch_mitigations = 0;
  uint64_t current_mitigations = 0;
  // Both numbers of the signature, big-endian.
  std::array<uint8_t, 72> signature_r{};
  std::array<uint8_t, 72> signature_s{};

  // Reads versions 2, 3 and 5. Checks layout only: no signature, no policy.
  //
  // INVALID_ARGUMENT naming the field unless `bytes` is exactly 1184 octets, of
  // a known version, with zeros wherever that version has reserved octets or
  // bits, and policy bit 17 set. Bits of platform_info are not judged.
  static absl::StatusOr<SnpReportUnverified> Parse(
      std::span<const uint8_t> bytes);

  // Whether the host's owner hid the chip's identity: all zero.
  bool chip_id_is_masked() const;
};

// The 1184 octets of a report inside the kernel's answer (Linux
// MSG_REPORT_RSP: u32 status, u32 size, 24 reserved octets, report; more octets
// may follow). FAILED_PRECONDITION with the firmware's status if that is not
// 0, INVALID_ARGUMENT if lengths do not fit.
absl::StatusOr<std::span<const uint8_t>> UnwrapSnpReportResponse(
    std::span<const uint8_t> response);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_SNP_SNP_REPORT_H_
