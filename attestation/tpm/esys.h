// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_ESYS_H_
#define CONSTELLATION_ATTESTATION_TPM_ESYS_H_

#include <tss2/tss2_esys.h>
#include <tss2/tss2_tpm2_types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/tpm/tcti.h"
#include "common/hex.h"

// Owners for what tpm2-tss hands out. Only the device side includes this.
namespace constellation::attestation {

// A Status for a response code of tpm2-tss or the TPM after `command`, with the
// code's text. OK for success.
absl::Status TssStatus(TSS2_RC rc, std::string_view command);

struct EsysFree {
  void operator()(void* memory) const { Esys_Free(memory); }
};
template <typename T>
using EsysPtr = std::unique_ptr<T, EsysFree>;

// An ESYS context with its transport. Not thread-safe.
class EsysContext final {
 public:
  static absl::StatusOr<std::unique_ptr<EsysContext>> Open(
      const std::string& tcti);
  EsysContext(const EsysContext&) = delete;
  EsysContext& operator=(const EsysContext&) = delete;
  ~EsysContext();

  ESYS_CONTEXT* get() const { return context_; }

 private:
  EsysContext() = default;
  std::unique_ptr<FdTcti> tcti_;
  ESYS_CONTEXT* context_ = nullptr;
};

// A transient object or session inside the TPM, flushed when this goes away.
class EsysHandle final {
 public:
  EsysHandle() = default;
  EsysHandle(ESYS_CONTEXT* context, ESYS_TR handle)
      : context_(context), handle_(handle) {}
  EsysHandle(EsysHandle&& other) noexcept
      : context_(other.context_),
        handle_(std::exchange(other.handle_, ESYS_TR_NONE)) {}
  EsysHandle& operator=(EsysHandle&& other) noexcept;
  EsysHandle(const EsysHandle&) = delete;
  EsysHandle& operator=(const EsysHandle&) = delete;
  ~EsysHandle() { Flush(); }

  ESYS_TR get() const { return handle_; }
  bool valid() const { return handle_ != ESYS_TR_NONE; }
  // Forgets the object without flushing it: the TPM cannot be reached.
  void Abandon() { handle_ = ESYS_TR_NONE; }

 private:
  void Flush();
  ESYS_CONTEXT* context_ = nullptr;
  ESYS_TR handle_ = ESYS_TR_NONE;
};

// A key that CreatePrimary() made, with its TPMT_PUBLIC.
struct PrimaryKey {
  EsysHandle handle;
  Bytes public_area;
};

// Creates a primary key in the endorsement hierarchy (empty authorisation).
absl::StatusOr<PrimaryKey> CreateEndorsementPrimary(
    EsysContext& esys, const TPM2B_PUBLIC& public_template);

// Copies `bytes` into a TPM2B-like structure; INVALID_ARGUMENT if too long.
absl::Status CopyInto(std::span<const uint8_t> bytes, std::span<uint8_t> buffer,
                      uint16_t& size);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_ESYS_H_
