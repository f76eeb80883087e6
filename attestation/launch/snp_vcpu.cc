// SPDX-License-Identifier: Apache-2.0
// Virtual processors: their types, and the state in which they start.
#include <fmt/format.h>

#include "attestation/launch/page_image.h"
#include "attestation/launch/snp_launch.h"
#include "common/status.h"

namespace constellation::attestation {
namespace {

struct VcpuType {
  std::string_view name;
  uint32_t family;
  uint32_t model;
  uint32_t stepping;
};

// QEMU's models; versions of one model share family, model and stepping.
constexpr VcpuType kVcpuTypes[] = {
    {"EPYC", 0x17, 0x01, 2},       {"EPYC-IBPB", 0x17, 0x01, 2},
    {"EPYC-Rome", 0x17, 0x31, 0},  {"EPYC-Milan", 0x19, 0x01, 1},
    {"EPYC-Genoa", 0x19, 0x11, 0}, {"EPYC-Turin", 0x1a, 0x00, 0},
};

// "EPYC-Milan-v2" is a version of "EPYC-Milan".
bool IsVersionOf(std::string_view type, std::string_view model) {
  if (!type.starts_with(model)) {
    return false;
  }
  const std::string_view rest = type.substr(model.size());
  return rest.empty() || (rest.size() == 3 && rest.starts_with("-v") &&
                          rest[2] >= '1' && rest[2] <= '9');
}

// Segments of the VMSA (AMD 24593, table B-4), in this order.
enum Segment : uint8_t {
  kEs,
  kCs,
  kSs,
  kDs,
  kFs,
  kGs,
  kGdtr,
  kLdtr,
  kIdtr,
  kTr
};

struct SegmentState {
  uint16_t selector = 0;
  uint16_t attributes = 0;
  uint32_t base = 0;
};

void PutSegment(Segment which, const SegmentState& state,
                PageImage<kPageSize>& page) {
  const size_t at = size_t{16} * which;
  page.PutLe(at, state.selector);
  page.PutLe(at + 2, state.attributes);
  page.PutLe<uint32_t>(at + 4, 0xffff);
  page.PutLe<uint64_t>(at + 8, state.base);
}

struct VmmState {
  uint16_t cs_attributes;
  uint16_t ss_attributes;
  uint16_t tr_attributes;
  uint64_t g_pat;
  uint64_t rdx;
  uint32_t mxcsr;
  uint16_t x87_control;
};

// What differs between monitors. EC2 gives the first processor an unaccessed
// code segment.
VmmState StateOf(const SnpLaunchOptions& options, bool boots) {
  constexpr uint64_t kResetPat = 0x0007040600070406;
  switch (options.vmm) {
    case SnpVmm::kQemu:
      return {0x9b,   0x93, 0x8b, kResetPat, options.cpu_signature,
              0x1f80, 0x37f};
    case SnpVmm::kEc2:
      return {static_cast<uint16_t>(boots ? 0x9a : 0x9b),
              0x92,
              0x83,
              kResetPat,
              0x600,
              0,
              0};
    case SnpVmm::kGce:
      break;
  }
  return {0x9b, 0x93, 0x8b, 0x00070106, 0x600, 0, 0};
}

void PutSegments(const VmmState& state, uint32_t eip,
                 PageImage<kPageSize>& page) {
  for (const Segment data : {kEs, kDs, kFs, kGs}) {
    PutSegment(data, {.attributes = 0x93}, page);
  }
  PutSegment(kCs,
             {.selector = 0xf000,
              .attributes = state.cs_attributes,
              .base = eip & 0xffff0000},
             page);
  PutSegment(kSs, {.attributes = state.ss_attributes}, page);
  PutSegment(kGdtr, {}, page);
  PutSegment(kIdtr, {}, page);
  PutSegment(kLdtr, {.attributes = 0x82}, page);
  PutSegment(kTr, {.attributes = state.tr_attributes}, page);
}

}  // namespace

uint32_t CpuSignature(uint32_t family, uint32_t model, uint32_t stepping) {
  // A base family of 15 means: add the extended family (AMD 24594, CPUID).
  const uint32_t base = family > 0xf ? 0xf : family;
  return (family - base) << 20U | (model >> 4U & 0xfU) << 16U | base << 8U |
         (model & 0xfU) << 4U | (stepping & 0xfU);
}

absl::StatusOr<uint32_t> CpuSignatureOfVcpuType(std::string_view type) {
  for (const VcpuType& known : kVcpuTypes) {
    if (IsVersionOf(type, known.name)) {
      return CpuSignature(known.family, known.model, known.stepping);
    }
  }
  std::string names;
  for (const VcpuType& known : kVcpuTypes) {
    names += fmt::format(" {}", known.name);
  }
  return InvalidArgument(fmt::format(
      "vCPU type \"{}\": not known; want one of{}, with or without -v1 to -v9",
      type, names));
}

Bytes SnpVmsaPage(const SnpLaunchOptions& options, uint32_t eip, bool boots) {
  const VmmState state = StateOf(options, boots);
  PageImage<kPageSize> page;
  PutSegments(state, eip, page);
  page.PutLe<uint64_t>(0x0d0, 0x1000);      // EFER.SVME
  page.PutLe<uint64_t>(0x148, 0x40);        // CR4.MCE
  page.PutLe<uint64_t>(0x158, 0x10);        // CR0.ET
  page.PutLe<uint64_t>(0x160, 0x400);       // DR7
  page.PutLe<uint64_t>(0x168, 0xffff0ff0);  // DR6
  page.PutLe<uint64_t>(0x170, 0x2);         // RFLAGS
  page.PutLe<uint64_t>(0x178, eip & 0xffff);
  page.PutLe(0x268, state.g_pat);
  page.PutLe(0x310, state.rdx);
  page.PutLe(0x3b0, options.sev_features);
  page.PutLe<uint64_t>(0x3e8, 1);  // XCR0: x87
  page.PutLe(0x408, state.mxcsr);
  page.PutLe(0x410, state.x87_control);
  return {page.bytes().begin(), page.bytes().end()};
}

}  // namespace constellation::attestation
