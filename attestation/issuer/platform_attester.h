// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_ISSUER_PLATFORM_ATTESTER_H_
#define CONSTELLATION_ATTESTATION_ISSUER_PLATFORM_ATTESTER_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "attestation/attester.h"
#include "attestation/collateral/http_transport.h"
#include "attestation/evidence.h"
#include "attestation/issuer/azure_guest.h"
#include "attestation/issuer/guest_tpm.h"
#include "attestation/issuer/hardware_report.h"
#include "attestation/issuer/platform.h"
#include "common/clock.h"

namespace constellation::attestation {

// NV indices where Google keeps certificate and template of its attestation
// keys.
inline constexpr uint32_t kGcpRsaCertificateIndex = 0x01c10000;
inline constexpr uint32_t kGcpRsaTemplateIndex = 0x01c10001;
inline constexpr uint32_t kGcpEccCertificateIndex = 0x01c10002;
inline constexpr uint32_t kGcpEccTemplateIndex = 0x01c10003;

// What a PlatformAttester is made of. CreatePlatformAttester() puts it together
// for the machine that it runs on; tests choose.
struct PlatformAttesterParts {
  std::string variant = {};
  std::unique_ptr<GuestTpm> tpm = {};
  // SNP or TDX of the guest's own; null below a paravisor and in ordinary VMs.
  std::unique_ptr<HardwareReportProvider> hardware = {};
  // Set below Azure's paravisor; `transport` is what `azure` uses, if this owns
  // it.
  std::unique_ptr<HttpTransport> transport = {};
  std::unique_ptr<AzureMetadata> azure = {};
  bool nitro_tpm = false;  // add an attestation document of NitroTPM
  uint16_t nitro_buffer_size = 8192;
  std::vector<Bytes> key_certificates = {};  // of the attestation key, DER
  Bytes event_log = {};
  Bytes cc_event_log = {};  // of a TD
};

// Evidence of every layer that this machine has, bound together as
// docs/formats/evidence-binding.md says: the hardware report covers attestation
// key, registers and user data; the quote covers hardware report and user data;
// the NitroTPM document covers quote key and quote. Thread-safe.
class PlatformAttester final : public Attester {
 public:
  // Creates or opens the attestation key, reads the EK certificate. `clock`
  // must outlive this.
  static absl::StatusOr<std::unique_ptr<PlatformAttester>> Create(
      PlatformAttesterParts parts, Clock& clock = Clock::System());

  // As Attester. Registers that change meanwhile make it begin anew, a few
  // times. On Azure, UNAVAILABLE also if the quoting service does not answer;
  // missing certificates are no error, for verifiers can get them.
  absl::StatusOr<Evidence> Attest(std::span<const uint8_t> user_data) override;

  const std::string& variant() const { return base_.variant; }

 private:
  PlatformAttester(PlatformAttesterParts parts, AttestationKeyInfo key,
                   Evidence base, Clock& clock);
  absl::StatusOr<bool> AttestOnce(std::span<const uint8_t> user_data,
                                  Evidence& evidence)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status AddHardware(const ReportData& data, Evidence& evidence)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status AddAzure(const ReportData& data, Evidence& evidence)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status AddNitro(std::span<const uint8_t> qualifying_data,
                        std::span<const uint8_t> user_data, Evidence& evidence)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const PlatformAttesterParts parts_;
  const AttestationKeyInfo key_;
  const Evidence base_;  // what is the same in all evidence of this process
  Clock& clock_;
  absl::Mutex mutex_;  // keeps report, registers and quote together
  // The host's certificates, once the metadata service gave them.
  std::vector<Bytes> azure_certificates_ ABSL_GUARDED_BY(mutex_);
};

// The attester for the machine that this runs on: finds out whose it is
// (DetectCloud), which CPU technology it has, and which key the platform
// certifies. A guest without any hardware report gets its vTPM's evidence.
// Codes of DetectCloud(), GuestTpm and PlatformAttester::Create().
absl::StatusOr<std::unique_ptr<PlatformAttester>> CreatePlatformAttester(
    const PlatformPaths& paths = {}, Clock& clock = Clock::System());
// The same for a machine that is known to be `cloud`'s.
absl::StatusOr<std::unique_ptr<PlatformAttester>> CreatePlatformAttester(
    CloudKind cloud, const PlatformPaths& paths, Clock& clock);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_ISSUER_PLATFORM_ATTESTER_H_
