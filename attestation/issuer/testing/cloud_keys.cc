// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/testing/cloud_keys.h"

#include <gtest/gtest.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

#include <algorithm>
#include <array>

#include "attestation/tpm/esys.h"
#include "attestation/tpm/tpm_operations.h"

namespace constellation::attestation::testing {
namespace {

Bytes Marshal(const TPMT_PUBLIC& area) {
  std::array<uint8_t, sizeof(TPMT_PUBLIC)> buffer{};
  size_t size = 0;
  EXPECT_EQ(
      Tss2_MU_TPMT_PUBLIC_Marshal(&area, buffer.data(), buffer.size(), &size),
      TSS2_RC_SUCCESS);
  return {buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(size)};
}

}  // namespace

Bytes RsaKeyTemplate() {
  TPMT_PUBLIC area = AkTemplate().publicArea;
  area.type = TPM2_ALG_RSA;
  area.parameters = {};
  area.unique = {};
  area.parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_NULL;
  area.parameters.rsaDetail.scheme.scheme = TPM2_ALG_RSASSA;
  area.parameters.rsaDetail.scheme.details.rsassa.hashAlg = TPM2_ALG_SHA256;
  area.parameters.rsaDetail.keyBits = 2048;
  return Marshal(area);
}

Bytes EccKeyTemplate(uint8_t unique) {
  TPMT_PUBLIC area = AkTemplate().publicArea;
  std::fill_n(area.unique.ecc.x.buffer, 32, unique);
  return Marshal(area);
}

Bytes KeepKey(const std::string& tcti, const Bytes& key_template,
              uint32_t handle) {
  auto esys = EsysContext::Open(tcti);
  EXPECT_TRUE(esys.ok()) << esys.status();
  TPM2B_PUBLIC area{};
  size_t offset = 0;
  EXPECT_EQ(
      Tss2_MU_TPMT_PUBLIC_Unmarshal(key_template.data(), key_template.size(),
                                    &offset, &area.publicArea),
      TSS2_RC_SUCCESS);
  auto key = CreateEndorsementPrimary(**esys, area);
  EXPECT_TRUE(key.ok()) << key.status();
  ESYS_TR kept = ESYS_TR_NONE;
  EXPECT_EQ(Esys_EvictControl((*esys)->get(), ESYS_TR_RH_OWNER,
                              key->handle.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE,
                              ESYS_TR_NONE, handle, &kept),
            TSS2_RC_SUCCESS);
  return key->public_area;
}

}  // namespace constellation::attestation::testing
