// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_AZURE_AZURE_VERIFIER_H_
#define CONSTELLATION_ATTESTATION_AZURE_AZURE_VERIFIER_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/azure/hcl_report.h"
#include "attestation/azure/runtime_data.h"
#include "attestation/tpm/check_rows.h"
#include "attestation/tpm/pcr_quote.h"

namespace constellation::attestation {

// The chain of evidence on Azure: the CPU signs report data; those are the
// digest of the runtime data; the runtime data name the vTPM's attestation key;
// that key signs the quote. The checks of its links, in this order.
enum class AzureCheckId {
  kHclReport,           // parses
  kHardware,            // its hardware report is of the verified one's kind
  kHardwareReportData,  // and carries the verified one's report data
  kRuntimeDataHash,     // which are the digest of the runtime data
  kRuntimeData,         // parse
  kAttestationKey,      // name one usable HCLAkPub, for signing
  kQuoteKey,            // which is the quote's key
  kQuote,               // every check of the quote passed, nonce included
};

// Stable name of a check, e.g. "runtime data hash".
std::string_view ToString(AzureCheckId id);

using AzureCheck = Check<AzureCheckId>;

// What the CPU vouches for: made by the caller from a hardware report that it
// has verified, SNP report or TD quote.
struct AzureHardware {
  HclReportType type{};
  std::span<const uint8_t> report_data;  // its 64 octets
};

// An Azure confidential VM's evidence beside the hardware report. Refers to the
// caller's octets.
struct AzureEvidenceUnverified {
  std::span<const uint8_t> hcl_report;  // NV index 0x01400001
  // `ak` may be empty: then the key of the runtime data is used. If it is given
  // (TPMT_PUBLIC), it must be the same key, and its attributes are looked at.
  PcrQuoteUnverified quote;
};

// A machine whose vTPM the CPU vouches for, by way of the paravisor. Only
// CheckAzure() makes one. What the paravisor is (launch measurement, ID key)
// is in the hardware report: appraise that too.
class VerifiedAzure final {
 public:
  HclReportType hardware() const { return hardware_; }
  uint32_t hcl_version() const { return hcl_version_; }
  // Claims of the paravisor about the machine.
  const RuntimeDataUnverified& runtime_data() const { return runtime_data_; }
  const VerifiedPcrQuote& quote() const { return quote_; }

 private:
  friend class AzureChecker;
  explicit VerifiedAzure(VerifiedPcrQuote quote) : quote_(std::move(quote)) {}
  HclReportType hardware_{};
  uint32_t hcl_version_ = 0;
  RuntimeDataUnverified runtime_data_;
  VerifiedPcrQuote quote_;
};

// Every check with its result; `machine` only if all passed.
struct AzureVerification {
  std::vector<AzureCheck> checks;
  std::vector<QuoteCheck> quote_checks;  // behind the row kQuote
  std::optional<VerifiedAzure> machine;
};

// Makes every check, also after one failed. `nonce` is the quote's qualifying
// data; it makes the evidence fresh. Pure; thread-safe. Not checked here: the
// hardware report itself, its measurements, register values, and the claims of
// the runtime data (AppraiseAzure() does the last).
AzureVerification CheckAzure(const AzureEvidenceUnverified& evidence,
                             const AzureHardware& hardware,
                             std::span<const uint8_t> nonce);

// The same for who wants a Status: INVALID_ARGUMENT if HCL report or runtime
// data do not parse, else UNAUTHENTICATED naming the first failed check.
absl::StatusOr<VerifiedAzure> VerifyAzure(
    const AzureEvidenceUnverified& evidence, const AzureHardware& hardware,
    std::span<const uint8_t> nonce);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_AZURE_AZURE_VERIFIER_H_
