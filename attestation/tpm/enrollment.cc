// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/enrollment.h"

#include <memory>

#include "attestation/tpm/credential.h"
#include "attestation/tpm/esys.h"
#include "attestation/tpm/tpm_operations.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/hex.h"
#include "common/secret_bytes.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/public_key.h"
#include "crypto/random.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

constexpr size_t kCredentialSize = 32;

// UNAUTHENTICATED unless the certificate is about the key in `ek_public`.
absl::Status CheckCertificateIsOf(const crypto::Certificate& certificate,
                                  const Bytes& ek_public) {
  ASSIGN_OR_RETURN(const PublicAreaUnverified area,
                   ParsePublicAreaUnverified(ek_public));
  ASSIGN_OR_RETURN(
      const crypto::PublicKey key,
      crypto::PublicKey::FromRsa(area.rsa_modulus, area.rsa_exponent));
  if (key.ToSpki() != certificate.Spki()) {
    return Unauthenticated(
        "EK certificate: it is about another key than this TPM's EK");
  }
  return absl::OkStatus();
}

}  // namespace

// Runs on the owner's machine with the TPM that it made, before the cloud ever
// sees it. Certificate, EK and AK are tied to each other here, once; later only
// their digests are compared.
absl::StatusOr<EnrolledTpm> EnrollTpm(const std::string& tcti) {
  ASSIGN_OR_RETURN(const std::unique_ptr<EsysContext> esys,
                   EsysContext::Open(tcti));
  ASSIGN_OR_RETURN(const Bytes certificate_der, ReadEkCertificateFrom(*esys));
  ASSIGN_OR_RETURN(const crypto::Certificate certificate,
                   crypto::Certificate::FromDer(certificate_der));
  ASSIGN_OR_RETURN(const PrimaryKey ek,
                   CreateEndorsementPrimary(*esys, EkTemplate()));
  RETURN_IF_ERROR(CheckCertificateIsOf(certificate, ek.public_area));
  ASSIGN_OR_RETURN(const PrimaryKey ak,
                   CreateEndorsementPrimary(*esys, AkTemplate()));
  EnrolledTpm enrolled;
  enrolled.ek_certificate_sha256 = certificate.Fingerprint();
  ASSIGN_OR_RETURN(enrolled.ak_name, NameOf(ak.public_area));
  const SecretBytes secret = crypto::RandomSecret(kCredentialSize);
  ASSIGN_OR_RETURN(
      const Credential credential,
      MakeCredential(*esys, ek.public_area, enrolled.ak_name, secret));
  RETURN_IF_ERROR(CheckActivation(*esys, ak, ek, credential, secret));
  return enrolled;
}

}  // namespace constellation::attestation
