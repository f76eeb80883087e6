// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/platform.h"

#include <fmt/format.h>

#include "common/files.h"
#include "common/status.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxDmiText = 256;
// SMBIOS chassis asset tag of every Azure VM.
constexpr std::string_view kAzureAssetTag = "7783-7084-3265-9085-8269-3286-77";

// One string of SMBIOS, without white space at its end; empty if unreadable.
std::string DmiText(const PlatformPaths& paths, std::string_view name) {
  std::string text =
      ReadFile(fmt::format("{}/{}", paths.dmi_folder, name), kMaxDmiText)
          .value_or("");
  text.erase(text.find_last_not_of(" \n\r\t") + 1);
  return text;
}

}  // namespace

std::string_view ToString(CloudKind cloud) {
  switch (cloud) {
    case CloudKind::kAws:
      return "AWS";
    case CloudKind::kAzure:
      return "Azure";
    case CloudKind::kGcp:
      return "GCP";
    case CloudKind::kOpenStack:
      return "OpenStack";
    case CloudKind::kQemu:
      return "QEMU";
  }
  return "unknown";
}

// By SMBIOS, which the hypervisor writes: it decides only where evidence is
// sought, never what it is worth.
absl::StatusOr<CloudKind> DetectCloud(const PlatformPaths& paths) {
  const std::string vendor = DmiText(paths, "sys_vendor");
  const std::string product = DmiText(paths, "product_name");
  if (DmiText(paths, "chassis_asset_tag") == kAzureAssetTag) {
    return CloudKind::kAzure;
  }
  if (vendor == "Amazon EC2") {
    return CloudKind::kAws;
  }
  if (vendor == "Google" || product == "Google Compute Engine") {
    return CloudKind::kGcp;
  }
  // OpenStack's compute service names itself, above QEMU.
  if (vendor.starts_with("OpenStack") || product.starts_with("OpenStack")) {
    return CloudKind::kOpenStack;
  }
  if (vendor == "QEMU") {
    return CloudKind::kQemu;
  }
  return NotFound(
      fmt::format("platform: want a known cloud in {}, got neither vendor nor "
                  "product that is one",
                  paths.dmi_folder));
}

// The drivers' devices first: they need no mounted configfs.
std::optional<HardwareKind> DetectHardware(const PlatformPaths& paths) {
  if (FileExists(paths.sev_guest)) {
    return HardwareKind::kSnp;
  }
  if (FileExists(paths.tdx_guest)) {
    return HardwareKind::kTdx;
  }
  if (!FileExists(paths.tsm_folder)) {
    return std::nullopt;
  }
  const absl::StatusOr<HardwareKind> kind =
      TsmReportProvider({.folder = paths.tsm_folder, .attempts = 1}).Kind();
  return kind.ok() ? std::make_optional(*kind) : std::nullopt;
}

// AWS has no TDX: such a machine is one with NitroTPM.
std::string_view VariantOf(CloudKind cloud,
                           std::optional<HardwareKind> hardware) {
  struct Names {
    std::string_view snp, tdx, vtpm;
  };
  const Names names = [cloud]() -> Names {
    switch (cloud) {
      case CloudKind::kAws:
        return {"aws-sev-snp", "aws-nitro-tpm", "aws-nitro-tpm"};
      case CloudKind::kAzure:
        return {"azure-sev-snp", "azure-tdx", "azure-trustedlaunch"};
      case CloudKind::kGcp:
        return {"gcp-sev-snp", "gcp-tdx", "gcp-sev-es"};
      case CloudKind::kOpenStack:
        return {"openstack-sev-snp", "openstack-tdx", "qemu-vtpm"};
      case CloudKind::kQemu:
        break;
    }
    return {"qemu-sev-snp", "qemu-tdx", "qemu-vtpm"};
  }();
  if (!hardware.has_value()) {
    return names.vtpm;
  }
  return *hardware == HardwareKind::kSnp ? names.snp : names.tdx;
}

}  // namespace constellation::attestation
