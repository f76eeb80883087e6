// SPDX-License-Identifier: Apache-2.0
#include "attestation/same_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "attestation/aws/nitro_document.h"
#include "attestation/azure/hcl_report.h"
#include "attestation/gcp/instance_info.h"
#include "attestation/intel/quote.h"
#include "attestation/intel/report_body.h"
#include "attestation/intel/tcb_status.h"
#include "attestation/policy/variants.h"
#include "attestation/snp/snp_report.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

constexpr char kProfileName[] = "same image as this node";
constexpr uint32_t kZeroPcrs[] = {8, 12, 13, 14};
constexpr uint8_t kTurinFirst = 0;

// What the registers of this node's own TPM demand of others.
absl::StatusOr<Profile> ProfileOfRegisters(std::string_view variant,
                                           std::span<const PcrValue> own_pcrs) {
  Profile profile{.name = kProfileName,
                  .variant = std::string(variant),
                  .not_before = std::nullopt,
                  .not_after = std::nullopt,
                  .pcrs = {}};
  for (const PcrValue& pcr : own_pcrs) {
    if (pcr.index >= 32 || (kSameImagePcrMask >> pcr.index & 1U) == 0) {
      continue;
    }
    if (!profile.pcrs.emplace(pcr.index, pcr.sha256).second) {
      return InvalidArgument(fmt::format("own PCR{}: given twice", pcr.index));
    }
  }
  for (const uint32_t index : kRequiredPcrs) {
    if (!profile.pcrs.contains(index)) {
      return InvalidArgument(fmt::format("own PCR{}: missing", index));
    }
  }
  for (const uint32_t index : kZeroPcrs) {
    const crypto::Sha256Digest& value = profile.pcrs.at(index);
    if (value != crypto::Sha256Digest{}) {
      return FailedPrecondition(
          fmt::format("own PCR{}: expected zero, got {}: this node did not "
                      "boot the plain image",
                      index, HexEncode(value)));
    }
  }
  return profile;
}

// An absent ID or author key is written as zeros.
bool IsZero(std::span<const uint8_t> octets) {
  return std::ranges::all_of(octets, [](uint8_t octet) { return octet == 0; });
}

// No floors (all zero, on purpose and written out): the owner's floors were
// applied when the peer was admitted.
absl::StatusOr<SnpProfile> SnpLike(std::span<const uint8_t> report_bytes) {
  ASSIGN_OR_RETURN(const SnpReportUnverified report,
                   SnpReportUnverified::Parse(report_bytes));
  SnpProfile profile;
  SnpPolicy& policy = profile.policy;
  for (const SnpProduct product :
       {SnpProduct::kMilan, SnpProduct::kGenoa, SnpProduct::kTurin}) {
    policy.products[product].minimum = {
        .fmc = product == SnpProduct::kTurin ? std::make_optional(kTurinFirst)
                                             : std::nullopt,
        .boot_loader = 0,
        .tee = 0,
        .snp = 0,
        .microcode = 0};
  }
  policy.vmpls = {report.vmpl};
  policy.allow_vlek = report.signing_key == SnpSigningKey::kVlek;
  policy.allow_masked_chip_id = report.chip_id_is_masked();
  if (!IsZero(report.id_key_digest)) {
    policy.id_key_digests = {report.id_key_digest};
  }
  if (!IsZero(report.author_key_digest)) {
    policy.author_key_digests = {report.author_key_digest};
  }
  policy.insecure_any_measurement =
      policy.id_key_digests.empty() && policy.author_key_digests.empty();
  return profile;
}

// Every status but Revoked and NotSupported, for the same reason. On clouds
// RTMR1 and 2 differ with their boot path, so they are compared with own
// firmware only; there the vTPM's registers speak.
absl::StatusOr<TdxProfile> TdxLike(std::span<const uint8_t> quote_bytes,
                                   bool own_firmware) {
  ASSIGN_OR_RETURN(const IntelQuoteUnverified quote,
                   ParseIntelQuoteUnverified(quote_bytes));
  ASSIGN_OR_RETURN(const TdReport report, ParseTdReportUnverified(quote.body));
  TdxProfile profile;
  TdxPolicy& policy = profile.policy;
  policy.tcb.accepted_statuses = {
      TcbStatus::kUpToDate,
      TcbStatus::kSwHardeningNeeded,
      TcbStatus::kConfigurationNeeded,
      TcbStatus::kConfigurationAndSwHardeningNeeded,
      TcbStatus::kOutOfDate,
      TcbStatus::kOutOfDateConfigurationNeeded,
      TcbStatus::kTdRelaunchAdvised,
      TcbStatus::kTdRelaunchAdvisedConfigurationNeeded};
  policy.tcb.minimum_evaluation_data_number = 1;
  policy.tcb.accept_any_advisory = true;
  policy.mr_td = {report.mr_td};
  if (own_firmware) {
    policy.rtmr[1] = {report.rtmr[1]};
    policy.rtmr[2] = {report.rtmr[2]};
  }
  return profile;
}

