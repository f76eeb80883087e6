// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/enrollment.h"

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>

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

// A secret that only the TPM with the EK, and with an object of the right
// Name, can read (TPM 2.0 part 1, 24).
struct Credential {
  TPM2B_ID_OBJECT blob{};
  TPM2B_ENCRYPTED_SECRET seed{};
};

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

// Encrypts `secret` for the EK and the Name of the AK. The EK's public part is
// loaded from outside, as anybody could who knows the certificate.
absl::StatusOr<Credential> MakeCredential(EsysContext& esys,
                                          const Bytes& ek_public,
                                          const TpmName& ak_name,
                                          const SecretBytes& secret) {
  TPM2B_PUBLIC public_area{};
  size_t offset = 0;
  RETURN_IF_ERROR(TssStatus(
      Tss2_MU_TPMT_PUBLIC_Unmarshal(ek_public.data(), ek_public.size(), &offset,
                                    &public_area.publicArea),
      "unmarshal TPMT_PUBLIC"));
  ESYS_TR loaded = ESYS_TR_NONE;
  RETURN_IF_ERROR(TssStatus(
      Esys_LoadExternal(esys.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                        nullptr, &public_area, ESYS_TR_RH_NULL, &loaded),
      "TPM2_LoadExternal"));
  const EsysHandle key(esys.get(), loaded);
  TPM2B_DIGEST credential{};
  RETURN_IF_ERROR(
      CopyInto(secret.Expose(), credential.buffer, credential.size));
  TPM2B_NAME name{};
  RETURN_IF_ERROR(CopyInto(ak_name, name.name, name.size));
  TPM2B_ID_OBJECT* blob = nullptr;
  TPM2B_ENCRYPTED_SECRET* seed = nullptr;
  const TSS2_RC rc =
      Esys_MakeCredential(esys.get(), key.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                          ESYS_TR_NONE, &credential, &name, &blob, &seed);
  Wipe({credential.buffer, sizeof(credential.buffer)});
  RETURN_IF_ERROR(TssStatus(rc, "TPM2_MakeCredential"));
  const EsysPtr<TPM2B_ID_OBJECT> owned_blob(blob);
  const EsysPtr<TPM2B_ENCRYPTED_SECRET> owned_seed(seed);
  return Credential{.blob = *owned_blob, .seed = *owned_seed};
}

// A policy session in which the EK may be used: PolicySecret(endorsement).
absl::StatusOr<EsysHandle> StartEkSession(EsysContext& esys) {
  const TPMT_SYM_DEF no_encryption{
      .algorithm = TPM2_ALG_NULL, .keyBits = {}, .mode = {}};
  ESYS_TR started = ESYS_TR_NONE;
  RETURN_IF_ERROR(
      TssStatus(Esys_StartAuthSession(esys.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                                      ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                      nullptr, TPM2_SE_POLICY, &no_encryption,
                                      TPM2_ALG_SHA256, &started),
                "TPM2_StartAuthSession"));
  EsysHandle session(esys.get(), started);
  // Otherwise the TPM would end the session itself after its use.
  RETURN_IF_ERROR(
      TssStatus(Esys_TRSess_SetAttributes(esys.get(), session.get(),
                                          TPMA_SESSION_CONTINUESESSION,
                                          TPMA_SESSION_CONTINUESESSION),
                "Esys_TRSess_SetAttributes"));
  RETURN_IF_ERROR(TssStatus(
      Esys_PolicySecret(esys.get(), ESYS_TR_RH_ENDORSEMENT, session.get(),
                        ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, nullptr,
                        nullptr, nullptr, 0, nullptr, nullptr),
      "TPM2_PolicySecret"));
  return session;
}

// Lets the TPM decrypt what MakeCredential() made. UNAUTHENTICATED if the TPM
// refuses or gives another secret.
absl::Status CheckActivation(EsysContext& esys, const PrimaryKey& ak,
                             const PrimaryKey& ek, const Credential& credential,
                             const SecretBytes& secret) {
  ASSIGN_OR_RETURN(const EsysHandle session, StartEkSession(esys));
  TPM2B_DIGEST* decrypted = nullptr;
  const absl::Status status = TssStatus(
      Esys_ActivateCredential(esys.get(), ak.handle.get(), ek.handle.get(),
                              ESYS_TR_PASSWORD, session.get(), ESYS_TR_NONE,
                              &credential.blob, &credential.seed, &decrypted),
      "TPM2_ActivateCredential");
  if (absl::IsInternal(status)) {  // the TPM looked at it and said no
    return Unauthenticated(Message(status));
  }
  RETURN_IF_ERROR(status);
  const EsysPtr<TPM2B_DIGEST> owned(decrypted);
  const SecretBytes answer(
      std::span<const uint8_t>(owned->buffer, owned->size));
  Wipe({owned->buffer, sizeof(owned->buffer)});
  if (!answer.EqualsConstantTime(secret)) {
    return Unauthenticated(
        "TPM2_ActivateCredential: the TPM gave another secret");
  }
  return absl::OkStatus();
}

}  // namespace

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
