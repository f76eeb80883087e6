// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_ISSUER_GUEST_TPM_H_
#define CONSTELLATION_ATTESTATION_ISSUER_GUEST_TPM_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/evidence.h"
#include "attestation/tpm/tpm_device.h"
#include "common/hex.h"

namespace constellation::attestation {

// The attestation key of this project's own template: what Tpm has.
struct OwnKey {};
// A key that the platform keeps in the TPM, e.g. Azure's.
struct PersistentKey {
  uint32_t handle = 0;
};
// A primary key of the endorsement hierarchy whose template (TPMT_PUBLIC or
// TPM2B_PUBLIC) the platform keeps in an NV index, e.g. Google's.
struct TemplateKey {
  uint32_t nv_index = 0;
};
// Which key a GuestTpm quotes with.
using AttestationKeyChoice = std::variant<OwnKey, PersistentKey, TemplateKey>;

// Largest NV index that is read, octets.
inline constexpr size_t kMaxGuestNvSize = size_t{16} << 10U;

// What evidence from a cloud's vTPM takes beyond Tpm: keys that the platform
// made, NV indices that are read and written, Amazon's vendor command.
// Thread-safe: one operation at a time. After the TPM could not be reached, the
// next call opens it again. Errors as Tpm: UNAVAILABLE, FAILED_PRECONDITION,
// INTERNAL. What a TPM answers is checked for shape, not for truth.
class GuestTpm final {
 public:
  // Opens as Tpm::Open() does.
  static absl::StatusOr<std::unique_ptr<GuestTpm>> Open(
      const std::string& tcti, AttestationKeyChoice key = OwnKey());
  GuestTpm(const GuestTpm&) = delete;
  GuestTpm& operator=(const GuestTpm&) = delete;
  ~GuestTpm();

  // All of an NV index, with the authorisation that its attributes ask for
  // (index or owner, empty password). NOT_FOUND if it is not defined,
  // INVALID_ARGUMENT beyond kMaxGuestNvSize.
  absl::StatusOr<Bytes> ReadNv(uint32_t index);

  // Writes `data` to an NV index, which is defined with its size if it is not
  // there. INVALID_ARGUMENT if it is there and smaller.
  absl::Status WriteNv(uint32_t index, std::span<const uint8_t> data);

  // The registers of `mask` (bit i is PCR i, 0-23), SHA-256 bank, ascending.
  // NOT_FOUND if the bank is not active.
  absl::StatusOr<std::vector<PcrValue>> ReadPcrs(uint32_t mask);

  // The chosen key. NOT_FOUND if the platform has not provided it.
  absl::StatusOr<AttestationKeyInfo> AttestationKey();

  // Quotes the SHA-256 bank's registers of `mask` with the chosen key and its
  // own scheme. `qualifying_data` has at most 64 bytes.
  absl::StatusOr<TpmQuote> Quote(std::span<const uint8_t> qualifying_data,
                                 uint32_t mask);

  // Runs a request of Amazon's security module: defines an NV index of
  // `buffer_size` octets, writes `request`, sends the vendor command, returns
  // the index' contents and undefines it, whatever happens. NOT_FOUND if the
  // TPM does not know the command.
  absl::StatusOr<Bytes> RunNsmRequest(std::span<const uint8_t> request,
                                      uint16_t buffer_size);

 private:
  class Impl;
  explicit GuestTpm(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_ISSUER_GUEST_TPM_H_
