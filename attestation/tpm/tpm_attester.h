// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_TPM_ATTESTER_H_
#define CONSTELLATION_ATTESTATION_TPM_TPM_ATTESTER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "attestation/attester.h"
#include "attestation/evidence.h"
#include "attestation/tpm/tpm_device.h"

namespace constellation::attestation {

// Where Linux shows the firmware's log.
inline constexpr char kNodeEventLog[] =
    "/sys/kernel/security/tpm0/binary_bios_measurements";

// A firmware log has tens of kilobytes; evidence must fit into one message.
inline constexpr size_t kMaxEventLogSize = size_t{1} << 20U;

// The octets of the log at `path`; empty if it cannot be read or has more than
// `max_size` octets.
Bytes ReadLogIfAny(const std::string& path, size_t max_size);

// Evidence from a TPM: a quote over PCR 0-15 of the SHA-256 bank whose
// qualifying data is QuoteQualifyingData(user_data, no hardware report).
// Thread-safe.
class TpmAttester final : public Attester {
 public:
  // Opens the TPM (Tpm::Open), creates the attestation key, reads the EK
  // certificate and the event log once. A log that cannot be read or exceeds
  // kMaxEventLogSize is left out, for it only explains. `variant` as in the
  // policy, e.g. kVariantQemuVtpm.
  static absl::StatusOr<std::unique_ptr<TpmAttester>> Create(
      const std::string& tcti, const std::string& variant,
      const std::string& event_log_path = kNodeEventLog);
  // The same with a TPM that is already open.
  static absl::StatusOr<std::unique_ptr<TpmAttester>> Create(
      std::unique_ptr<Tpm> tpm, const std::string& variant,
      const std::string& event_log_path = kNodeEventLog);

  absl::StatusOr<Evidence> Attest(std::span<const uint8_t> user_data) override;

  // The TPM, for reading and extending registers. Lives as long as this.
  Tpm& tpm() { return *tpm_; }

 private:
  TpmAttester(std::unique_ptr<Tpm> tpm, Evidence base);

  const std::unique_ptr<Tpm> tpm_;
  const Evidence base_;  // what is the same in all evidence of this process
  absl::Mutex mutex_;    // keeps reading and quoting registers together
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_TPM_ATTESTER_H_
