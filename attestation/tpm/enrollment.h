// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_ENROLLMENT_H_
#define CONSTELLATION_ATTESTATION_TPM_ENROLLMENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "attestation/tpm/enrolled_tpm.h"

namespace constellation::attestation {

// Runs on the owner's machine when a node is created, against the node's TPM
// (for a local VM: a swtpm on the VM's state, before the VM starts). Reads the
// EK certificate, creates the EK from the TCG default template (RSA 2048) and
// checks that the certificate is about that very key, creates the AK, and has
// the TPM prove by credential activation that it holds both: a fresh secret is
// encrypted to the certified EK for the AK's Name; only a TPM with the EK's
// private part and an object of that Name decrypts it.
//
// `tcti` as for Tpm::Open(). Leaves nothing in the TPM: no object, no session,
// no register is changed.
//
// UNAUTHENTICATED if the EK is not the certificate's or the activation gives
// another secret; NOT_FOUND without an EK certificate; UNAVAILABLE if the TPM
// cannot be reached.
//
// Does not check who signed the certificate: the owner made or chose this TPM;
// its hash is pinned.
absl::StatusOr<EnrolledTpm> EnrollTpm(const std::string& tcti);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_ENROLLMENT_H_
