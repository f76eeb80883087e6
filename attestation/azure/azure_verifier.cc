// SPDX-License-Identifier: Apache-2.0
#include "attestation/azure/azure_verifier.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <utility>

#include "attestation/tpm/attestation_key.h"
#include "common/hex.h"
#include "common/status.h"

namespace constellation::attestation {
namespace {

constexpr std::string_view kOtherMachine =
    "the vTPM's report and the hardware report are of different machines or "
    "boots";
constexpr std::string_view kNotBound =
    "somebody wrote runtime data of his own: the CPU does not vouch for this "
    "vTPM";

}  // namespace

std::string_view ToString(AzureCheckId id) {
  switch (id) {
    case AzureCheckId::kHclReport:
      return "HCL report";
    case AzureCheckId::kHardware:
      return "hardware";
    case AzureCheckId::kHardwareReportData:
      return "hardware report data";
    case AzureCheckId::kRuntimeDataHash:
      return "runtime data hash";
    case AzureCheckId::kRuntimeData:
      return "runtime data";
    case AzureCheckId::kAttestationKey:
      return "attestation key";
    case AzureCheckId::kQuoteKey:
      return "quote key";
    case AzureCheckId::kQuote:
      return "quote";
  }
  return "unknown";
}

// Holds what the checks share: everything parsed once.
class AzureChecker final {
 public:
  AzureChecker(const AzureEvidenceUnverified& evidence,
               const AzureHardware& hardware, std::span<const uint8_t> nonce)
      : evidence_(evidence),
        hardware_(hardware),
        nonce_(nonce),
        hcl_(ParseHclReportUnverified(evidence.hcl_report)),
        runtime_(hcl_.ok() ? ParseRuntimeDataUnverified(hcl_->runtime_data)
                           : hcl_.status()) {}

  AzureVerification Run() {
    CheckHardware();
    CheckRuntimeData();
    CheckKeys();
    CheckQuote();
    if (rows_.AllPassed() && quote_.has_value()) {
      VerifiedAzure machine(*std::move(quote_));
      machine.hardware_ = hcl_->type;
      machine.hcl_version_ = hcl_->version;
      machine.runtime_data_ = *std::move(runtime_);
      result_.machine = std::move(machine);
    }
    result_.checks = rows_.Take();
    return std::move(result_);
  }

 private:
  // Report, kind, and the two comparisons with the verified report data.
  void CheckHardware() {
    rows_.AddStatus(AzureCheckId::kHclReport, hcl_.status(), "an HCL report");
    const std::string type(ToString(hardware_.type));
    const std::string data = HexEncode(hardware_.report_data);
    if (!hcl_.ok()) {
      rows_.AddUnavailable(AzureCheckId::kHardware, type, "no HCL report");
      rows_.AddUnavailable(AzureCheckId::kHardwareReportData, data,
                           "no HCL report");
      rows_.AddUnavailable(AzureCheckId::kRuntimeDataHash, data,
                           "no HCL report");
      return;
    }
    rows_.Add(AzureCheckId::kHardware, hcl_->type == hardware_.type, type,
              std::string(ToString(hcl_->type)), kOtherMachine);
    rows_.Add(AzureCheckId::kHardwareReportData,
              std::ranges::equal(hcl_->report_data, hardware_.report_data),
              data, HexEncode(hcl_->report_data), kOtherMachine);
    // Against the verified report data, never against those inside the HCL
    // report, which anybody may have written.
    const Bytes bound = HclReportData(hcl_->hash, hcl_->runtime_data);
    rows_.Add(AzureCheckId::kRuntimeDataHash,
              std::ranges::equal(bound, hardware_.report_data), data,
              fmt::format("{} ({} of the runtime data)", HexEncode(bound),
                          ToString(hcl_->hash)),
              kNotBound);
  }

  // Read even if nothing binds them: a row shall say what is wrong.
  void CheckRuntimeData() {
    rows_.AddStatus(AzureCheckId::kRuntimeData, runtime_.status(),
                    "JSON with keys and claims");
  }

