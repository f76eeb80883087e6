// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/appraisal.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "attestation/eventlog/diagnosis.h"
#include "attestation/policy/advice.h"
#include "attestation/policy/ccel_rows.h"
#include "attestation/policy/json_reader.h"
#include "attestation/policy/layer_evidence.h"
#include "attestation/policy/layers.h"
#include "attestation/policy/tcb_report.h"
#include "attestation/policy/variants.h"
#include "attestation/tpm/cluster_pcr.h"
#include "attestation/tpm/quote.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/hex.h"
#include "common/status.h"

namespace constellation::attestation {
namespace {

using crypto::Sha256Digest;

constexpr std::string_view kNothing = "nothing";

// How far a profile is from the evidence.
struct ProfileMatch {
  const Profile* profile = nullptr;
  size_t differences = 0;
  bool valid_now = false;

  // Lexicographic: fewer differences first, then validity.
  bool BetterThan(const ProfileMatch& other) const {
    return profile != nullptr &&
           (other.profile == nullptr || differences < other.differences ||
            (differences == other.differences && valid_now &&
             !other.valid_now));
  }
};

// The first entry counts: CheckQuote() refuses evidence that names a register
// twice, so no later one can be meant.
std::optional<Sha256Digest> ValueOf(const std::vector<PcrValue>& pcrs,
                                    uint32_t index) {
  for (const PcrValue& pcr : pcrs) {
    if (pcr.index == index) {
      return pcr.sha256;
    }
  }
  return std::nullopt;
}

std::string PcrName(uint32_t index) {
  return fmt::format("PCR{}", index);
}

std::string HexOr(const std::optional<Sha256Digest>& value,
                  std::string_view otherwise) {
  return value.has_value() ? HexEncode(*value) : std::string(otherwise);
}

// Both ends belong to the validity, as notBefore and notAfter of a certificate
// do (RFC 5280 4.1.2.5).
bool ValidAt(const Profile& profile, absl::Time now) {
  return (!profile.not_before.has_value() || now >= *profile.not_before) &&
         (!profile.not_after.has_value() || now <= *profile.not_after);
}

std::string Validity(const Profile& profile) {
  return fmt::format(
      "{} to {}",
      profile.not_before.has_value() ? FormatUtc(*profile.not_before)
                                     : "always",
      profile.not_after.has_value() ? FormatUtc(*profile.not_after)
                                    : "for ever");
}

}  // namespace

// Builds an Appraisal row by row.
class Appraiser final {
 public:
  Appraiser(const Evidence& evidence, std::span<const uint8_t> user_data,
            const ClusterState& cluster_state, const Policy& policy,
            const AppraisalCollateral& collateral, absl::Time now)
      : evidence_(evidence),
        user_data_(user_data),
        cluster_state_(cluster_state),
        policy_(policy),
        collateral_(collateral),
        now_(now),
        variant_(FindVariant(evidence.variant)) {}

  Appraisal Run() {
    AddEvidenceRows();
    AddQuoteRows();
    ChooseProfile();
    AddTpmRows();
    AddProfileRows();
    std::ranges::move(layers_.rows, std::back_inserter(result_.rows));
    AddClusterRow();
    AddEventLogRows();
    AddCcelRows();
    const TcbFacts facts{.variant = variant_,
                         .profile = best_.profile,
                         .layers = layers_,
                         .image_known = quote_.has_value() && key_trusted_ &&
                                        best_.profile != nullptr &&
                                        best_.differences == 0};
    result_.rests_on = RestsOn(facts);
    result_.tcb_report = MakeTcbReport(facts);
    result_.accepted =
        quote_.has_value() &&
        std::ranges::none_of(result_.rows, [](const CheckRow& row) {
          return row.verdict == CheckVerdict::kFailed;
        });
    return std::move(result_);
  }

 private:
  void Add(std::string_view layer, std::string_view name, bool passed,
           std::string expected, std::string got, std::string_view advice) {
    result_.rows.push_back(
        {.layer = std::string(layer),
         .name = std::string(name),
         .expected = std::move(expected),
         .got = std::move(got),
         .verdict = passed ? CheckVerdict::kPassed : CheckVerdict::kFailed,
         .advice = std::string(passed ? "" : advice)});
  }

