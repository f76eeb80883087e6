// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_EVIDENCE_CONVERSION_H_
#define CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_EVIDENCE_CONVERSION_H_

#include "absl/status/statusor.h"
#include "attestation/channel/handshake_core.h"
#include "attestation/evidence.h"
#include "proto/attestation.pb.h"

namespace constellation::attestation {

// Between evidence and its wire form. Reading checks sizes and counts
// (INVALID_ARGUMENT): TPM structures 4 KiB, certificates 16 KiB and at most 8,
// event log 1 MiB, CC event log 256 KiB, hardware report 64 KiB, at most 24
// PCRs in ascending order. Nothing is verified.
v1::Evidence EvidenceToProto(const Evidence& evidence);
absl::StatusOr<Evidence> EvidenceFromProto(const v1::Evidence& proto);

v1::AttestationMessage MessageToProto(const HandshakeMessage& message);
absl::StatusOr<HandshakeMessage> MessageFromProto(
    const v1::AttestationMessage& proto);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_EVIDENCE_CONVERSION_H_
