// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_HYPERVISOR_H_
#define CONSTELLATION_COMMON_HYPERVISOR_H_

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <array>
#include <cstring>
#include <string>
#include <string_view>

namespace constellation {

// QEMU without hardware virtualisation: a processor about ten times slower.
inline constexpr std::string_view kQemuEmulation = "TCGTCGTCGTCG";
// Hyper-V, that is Azure.
inline constexpr std::string_view kHyperV = "Microsoft Hv";

// What the hypervisor calls itself to this machine (CPUID leaf 0x40000000), up
// to twelve characters; empty on hardware and on processors without CPUID. The
// host's word: it may lie. In the header alone, for the initrd, which links
// next to nothing.
inline std::string HypervisorSignature() {
#if defined(__x86_64__)
  constexpr unsigned kHypervisorLeaf = 0x40000000;
  constexpr unsigned kHypervisorBit = 1U << 31U;  // of ECX in leaf 1
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 ||
      (ecx & kHypervisorBit) == 0) {
    return "";
  }
  __cpuid(kHypervisorLeaf, eax, ebx, ecx, edx);
  const std::array<unsigned, 3> words = {ebx, ecx, edx};
  std::string signature(sizeof(words), '\0');
  std::memcpy(signature.data(), words.data(), sizeof(words));
  return signature.substr(0, signature.find('\0'));
#else
  return "";
#endif
}

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_HYPERVISOR_H_