// The project is this node's own: a machine of another customer with the same
// image must not become its peer.
absl::StatusOr<GcpProfile> GcpLike(const Evidence& own) {
  for (const Bytes& endorsement : own.endorsements) {
    const auto certificate = crypto::Certificate::FromDer(endorsement);
    if (!certificate.ok()) {
      continue;
    }
    const absl::StatusOr<GceInstance> instance =
        GceInstanceOfUnverified(*certificate);
    if (instance.ok()) {
      GcpProfile profile;
      profile.policy.project_ids = {instance->project_id};
      return profile;
    }
  }
  return InvalidArgument(
      "own evidence: no attestation key certificate of GCP in it");
}

// Nothing if there is no document.
absl::StatusOr<std::optional<AwsProfile>> AwsLike(const Evidence& own) {
  for (const Bytes& endorsement : own.endorsements) {
    const auto cose = ParseCoseSign1Unverified(endorsement);
    if (!cose.ok()) {
      continue;
    }
    ASSIGN_OR_RETURN(const NitroDocumentUnverified document,
                     ParseNitroDocumentUnverified(cose->payload));
    AwsProfile profile;
    for (const NitroPcr& pcr : document.pcrs) {
      if (std::ranges::find(kRequiredPcrs, pcr.index) ==
          std::ranges::end(kRequiredPcrs)) {
        continue;
      }
      crypto::Sha384Digest value{};
      if (pcr.value.size() != value.size()) {
        return InvalidArgument("own NitroTPM document: want SHA-384 registers");
      }
      std::ranges::copy(pcr.value, value.begin());
      profile.policy.pcrs[pcr.index] = {value};
    }
    return std::make_optional(std::move(profile));
  }
  return std::optional<AwsProfile>();
}

// The CPU's report in `own`, wherever it stands; empty if there is none.
absl::StatusOr<Bytes> CpuReportOf(const Variant& variant, const Evidence& own) {
  if (variant.cloud != CloudLayer::kAzure) {
    return own.hardware_report;
  }
  if (variant.cpu == CpuLayer::kSnp) {
    ASSIGN_OR_RETURN(const HclReportUnverified hcl,
                     ParseHclReportUnverified(own.hardware_report));
    return Bytes(hcl.hardware_report.begin(), hcl.hardware_report.end());
  }
  for (const Bytes& endorsement : own.endorsements) {
    if (ParseIntelQuoteUnverified(endorsement).ok()) {
      return endorsement;
    }
  }
  return InvalidArgument("own evidence: no TD quote in it");
}

// An object for each layer of the variant, as CheckProfile() demands.
absl::Status AddPlatform(const Variant& variant, const Evidence& own,
                         Profile& profile) {
  ASSIGN_OR_RETURN(const Bytes report, CpuReportOf(variant, own));
  const bool own_firmware = variant.cloud == CloudLayer::kNone;
  if (variant.cpu == CpuLayer::kSnp) {
    ASSIGN_OR_RETURN(profile.snp, SnpLike(report));
  }
  if (variant.cpu == CpuLayer::kTdx) {
    ASSIGN_OR_RETURN(profile.tdx, TdxLike(report, own_firmware));
  }
  if (variant.cloud == CloudLayer::kAzure) {
    profile.azure.emplace();
  }
  if (variant.cloud == CloudLayer::kGcp) {
    ASSIGN_OR_RETURN(profile.gcp, GcpLike(own));
  }
  if (variant.cloud == CloudLayer::kNitroTpm) {
    ASSIGN_OR_RETURN(profile.aws, AwsLike(own));
  }
  return absl::OkStatus();
}

}  // namespace

// For variants with a vTPM alone.
absl::StatusOr<Policy> PolicyOfPeersLike(std::string_view variant,
                                         std::span<const PcrValue> own_pcrs,
                                         std::vector<EnrolledNode> enrolled) {
  ASSIGN_OR_RETURN(Profile profile, ProfileOfRegisters(variant, own_pcrs));
  std::vector<Profile> profiles;
  profiles.push_back(std::move(profile));
  return Policy::Create(std::move(profiles), std::move(enrolled));
}

// Enclaves have no peers: a cluster's nodes are machines.
absl::StatusOr<Policy> PolicyOfPeersLike(const Evidence& own,
                                         std::vector<EnrolledNode> enrolled) {
  const Variant* variant = FindVariant(own.variant);
  if (variant == nullptr || !variant->has_tpm) {
    return InvalidArgument(fmt::format(
        "own evidence: want a node's variant, got \"{}\"", own.variant));
  }
  ASSIGN_OR_RETURN(Profile profile,
                   ProfileOfRegisters(own.variant, own.tpm.pcrs));
  RETURN_IF_ERROR(AddPlatform(*variant, own, profile));
  std::vector<Profile> profiles;
  profiles.push_back(std::move(profile));
  return Policy::Create(std::move(profiles), std::move(enrolled));
}

}  // namespace constellation::attestation
