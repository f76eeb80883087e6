// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_TPM_DEVICE_H_
#define CONSTELLATION_ATTESTATION_TPM_TPM_DEVICE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/evidence.h"
#include "attestation/tpm/enrolled_tpm.h"
#include "common/hex.h"
#include "crypto/hash.h"

namespace constellation::attestation {

// The kernel's TPM with its resource manager: what nodes use.
inline constexpr char kNodeTcti[] = "device:/dev/tpmrm0";

// The public half of the attestation key, as TPMT_PUBLIC, and its Name.
struct AttestationKeyInfo {
  Bytes public_area;
  TpmName name{};
};

// A quote as the TPM gave it.
struct TpmQuote {
  Bytes attest;     // TPMS_ATTEST
  Bytes signature;  // TPMT_SIGNATURE
};

// A TPM 2.0, through tpm2-tss. Everything it creates inside the TPM is flushed
// when the call ends, whatever happens, but for the attestation key, which
// lives as long as this object. Thread-safe: one command at a time. After the
// TPM could not be reached, the next call opens it again.
//
// Errors: UNAVAILABLE if the TPM is busy, gone, or asks to try again;
// FAILED_PRECONDITION if the hierarchy or register is locked; INTERNAL with
// the TPM's own response code otherwise. What a TPM answers is checked for
// shape, not for truth.
class Tpm final {
 public:
  // Opens "device:<path>" or "swtpm:path=<Unix socket>" (the socket of swtpm's
  // --server, with a TPM that was already started: --flags
  // not-need-init,startup-clear). INVALID_ARGUMENT for another kind.
  static absl::StatusOr<std::unique_ptr<Tpm>> Open(const std::string& tcti);

  Tpm(const Tpm&) = delete;
  Tpm& operator=(const Tpm&) = delete;
  ~Tpm();

  // The registers of `mask` (bit i is PCR i, 0-23), SHA-256 bank, ascending.
  // NOT_FOUND if the bank is not active. Reads eight at a time, so registers
  // that change meanwhile may be torn; a quote shows that.
  absl::StatusOr<std::vector<PcrValue>> ReadPcrs(uint32_t mask);

  // Extends PCR `index` (0-23), SHA-256 bank only.
  absl::Status ExtendPcr(uint32_t index, const crypto::Sha256Digest& digest);

  // The certificate of the RSA-2048 EK (NV index 0x01c00002), DER. NOT_FOUND if
  // there is none.
  absl::StatusOr<Bytes> ReadEkCertificate();

  // The attestation key: restricted, signing, ECC P-256 with SHA-256, primary
  // in the endorsement hierarchy from a fixed template, therefore the same
  // whenever it is created in the same TPM. Created at the first call.
  absl::StatusOr<AttestationKeyInfo> AttestationKey();

  // Quotes the SHA-256 bank's registers of `mask` with the attestation key.
  // `qualifying_data` has at most 64 bytes.
  absl::StatusOr<TpmQuote> Quote(std::span<const uint8_t> qualifying_data,
                                 uint32_t mask);

 private:
  class Impl;
  explicit Tpm(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_TPM_DEVICE_H_
