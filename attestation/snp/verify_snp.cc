// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/verify_snp.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "common/status.h"

namespace constellation::attestation {
namespace {

using Octets = std::span<const uint8_t>;

constexpr uint32_t kEcdsaP384Sha384 = 1;
constexpr std::string_view kNoReport = "not available: no report";
constexpr std::string_view kNoSigner = "not available: no signer's certificate";

}  // namespace

SnpTcb VerifiedSnpReport::reported_tcb() const {
  return DecodeSnpTcb(report_.reported_tcb, product());
}

SnpTcb VerifiedSnpReport::current_tcb() const {
  return DecodeSnpTcb(report_.current_tcb, product());
}

SnpTcb VerifiedSnpReport::committed_tcb() const {
  return DecodeSnpTcb(report_.committed_tcb, product());
}

SnpTcb VerifiedSnpReport::launch_tcb() const {
  return DecodeSnpTcb(report_.launch_tcb, product());
}

// Holds what the checks share.
class SnpChecker final {
 public:
  SnpChecker(Octets report, SnpChainVerification chain)
      : bytes_(report),
        report_(SnpReportUnverified::Parse(report)),
        signer_(std::move(chain.signer)),
        chain_(std::move(chain.chain)) {
    result_.checks = std::move(chain.checks);
    result_.checks.reserve(result_.checks.size() + 7);
  }

  SnpVerification Run() {
    Add(SnpCheckId::kReport, report_.ok(), "an SNP report of version 2, 3 or 5",
        report_.ok() ? fmt::format("version {}", report_->version)
                     : std::string(Message(report_.status())));
    CheckAlgorithm();
    CheckSigningKey();
    CheckProcessor();
    CheckTcb();
    CheckChipId();
    CheckSignature();
    if (chain_ != nullptr && report_.ok() && AllPassed(result_.checks)) {
      result_.report = VerifiedSnpReport(*report_, chain_);
    }
    return std::move(result_);
  }

 private:
  void Add(SnpCheckId id, bool passed, std::string_view expected,
           std::string_view got) {
    result_.checks.push_back({.id = id,
                              .expected = std::string(expected),
                              .got = std::string(got),
                              .passed = passed});
  }
  // A row that passes because there is nothing to compare.
  void AddNotChecked(SnpCheckId id, std::string_view expected,
                     std::string_view why) {
    Add(id, true, expected, why);
    result_.checks.back().checked = false;
  }
  // Adds the row of a check that needs report and signer if one is not there.
  bool LacksInput(SnpCheckId id, std::string_view expected) {
    if (report_.ok() && signer_.has_value()) {
      return false;
    }
    Add(id, false, expected, report_.ok() ? kNoSigner : kNoReport);
    return true;
  }

  // The number stands in the signed part, but says how it is signed: only one
  // value is defined, and nothing may be guessed.
  void CheckAlgorithm() {
    const std::string_view expected = "1 (ECDSA P-384 with SHA-384)";
    if (!report_.ok()) {
      Add(SnpCheckId::kSignatureAlgorithm, false, expected, kNoReport);
      return;
    }
    Add(SnpCheckId::kSignatureAlgorithm,
        report_->signature_algorithm == kEcdsaP384Sha384, expected,
        fmt::format("{}", report_->signature_algorithm));
  }

  // A VLEK's report names no chip that the key belongs to: it must say itself
  // that the provider's key signed it.
  void CheckSigningKey() {
    if (LacksInput(SnpCheckId::kSigningKey, "the certificate's kind")) {
      return;
    }
    Add(SnpCheckId::kSigningKey, report_->signing_key == signer_->facts.kind,
        fmt::format("{}, as the certificate", ToString(signer_->facts.kind)),
        ToString(report_->signing_key));
  }