  // The frame: is this a platform that the policy is about, and is nothing in
  // the evidence that no check below reads? Whatever stays unread could hold
  // what an older or newer verifier would have refused.
  void AddEvidenceRows() {
    const bool in_policy =
        std::ranges::any_of(policy_.profiles(), [this](const Profile& profile) {
          return profile.variant == evidence_.variant;
        });
    std::string variants;
    for (const Profile& profile : policy_.profiles()) {
      if (variants.find(profile.variant) == std::string::npos) {
        variants += (variants.empty() ? "" : " or ") + profile.variant;
      }
    }
    const bool known = variant_ != nullptr && variant_->has_tpm;
    Add("evidence", "variant", known && in_policy,
        variants.empty() ? std::string(kNothing) : variants,
        evidence_.variant.empty() ? "none" : ShownText(evidence_.variant),
        "no profile of the policy is about this kind of platform");
    Add("evidence", "user data", user_data_.size() == kUserDataSize,
        fmt::format("{} bytes", kUserDataSize),
        fmt::format("{} bytes", user_data_.size()),
        "the caller asked for evidence in another way than it checks it");
    AddHardwareReportRow();
    AddEndorsementsRow();
    const bool td = variant_ != nullptr && variant_->cpu == CpuLayer::kTdx;
    if (!td && !evidence_.cc_event_log.empty()) {
      Add("evidence", "CC event log", false, "none",
          fmt::format("{} bytes", evidence_.cc_event_log.size()),
          "only a TD has one: unread evidence is refused");
    }
  }

  // Whether a CPU or a cloud has a say beside the vTPM; only then something
  // else than enrolment can vouch for the quote's key.
  bool has_layers() const {
    return variant_ != nullptr && (variant_->cpu != CpuLayer::kNone ||
                                   variant_->cloud != CloudLayer::kNone);
  }

  // A variant with a CPU layer must have a report: leaving it out would else be
  // the cheapest way around every CPU check.
  void AddHardwareReportRow() {
    const size_t size = evidence_.hardware_report.size();
    if (variant_ == nullptr || variant_->cpu == CpuLayer::kNone) {
      Add("evidence", "hardware report", size == 0, "none",
          fmt::format("{} bytes", size),
          "no verifier for it in this variant: unchecked evidence is refused");
      return;
    }
    const bool azure = variant_->cloud == CloudLayer::kAzure;
    Add("evidence", "hardware report", size != 0,
        azure                             ? "an HCL report"
        : variant_->cpu == CpuLayer::kSnp ? "an SEV-SNP report"
                                          : "a TD quote",
        size == 0 ? "none" : fmt::format("{} bytes", size),
        "the machine gave no CPU evidence: it is not a confidential VM, or its "
        "guest driver is missing");
  }

  // Certificates and what else comes along are checked by the layers; what
  // none of them reads is refused.
  void AddEndorsementsRow() {
    const size_t count = evidence_.endorsements.size();
    if (!has_layers()) {
      Add("evidence", "endorsements", count == 0, "none",
          fmt::format("{} certificates", count),
          "no verifier for them in this variant: unchecked evidence is "
          "refused");
      return;
    }
    const auto unread = std::ranges::find_if(
        evidence_.endorsements, [this](const Bytes& endorsement) {
          return !IsReadEndorsement(*variant_, endorsement);
        });
    Add("evidence", "endorsements", unread == evidence_.endorsements.end(),
        "only kinds that this variant has",
        unread == evidence_.endorsements.end()
            ? fmt::format("{} endorsements", count)
            : fmt::format("one that begins with {}",
                          HexEncode(std::span<const uint8_t>(*unread).first(
                              std::min<size_t>(unread->size(), 4)))),
        "no verifier for it in this variant: unchecked evidence is refused");
  }

  // The quote covers the hardware report by its qualifying data, so the report
  // of one machine cannot be sent with the quote of another.
  void AddQuoteRows() {
    QuoteVerification verification =
        CheckQuote(evidence_.tpm,
                   QuoteQualifyingData(user_data_, evidence_.hardware_report));
    for (QuoteCheck& check : verification.checks) {
      Add("quote", ToString(check.id), check.passed, std::move(check.expected),
          std::move(check.got), QuoteAdvice(check.id));
    }
    quote_ = std::move(verification.quote);
  }

