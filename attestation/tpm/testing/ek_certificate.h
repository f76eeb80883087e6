// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_TESTING_EK_CERTIFICATE_H_
#define CONSTELLATION_ATTESTATION_TPM_TESTING_EK_CERTIFICATE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tss2/tss2_esys.h>

#include <algorithm>

#include "attestation/tpm/esys.h"
#include "attestation/tpm/tpm_operations.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::testing {

using attestation::CopyInto;
using attestation::EsysContext;
using attestation::kEkCertificateIndex;

// Replaces the EK certificate by `contents`; removes it if empty.
inline void ReplaceCertificate(EsysContext& esys, const Bytes& contents) {
  ESYS_TR index = ESYS_TR_NONE;
  ASSERT_EQ(Esys_TR_FromTPMPublic(esys.get(), kEkCertificateIndex, ESYS_TR_NONE,
                                  ESYS_TR_NONE, ESYS_TR_NONE, &index),
            TSS2_RC_SUCCESS);
  ASSERT_EQ(Esys_NV_UndefineSpace(esys.get(), ESYS_TR_RH_PLATFORM, index,
                                  ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE),
            TSS2_RC_SUCCESS);
  if (contents.empty()) {
    return;
  }
  TPM2B_NV_PUBLIC area{};
  area.nvPublic.nvIndex = kEkCertificateIndex;
  area.nvPublic.nameAlg = TPM2_ALG_SHA256;
  area.nvPublic.attributes = TPMA_NV_PPWRITE | TPMA_NV_PPREAD |
                             TPMA_NV_OWNERREAD | TPMA_NV_AUTHREAD |
                             TPMA_NV_NO_DA | TPMA_NV_PLATFORMCREATE;
  area.nvPublic.dataSize = static_cast<uint16_t>(contents.size());
  const TPM2B_AUTH no_auth{};
  ASSERT_EQ(
      Esys_NV_DefineSpace(esys.get(), ESYS_TR_RH_PLATFORM, ESYS_TR_PASSWORD,
                          ESYS_TR_NONE, ESYS_TR_NONE, &no_auth, &area, &index),
      TSS2_RC_SUCCESS);
  for (size_t offset = 0; offset < contents.size(); offset += 512) {
    TPM2B_MAX_NV_BUFFER chunk{};
    const size_t size = std::min<size_t>(512, contents.size() - offset);
    ASSERT_THAT(CopyInto(std::span(contents).subspan(offset, size),
                         chunk.buffer, chunk.size),
                IsOk());
    ASSERT_EQ(Esys_NV_Write(esys.get(), ESYS_TR_RH_PLATFORM, index,
                            ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                            &chunk, static_cast<uint16_t>(offset)),
              TSS2_RC_SUCCESS);
  }
}

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_TPM_TESTING_EK_CERTIFICATE_H_
