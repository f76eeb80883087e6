// SPDX-License-Identifier: Apache-2.0
#include "attestation/gcp/gcp_verifier.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string>

#include "attestation/tpm/attestation_key.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using std::string_view_literals::operator""sv;

constexpr uint32_t kEvNonHostInfo = 0x11;
constexpr std::string_view kMarker = "GCE NonHostInfo\0"sv;
constexpr size_t kMarkerSize = 32;
constexpr uint32_t kImaPcr = 10;

// Keys are shown by their digest.
std::string SpkiText(std::span<const uint8_t> spki) {
  return fmt::format("SPKI sha256 {}", HexEncode(crypto::Sha256(spki)));
}

// Whether an event claims to be the marker; its digest is another check.
bool IsMarker(const LogEvent& event) {
  return event.pcr == 0 && event.type == kEvNonHostInfo &&
         AsText(event.data).starts_with(kMarker);
}

// Quoted registers that the log does not lead to.
absl::StatusOr<std::vector<uint32_t>> Unexplained(
    const EventLogUnverified& log, const VerifiedPcrQuote& quote) {
  using Registers = std::map<uint32_t, Bytes>;
  ASSIGN_OR_RETURN(const Registers replayed, Replay(log, quote.bank()));
  std::vector<uint32_t> different;
  for (const auto& [index, value] : replayed) {
    const auto quoted = quote.pcr(index);
    if (index != kImaPcr && !quoted.empty() &&
        !std::ranges::equal(quoted, value)) {
      different.push_back(index);
    }
  }
  if (quote.pcr(0).empty() || !replayed.contains(0)) {
    return InvalidArgument(
        "PCR 0 is not quoted, or the log has no event of it");
  }
  return different;
}

}  // namespace

std::string_view ToString(GceTechnology technology) {
  switch (technology) {
    case GceTechnology::kNone:
      return "none";
    case GceTechnology::kSev:
      return "SEV";
    case GceTechnology::kSevEs:
      return "SEV-ES";
    case GceTechnology::kTdx:
      return "TDX";
    case GceTechnology::kSevSnp:
      return "SEV-SNP";
  }
  return "unknown";
}

// The firmware marks the technology before the separator of PCR 0. Two marks,
// or one whose digest is another's, are refused: somebody edited the log.
absl::StatusOr<GceTechnology> FindGceTechnologyUnverified(
    const EventLogUnverified& log, uint16_t bank) {
  const LogEvent* marker = nullptr;
  for (const LogEvent& event : log.events) {
    if (event.pcr == 0 && event.type == kEvSeparator && marker == nullptr) {
      break;  // whatever comes later is the operating system's
    }
    if (!IsMarker(event)) {
      continue;
    }
    if (marker != nullptr) {
      return InvalidArgument(
          fmt::format("records {} and {} both mark the technology",
                      marker->number, event.number));
    }
    marker = &event;
  }
  if (marker == nullptr) {
    return NotFound("no record marks the technology");
  }
  if (marker->data.size() != kMarkerSize ||
      !DataExplainsDigest(*marker, bank)) {
    return InvalidArgument(
        fmt::format("record {}: want a digest of its {} octets, got another",
                    marker->number, kMarkerSize));
  }
  const auto technology =
      static_cast<GceTechnology>(marker->data[kMarker.size()]);
  if (ToString(technology) == "unknown") {
    return InvalidArgument(fmt::format("record {}: technology {} is not known",
                                       marker->number,
                                       marker->data[kMarker.size()]));
  }
  return technology;
}

std::string_view ToString(GcpCheckId id) {
  switch (id) {
    case GcpCheckId::kAkCertificate:
      return "AK certificate";
    case GcpCheckId::kQuoteKey:
      return "quote key";
    case GcpCheckId::kQuote:
      return "quote";
    case GcpCheckId::kEventLog:
      return "event log";
    case GcpCheckId::kTechnology:
      return "technology";
  }
  return "unknown";
}

// Holds what the checks share.
class GcpChecker final {
 public:
  GcpChecker(const GcpEvidenceUnverified& evidence,
             std::span<const uint8_t> nonce,
             GcpCertificateVerification certificate)
      : evidence_(evidence),
        nonce_(nonce),
        certificate_(std::move(certificate)) {}

  GcpVerification Run() {
    CheckCertificate();
    CheckQuote();
    CheckEventLog();
    if (rows_.AllPassed() && quote_.has_value()) {
      VerifiedGcp machine(certificate_.ak->instance(), *std::move(quote_));
      machine.technology_ = technology_;
      result_.machine = std::move(machine);
    }
    result_.checks = rows_.Take();
    result_.certificate_checks = std::move(certificate_.checks);
    return std::move(result_);
  }

