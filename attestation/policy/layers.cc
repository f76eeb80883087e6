// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "attestation/aws/nitro_verifier.h"
#include "attestation/azure/azure_verifier.h"
#include "attestation/gcp/gcp_verifier.h"
#include "attestation/policy/advice.h"
#include "attestation/policy/cpu_layers.h"
#include "attestation/tpm/attestation_key.h"
#include "common/status.h"

namespace constellation::attestation {
namespace {

using Octets = std::span<const uint8_t>;

constexpr uint8_t kDerSequence = 0x30;
// COSE_Sign1 (RFC 9052): tag 18, or the bare array of four.
constexpr uint8_t kCoseTag = 0xd2;
constexpr uint8_t kCoseArray = 0x84;
// More are never read.
constexpr size_t kMaxEndorsements = 32;

bool IsDer(Octets octets) {
  return !octets.empty() && octets[0] == kDerSequence;
}
bool IsCose(Octets octets) {
  return !octets.empty() && (octets[0] == kCoseTag || octets[0] == kCoseArray);
}
// Version 4 or 5, 16 bits little-endian.
bool IsTdQuote(Octets octets) {
  return octets.size() > 1 && (octets[0] == 4 || octets[0] == 5) &&
         octets[1] == 0;
}

}  // namespace

// Makes the rows of one piece of evidence and one profile.
class LayerChecker final {
 public:
  LayerChecker(const Variant& variant, const LayerEvidenceUnverified& evidence,
               const Profile& profile, const AppraisalCollateral& collateral,
               absl::Time now)
      : variant_(variant),
        evidence_(evidence),
        profile_(profile),
        collateral_(collateral),
        now_(now) {
    for (const Octets endorsement : evidence.endorsements) {
      if (IsDer(endorsement) && certificates_.size() < kMaxEndorsements) {
        absl::StatusOr<crypto::Certificate> certificate =
            crypto::Certificate::FromDer(endorsement);
        if (certificate.ok()) {
          certificates_.push_back(*std::move(certificate));
        }
      }
    }
  }

  // The CPU comes first: clouds are compared with its verified report, and only
  // if no cloud vouches for the key the measured image may.
  LayerFindings Run() {
    if (variant_.cloud == CloudLayer::kAzure) {
      CheckAzureLayers();
    } else {
      CheckCpu(evidence_.hardware_report, evidence_.report_data);
    }
    if (variant_.cloud == CloudLayer::kGcp && profile_.gcp.has_value()) {
      CheckGcpLayer(*profile_.gcp);
    }
    if (variant_.cloud == CloudLayer::kNitroTpm && profile_.aws.has_value()) {
      CheckAwsLayer(*profile_.aws);
    }
    if (found_.key_vouched_by.empty() && MeasuredGuestVouches()) {
      found_.key_vouched_by = "the measured image, in its CPU report";
    }
    return std::move(found_);
  }

 private:
  void Add(std::string_view layer, std::string_view name, bool passed,
           std::string expected, std::string got, std::string_view advice) {
    found_.rows.push_back(
        {.layer = std::string(layer),
         .name = std::string(name),
         .expected = std::move(expected),
         .got = std::move(got),
         .verdict = passed ? CheckVerdict::kPassed : CheckVerdict::kFailed,
         .advice = std::string(passed ? "" : advice)});
  }
  template <typename Id>
  void AddAll(std::string_view layer, std::string_view prefix,
              const std::vector<Check<Id>>& checks) {
    for (const Check<Id>& check : checks) {
      // Without a verified CPU report there is nothing to compare with.
      Add(layer, fmt::format("{}{}", prefix, ToString(check.id)), check.passed,
          check.expected.empty() ? "a verified CPU report's" : check.expected,
          check.got, check.advice);
      if (check.passed && !check.checked) {
        found_.rows.back().verdict = CheckVerdict::kInfo;
      }
    }
  }

  // Further ones of the same kind are not looked at: if the first is bad the
  // evidence is refused, so a second cannot replace it.
  Octets FirstEndorsement(bool (*is_kind)(Octets)) const {
    const auto found = std::ranges::find_if(evidence_.endorsements, is_kind);
    return found == evidence_.endorsements.end() ? Octets() : *found;
  }

  // The CPU's report, wherever it stood. Nothing to do for variants without.
  void CheckCpu(Octets report, const std::optional<ReportData>& report_data) {
    const CpuLayerContext context{.evidence_certificates = certificates_,
                                  .collateral = collateral_,
                                  .now = now_};
    if (variant_.cpu == CpuLayer::kSnp && profile_.snp.has_value()) {
      SnpLayer layer = CheckSnpLayer(
          report, EffectiveSnpPolicy(*profile_.snp, profile_.name), report_data,
          context);
      Append(std::move(layer.rows));
      found_.snp = std::move(layer.report);
      found_.insecure_root |=
          found_.snp.has_value() && !found_.snp->chain().root_is_built_in();
    }
    if (variant_.cpu == CpuLayer::kTdx && profile_.tdx.has_value()) {
      TdxLayer layer =
          CheckTdxLayer(report, profile_.tdx->policy, report_data, context);
      Append(std::move(layer.rows));
      found_.tdx = std::move(layer.quote);
      found_.insecure_root |= found_.tdx.has_value() &&
                              !found_.tdx->quote().quote().root().is_intel;
    }
  }

