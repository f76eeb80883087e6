// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_POLICY_LAYER_EVIDENCE_H_
#define CONSTELLATION_ATTESTATION_POLICY_LAYER_EVIDENCE_H_

#include <cstdint>
#include <span>

#include "attestation/evidence.h"
#include "attestation/policy/layers.h"
#include "attestation/policy/variants.h"
#include "common/hex.h"

namespace constellation::attestation {

// Our own evidence in the form that the layers read, with what each of them
// must be bound to. Refers to the evidence, which must outlive it. Not movable.
class LayerEvidence final {
 public:
  LayerEvidence(const Evidence& evidence, std::span<const uint8_t> user_data);
  LayerEvidence(const LayerEvidence&) = delete;
  LayerEvidence& operator=(const LayerEvidence&) = delete;

  const LayerEvidenceUnverified& view() const { return view_; }

 private:
  LayerEvidenceUnverified view_;
};

// Whether a layer of `variant` reads an endorsement that begins as `octets` do:
// certificates, and a TD quote or a COSE document where there may be one.
bool IsReadEndorsement(const Variant& variant, std::span<const uint8_t> octets);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_POLICY_LAYER_EVIDENCE_H_
