// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_LAUNCH_TDX_LAUNCH_H_
#define CONSTELLATION_ATTESTATION_LAUNCH_TDX_LAUNCH_H_

#include <array>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/launch/ovmf.h"
#include "crypto/hash.h"

namespace constellation::attestation {

// In which order the monitor adds and measures the pages of one section.
enum class TdxPageOrder {
  kPageByPage,     // Linux since 6.16 (KVM_TDX_INIT_MEM_REGION)
  kAddThenExtend,  // vendors' kernels before: all pages added, then measured
};

// Predicts MRTD (Intel TDX Module 1.5 Base Architecture, 348549, "Measurement
// of the Initial TD": TDH.MEM.PAGE.ADD and TDH.MR.EXTEND) from the sections of
// the firmware's TDVF descriptor, in its order. Pure; about 1.8 ms per MiB.
//
// FAILED_PRECONDITION if there is no TDX metadata; INVALID_ARGUMENT if a
// section's data lie outside the firmware.
absl::StatusOr<crypto::Sha384Digest> PredictTdxMrtd(
    const OvmfFirmware& firmware,
    TdxPageOrder order = TdxPageOrder::kPageByPage);

// Digest of the event by which the firmware measures its own configuration
// volume into RTMR0 (EV_EFI_PLATFORM_FIRMWARE_BLOB2). INVALID_ARGUMENT unless
// there is exactly one such volume, within the firmware.
absl::StatusOr<crypto::Sha384Digest> TdxConfigurationVolumeDigest(
    const OvmfFirmware& firmware);

// Digests of the five events about secure boot (SecureBoot, PK, KEK, db, dbx)
// when none of these variables is set.
std::array<crypto::Sha384Digest, 5> UnsetSecureBootDigests();

// What else goes into RTMR0. Nothing in firmware or image tells these: take
// them from the event log of a machine of the same shape, and pin them.
struct TdxRtmr0Events {
  // The memory map that the monitor hands over: follows the memory size and
  // the monitor's version (event EV_EFI_HANDOFF_TABLES2 "TdxTable").
  std::optional<crypto::Sha384Digest> td_hob;
  // SecureBoot, PK, KEK, db, dbx; see UnsetSecureBootDigests().
  std::optional<std::array<crypto::Sha384Digest, 5>> secure_boot;
  // Loader script, RSDP and tables that the monitor generates: follow its
  // version, devices and the number of vCPUs (three events "ACPI DATA").
  std::optional<std::array<crypto::Sha384Digest, 3>> acpi;
  // BootOrder and Boot#### in the order of the log: follow the devices.
  std::optional<std::vector<crypto::Sha384Digest>> boot_variables;
};

// RTMR0 of OVMF under QEMU: hand-off table, configuration volume, secure boot,
// separator, ACPI, boot variables, separator.
//
// FAILED_PRECONDITION names every part of `events` that is missing: they are
// never guessed. Otherwise the codes of TdxConfigurationVolumeDigest().
absl::StatusOr<crypto::Sha384Digest> PredictTdxRtmr0(
    const OvmfFirmware& firmware, const TdxRtmr0Events& events);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_LAUNCH_TDX_LAUNCH_H_
