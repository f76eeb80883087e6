// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/guest_tpm_nv.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "attestation/issuer/guest_tpm.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr uint16_t kChunkSize = 512;  // every TPM allows at least this much

// The error without the number of the parameter or handle it is about (TPM 2.0
// part 2, 6.6.2).
TSS2_RC ErrorOf(TSS2_RC rc) {
  const TSS2_RC code = rc & ~TSS2_RC_LAYER_MASK;
  return (code & TPM2_RC_FMT1) != 0 ? code & (TPM2_RC_FMT1 | 0x3fU) : code;
}

}  // namespace

// Asks for its description once: size and who may read.
absl::StatusOr<NvIndex> NvIndex::Open(EsysContext& esys, uint32_t index) {
  ESYS_TR handle = ESYS_TR_NONE;
  const TSS2_RC found = Esys_TR_FromTPMPublic(
      esys.get(), index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &handle);
  if (ErrorOf(found) == TPM2_RC_HANDLE) {
    return NotFound(fmt::format("NV index {:#010x}: not defined", index));
  }
  RETURN_IF_ERROR(TssStatus(found, "TPM2_NV_ReadPublic"));
  NvIndex opened(esys, handle, index);
  RETURN_IF_ERROR(opened.ReadDescription());
  return opened;
}

// In the owner's hierarchy with an empty password: clouds leave it empty.
absl::StatusOr<NvIndex> NvIndex::Define(EsysContext& esys, uint32_t index,
                                        uint16_t size) {
  TPM2B_NV_PUBLIC description{};
  description.nvPublic.nvIndex = index;
  description.nvPublic.nameAlg = TPM2_ALG_SHA256;
  description.nvPublic.attributes = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE |
                                    TPMA_NV_OWNERREAD | TPMA_NV_OWNERWRITE;
  description.nvPublic.dataSize = size;
  const TPM2B_AUTH no_password{};
  ESYS_TR handle = ESYS_TR_NONE;
  const TSS2_RC defined = Esys_NV_DefineSpace(
      esys.get(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
      ESYS_TR_NONE, &no_password, &description, &handle);
  if (ErrorOf(defined) == TPM2_RC_NV_DEFINED) {
    return AlreadyExists(fmt::format("NV index {:#010x}: defined", index));
  }
  RETURN_IF_ERROR(TssStatus(defined, "TPM2_NV_DefineSpace"));
  NvIndex opened(esys, handle, index);
  opened.size_ = size;
  opened.attributes_ = description.nvPublic.attributes;
  return opened;
}

NvIndex::NvIndex(NvIndex&& other) noexcept
    : esys_(other.esys_),
      handle_(std::exchange(other.handle_, ESYS_TR_NONE)),
      index_(other.index_),
      size_(other.size_),
      attributes_(other.attributes_) {}

NvIndex::~NvIndex() {
  if (handle_ != ESYS_TR_NONE) {
    (void)Esys_TR_Close(esys_->get(), &handle_);
  }
}

absl::Status NvIndex::ReadDescription() {
  TPM2B_NV_PUBLIC* description = nullptr;
  TPM2B_NAME* name = nullptr;
  RETURN_IF_ERROR(TssStatus(
      Esys_NV_ReadPublic(esys_->get(), handle_, ESYS_TR_NONE, ESYS_TR_NONE,
                         ESYS_TR_NONE, &description, &name),
      "TPM2_NV_ReadPublic"));
  const EsysPtr<TPM2B_NV_PUBLIC> owned(description);
  const EsysPtr<TPM2B_NAME> owned_name(name);
  size_ = owned->nvPublic.dataSize;
  attributes_ = owned->nvPublic.attributes;
  return absl::OkStatus();
}

// By the index's own authority if it allows that, else as the owner.
absl::StatusOr<Bytes> NvIndex::Read() {
  if (size_ > kMaxGuestNvSize) {
    return InvalidArgument(
        fmt::format("NV index {:#010x}: want at most {} bytes, got {}", index_,
                    kMaxGuestNvSize, size_));
  }
  const ESYS_TR authority =
      (attributes_ & TPMA_NV_AUTHREAD) != 0 ? handle_ : ESYS_TR_RH_OWNER;
  Bytes contents;
  while (contents.size() < size_) {
    const auto wanted = static_cast<uint16_t>(
        std::min<size_t>(kChunkSize, size_ - contents.size()));
    TPM2B_MAX_NV_BUFFER* chunk = nullptr;
    RETURN_IF_ERROR(TssStatus(
        Esys_NV_Read(esys_->get(), authority, handle_, ESYS_TR_PASSWORD,
                     ESYS_TR_NONE, ESYS_TR_NONE, wanted,
                     static_cast<uint16_t>(contents.size()), &chunk),
        fmt::format("TPM2_NV_Read of {:#010x}", index_)));
    const EsysPtr<TPM2B_MAX_NV_BUFFER> owned(chunk);
    if (owned->size != wanted) {
      return Internal(fmt::format("TPM2_NV_Read: want {} bytes, got {}", wanted,
                                  owned->size));
    }
    contents.insert(contents.end(), owned->buffer, owned->buffer + wanted);
  }
  return contents;
}

// Does not grow an index: one that is too small is somebody else's.
absl::Status NvIndex::Write(std::span<const uint8_t> data) {
  if (data.size() > size_) {
    return InvalidArgument(
        fmt::format("NV index {:#010x}: has {} bytes, but {} are to be written",
                    index_, size_, data.size()));
  }
  const ESYS_TR authority =
      (attributes_ & TPMA_NV_AUTHWRITE) != 0 ? handle_ : ESYS_TR_RH_OWNER;
  for (size_t offset = 0; offset < data.size(); offset += kChunkSize) {
    TPM2B_MAX_NV_BUFFER chunk{};
    RETURN_IF_ERROR(CopyInto(
        data.subspan(offset,
                     std::min<size_t>(kChunkSize, data.size() - offset)),
        chunk.buffer, chunk.size));
    RETURN_IF_ERROR(
        TssStatus(Esys_NV_Write(esys_->get(), authority, handle_,
                                ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                &chunk, static_cast<uint16_t>(offset)),
                  fmt::format("TPM2_NV_Write of {:#010x}", index_)));
  }
  return absl::OkStatus();
}

// On success the handle is gone with it, so the destructor has nothing to
// close.
absl::Status NvIndex::Undefine() {
  const TSS2_RC rc =
      Esys_NV_UndefineSpace(esys_->get(), ESYS_TR_RH_OWNER, handle_,
                            ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE);
  if (rc == TSS2_RC_SUCCESS) {
    handle_ = ESYS_TR_NONE;  // gone with the index
  }
  return TssStatus(rc, "TPM2_NV_UndefineSpace");
}

}  // namespace constellation::attestation
