// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/snp_tcb.h"

#include <fmt/format.h>

namespace constellation::attestation {

std::string_view ToString(SnpProduct product) {
  switch (product) {
    case SnpProduct::kMilan:
      return "Milan";
    case SnpProduct::kGenoa:
      return "Genoa";
    case SnpProduct::kTurin:
      return "Turin";
  }
  return "unknown";
}

// Certificates name a stepping ("Milan-B0"), CAs the family alone. "Milano" is
// neither.
std::optional<SnpProduct> SnpProductFromName(std::string_view name) {
  for (const SnpProduct product :
       {SnpProduct::kMilan, SnpProduct::kGenoa, SnpProduct::kTurin}) {
    const std::string_view family = ToString(product);
    if (name.starts_with(family) &&
        (name.size() == family.size() || name[family.size()] == '-')) {
      return product;
    }
  }
  return std::nullopt;
}

// Family 0x19 also has client processors (models 0x20 and above but 0xa0-0xaf),
// which have no SEV-SNP: they give no product.
std::optional<SnpProduct> SnpProductFromCpuid(uint8_t family, uint8_t model) {
  if (family == 0x19) {
    if (model <= 0x0f) {
      return SnpProduct::kMilan;
    }
    if (model <= 0x1f || (model >= 0xa0 && model <= 0xaf)) {
      return SnpProduct::kGenoa;
    }
  }
  if (family == 0x1a && model <= 0x11) {
    return SnpProduct::kTurin;
  }
  return std::nullopt;
}

// Turin moved the parts (AMD 56860, TCB_VERSION): reading a level with the
// wrong layout would compare different parts.
SnpTcb DecodeSnpTcb(const SnpRawTcb& raw, SnpProduct product) {
  if (product == SnpProduct::kTurin) {
    return {.fmc = raw[0],
            .boot_loader = raw[1],
            .tee = raw[2],
            .snp = raw[3],
            .microcode = raw[7]};
  }
  return {.fmc = std::nullopt,
          .boot_loader = raw[0],
          .tee = raw[1],
          .snp = raw[6],
          .microcode = raw[7]};
}

SnpRawTcb EncodeSnpTcb(const SnpTcb& tcb, SnpProduct product) {
  if (product == SnpProduct::kTurin) {
    return {tcb.fmc.value_or(0), tcb.boot_loader, tcb.tee, tcb.snp, 0, 0, 0,
            tcb.microcode};
  }
  return {tcb.boot_loader, tcb.tee, 0, 0, 0, 0, tcb.snp, tcb.microcode};
}

bool ReservedTcbOctetsAreZero(const SnpRawTcb& raw, SnpProduct product) {
  return EncodeSnpTcb(DecodeSnpTcb(raw, product), product) == raw;
}

std::string ToString(const SnpTcb& tcb) {
  return fmt::format(
      "{}boot loader {}, tee {}, snp {}, microcode {}",
      tcb.fmc.has_value() ? fmt::format("fmc {}, ", *tcb.fmc) : std::string(),
      tcb.boot_loader, tcb.tee, tcb.snp, tcb.microcode);
}

}  // namespace constellation::attestation