  // Whose key signed the quote. Where a layer can vouch for it, that is enough;
  // an enrolled TPM has a name and a role, and its certificate must fit.
  void AddTpmRows() {
    const absl::StatusOr<TpmName> name = NameOf(evidence_.tpm.ak_public);
    const auto found = std::ranges::find_if(
        policy_.enrolled(), [&name](const EnrolledNode& node) {
          return name.ok() && node.tpm.ak_name == *name;
        });
    const EnrolledNode* node =
        found == policy_.enrolled().end() ? nullptr : &*found;
    const std::string got = name.ok() ? HexEncode(*name) : "no AK";
    key_trusted_ = node != nullptr || !layers_.key_vouched_by.empty();
    if (has_layers()) {
      AddVouchedRow(node, got);
    } else {
      Add("tpm", "AK enrolled", node != nullptr,
          fmt::format("the Name of one of {} enrolled TPMs",
                      policy_.enrolled().size()),
          got,
          "this TPM is not in the policy's enrolledTPMs: it was not made for "
          "this cluster");
    }
    if (node != nullptr || !has_layers()) {
      AddEkCertificateRow(node);
    }
    if (node != nullptr) {
      result_.node_name = node->node_name;
      result_.role = node->role;
    }
  }

  // An attestation key that nothing ties to the machine may belong to a
  // software TPM of the attacker: all registers would be as he likes.
  void AddVouchedRow(const EnrolledNode* node, const std::string& name) {
    const std::string& by = layers_.key_vouched_by;
    Add("tpm", "AK vouched for", node != nullptr || !by.empty(),
        "somebody to vouch for the quote's key",
        node != nullptr ? "an enrolled TPM"
        : by.empty()    ? fmt::format("nobody for {}", name)
                        : by,
        "nothing ties the quote to this machine: the layer that would vouch "
        "for its key was refused or is missing; else enrol the TPM, or compare "
        "the image itself (measurementCoversImage, rtmr1)");
  }

  // The AK's Name alone identifies the TPM; the certificate is compared so that
  // an enrolment never says one machine and the evidence another.
  void AddEkCertificateRow(const EnrolledNode* node) {
    const Sha256Digest certificate =
        crypto::Sha256(evidence_.tpm.ek_certificate);
    Add("tpm", "EK certificate",
        node != nullptr && node->tpm.ek_certificate_sha256 == certificate,
        node == nullptr ? "the certificate of an enrolled TPM"
                        : HexEncode(node->tpm.ek_certificate_sha256),
        evidence_.tpm.ek_certificate.empty() ? "none" : HexEncode(certificate),
        "the certificate is not the one that was pinned with this AK");
  }

  // Counts registers that the profile names and that differ; one that is not
  // quoted counts as different.
  ProfileMatch Match(const Profile& profile) const {
    ProfileMatch match{.profile = &profile,
                       .differences = 0,
                       .valid_now = ValidAt(profile, now_)};
    for (const auto& [index, value] : profile.pcrs) {
      if (ValueOf(evidence_.tpm.pcrs, index) != value) {
        ++match.differences;
      }
    }
    return match;
  }

  // The same rows for who has no profile of this variant.
  void AddRowsWithoutProfile() {
    Add("profile", "image", false, "a profile of this variant", "none",
        "add a profile for this variant to the policy");
    Add("profile", "validity", false, "a valid profile", "none", "");
    for (const uint32_t index : kRequiredPcrs) {
      Add("pcr", PcrName(index), false, "a profile's value",
          HexOr(ValueOf(evidence_.tpm.pcrs, index), "not quoted"), "");
    }
  }

  // Finds the closest profile of this variant, and what the other layers show
  // in its light.
  void ChooseProfile() {
    std::vector<ProfileMatch> closest;
    for (const Profile& profile : policy_.profiles()) {
      if (profile.variant != evidence_.variant) {
        continue;
      }
      ++candidates_;
      const ProfileMatch match = Match(profile);
      if (closest.empty() || match.differences < closest[0].differences) {
        closest.clear();
      }
      if (closest.empty() || match.differences == closest[0].differences) {
        closest.push_back(match);
      }
      if (match.BetterThan(best_)) {
        best_ = match;
      }
    }
    if (best_.profile == nullptr || !has_layers()) {
      return;
    }
    std::stable_partition(
        closest.begin(), closest.end(),
        [](const ProfileMatch& match) { return match.valid_now; });
    // Evidence that is refused anyway must not cost a chain per profile.
    if (best_.differences != 0 || !quote_.has_value()) {
      closest = {best_};
    }
    ChooseByLayers(closest);
  }

