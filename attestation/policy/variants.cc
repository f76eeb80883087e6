// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/variants.h"

#include "attestation/policy/policy.h"

namespace constellation::attestation {
namespace {

// qemu-vtpm: a swtpm beside the VM that the owner made and pinned. On clouds
// but Azure the vTPM belongs to the hypervisor; only where CPU evidence covers
// the image itself (RTMRs, kernel hashes in the launch digest) nobody has to be
// trusted for it: docs/formats/policy.md.
constexpr Variant kVariants[] = {
    {.name = kVariantQemuVtpm, .rests_on = kSimulated, .enrolled_only = true},
    {.name = "aws-nitro-tpm",
     .rests_on = kHypervisorTrusting,
     .cloud = CloudLayer::kNitroTpm,
     .cloud_required = true},
    {.name = "aws-sev-snp",
     .rests_on = kHypervisorTrusting,
     .cpu = CpuLayer::kSnp,
     .cloud = CloudLayer::kNitroTpm},
    {.name = "azure-sev-snp",
     .rests_on = kParavisorRooted,
     .cpu = CpuLayer::kSnp,
     .cloud = CloudLayer::kAzure,
     .cloud_required = true},
    {.name = "azure-tdx",
     .rests_on = kParavisorRooted,
     .cpu = CpuLayer::kTdx,
     .cloud = CloudLayer::kAzure,
     .cloud_required = true},
    {.name = "azure-trustedlaunch",
     .rests_on = kHypervisorTrusting,
     .enrolled_only = true},
    {.name = "gcp-sev-es",
     .rests_on = kHypervisorTrusting,
     .cloud = CloudLayer::kGcp,
     .cloud_required = true},
    {.name = "gcp-sev-snp",
     .rests_on = kHypervisorTrusting,
     .cpu = CpuLayer::kSnp,
     .cloud = CloudLayer::kGcp,
     .cloud_required = true},
    {.name = "gcp-tdx",
     .rests_on = kHardwareRooted,
     .cpu = CpuLayer::kTdx,
     .cloud = CloudLayer::kGcp,
     .cloud_required = true},
    {.name = "openstack-sev-snp",
     .rests_on = kHardwareRooted,
     .cpu = CpuLayer::kSnp},
    {.name = "openstack-tdx",
     .rests_on = kHardwareRooted,
     .cpu = CpuLayer::kTdx},
    {.name = "qemu-sev-snp",
     .rests_on = kHardwareRooted,
     .cpu = CpuLayer::kSnp},
    {.name = "qemu-tdx", .rests_on = kHardwareRooted, .cpu = CpuLayer::kTdx},
    {.name = "aws-nitro-enclave",
     .rests_on = kHypervisorTrusting,
     .cloud = CloudLayer::kNitroEnclave,
     .cloud_required = true,
     .has_tpm = false},
    {.name = "intel-sgx",
     .rests_on = kHardwareRooted,
     .cpu = CpuLayer::kSgx,
     .has_tpm = false}};

}  // namespace

const Variant* FindVariant(std::string_view name) {
  for (const Variant& variant : kVariants) {
    if (variant.name == name) {
      return &variant;
    }
  }
  return nullptr;
}

std::vector<std::string_view> VariantNames() {
  std::vector<std::string_view> names;
  for (const Variant& variant : kVariants) {
    names.push_back(variant.name);
  }
  return names;
}

}  // namespace constellation::attestation