  // From version 3 on the firmware names the CPU; a certificate of another
  // product would mean other levels and another root.
  void CheckProcessor() {
    if (LacksInput(SnpCheckId::kProcessor, "the certificate's product")) {
      return;
    }
    const std::string_view expected = ToString(signer_->facts.product);
    if (!report_->cpuid.has_value()) {
      AddNotChecked(SnpCheckId::kProcessor, expected,
                    "version 2 does not name it, the certificate does");
      return;
    }
    const SnpCpuid& cpuid = *report_->cpuid;
    const std::optional<SnpProduct> product =
        SnpProductFromCpuid(cpuid.family, cpuid.model);
    Add(SnpCheckId::kProcessor, product == signer_->facts.product, expected,
        fmt::format("{} (family {:#04x}, model {:#04x}, stepping {})",
                    product.has_value() ? ToString(*product) : "unknown",
                    cpuid.family, cpuid.model, cpuid.stepping));
  }

  // Octet for octet: the reserved ones are levels of the certificate, too.
  void CheckTcb() {
    if (LacksInput(SnpCheckId::kTcb, "the certificate's levels")) {
      return;
    }
    const SnpSignerFactsUnverified& facts = signer_->facts;
    const auto describe = [&facts](const SnpRawTcb& raw) {
      return fmt::format("{} ({})", ToString(DecodeSnpTcb(raw, facts.product)),
                         HexEncode(raw));
    };
    Add(SnpCheckId::kTcb, facts.tcb == report_->reported_tcb,
        describe(facts.tcb), describe(report_->reported_tcb));
  }

  // A VCEK is one chip's. Where the host masks the chip ID the certificate
  // still names it, by the key that only this chip can derive.
  void CheckChipId() {
    if (LacksInput(SnpCheckId::kChipId, "the certificate's hardware ID")) {
      return;
    }
    const std::optional<Bytes>& hardware_id = signer_->facts.hardware_id;
    if (!hardware_id.has_value()) {
      AddNotChecked(SnpCheckId::kChipId, "a VLEK names no chip",
                    HexEncode(report_->chip_id));
      return;
    }
    if (report_->chip_id_is_masked()) {
      AddNotChecked(SnpCheckId::kChipId, HexEncode(*hardware_id),
                    "masked by the host's owner; the VCEK names the chip");
      return;
    }
    Add(SnpCheckId::kChipId, SnpChipIdOf(*hardware_id) == report_->chip_id,
        HexEncode(*hardware_id), HexEncode(report_->chip_id));
  }

  // Over the octets as they came, not over what was parsed from them.
  void CheckSignature() {
    const std::string_view expected = "by the certificate's key";
    if (LacksInput(SnpCheckId::kSignature, expected)) {
      return;
    }
    const absl::Status status = signer_->key.VerifyEcdsa(
        crypto::HashAlgorithm::kSha384, bytes_.first(kSnpSignedSize),
        report_->signature_r, report_->signature_s);
    Add(SnpCheckId::kSignature, status.ok(), expected,
        status.ok() ? "as expected" : Message(status));
  }

  const Octets bytes_;
  const absl::StatusOr<SnpReportUnverified> report_;
  const std::optional<SnpSignerUnverified> signer_;
  const std::shared_ptr<const VerifiedSnpChain> chain_;
  SnpVerification result_;
};

SnpVerification CheckSnp(const SnpVerificationInput& input, absl::Time now,
                         SnpChainCache* cache) {
  return SnpChecker(input.report, CheckSnpChain(input.endorsements,
                                                input.options, now, cache))
      .Run();
}

absl::StatusOr<VerifiedSnpReport> VerifySnp(const SnpVerificationInput& input,
                                            absl::Time now,
                                            SnpChainCache* cache) {
  SnpVerification result = CheckSnp(input, now, cache);
  if (result.report.has_value()) {
    return *std::move(result.report);
  }
  const auto failed = std::ranges::find_if(
      result.checks, [](const SnpCheck& check) { return !check.passed; });
  if (failed == result.checks.end()) {
    return Internal("SNP: no check failed, yet nothing was verified");
  }
  const std::string message =
      fmt::format("SNP: {}: expected {}, got {}", ToString(failed->id),
                  failed->expected, failed->got);
  const bool malformed =
      std::ranges::any_of(result.checks, [](const SnpCheck& check) {
        return check.id == SnpCheckId::kReport && !check.passed;
      });
  return malformed ? InvalidArgument(message) : Unauthenticated(message);
}

}  // namespace constellation::attestation
