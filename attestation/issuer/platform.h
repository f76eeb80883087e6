// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_ISSUER_PLATFORM_H_
#define CONSTELLATION_ATTESTATION_ISSUER_PLATFORM_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "attestation/collateral/vendor_endpoints.h"
#include "attestation/issuer/guest_device.h"
#include "attestation/issuer/hardware_report.h"
#include "attestation/issuer/tsm_report_provider.h"
#include "attestation/tpm/tpm_attester.h"
#include "attestation/tpm/tpm_device.h"

namespace constellation::attestation {

// Where this machine shows what it is. For tests.
struct PlatformPaths {
  std::string dmi_folder = "/sys/class/dmi/id";
  std::string tsm_folder = kTsmReportFolder;
  std::string sev_guest = kSevGuestDevice;
  std::string tdx_guest = kTdxGuestDevice;
  std::string event_log = kNodeEventLog;
  std::string ccel = "/sys/firmware/acpi/tables/data/CCEL";
  std::string tcti = kNodeTcti;
  std::string azure_metadata = kAzureMetadataEndpoint;
};

// Whose machine this is.
enum class CloudKind { kAws, kAzure, kGcp, kOpenStack, kQemu };

// "AWS", "Azure", "GCP", "OpenStack", "QEMU".
std::string_view ToString(CloudKind cloud);

// Reads the machine's SMBIOS strings. They are the hypervisor's claim, which is
// good enough to choose how evidence is made: whether it is accepted is the
// verifier's policy's decision. NOT_FOUND for a machine that is not known.
absl::StatusOr<CloudKind> DetectCloud(const PlatformPaths& paths);

// The CPU technology that a guest driver offers; nothing if there is none, as
// in an ordinary VM or below Azure's paravisor.
std::optional<HardwareKind> DetectHardware(const PlatformPaths& paths);

// Name of evidence made there, e.g. "aws-sev-snp", "gcp-tdx", "qemu-vtpm".
std::string_view VariantOf(CloudKind cloud,
                           std::optional<HardwareKind> hardware);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_ISSUER_PLATFORM_H_
