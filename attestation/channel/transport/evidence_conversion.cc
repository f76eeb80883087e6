// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/transport/evidence_conversion.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxTpmStructure = 4096;
constexpr size_t kMaxCertificate = 16384;
constexpr int kMaxEndorsements = 8;
constexpr size_t kMaxEventLog = size_t{1} << 20U;
constexpr size_t kMaxHardwareReport = 65536;
constexpr size_t kMaxCcEventLog = size_t{256} << 10U;
constexpr size_t kMaxVariant = 64;
constexpr uint32_t kPcrCount = 24;

// Protocol buffers keep octets in strings.
std::string ToString(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

// Bounds per field, below the message's own: each parser behind it sees no more
// than its structure can have.
absl::StatusOr<Bytes> Limited(std::string_view name, const std::string& value,
                              size_t limit) {
  if (value.size() > limit) {
    return InvalidArgument(
        fmt::format("evidence: {}: want at most {} octets, got {}", name, limit,
                    value.size()));
  }
  return Bytes(value.begin(), value.end());
}

// Ascending and each once, as quoted: another order would be another reading of
// the same quote.
absl::StatusOr<std::vector<PcrValue>> PcrsFromProto(
    const v1::TpmEvidence& proto) {
  std::vector<PcrValue> pcrs;
  for (const v1::PcrValue& pcr : proto.pcrs()) {
    if (pcr.index() >= kPcrCount ||
        (!pcrs.empty() && pcr.index() <= pcrs.back().index)) {
      return InvalidArgument(
          fmt::format("evidence: PCRs: want ascending indices below {}, got {}",
                      kPcrCount, pcr.index()));
    }
    PcrValue value{.index = pcr.index(), .sha256 = {}};
    if (pcr.sha256().size() != value.sha256.size()) {
      return InvalidArgument(
          fmt::format("evidence: PCR {}: want {} octets, got {}", pcr.index(),
                      value.sha256.size(), pcr.sha256().size()));
    }
    std::ranges::copy(AsBytes(pcr.sha256()), value.sha256.begin());
    pcrs.push_back(value);
  }
  return pcrs;
}

}  // namespace

v1::Evidence EvidenceToProto(const Evidence& evidence) {
  v1::Evidence proto;
  proto.set_variant(evidence.variant);
  v1::TpmEvidence& tpm = *proto.mutable_tpm();
  tpm.set_attest(ToString(evidence.tpm.attest));
  tpm.set_signature(ToString(evidence.tpm.signature));
  tpm.set_ak_public(ToString(evidence.tpm.ak_public));
  tpm.set_ek_certificate(ToString(evidence.tpm.ek_certificate));
  tpm.set_event_log(ToString(evidence.tpm.event_log));
  for (const PcrValue& pcr : evidence.tpm.pcrs) {
    v1::PcrValue& value = *tpm.add_pcrs();
    value.set_index(pcr.index);
    value.set_sha256(std::string(AsText(pcr.sha256)));
  }
  proto.set_hardware_report(ToString(evidence.hardware_report));
  for (const Bytes& endorsement : evidence.endorsements) {
    proto.add_endorsements(ToString(endorsement));
  }
  proto.set_cc_event_log(ToString(evidence.cc_event_log));
  return proto;
}

// Shape only; what it says is for Appraise().
absl::StatusOr<Evidence> EvidenceFromProto(const v1::Evidence& proto) {
  Evidence evidence;
  if (proto.variant().size() > kMaxVariant) {
    return InvalidArgument(
        fmt::format("evidence: variant: want at most {} characters, got {}",
                    kMaxVariant, proto.variant().size()));
  }
  evidence.variant = proto.variant();
  const v1::TpmEvidence& tpm = proto.tpm();
  ASSIGN_OR_RETURN(evidence.tpm.attest,
                   Limited("attest", tpm.attest(), kMaxTpmStructure));
  ASSIGN_OR_RETURN(evidence.tpm.signature,
                   Limited("signature", tpm.signature(), kMaxTpmStructure));
  ASSIGN_OR_RETURN(evidence.tpm.ak_public,
                   Limited("ak_public", tpm.ak_public(), kMaxTpmStructure));
  ASSIGN_OR_RETURN(
      evidence.tpm.ek_certificate,
      Limited("ek_certificate", tpm.ek_certificate(), kMaxCertificate));
  ASSIGN_OR_RETURN(evidence.tpm.event_log,
                   Limited("event_log", tpm.event_log(), kMaxEventLog));
  ASSIGN_OR_RETURN(evidence.tpm.pcrs, PcrsFromProto(tpm));
  ASSIGN_OR_RETURN(
      evidence.hardware_report,
      Limited("hardware_report", proto.hardware_report(), kMaxHardwareReport));
  ASSIGN_OR_RETURN(
      evidence.cc_event_log,
      Limited("cc_event_log", proto.cc_event_log(), kMaxCcEventLog));
  if (proto.endorsements_size() > kMaxEndorsements) {
    return InvalidArgument(
        fmt::format("evidence: endorsements: want at most {}, got {}",
                    kMaxEndorsements, proto.endorsements_size()));
  }
  for (const std::string& endorsement : proto.endorsements()) {
    ASSIGN_OR_RETURN(Bytes certificate,
                     Limited("endorsement", endorsement, kMaxCertificate));
    evidence.endorsements.push_back(std::move(certificate));
  }
  return evidence;
}

v1::AttestationMessage MessageToProto(const HandshakeMessage& message) {
  v1::AttestationMessage proto;
  proto.set_nonce(ToString(message.nonce));
  if (message.evidence.has_value()) {
    *proto.mutable_evidence() = EvidenceToProto(*message.evidence);
  }
  return proto;
}

// A nonce of another length than kNonceSize is refused where it is used.
absl::StatusOr<HandshakeMessage> MessageFromProto(
    const v1::AttestationMessage& proto) {
  HandshakeMessage message;
  ASSIGN_OR_RETURN(message.nonce, Limited("nonce", proto.nonce(), kNonceSize));
  if (proto.has_evidence()) {
    ASSIGN_OR_RETURN(message.evidence, EvidenceFromProto(proto.evidence()));
  }
  return message;
}

}  // namespace constellation::attestation