  void Append(std::vector<CheckRow> rows) {
    std::ranges::move(rows, std::back_inserter(found_.rows));
  }

  // The guest put its key's name into a report that names a measured image.
  bool MeasuredGuestVouches() const {
    if (variant_.cloud == CloudLayer::kAzure ||
        !evidence_.report_data.has_value()) {
      return false;
    }
    return (found_.snp.has_value() && profile_.snp->measurement_covers_image) ||
           (found_.tdx.has_value() && profile_.tdx->covers_image());
  }

  // On Azure the paravisor fills the report data: the digest of the runtime
  // data.
  void CheckAzureLayers() {
    const absl::StatusOr<HclReportUnverified> hcl =
        ParseHclReportUnverified(evidence_.hardware_report);
    const bool tdx = variant_.cpu == CpuLayer::kTdx;
    std::optional<ReportData> data;
    Octets report;
    if (hcl.ok()) {
      const Bytes bound = HclReportData(hcl->hash, hcl->runtime_data);
      data.emplace();
      std::copy_n(bound.begin(), std::min(bound.size(), data->size()),
                  data->begin());
      report = hcl->hardware_report;
    }
    CheckCpu(tdx ? FirstEndorsement(IsTdQuote) : report, data);
    AzureHardware hardware{
        .type = tdx ? HclReportType::kTdx : HclReportType::kSnp,
        .report_data = {}};
    if (found_.snp.has_value()) {
      hardware.report_data = found_.snp->report().report_data;
    } else if (found_.tdx.has_value()) {
      hardware.report_data = found_.tdx->report().report_data;
    }
    const AzureVerification azure = CheckAzure(
        {.hcl_report = evidence_.hardware_report, .quote = evidence_.quote},
        hardware, evidence_.nonce);
    AddAll("azure", "", azure.checks);
    AppraiseParavisor(azure, hardware.type);
  }

  // The claims are the paravisor's words; they count only because the CPU's
  // report carries their digest, and so names the attestation key.
  void AppraiseParavisor(const AzureVerification& azure, HclReportType type) {
    if (!azure.machine.has_value()) {
      Add("azure", "claims", false, "claims that the CPU vouches for",
          "not available: a check above failed", "");
      return;
    }
    found_.key_vouched_by = "the CPU's report, by way of Azure's paravisor";
    AzurePolicy policy;
    if (profile_.azure.has_value()) {
      policy = profile_.azure->policy;
      if (profile_.azure->require_user_data &&
          evidence_.report_data.has_value()) {
        policy.user_data =
            Bytes(evidence_.report_data->begin(), evidence_.report_data->end());
      }
    }
    policy.hardware = {type};
    AddAll("azure", "", AppraiseAzure(*azure.machine, policy));
  }

  // The certificate among the endorsements whose key is the quote's.
  Octets AkCertificate() const {
    const absl::StatusOr<AttestationKeyUnverified> ak =
        ParseAttestationKeyUnverified(evidence_.quote.ak);
    for (const crypto::Certificate& certificate : certificates_) {
      if (ak.ok() && certificate.Spki() == ak->spki) {
        return certificate.der();
      }
    }
    return {};
  }

  // The variant decides, so that a certificate of a plain SEV machine cannot
  // stand beside a profile for SEV-SNP.
  GceTechnology ExpectedTechnology() const {
    switch (variant_.cpu) {
      case CpuLayer::kSnp:
        return GceTechnology::kSevSnp;
      case CpuLayer::kTdx:
        return GceTechnology::kTdx;
      default:
        return GceTechnology::kSevEs;
    }
  }

