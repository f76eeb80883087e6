// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_GCP_GCP_VERIFIER_H_
#define CONSTELLATION_ATTESTATION_GCP_GCP_VERIFIER_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/eventlog/event_log.h"
#include "attestation/gcp/ak_certificate.h"
#include "attestation/tpm/check_rows.h"
#include "attestation/tpm/pcr_quote.h"

namespace constellation::attestation {

// What Google's firmware says the hypervisor does for the machine, the first
// octet behind "GCE NonHostInfo".
enum class GceTechnology : uint8_t {
  kNone = 0,
  kSev = 1,
  kSevEs = 2,
  kTdx = 3,
  kSevSnp = 4,
};
// "none", "SEV", ...; "unknown" for other numbers.
std::string_view ToString(GceTechnology technology);

// The confidential technology that the firmware measured. `log` must replay to
// the quoted registers (CheckGcp() sees to that): here is only checked that
// exactly one marker (EV_NONHOST_INFO, PCR 0) stands before the separator of
// PCR 0, and that its digest in `bank` is that of its data. INVALID_ARGUMENT
// otherwise or for an unknown number; NOT_FOUND if there is no marker.
absl::StatusOr<GceTechnology> FindGceTechnologyUnverified(
    const EventLogUnverified& log, uint16_t bank);

// A GCE machine's evidence. Refers to the caller's octets.
struct GcpEvidenceUnverified {
  std::span<const uint8_t> ak_certificate;  // DER
  // `ak` may be empty: then the certificate's key is used. If it is given, it
  // must be the same key.
  PcrQuoteUnverified quote;
  // The firmware's log; empty: the technology stays unknown.
  std::span<const uint8_t> event_log;
};

// The checks, in this order.
enum class GcpCheckId {
  kAkCertificate,  // every check of the AK certificate passed
  kQuoteKey,       // the quote's key is the certificate's
  kQuote,          // every check of the quote passed, nonce included
  kEventLog,       // the log, if given, replays to the quoted registers
  kTechnology,     // and has one marker, if it was given
};

// Stable name of a check, e.g. "quote key".
std::string_view ToString(GcpCheckId id);

using GcpCheck = Check<GcpCheckId>;

// A machine whose vTPM Google vouches for. Only CheckGcp() makes one. The vTPM
// is the hypervisor's: what the CPU says (SNP report, TD quote) is verified
// apart.
class VerifiedGcp final {
 public:
  const GceInstance& instance() const { return instance_; }
  const VerifiedPcrQuote& quote() const { return quote_; }
  // Nothing if no event log was given.
  std::optional<GceTechnology> technology() const { return technology_; }

 private:
  friend class GcpChecker;
  VerifiedGcp(GceInstance instance, VerifiedPcrQuote quote)
      : instance_(std::move(instance)), quote_(std::move(quote)) {}
  GceInstance instance_;
  VerifiedPcrQuote quote_;
  std::optional<GceTechnology> technology_;
};

// Every check with its result; `machine` only if all passed.
struct GcpVerification {
  std::vector<GcpCheck> checks;
  std::vector<GcpCertificateCheck> certificate_checks;  // behind kAkCertificate
  std::vector<QuoteCheck> quote_checks;                 // behind kQuote
  std::optional<VerifiedGcp> machine;
};

// Makes every check, also after one failed. `nonce` is the quote's qualifying
// data. PCR 10 is not compared with the log: it grows while the machine runs.
// Pure; thread-safe. Not checked: register values against references, and
// whose instance it is (AppraiseGcp() does that).
GcpVerification CheckGcp(const GcpEvidenceUnverified& evidence,
                         std::span<const crypto::Certificate> candidates,
                         const GcpTrust& trust, std::span<const uint8_t> nonce);

// The same for who wants a Status: UNAUTHENTICATED naming the first failed
// check.
absl::StatusOr<VerifiedGcp> VerifyGcp(
    const GcpEvidenceUnverified& evidence,
    std::span<const crypto::Certificate> candidates, const GcpTrust& trust,
    std::span<const uint8_t> nonce);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_GCP_GCP_VERIFIER_H_
