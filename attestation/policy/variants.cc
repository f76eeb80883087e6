// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/variants.h"

#include "attestation/policy/policy.h"

namespace constellation::attestation {
namespace {

// qemu-vtpm: a swtpm beside the VM that the owner made and pinned. A vTPM that
// a cloud's hypervisor owns, without CPU evidence, would say
// "hypervisor-trusting" instead (docs/formats/policy.md).
constexpr Variant kVariants[] = {
    {.name = kVariantQemuVtpm, .rests_on = "simulated"}};

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