  // Which key the paravisor gave the vTPM.
  void CheckKeys() {
    const std::string expected =
        fmt::format("{}: RSA, for signing", kHclAttestationKeyId);
    const RuntimeKeyUnverified* key =
        runtime_.ok() ? runtime_->FindKey(kHclAttestationKeyId) : nullptr;
    if (key == nullptr) {
      rows_.AddUnavailable(AzureCheckId::kAttestationKey, expected,
                           "the runtime data name none");
      rows_.AddUnavailable(AzureCheckId::kQuoteKey,
                           std::string(kHclAttestationKeyId),
                           "the runtime data name none");
      return;
    }
    // Older paravisors say "encrypt" of this key and mean the same.
    const bool usable =
        key->operations.size() == 1 &&
        (key->operations[0] == "sign" || key->operations[0] == "encrypt");
    const absl::Status fits = ToPublicKey(*key).status();
    rows_.Add(AzureCheckId::kAttestationKey, usable && fits.ok(), expected,
              fits.ok()
                  ? fmt::format("RSA of {} bits, key_ops of {} words",
                                key->modulus.size() * 8, key->operations.size())
                  : std::string(Message(fits)));
    runtime_key_ = EncodeRsaSpki(key->modulus, key->exponent);
    CheckQuoteKey();
  }

  // As SubjectPublicKeyInfo, because the two come in different forms.
  void CheckQuoteKey() {
    const std::string expected =
        fmt::format("{} with SPKI sha256 {}", kHclAttestationKeyId,
                    HexEncode(crypto::Sha256(runtime_key_)));
    if (evidence_.quote.ak.empty()) {
      rows_.Add(AzureCheckId::kQuoteKey, true, expected,
                "none is given: the runtime data's is used");
      return;
    }
    const auto given = ParseAttestationKeyUnverified(evidence_.quote.ak);
    rows_.Add(AzureCheckId::kQuoteKey,
              given.ok() && given->spki == runtime_key_, expected,
              given.ok() ? fmt::format("a key with SPKI sha256 {}",
                                       HexEncode(crypto::Sha256(given->spki)))
                         : std::string(Message(given.status())),
              "the quote is of a vTPM that this machine's paravisor does not "
              "know");
  }

  // Without a key of its own the quote is checked with the runtime data's, so
  // the row kQuote never passes for another key.
  void CheckQuote() {
    PcrQuoteUnverified quote = evidence_.quote;
    if (quote.ak.empty()) {
      quote.ak = runtime_key_;
    }
    PcrQuoteVerification verification = CheckPcrQuote(quote, nonce_);
    const QuoteCheck* failed = FirstFailed(verification.checks);
    rows_.Add(
        AzureCheckId::kQuote, verification.quote.has_value(),
        fmt::format("{} checks pass", verification.checks.size()),
        failed == nullptr ? "as expected" : DescribeFailure("failed", *failed));
    quote_ = std::move(verification.quote);
    result_.quote_checks = std::move(verification.checks);
  }

  const AzureEvidenceUnverified& evidence_;
  const AzureHardware& hardware_;
  const std::span<const uint8_t> nonce_;
  const absl::StatusOr<HclReportUnverified> hcl_;
  absl::StatusOr<RuntimeDataUnverified> runtime_;
  Bytes runtime_key_;  // canonical SPKI of HCLAkPub, or empty
  std::optional<VerifiedPcrQuote> quote_;
  CheckRows<AzureCheckId> rows_;
  AzureVerification result_;
};

AzureVerification CheckAzure(const AzureEvidenceUnverified& evidence,
                             const AzureHardware& hardware,
                             std::span<const uint8_t> nonce) {
  return AzureChecker(evidence, hardware, nonce).Run();
}

absl::StatusOr<VerifiedAzure> VerifyAzure(
    const AzureEvidenceUnverified& evidence, const AzureHardware& hardware,
    std::span<const uint8_t> nonce) {
  AzureVerification result = CheckAzure(evidence, hardware, nonce);
  if (result.machine.has_value()) {
    return *std::move(result.machine);
  }
  const AzureCheck* failed = FirstFailed(result.checks);
  if (failed == nullptr) {
    return Internal("azure: no check failed, yet nothing was verified");
  }
  const std::string message = DescribeFailure("azure", *failed);
  const bool malformed = failed->id == AzureCheckId::kHclReport ||
                         failed->id == AzureCheckId::kRuntimeData;
  return malformed ? InvalidArgument(message) : Unauthenticated(message);
}

}  // namespace constellation::attestation
