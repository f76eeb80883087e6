// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tpm_operations.h"

#include <fmt/format.h>
#include <tss2/tss2_esys.h>

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxNvSize = 4096;
constexpr uint16_t kNvChunkSize = 512;  // every TPM allows at least this much
constexpr std::string_view kAkLabel = "constellation/v1/ak";
constexpr uint16_t kRsaBits = 2048;
constexpr uint16_t kAesBits = 128;
constexpr size_t kDerHeaderSize = 4;  // 30 82 and two octets of length

// PolicyA with SHA-256: PolicySecret(TPM_RH_ENDORSEMENT).
constexpr uint8_t kEkPolicy[] = {
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
    0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
    0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};

// The first `total` octets of an index.
absl::StatusOr<Bytes> ReadNvContents(EsysContext& esys, ESYS_TR handle,
                                     size_t total) {
  Bytes contents;
  while (contents.size() < total) {
    const auto wanted = static_cast<uint16_t>(
        std::min<size_t>(kNvChunkSize, total - contents.size()));
    TPM2B_MAX_NV_BUFFER* chunk = nullptr;
    RETURN_IF_ERROR(
        TssStatus(Esys_NV_Read(esys.get(), handle, handle, ESYS_TR_PASSWORD,
                               ESYS_TR_NONE, ESYS_TR_NONE, wanted,
                               static_cast<uint16_t>(contents.size()), &chunk),
                  "TPM2_NV_Read"));
    const EsysPtr<TPM2B_MAX_NV_BUFFER> owned_chunk(chunk);
    if (owned_chunk->size != wanted) {
      return Internal(fmt::format("TPM2_NV_Read: want {} bytes, got {}", wanted,
                                  owned_chunk->size));
    }
    contents.insert(contents.end(), owned_chunk->buffer,
                    owned_chunk->buffer + owned_chunk->size);
  }
  return contents;
}

}  // namespace

// docs/formats/evidence-binding.md fixes this template: another one gives
// another key, and every enrolled TPM would be unknown. The label in `unique`
// keeps the key apart from other programs'.
TPM2B_PUBLIC AkTemplate() {
  TPM2B_PUBLIC out{};
  TPMT_PUBLIC& area = out.publicArea;
  area.type = TPM2_ALG_ECC;
  area.nameAlg = TPM2_ALG_SHA256;
  // NODA: there is no authorisation value to guess, and power cuts count as
  // failed guesses.
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                          TPMA_OBJECT_SENSITIVEDATAORIGIN |
                          TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
                          TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT;
  TPMS_ECC_PARMS& ecc = area.parameters.eccDetail;
  ecc.symmetric.algorithm = TPM2_ALG_NULL;
  ecc.scheme.scheme = TPM2_ALG_ECDSA;
  ecc.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
  ecc.curveID = TPM2_ECC_NIST_P256;
  ecc.kdf.scheme = TPM2_ALG_NULL;
  const crypto::Sha256Digest label = crypto::Sha256(AsBytes(kAkLabel));
  TPM2B_ECC_PARAMETER& x = area.unique.ecc.x;
  std::copy(label.begin(), label.end(), x.buffer);
  x.size = static_cast<uint16_t>(label.size());
  area.unique.ecc.y.size = static_cast<uint16_t>(label.size());  // zeros
  return out;
}

// Template L-1 of the "TCG EK Credential Profile", RSA 2048: the key that the
// manufacturer's certificate is about.
TPM2B_PUBLIC EkTemplate() {
  TPM2B_PUBLIC out{};
  TPMT_PUBLIC& area = out.publicArea;
  area.type = TPM2_ALG_RSA;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                          TPMA_OBJECT_SENSITIVEDATAORIGIN |
                          TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED |
                          TPMA_OBJECT_DECRYPT;
  std::copy(std::begin(kEkPolicy), std::end(kEkPolicy), area.authPolicy.buffer);
  area.authPolicy.size = sizeof(kEkPolicy);
  TPMS_RSA_PARMS& rsa = area.parameters.rsaDetail;
  rsa.symmetric.algorithm = TPM2_ALG_AES;
  rsa.symmetric.keyBits.aes = kAesBits;
  rsa.symmetric.mode.aes = TPM2_ALG_CFB;
  rsa.scheme.scheme = TPM2_ALG_NULL;
  rsa.keyBits = kRsaBits;
  area.unique.rsa.size = kRsaBits / 8;  // zeros
  return out;
}

// Bounded, because a hostile TPM may announce any size.
absl::StatusOr<Bytes> ReadNvIndex(EsysContext& esys, uint32_t index) {
  ESYS_TR handle = ESYS_TR_NONE;
  const TSS2_RC found = Esys_TR_FromTPMPublic(
      esys.get(), index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &handle);
  if ((found & ~TSS2_RC_LAYER_MASK & (TPM2_RC_FMT1 | 0x3fU)) ==
      TPM2_RC_HANDLE) {
    return NotFound(fmt::format("NV index {:#010x}: not defined", index));
  }
  RETURN_IF_ERROR(TssStatus(found, "TPM2_NV_ReadPublic"));
  const absl::Cleanup close = [&] { (void)Esys_TR_Close(esys.get(), &handle); };
  TPM2B_NV_PUBLIC* described = nullptr;
  TPM2B_NAME* name = nullptr;
  RETURN_IF_ERROR(TssStatus(
      Esys_NV_ReadPublic(esys.get(), handle, ESYS_TR_NONE, ESYS_TR_NONE,
                         ESYS_TR_NONE, &described, &name),
      "TPM2_NV_ReadPublic"));
  const EsysPtr<TPM2B_NV_PUBLIC> owned(described);
  const EsysPtr<TPM2B_NAME> owned_name(name);
  const size_t total = owned->nvPublic.dataSize;
  if (total > kMaxNvSize) {
    return InvalidArgument(
        fmt::format("NV index {:#010x}: want at most {} bytes, got {}", index,
                    kMaxNvSize, total));
  }
  return ReadNvContents(esys, handle, total);
}

// Indices are often larger than the certificate; what follows it is cut off. A
// SEQUENCE with a length of two octets: every X.509 certificate of a TPM's key.
absl::StatusOr<Bytes> WithoutPaddingBehindDer(Bytes contents,
                                              std::string_view what) {
  if (contents.size() < kDerHeaderSize || contents[0] != 0x30 ||
      contents[1] != 0x82) {
    return InvalidArgument(fmt::format("{}: want a DER sequence", what));
  }
  const size_t size =
      kDerHeaderSize + (static_cast<size_t>(contents[2]) << 8U | contents[3]);
  if (size > contents.size()) {
    return InvalidArgument(
        fmt::format("{}: want {} bytes, got {}", what, size, contents.size()));
  }
  contents.resize(size);
  return contents;
}

absl::StatusOr<Bytes> ReadEkCertificateFrom(EsysContext& esys) {
  ASSIGN_OR_RETURN(Bytes der, ReadNvIndex(esys, kEkCertificateIndex));
  return WithoutPaddingBehindDer(std::move(der), "EK certificate");
}

}  // namespace constellation::attestation
