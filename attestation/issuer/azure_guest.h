// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_ISSUER_AZURE_GUEST_H_
#define CONSTELLATION_ATTESTATION_ISSUER_AZURE_GUEST_H_

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/collateral/http_transport.h"
#include "attestation/collateral/vendor_endpoints.h"
#include "attestation/issuer/guest_tpm.h"
#include "attestation/layer_binding.h"
#include "common/clock.h"
#include "common/hex.h"

namespace constellation::attestation {

// What Azure's paravisor keeps in the vTPM.
inline constexpr uint32_t kHclReportIndex = 0x01400001;
inline constexpr uint32_t kHclUserDataIndex = 0x01400002;
inline constexpr PersistentKey kHclAttestationKey = {.handle = 0x81000003};

// A HCL report made for `user_data`: writes it to NV index 0x01400002, reads
// 0x01400001, which makes the paravisor ask the CPU anew, and again until the
// report shows the user data: it may lag behind. A paravisor that reports no
// user data at all (older ones) is accepted. Returns all of the index'
// contents. NOT_FOUND if this is no confidential VM, UNAVAILABLE if the report
// kept other user data, INVALID_ARGUMENT if it does not parse. `clock` waits
// between the attempts. Verifies nothing.
absl::StatusOr<Bytes> ReadHclReport(GuestTpm& tpm, Clock& clock,
                                    const ReportData& user_data);

// Azure's services inside the guest: the metadata endpoint. Its answers are
// hostile input: parsed strictly, bounded, and believed by nobody before a
// verifier has seen them. Thread-safe.
class AzureMetadata final {
 public:
  // `transport` must outlive this and allow plain http.
  explicit AzureMetadata(HttpTransport& transport,
                         std::string endpoint = kAzureMetadataEndpoint)
      : transport_(transport), endpoint_(std::move(endpoint)) {}

  // VCEK, ASK and ARK of this host, DER, leaf first, from the Trusted Hardware
  // Identity Management service. Codes as HttpTransport; UNAVAILABLE for HTTP
  // 429 and 5xx, NOT_FOUND for 404, INVALID_ARGUMENT for a malformed answer.
  absl::StatusOr<std::vector<Bytes>> SnpCertificates();

  // A TD quote made of `td_report` (TDREPORT_STRUCT, 1024 octets). Codes as
  // above.
  absl::StatusOr<Bytes> TdQuote(std::span<const uint8_t> td_report);

 private:
  absl::StatusOr<std::string> Ask(HttpRequest request);

  HttpTransport& transport_;
  const std::string endpoint_;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_ISSUER_AZURE_GUEST_H_
