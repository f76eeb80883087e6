// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/layer_evidence.h"

#include "attestation/layer_binding.h"
#include "attestation/tpm/quote.h"
#include "attestation/tpm/tpm_structures.h"

namespace constellation::attestation {

// The three bindings of docs/formats/evidence-binding.md: the quote's nonce
// covers user data with the report, the report data cover key, registers and
// user data, and the document carries the user data as they are.
LayerEvidence::LayerEvidence(const Evidence& evidence,
                             std::span<const uint8_t> user_data) {
  view_.hardware_report = evidence.hardware_report;
  view_.endorsements.assign(evidence.endorsements.begin(),
                            evidence.endorsements.end());
  view_.event_log = evidence.tpm.event_log;
  view_.quote = {.attest = evidence.tpm.attest,
                 .signature = evidence.tpm.signature,
                 .ak = evidence.tpm.ak_public,
                 .bank = kTpmAlgSha256,
                 .registers = {}};
  for (const PcrValue& pcr : evidence.tpm.pcrs) {
    view_.quote.registers.push_back({.index = pcr.index, .value = pcr.sha256});
  }
  const crypto::Sha256Digest nonce =
      QuoteQualifyingData(user_data, evidence.hardware_report);
  view_.nonce.assign(nonce.begin(), nonce.end());
  view_.document_user_data = Bytes(user_data.begin(), user_data.end());
  // Never left out: what cannot be computed (no key, registers given twice)
  // matches no report, and the quote is refused as well.
  view_.report_data = ReportData{};
  const absl::StatusOr<TpmName> name = NameOf(evidence.tpm.ak_public);
  if (name.ok()) {
    const absl::StatusOr<ReportData> data =
        HardwareReportData(*name, evidence.tpm.pcrs, user_data);
    if (data.ok()) {
      view_.report_data = *data;
    }
  }
}

// Must know exactly the kinds that LayerChecker reads: an endorsement that
// passes here and that nobody reads would be unchecked evidence.
bool IsReadEndorsement(const Variant& variant,
                       std::span<const uint8_t> octets) {
  if (octets.size() < 2) {
    return false;
  }
  switch (octets[0]) {
    case 0x30:  // DER
      return true;
    case 4:  // TD quote, version 4 or 5
    case 5:
      return octets[1] == 0 && variant.cpu == CpuLayer::kTdx &&
             variant.cloud == CloudLayer::kAzure;
    case 0xd2:  // COSE_Sign1, with and without tag
    case 0x84:
      return variant.cloud == CloudLayer::kNitroTpm;
    default:
      return false;
  }
}

}  // namespace constellation::attestation