  // Google's certificate binds the attestation key to an instance. What that
  // instance measured is the quote's and the profile's matter.
  void CheckGcpLayer(const GcpProfile& gcp) {
    GcpTrust trust{.roots = GcpTrust().roots,
                   .now = now_,
                   .crls = collateral_.crls,
                   .require_crls = gcp.require_revocation_list};
    trust.roots.insert(trust.roots.end(), gcp.insecure_roots.begin(),
                       gcp.insecure_roots.end());
    std::vector<crypto::Certificate> candidates = certificates_;
    candidates.insert(candidates.end(), collateral_.certificates.begin(),
                      collateral_.certificates.end());
    const Octets certificate = AkCertificate();
    const GcpVerification verification =
        CheckGcp({.ak_certificate = certificate,
                  .quote = evidence_.quote,
                  .event_log = evidence_.event_log},
                 candidates, trust, evidence_.nonce);
    AddAll("gcp", "AK certificate: ", verification.certificate_checks);
    AddAll("gcp", "", verification.checks);
    if (!verification.machine.has_value()) {
      Add("gcp", "instance", false, "an instance that Google vouches for",
          "not available: a check above failed",
          certificate.empty()
              ? "the evidence has no certificate of the quote's "
                "key: the machine gave none, or its metadata "
                "agent is switched off"
              : "");
      return;
    }
    found_.key_vouched_by = "Google's certificate of the attestation key";
    found_.insecure_root |=
        !gcp.insecure_roots.empty() && !IsGooglesOwn(certificate, candidates);
    GcpPolicy policy = gcp.policy;
    policy.technologies = {ExpectedTechnology()};
    AddAll("gcp", "", AppraiseGcp(*verification.machine, policy));
  }

  // Whether the chain holds with Google's roots alone.
  bool IsGooglesOwn(Octets certificate,
                    const std::vector<crypto::Certificate>& candidates) const {
    return CheckGcpAkCertificate(certificate, candidates,
                                 {.roots = GcpTrust().roots, .now = now_})
        .ak.has_value();
  }

  // The document has its own nonce and user data: both must be this
  // connection's, or an old document would vouch for a new quote.
  void CheckAwsLayer(const AwsProfile& aws) {
    NitroExpectation expectation;
    expectation.roots.insert(expectation.roots.end(),
                             aws.insecure_roots.begin(),
                             aws.insecure_roots.end());
    expectation.nonce = evidence_.nonce;
    expectation.now = now_;
    expectation.max_age = aws.max_age;
    expectation.crls = collateral_.crls;
    expectation.require_crls = aws.require_revocation_list;
    const Octets cose = FirstEndorsement(IsCose);
    const NitroVerification verification =
        CheckNitroDocument(cose, expectation);
    AddAll("aws", "document ", verification.checks);
    if (!verification.document.has_value()) {
      Add("aws", "registers", false, "values that the hypervisor vouches for",
          "not available: a check above failed",
          cose.empty()
              ? "the evidence has no attestation document: is NitroTPM "
                "enabled in the image?"
              : "");
      return;
    }
    NitroPolicy policy = aws.policy;
    policy.kind = NitroKind::kNitroTpm;
    policy.user_data = evidence_.document_user_data;
    AddAll("aws", "", AppraiseNitro(*verification.document, policy));
    BindDocument(*verification.document);
    if (!aws.insecure_roots.empty()) {
      expectation.roots = NitroExpectation().roots;
      found_.insecure_root |=
          !CheckNitroDocument(cose, expectation).document.has_value();
    }
  }

  // The document's public key was chosen by the guest whose registers it
  // shows, and those are the profile's: so the key is that image's TPM's. If
  // the quote is of the document's bank, the registers must be the same, too.
  void BindDocument(const VerifiedNitroDocument& document) {
    const PcrQuoteVerification quote =
        CheckPcrQuote(evidence_.quote, evidence_.nonce);
    if (!quote.quote.has_value()) {
      Add("aws", "document's quote", false, "a quote of the document's key",
          "not available: the quote is not verified", "");
      return;
    }
    const bool same_bank = quote.quote->bank() == kTpmAlgSha384;
    bool bound = true;
    for (const NitroTpmCheck& check : CheckNitroTpm(document, *quote.quote)) {
      const bool of_bank = check.id == NitroTpmCheckId::kBank ||
                           check.id == NitroTpmCheckId::kRegisters;
      if (of_bank && !same_bank) {
        continue;
      }
      bound &= check.passed;
      Add("aws", fmt::format("quote {}", ToString(check.id)), check.passed,
          check.expected, check.got, check.advice);
    }
    if (bound) {
      found_.key_vouched_by = "the NitroTPM document";
    }
  }

  const Variant& variant_;
  const LayerEvidenceUnverified& evidence_;
  const Profile& profile_;
  const AppraisalCollateral& collateral_;
  const absl::Time now_;
  std::vector<crypto::Certificate> certificates_;
  LayerFindings found_;
};

size_t LayerFindings::failures() const {
  return static_cast<size_t>(
      std::ranges::count(rows, CheckVerdict::kFailed, &CheckRow::verdict));
}

LayerFindings CheckLayers(const Variant& variant,
                          const LayerEvidenceUnverified& evidence,
                          const Profile& profile,
                          const AppraisalCollateral& collateral,
                          absl::Time now) {
  return LayerChecker(variant, evidence, profile, collateral, now).Run();
}

}  // namespace constellation::attestation
