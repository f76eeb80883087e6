// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_LAUNCH_SNP_LAUNCH_H_
#define CONSTELLATION_ATTESTATION_LAUNCH_SNP_LAUNCH_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/launch/ovmf.h"
#include "common/hex.h"
#include "crypto/hash.h"

namespace constellation::attestation {

// Whose virtual machine monitor starts the guest: each sets up processors and
// memory in its own way.
enum class SnpVmm { kQemu, kEc2, kGce };

// "qemu", "ec2", "gce". INVALID_ARGUMENT otherwise.
absl::StatusOr<SnpVmm> ParseSnpVmm(std::string_view text);

// More than any machine has; bounds the work.
inline constexpr uint32_t kMaxVcpus = 4096;

// VMSA.SEV_FEATURES (AMD 24593, 15.34): bit 0 says SNP.
inline constexpr uint64_t kSevFeatureSnpActive = 1;

// The digests of what the monitor boots directly.
struct DirectBootHashes {
  crypto::Sha256Digest kernel{};
  crypto::Sha256Digest initrd{};
  crypto::Sha256Digest command_line{};
};

// Hashes the files, an absent initrd as an empty one; the command line with
// the NUL behind it.
DirectBootHashes HashDirectBoot(std::span<const uint8_t> kernel,
                                std::span<const uint8_t> initrd,
                                std::string_view command_line);

// How a guest is started.
struct SnpLaunchOptions {
  SnpVmm vmm = SnpVmm::kQemu;
  uint32_t vcpus = 1;
  // CPUID Fn0000_0001_EAX of the virtual processors, see
  // CpuSignatureOfVcpuType(). Only QEMU shows it in the measured state.
  uint32_t cpu_signature = 0;
  uint64_t sev_features = kSevFeatureSnpActive;
  // Nothing: the firmware boots from a disk.
  std::optional<DirectBootHashes> direct_boot;
  // Replaces the digest over the pages of the firmware, for who knows it but
  // not all of the firmware; the tables still come from the latter.
  std::optional<crypto::Sha384Digest> firmware_digest;
};

// CPUID Fn0000_0001_EAX for a processor model of QEMU, with or without its
// version: EPYC, EPYC-v4, EPYC-Rome, EPYC-Milan, EPYC-Genoa, EPYC-Turin, ...
// INVALID_ARGUMENT names the known ones.
absl::StatusOr<uint32_t> CpuSignatureOfVcpuType(std::string_view type);

// CPUID Fn0000_0001_EAX of family and model (both combined) and stepping.
uint32_t CpuSignature(uint32_t family, uint32_t model, uint32_t stepping);

// The launch digest after the firmware's own pages: what may be given as
// SnpLaunchOptions::firmware_digest.
crypto::Sha384Digest SnpFirmwareDigest(const OvmfFirmware& firmware);

// Predicts MEASUREMENT of the guest's attestation reports (AMD 56860,
// SNP_LAUNCH_UPDATE: page info): pages of the firmware, sections of its SEV
// metadata in order, one VMSA for each processor. Pure; about 1.2 ms per MiB of
// firmware.
//
// INVALID_ARGUMENT for no or more than kMaxVcpus processors, QEMU without a CPU
// signature, or features without SNP; FAILED_PRECONDITION if the firmware has
// no SEV metadata, cannot start more than one processor, or is given a kernel
// that it would not check (the monitor would boot it unmeasured).
absl::StatusOr<crypto::Sha384Digest> PredictSnpLaunchDigest(
    const OvmfFirmware& firmware, const SnpLaunchOptions& options);

// The measured page of a processor's state (VMSA); `eip` is where it starts.
Bytes SnpVmsaPage(const SnpLaunchOptions& options, uint32_t eip, bool boots);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_LAUNCH_SNP_LAUNCH_H_
