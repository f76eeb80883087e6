// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TESTING_SOFTWARE_TPM_H_
#define CONSTELLATION_ATTESTATION_TESTING_SOFTWARE_TPM_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "attestation/attester.h"
#include "attestation/evidence.h"
#include "attestation/tpm/enrolled_tpm.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/hex.h"
#include "crypto/hash.h"

namespace constellation::testing {

// The fields of a TPMS_ATTEST, to be spoilt one by one before signing.
struct QuoteParts {
  uint32_t magic = attestation::kTpmGeneratedValue;
  uint16_t type = attestation::kTpmStAttestQuote;
  Bytes extra_data;
  std::vector<attestation::PcrSelectionUnverified> selections;
  Bytes pcr_digest;
  Bytes trailing;  // octets behind the structure
};

struct SoftwareTpmOptions {
  std::string variant = "qemu-vtpm";
  uint32_t ak_attributes = 0x00050072;
};

// Makes valid vTPM evidence with a key of its own in this process: for tests
// that need evidence to spoil, or an Attester without a TPM. Thread-safe.
class SoftwareTpm final : public attestation::Attester {
 public:
  explicit SoftwareTpm(const SoftwareTpmOptions& options = {});
  ~SoftwareTpm() override;

  // Sets a register (0-15); all are zero at first.
  void SetPcr(uint32_t index, const crypto::Sha256Digest& value);
  // Extends one, as the TPM does.
  void ExtendPcr(uint32_t index, const crypto::Sha256Digest& digest);
  void SetEventLog(Bytes log);

  // What a policy pins of this TPM.
  attestation::EnrolledTpm enrolled() const;

  absl::StatusOr<attestation::Evidence> Attest(
      std::span<const uint8_t> user_data) override;

  // The honest fields for `user_data`, and evidence from fields, honest or not:
  // AttestParts(PartsFor(x)) is Attest(x).
  QuoteParts PartsFor(std::span<const uint8_t> user_data) const;
  attestation::Evidence AttestParts(const QuoteParts& parts) const;
  // A TPMT_SIGNATURE over `message` by the AK.
  Bytes Sign(std::span<const uint8_t> message) const;

 private:
  struct Key;
  std::vector<attestation::PcrValue> Pcrs() const;

  const std::unique_ptr<const Key> key_;
  const std::string variant_;
  Bytes ak_public_;
  Bytes ek_certificate_;
  mutable absl::Mutex mutex_;
  std::array<crypto::Sha256Digest, 16> pcrs_ ABSL_GUARDED_BY(mutex_){};
  Bytes event_log_ ABSL_GUARDED_BY(mutex_);
};

// TPMS_ATTEST of `parts`.
Bytes MarshalAttest(const QuoteParts& parts);

// Appends big-endian integers and sized fields as TPM structures have them.
class TpmWriter final {
 public:
  TpmWriter& U8(uint8_t value);
  TpmWriter& U16(uint16_t value);
  TpmWriter& U32(uint32_t value);
  TpmWriter& U64(uint64_t value);
  TpmWriter& Raw(std::span<const uint8_t> bytes);
  TpmWriter& Sized(std::span<const uint8_t> bytes);  // TPM2B
  Bytes Take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_TESTING_SOFTWARE_TPM_H_
