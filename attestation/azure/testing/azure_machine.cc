// SPDX-License-Identifier: Apache-2.0
#include "attestation/azure/testing/azure_machine.h"

#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/tpm_hash.h"
#include "attestation/tpm/tpm_structures.h"

namespace constellation::testing {

AzureMachine::AzureMachine(std::string_view claims)
    : hcl(RuntimeJson(Signer().Modulus(), claims)) {
  QuoteParts parts;
  parts.extra_data = nonce;
  parts.selections = {
      {.hash_algorithm = attestation::kTpmAlgSha256, .pcrs = {4}}};
  parts.pcr_digest = *attestation::TpmDigest(attestation::kTpmAlgSha256, pcr);
  attest = MarshalAttest(parts);
  signature = Signer().Sign(attest);
  Refresh();
}

void AzureMachine::Refresh() {
  report_data = attestation::HclReportData(hcl.hash, AsBytes(hcl.runtime_data));
  hcl_report = hcl.Build();
}

attestation::AzureHardware AzureMachine::Hardware() const {
  return {.type = hcl.type, .report_data = report_data};
}

attestation::AzureEvidenceUnverified AzureMachine::Evidence() const {
  return {.hcl_report = hcl_report,
          .quote = {.attest = attest,
                    .signature = signature,
                    .ak = ak,
                    .bank = attestation::kTpmAlgSha256,
                    .registers = {{.index = 4, .value = pcr}}}};
}

const QuoteSigner& AzureMachine::Signer() {
  static const QuoteSigner& signer =
      *new QuoteSigner(SignerKind::kRsassa, attestation::kTpmAlgSha256);
  return signer;
}

}  // namespace constellation::testing
