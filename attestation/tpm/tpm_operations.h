// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_TPM_OPERATIONS_H_
#define CONSTELLATION_ATTESTATION_TPM_TPM_OPERATIONS_H_

#include <tss2/tss2_tpm2_types.h>

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "attestation/tpm/esys.h"
#include "common/hex.h"

// What both Tpm and EnrollTpm() do inside the TPM. Device side only.
namespace constellation::attestation {

// NV index of the RSA-2048 EK certificate, "TCG EK Credential Profile" 2.2.1.4.
inline constexpr uint32_t kEkCertificateIndex = 0x01c00002;

// The attestation key: restricted signing, ECC P-256, ECDSA with SHA-256,
// fixedTPM and fixedParent. Its `unique` field is a constant of ours, so that
// the key is another one than any other program's primary. Changing any byte
// here gives every TPM another AK: all enrolments would have to be renewed.
TPM2B_PUBLIC AkTemplate();

// The RSA-2048 EK, template L-1 of "TCG EK Credential Profile" B.3.3: a
// restricted decryption key whose use needs PolicySecret(endorsement).
TPM2B_PUBLIC EkTemplate();

// All of NV index `index`, authorised by the index itself (empty password).
// NOT_FOUND if there is no such index, INVALID_ARGUMENT if it exceeds 4096
// bytes.
absl::StatusOr<Bytes> ReadNvIndex(EsysContext& esys, uint32_t index);

// The certificate at the start of an NV index's `contents`, without what some
// TPMs keep behind it. INVALID_ARGUMENT, with `what` in front, if it is not a
// DER sequence with a length of two octets, or longer than the contents.
absl::StatusOr<Bytes> WithoutPaddingBehindDer(Bytes contents,
                                              std::string_view what);

// The EK certificate in DER form, without the padding that some TPMs keep
// behind it. NOT_FOUND without one, INVALID_ARGUMENT if it is not a DER
// sequence.
absl::StatusOr<Bytes> ReadEkCertificateFrom(EsysContext& esys);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_TPM_OPERATIONS_H_