  // Takes the first of `closest` that has no failure, else the one with the
  // fewest; valid ones come first.
  void ChooseByLayers(const std::vector<ProfileMatch>& closest) {
    const LayerEvidence evidence(evidence_, user_data_);
    std::optional<size_t> fewest;
    for (const ProfileMatch& match : closest) {
      LayerFindings found = CheckLayers(*variant_, evidence.view(),
                                        *match.profile, collateral_, now_);
      const size_t failures = found.failures() + (match.valid_now ? 0 : 1);
      if (!fewest.has_value() || failures < *fewest) {
        fewest = failures;
        best_ = match;
        layers_ = std::move(found);
      }
      if (failures == 0) {
        return;
      }
    }
  }

  void AddProfileRows() {
    if (best_.profile == nullptr) {
      AddRowsWithoutProfile();
      return;
    }
    const Profile& profile = *best_.profile;
    result_.profile = profile.name;
    expected_pcrs_ = profile.pcrs;
    Add("profile", "image", best_.differences == 0,
        fmt::format("one of {} profiles", candidates_),
        best_.differences == 0
            ? profile.name
            : fmt::format("none; the closest is \"{}\": {} of {} PCRs differ",
                          profile.name, best_.differences, profile.pcrs.size()),
        "the node runs an image that the policy does not know");
    MarkUnlessQuoted();
    Add("profile", "validity", best_.valid_now,
        fmt::format("{}: {}", profile.name, Validity(profile)), FormatUtc(now_),
        "the profile is not valid now: renew the policy");
    for (const auto& [index, value] : profile.pcrs) {
      AddPcrRow("pcr", index, value, PcrAdvice(index));
    }
  }

  // A register's row. A value that matches but that no verified quote vouches
  // for is not called passed.
  void AddPcrRow(std::string_view layer, uint32_t index,
                 const Sha256Digest& expected, std::string_view advice) {
    const std::optional<Sha256Digest> got = ValueOf(evidence_.tpm.pcrs, index);
    Add(layer, PcrName(index), got == expected, HexEncode(expected),
        HexOr(got, "not quoted"), advice);
    MarkUnlessQuoted();
  }

  void MarkUnlessQuoted() {
    CheckRow& row = result_.rows.back();
    if (!quote_.has_value() && row.verdict == CheckVerdict::kPassed) {
      row.verdict = CheckVerdict::kInfo;
      row.advice = "the value matches, but no verified quote vouches for it";
    }
  }

  // The one register that a profile cannot name. Its value is given to the
  // caller only from a verified quote: a joining node decides by it.
  void AddClusterRow() {
    if (quote_.has_value()) {
      result_.cluster_pcr = quote_->pcr(kClusterPcr);
    }
    const std::optional<Sha256Digest> expected = cluster_state_.expected_pcr();
    switch (cluster_state_.kind()) {
      case ClusterState::Kind::kNone:
        return AddPcrRow("cluster", kClusterPcr, *expected,
                         "the node already belongs to a cluster: it must be "
                         "reset before it gets a ticket");
      case ClusterState::Kind::kMember:
        return AddPcrRow("cluster", kClusterPcr, *expected,
                         "the node belongs to no cluster or to another one");
      case ClusterState::Kind::kAnyMember:
        break;
    }
    const std::optional<Sha256Digest> got =
        ValueOf(evidence_.tpm.pcrs, kClusterPcr);
    Add("cluster", PcrName(kClusterPcr),
        got.has_value() && *got != Sha256Digest{}, "not zero",
        HexOr(got, "not quoted"), "the node belongs to no cluster");
    MarkUnlessQuoted();
  }

  // Rows that explain. Never more than kInfo, because whoever made the evidence
  // also wrote the log.
  void AddInfo(std::string name, std::string expected, std::string got,
               std::string advice) {
    result_.rows.push_back({.layer = "event log",
                            .name = std::move(name),
                            .expected = std::move(expected),
                            .got = std::move(got),
                            .verdict = CheckVerdict::kInfo,
                            .advice = std::move(advice)});
  }

