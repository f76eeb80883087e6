// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_ISSUER_GUEST_TPM_NV_H_
#define CONSTELLATION_ATTESTATION_ISSUER_GUEST_TPM_NV_H_

#include <tss2/tss2_esys.h>

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/tpm/esys.h"
#include "common/hex.h"

// NV indices of a cloud's vTPM, for GuestTpm. Device side only, not
// thread-safe; errors as GuestTpm says.
namespace constellation::attestation {

// An NV index that is open in an ESYS context; closed, not removed, when this
// goes away.
class NvIndex final {
 public:
  // NOT_FOUND if `index` is not defined.
  static absl::StatusOr<NvIndex> Open(EsysContext& esys, uint32_t index);
  // Defines a new ordinary index that authorises its own reads and writes
  // (empty password), by the owner's empty authorisation. ALREADY_EXISTS if it
  // is defined.
  static absl::StatusOr<NvIndex> Define(EsysContext& esys, uint32_t index,
                                        uint16_t size);
  NvIndex(NvIndex&& other) noexcept;
  NvIndex& operator=(NvIndex&&) = delete;
  NvIndex(const NvIndex&) = delete;
  NvIndex& operator=(const NvIndex&) = delete;
  ~NvIndex();

  uint16_t size() const { return size_; }
  absl::StatusOr<Bytes> Read();  // all of it
  // From the beginning; INVALID_ARGUMENT if it does not fit.
  absl::Status Write(std::span<const uint8_t> data);
  absl::Status Undefine();  // by the owner's empty authorisation

 private:
  NvIndex(EsysContext& esys, ESYS_TR handle, uint32_t index)
      : esys_(&esys), handle_(handle), index_(index) {}
  absl::Status ReadDescription();

  EsysContext* esys_;
  ESYS_TR handle_;
  uint32_t index_;
  uint16_t size_ = 0;
  TPMA_NV attributes_ = 0;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_ISSUER_GUEST_TPM_NV_H_
