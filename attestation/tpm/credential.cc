// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/credential.h"

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

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

}  // namespace

// TPM 2.0 Library Part 1, 24: encrypts `secret` so that only the TPM with this
// EK can open it, and only if it also has the key called `ak_name`.
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

// A wrong answer and a refusal are both UNAUTHENTICATED: AK and EK are then not
// of one TPM.
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

}  // namespace constellation::attestation