  // What the log says about registers that are not as expected.
  void AddEventLogRows() {
    const LogDiagnosis diagnosis = DiagnosePcrs(
        evidence_.tpm.event_log, evidence_.tpm.pcrs, expected_pcrs_);
    AddInfo("log", "a readable log", diagnosis.summary, "");
    for (const PcrDiagnosis& pcr : diagnosis.pcrs) {
      const std::optional<Sha256Digest> given =
          ValueOf(evidence_.tpm.pcrs, pcr.pcr);
      if (given != expected_pcrs_.at(pcr.pcr)) {
        AddInfo(PcrName(pcr.pcr), HexOr(given, "not quoted"), pcr.replayed,
                pcr.explanation);
      }
    }
  }

  // Likewise for the TD's own log, which replays into the RTMRs.
  void AddCcelRows() {
    if (variant_ != nullptr) {
      std::ranges::move(CcelRows(*variant_, evidence_, best_.profile),
                        std::back_inserter(result_.rows));
    }
  }

  const Evidence& evidence_;
  const std::span<const uint8_t> user_data_;
  const ClusterState& cluster_state_;
  const Policy& policy_;
  const AppraisalCollateral& collateral_;
  const absl::Time now_;
  const Variant* variant_;
  std::optional<VerifiedQuote> quote_;
  size_t candidates_ = 0;     // profiles of this variant
  bool key_trusted_ = false;  // enrolled, or a layer vouches for it
  ProfileMatch best_;
  LayerFindings layers_;
  std::map<uint32_t, Sha256Digest> expected_pcrs_;
  Appraisal result_;
};

// The node extended the ID once into a register that was zero: one value.
ClusterState ClusterState::MemberOf(std::span<const uint8_t> cluster_id) {
  return {Kind::kMember, ExpectedClusterPcr(cluster_id)};
}

std::optional<crypto::Sha256Digest> ClusterState::expected_pcr() const {
  if (kind_ == Kind::kAnyMember) {
    return std::nullopt;
  }
  return pcr_;
}

std::string_view ToString(CheckVerdict verdict) {
  switch (verdict) {
    case CheckVerdict::kPassed:
      return "passed";
    case CheckVerdict::kFailed:
      return "failed";
    case CheckVerdict::kInfo:
      return "info";
  }
  return "failed";
}

// For one line of a log or a gRPC message; the rows themselves go to the CLI.
std::string Appraisal::Failures() const {
  std::string text;
  for (const CheckRow& row : rows) {
    if (row.verdict == CheckVerdict::kFailed) {
      // A register's name says enough; other names need their layer.
      const bool is_pcr = row.name.starts_with("PCR") &&
                          (row.layer == "pcr" || row.layer == "cluster");
      text += fmt::format(
          "{}{}{}: expected {}, got {}", text.empty() ? "" : "; ",
          is_pcr ? "" : row.layer + " ", row.name, row.expected, row.got);
    }
  }
  return text;
}

Appraisal Appraise(const Evidence& evidence, std::span<const uint8_t> user_data,
                   const ClusterState& cluster_state, const Policy& policy,
                   absl::Time now) {
  return Appraise(evidence, user_data, cluster_state, policy,
                  AppraisalCollateral(), now);
}

Appraisal Appraise(const Evidence& evidence, std::span<const uint8_t> user_data,
                   const ClusterState& cluster_state, const Policy& policy,
                   const AppraisalCollateral& collateral, absl::Time now) {
  return Appraiser(evidence, user_data, cluster_state, policy, collateral, now)
      .Run();
}

// PERMISSION_DENIED also if the evidence is malformed: the rows say which, and
// a caller must not treat one refusal as milder than another.
absl::Status ToStatus(const Appraisal& appraisal) {
  if (appraisal.accepted) {
    return absl::OkStatus();
  }
  return PermissionDenied(
      fmt::format("evidence refused{}: {}",
                  appraisal.profile.empty()
                      ? ""
                      : fmt::format(" (profile \"{}\")", appraisal.profile),
                  appraisal.Failures()));
}

}  // namespace constellation::attestation
