// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_AZURE_TESTING_AZURE_MACHINE_H_
#define CONSTELLATION_ATTESTATION_AZURE_TESTING_AZURE_MACHINE_H_

#include <string_view>

#include "attestation/azure/azure_verifier.h"
#include "attestation/azure/testing/hcl_builder.h"
#include "attestation/tpm/testing/quote_signer.h"
#include "common/hex.h"

namespace constellation::testing {

// The claims of an ordinary machine.
inline constexpr std::string_view kGoodClaims =
    R"("vm-configuration":{"console-enabled":true,"secure-boot":true,)"
    R"("tpm-enabled":true,"tpm-persisted":true,"vmUniqueId":"AB-12"})";

// Evidence of an Azure machine that exists in this process only: valid as
// Refresh() leaves it, to be spoilt afterwards. One attestation key serves all
// of a process: making one takes long.
struct AzureMachine {
  explicit AzureMachine(std::string_view claims = kGoodClaims);

  // Makes `hcl_report` and `report_data` out of `hcl`.
  void Refresh();
  attestation::AzureHardware Hardware() const;
  attestation::AzureEvidenceUnverified Evidence() const;

  static const QuoteSigner& Signer();

  HclBuilder hcl;
  Bytes report_data;
  Bytes hcl_report;
  Bytes nonce = Bytes(32, 0x21);
  Bytes pcr = Bytes(32, 0x04);  // the quote is of PCR 4 alone
  Bytes attest;
  Bytes signature;
  Bytes ak;  // empty: not given
};

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_AZURE_TESTING_AZURE_MACHINE_H_
