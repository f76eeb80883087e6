// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "attestation/aws/nitro_document.h"
#include "attestation/azure/hcl_report.h"
#include "attestation/azure/runtime_data.h"
#include "attestation/channel/transport/evidence_conversion.h"
#include "cli/attestation/shown.h"
#include "common/hex.h"
#include "proto/attestation.pb.h"

namespace constellation::cli {
namespace {

using Octets = std::span<const uint8_t>;

// Parts of a structure inside of another; the first problem is kept.
void Append(Decoded more, Decoded& decoded) {
  for (ShownPart& part : more.parts) {
    decoded.parts.push_back(std::move(part));
  }
  if (decoded.problem.ok()) {
    decoded.problem = std::move(more.problem);
  }
}

// What the document does not say is left out, not shown as "no".
void AddOptional(std::string_view name, std::optional<bool> value,
                 ShownPart& part) {
  if (value.has_value()) {
    part.YesNo(name, *value);
  }
}

void AddOptional(std::string_view name,
                 const std::optional<std::span<const uint8_t>>& value,
                 ShownPart& part) {
  if (value.has_value()) {
    part.Hex(name, *value);
  } else {
    part.Text(name, "-");
  }
}

// The JSON beside the hardware report: keys of the vTPM and settings of the
// machine. It is trustworthy only through its hash in the report data.
void AddRuntimeData(Octets json, Decoded& decoded) {
  const auto data = attestation::ParseRuntimeDataUnverified(json);
  if (!data.ok()) {
    decoded.problem = data.status();
    return;
  }
  ShownPart& part = decoded.Add("runtime data");
  for (const attestation::RuntimeKeyUnverified& key : data->keys) {
    part.Hex(fmt::format("key {} modulus", key.id), key.modulus)
        .Number(fmt::format("key {} exponent", key.id), key.exponent);
  }
  const attestation::VmConfigurationUnverified& vm = data->configuration;
  AddOptional("console enabled", vm.console_enabled, part);
  AddOptional("secure boot", vm.secure_boot, part);
  AddOptional("TPM enabled", vm.tpm_enabled, part);
  AddOptional("TPM persisted", vm.tpm_persisted, part);
  AddOptional("filtered VPCI devices", vm.filtered_vpci_devices_allowed, part);
  part.Text("VM ID", vm.vm_unique_id);
  if (data->user_data.has_value()) {
    part.Hex("user data", *data->user_data);
  }
}

}  // namespace

// Says whether the runtime data hash to the report data. That is arithmetic on
// the file, not a verification: the report's signature is not looked at.
Decoded ShowHclReport(Octets bytes) {
  Decoded decoded;
  const auto report = attestation::ParseHclReportUnverified(bytes);
  if (!report.ok()) {
    decoded.problem = report.status();
    return decoded;
  }
  const Bytes binding =
      attestation::HclReportData(report->hash, report->runtime_data);
  decoded.Add("HCL report")
      .Number("version", report->version)
      .Text("hardware", ToString(report->type))
      .Text("hash of the runtime data", ToString(report->hash))
      .Hex("hardware report data", report->report_data)
      .YesNo("runtime data hash to it",
             std::ranges::equal(binding, report->report_data));
  AddRuntimeData(report->runtime_data, decoded);
  Append(report->type == attestation::HclReportType::kSnp
             ? ShowSnpReport(report->hardware_report)
             : ShowTdReport(report->hardware_report),
         decoded);
  return decoded;
}

// RFC 9052 COSE_Sign1 around Amazon's attestation document.
Decoded ShowNitroDocument(Octets bytes) {
  Decoded decoded;
  const auto message = attestation::ParseCoseSign1Unverified(bytes);
  if (!message.ok()) {
    decoded.problem = message.status();
    return decoded;
  }
  ShownPart& cose = decoded.Add("COSE_Sign1");
  cose.Text("algorithm", fmt::format("{}", message->algorithm))
      .Hex("signature", message->signature);
  const auto document =
      attestation::ParseNitroDocumentUnverified(message->payload);
  if (!document.ok()) {
    decoded.problem = document.status();
    return decoded;
  }
  ShownPart& part = decoded.Add("attestation document");
  part.Text("kind", ToString(document->kind))
      .Text("module", document->module_id)
      .Time("time", document->timestamp);
  for (const attestation::NitroPcr& pcr : document->pcrs) {
    part.Hex(fmt::format("PCR {}", pcr.index), pcr.value);
  }
  AddOptional("public key", document->public_key, part);
  AddOptional("user data", document->user_data, part);
  AddOptional("nonce", document->nonce, part);
  AddCertificate("certificate of the signer", document->certificate, decoded);
  for (const Octets authority : document->ca_bundle) {
    AddCertificate("certificate of the bundle", authority, decoded);
  }
  return decoded;
}

// The message of proto/; its layers are shown by their own decoders.
Decoded ShowEvidence(Octets bytes) {
  Decoded decoded;
  v1::Evidence proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    decoded.problem = absl::InvalidArgumentError("not the message Evidence");
    return decoded;
  }
  const auto evidence = attestation::EvidenceFromProto(proto);
  if (!evidence.ok()) {
    decoded.problem = evidence.status();
    return decoded;
  }
  ShownPart& part = decoded.Add("evidence");
  part.Text("variant", evidence->variant)
      .Number("event log, octets", evidence->tpm.event_log.size())
      .Hex("hardware report", evidence->hardware_report);
  for (const attestation::PcrValue& pcr : evidence->tpm.pcrs) {
    part.Hex(fmt::format("PCR {}", pcr.index), pcr.sha256);
  }
  if (!evidence->tpm.attest.empty()) {
    Append(ShowTpmAttest(evidence->tpm.attest), decoded);
    Append(ShowTpmSignature(evidence->tpm.signature), decoded);
    Append(ShowTpmPublic(evidence->tpm.ak_public), decoded);
  }
  for (const Bytes& certificate : evidence->endorsements) {
    AddCertificate("endorsement", certificate, decoded);
  }
  return decoded;
}

}  // namespace constellation::cli