 private:
  // Whose key quotes is Google's word. A key that comes with the quote must be
  // the certificate's.
  void CheckCertificate() {
    const GcpCertificateCheck* failed = FirstFailed(certificate_.checks);
    rows_.Add(
        GcpCheckId::kAkCertificate, certificate_.ak.has_value(),
        fmt::format("{} checks pass", certificate_.checks.size()),
        failed == nullptr ? "as expected" : DescribeFailure("failed", *failed));
    if (!certificate_.ak.has_value()) {
      rows_.AddUnavailable(GcpCheckId::kQuoteKey, "the certificate's key",
                           "no verified certificate");
      return;
    }
    const std::string expected = SpkiText(certificate_.ak->spki());
    if (evidence_.quote.ak.empty()) {
      rows_.Add(GcpCheckId::kQuoteKey, true, expected,
                "none is given: the certificate's is used");
      return;
    }
    const auto given = ParseAttestationKeyUnverified(evidence_.quote.ak);
    rows_.Add(GcpCheckId::kQuoteKey,
              given.ok() && given->spki == certificate_.ak->spki(), expected,
              given.ok() ? SpkiText(given->spki)
                         : std::string(Message(given.status())),
              "the certificate is another key's: fetch the one of the key "
              "that quotes (RSA and ECC keys have one each)");
  }

  // Without a key of its own the quote is checked with the certificate's.
  void CheckQuote() {
    PcrQuoteUnverified quote = evidence_.quote;
    if (quote.ak.empty() && certificate_.ak.has_value()) {
      quote.ak = certificate_.ak->spki();
    }
    PcrQuoteVerification verification = CheckPcrQuote(quote, nonce_);
    const QuoteCheck* failed = FirstFailed(verification.checks);
    rows_.Add(
        GcpCheckId::kQuote, verification.quote.has_value(),
        fmt::format("{} checks pass", verification.checks.size()),
        failed == nullptr ? "as expected" : DescribeFailure("failed", *failed));
    quote_ = std::move(verification.quote);
    result_.quote_checks = std::move(verification.checks);
  }

  // Data in the log count only once its digests lead to the quoted registers.
  void CheckEventLog() {
    const std::string replays = "replays to the quoted registers";
    const std::string marked = "one marker before the separator";
    if (evidence_.event_log.empty()) {
      rows_.Add(GcpCheckId::kEventLog, true, replays, "none is given");
      rows_.Add(GcpCheckId::kTechnology, true, marked,
                "unknown: no event log is given");
      return;
    }
    const auto log = ParseEventLogUnverified(evidence_.event_log);
    if (!log.ok() || !quote_.has_value()) {
      const std::string why =
          log.ok() ? "no verified quote" : std::string(Message(log.status()));
      rows_.AddUnavailable(GcpCheckId::kEventLog, replays, why);
      rows_.AddUnavailable(GcpCheckId::kTechnology, marked, why);
      return;
    }
    const auto different = Unexplained(*log, *quote_);
    rows_.Add(GcpCheckId::kEventLog, different.ok() && different->empty(),
              replays,
              !different.ok()      ? std::string(Message(different.status()))
              : different->empty() ? "as expected"
                                   : fmt::format("other values in PCR {}",
                                                 fmt::join(*different, ", ")),
              "the log is of another boot, or was changed");
    const auto technology = FindGceTechnologyUnverified(*log, quote_->bank());
    rows_.Add(GcpCheckId::kTechnology, technology.ok(), marked,
              technology.ok() ? std::string(ToString(*technology))
                              : std::string(Message(technology.status())));
    if (technology.ok()) {
      technology_ = *technology;
    }
  }

  const GcpEvidenceUnverified& evidence_;
  const std::span<const uint8_t> nonce_;
  GcpCertificateVerification certificate_;
  std::optional<VerifiedPcrQuote> quote_;
  std::optional<GceTechnology> technology_;
  CheckRows<GcpCheckId> rows_;
  GcpVerification result_;
};

GcpVerification CheckGcp(const GcpEvidenceUnverified& evidence,
                         std::span<const crypto::Certificate> candidates,
                         const GcpTrust& trust,
                         std::span<const uint8_t> nonce) {
  return GcpChecker(
             evidence, nonce,
             CheckGcpAkCertificate(evidence.ak_certificate, candidates, trust))
      .Run();
}

absl::StatusOr<VerifiedGcp> VerifyGcp(
    const GcpEvidenceUnverified& evidence,
    std::span<const crypto::Certificate> candidates, const GcpTrust& trust,
    std::span<const uint8_t> nonce) {
  GcpVerification result = CheckGcp(evidence, candidates, trust, nonce);
  if (result.machine.has_value()) {
    return *std::move(result.machine);
  }
  const GcpCheck* failed = FirstFailed(result.checks);
  if (failed == nullptr) {
    return Internal("gcp: no check failed, yet nothing was verified");
  }
  return Unauthenticated(DescribeFailure("gcp", *failed));
}

}  // namespace constellation::attestation
