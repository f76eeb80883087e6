// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/esys.h"

#include <fmt/format.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>

#include <algorithm>
#include <array>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

// Warnings (TPM 2.0 part 2, 6.6.3) after which the same command may succeed.
bool IsTransientRc(TSS2_RC rc) {
  static constexpr TSS2_RC kTransient[] = {
      TPM2_RC_RETRY,          TPM2_RC_YIELDED,        TPM2_RC_TESTING,
      TPM2_RC_OBJECT_MEMORY,  TPM2_RC_SESSION_MEMORY, TPM2_RC_MEMORY,
      TPM2_RC_NV_UNAVAILABLE, TPM2_RC_NV_RATE,        TPM2_RC_CANCELED};
  return std::find(std::begin(kTransient), std::end(kTransient), rc) !=
         std::end(kTransient);
}

// Response codes of format one carry the number of the parameter, handle or
// session besides the error.
TSS2_RC WithoutPosition(TSS2_RC rc) {
  return (rc & TPM2_RC_FMT1) != 0 ? rc & (TPM2_RC_FMT1 | 0x3fU) : rc;
}

// The TPM refuses whoever asks, now: trying again does not help, and nothing is
// broken either.
bool IsLocked(TSS2_RC rc) {
  static constexpr TSS2_RC kLocked[] = {TPM2_RC_LOCALITY,  TPM2_RC_HIERARCHY,
                                        TPM2_RC_AUTH_FAIL, TPM2_RC_NV_LOCKED,
                                        TPM2_RC_LOCKOUT,   TPM2_RC_BAD_AUTH};
  return std::find(std::begin(kLocked), std::end(kLocked), rc) !=
         std::end(kLocked);
}

}  // namespace

// Names the command, because the codes alone ("parameter 1") do not say which.
absl::Status TssStatus(TSS2_RC rc, std::string_view command) {
  if (rc == TSS2_RC_SUCCESS) {
    return absl::OkStatus();
  }
  const std::string message =
      fmt::format("{}: {} ({:#x})", command, Tss2_RC_Decode(rc), rc);
  const TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;
  if (layer == TSS2_TCTI_RC_LAYER) {
    return Unavailable(message);
  }
  if (layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_TPM_RC_LAYER) {
    const TSS2_RC code = WithoutPosition(rc & ~TSS2_RC_LAYER_MASK);
    if (IsTransientRc(code)) {
      return Unavailable(message);
    }
    if (IsLocked(code)) {
      return FailedPrecondition(message);
    }
  }
  return Internal(message);
}

absl::StatusOr<std::unique_ptr<EsysContext>> EsysContext::Open(
    const std::string& tcti) {
  std::unique_ptr<EsysContext> esys(new EsysContext());
  ASSIGN_OR_RETURN(esys->tcti_, FdTcti::Open(tcti));
  RETURN_IF_ERROR(TssStatus(
      Esys_Initialize(&esys->context_, esys->tcti_->context(), nullptr),
      "Esys_Initialize"));
  return esys;
}

EsysContext::~EsysContext() {
  if (context_ != nullptr) {
    Esys_Finalize(&context_);
  }
}

EsysHandle& EsysHandle::operator=(EsysHandle&& other) noexcept {
  if (this != &other) {
    Flush();
    context_ = other.context_;
    handle_ = std::exchange(other.handle_, ESYS_TR_NONE);
  }
  return *this;
}

void EsysHandle::Flush() {
  if (handle_ == ESYS_TR_NONE) {
    return;
  }
  // If the TPM is gone, so is the object; nothing else can be done here.
  (void)Esys_FlushContext(context_, handle_);
  handle_ = ESYS_TR_NONE;
}

// A primary key is derived from the hierarchy's seed and the template: the same
// one after every start, so nothing has to be stored.
absl::StatusOr<PrimaryKey> CreateEndorsementPrimary(
    EsysContext& esys, const TPM2B_PUBLIC& public_template) {
  const TPM2B_SENSITIVE_CREATE no_secret{};
  const TPM2B_DATA no_outside_info{};
  const TPML_PCR_SELECTION no_pcrs{};
  ESYS_TR handle = ESYS_TR_NONE;
  TPM2B_PUBLIC* created = nullptr;
  RETURN_IF_ERROR(TssStatus(
      Esys_CreatePrimary(esys.get(), ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD,
                         ESYS_TR_NONE, ESYS_TR_NONE, &no_secret,
                         &public_template, &no_outside_info, &no_pcrs, &handle,
                         &created, nullptr, nullptr, nullptr),
      "TPM2_CreatePrimary"));
  PrimaryKey key{.handle = EsysHandle(esys.get(), handle), .public_area = {}};
  const EsysPtr<TPM2B_PUBLIC> owned(created);
  std::array<uint8_t, sizeof(TPMT_PUBLIC)> buffer{};
  size_t size = 0;
  RETURN_IF_ERROR(
      TssStatus(Tss2_MU_TPMT_PUBLIC_Marshal(&owned->publicArea, buffer.data(),
                                            buffer.size(), &size),
                "marshal TPMT_PUBLIC"));
  key.public_area.assign(buffer.begin(),
                         buffer.begin() + static_cast<ptrdiff_t>(size));
  return key;
}

// TPM2B buffers have a fixed size and a separate length.
absl::Status CopyInto(std::span<const uint8_t> bytes, std::span<uint8_t> buffer,
                      uint16_t& size) {
  if (bytes.size() > buffer.size()) {
    return InvalidArgument(
        fmt::format("TPM buffer: want at most {} bytes, got {}", buffer.size(),
                    bytes.size()));
  }
  std::copy(bytes.begin(), bytes.end(), buffer.begin());
  size = static_cast<uint16_t>(bytes.size());
  return absl::OkStatus();
}

}  // namespace constellation::attestation
