// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_CREDENTIAL_H_
#define CONSTELLATION_ATTESTATION_TPM_CREDENTIAL_H_

#include <tss2/tss2_tpm2_types.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/tpm/enrolled_tpm.h"
#include "attestation/tpm/esys.h"
#include "common/hex.h"
#include "common/secret_bytes.h"

// Credential activation, TPM 2.0 part 1, 24. Device side only.
namespace constellation::attestation {

// A secret that only a TPM which holds the EK, and an object of the right Name,
// can read.
struct Credential {
  TPM2B_ID_OBJECT blob{};
  TPM2B_ENCRYPTED_SECRET seed{};
};

// Encrypts `secret` (at most 32 bytes) for the EK with this TPMT_PUBLIC and an
// object with this Name. The EK's public part is loaded from outside, as
// anybody could who knows the certificate.
absl::StatusOr<Credential> MakeCredential(EsysContext& esys,
                                          const Bytes& ek_public,
                                          const TpmName& ak_name,
                                          const SecretBytes& secret);

// Lets the TPM decrypt `credential` with both keys loaded. UNAUTHENTICATED if
// the TPM refuses or gives another secret.
absl::Status CheckActivation(EsysContext& esys, const PrimaryKey& ak,
                             const PrimaryKey& ek, const Credential& credential,
                             const SecretBytes& secret);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_CREDENTIAL_H_
