// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_SNP_SNP_TCB_H_
#define CONSTELLATION_ATTESTATION_SNP_SNP_TCB_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace constellation::attestation {

// Families of processors with SEV-SNP. Each has its own root key.
enum class SnpProduct { kMilan, kGenoa, kTurin };

// "Milan", "Genoa" or "Turin".
std::string_view ToString(SnpProduct product);
// The family named at the start of `name`, which may go on with "-" and a
// stepping ("Milan-B0"). Nothing for other names.
std::optional<SnpProduct> SnpProductFromName(std::string_view name);
// The family of a combined CPUID family and model: 0x19 with 0x00-0x0f is
// Milan, with 0x10-0x1f and 0xa0-0xaf Genoa; 0x1a with 0x00-0x11 is Turin.
std::optional<SnpProduct> SnpProductFromCpuid(uint8_t family, uint8_t model);

// The eight octets of a TCB_VERSION as they stand in a report. Their meaning
// depends on the processor.
using SnpRawTcb = std::array<uint8_t, 8>;

// Security patch levels of the firmware's parts. Values are compared part by
// part: there is no order of two levels as a whole.
struct SnpTcb {
  std::optional<uint8_t> fmc;  // Turin only
  uint8_t boot_loader = 0;
  uint8_t tee = 0;
  uint8_t snp = 0;
  uint8_t microcode = 0;

  bool operator==(const SnpTcb&) const = default;
};

// Reads the layout of `product`: Milan and Genoa have boot loader, tee, four
// reserved octets, snp, microcode; Turin has fmc, boot loader, tee, snp, three
// reserved octets, microcode. Reserved octets are left out.
SnpTcb DecodeSnpTcb(const SnpRawTcb& raw, SnpProduct product);
// The inverse, reserved octets zero.
SnpRawTcb EncodeSnpTcb(const SnpTcb& tcb, SnpProduct product);
// Whether the octets that have no meaning for `product` are zero.
bool ReservedTcbOctetsAreZero(const SnpRawTcb& raw, SnpProduct product);
// "boot loader 4, tee 0, snp 24, microcode 219", on Turin with "fmc 1" first.
std::string ToString(const SnpTcb& tcb);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_SNP_SNP_TCB_H_
