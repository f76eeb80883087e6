// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/testing/composed_node.h"

#include <algorithm>
#include <utility>

#include "attestation/azure/testing/hcl_builder.h"
#include "attestation/eventlog/event_log.h"
#include "attestation/layer_binding.h"
#include "attestation/policy/variants.h"
#include "attestation/testing/event_log_builder.h"
#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/quote.h"
#include "attestation/tpm/tpm_structures.h"

namespace constellation::testing {
namespace {

using attestation::CloudLayer;
using attestation::CpuLayer;
using attestation::FindVariant;
using crypto::Sha256Digest;

constexpr size_t kHclReportOffset = 32;

crypto::Sha384Digest Filled(uint8_t octet) {
  crypto::Sha384Digest digest;
  digest.fill(octet);
  return digest;
}

std::array<uint8_t, 64> ToReportData(const Bytes& octets) {
  std::array<uint8_t, 64> data{};
  std::copy_n(octets.begin(), std::min(octets.size(), data.size()),
              data.begin());
  return data;
}

const SnpSigner& Amd() {
  return SnpSigner::For(SnpTestProduct::kMilan);
}

attestation::TdxProfile TdxProfileOf(const IntelTestQuote& quote) {
  attestation::TdxProfile profile;
  attestation::TdxPolicy& policy = profile.policy;
  policy.tcb.accepted_statuses = {attestation::TcbStatus::kUpToDate};
  policy.tcb.minimum_evaluation_data_number = 18;
  policy.tcb.insecure_roots = {IntelSigner::Get().RootSpkiSha256()};
  policy.mr_td = {quote.td.mr_td};
  policy.rtmr[1] = {quote.td.rtmr[1]};
  return profile;
}

attestation::SnpProfile SnpProfileOf(const SnpTestReport& report) {
  attestation::SnpProfile profile;
  profile.policy.products[attestation::SnpProduct::kMilan].minimum = {
      .fmc = std::nullopt,
      .boot_loader = 4,
      .tee = 0,
      .snp = 24,
      .microcode = 219};
  profile.policy.measurements = {report.measurement};
  profile.policy.more_roots = {{.product = attestation::SnpProduct::kMilan,
                                .spki_sha256 = Amd().ArkSpkiSha256(),
                                .certificate_sha256 = std::nullopt}};
  return profile;
}

}  // namespace

ComposedNode::ComposedNode(const std::string& name)
    : variant(name),
      azure_claims(R"("vm-configuration":{"console-enabled":true,)"
                   R"("secure-boot":true,"tpm-enabled":true,)"
                   R"("tpm-persisted":true,"vmUniqueId":"AB-12"})") {
  for (uint32_t i = 0; i < 16; ++i) {
    pcrs[i] = {};
  }
  for (const uint32_t i : {0U, 4U, 9U, 11U}) {
    pcrs[i] = crypto::Sha256(Bytes(3, static_cast<uint8_t>(i)));
  }
  snp.measurement = Filled(0x5a);
  tdx.td.mr_td = Filled(0x7d);
  tdx.td.rtmr[1] = Filled(0x71);
  if (FindVariant(variant)->cloud == CloudLayer::kGcp) {
    const CpuLayer cpu = FindVariant(variant)->cpu;
    const uint8_t technology = cpu == CpuLayer::kSnp   ? 4
                               : cpu == CpuLayer::kTdx ? 3
                                                       : 2;
    gce.events[0].data = MarkerOf(technology);
    for (const uint32_t i : {4U, 9U, 11U}) {
      gce.events.push_back({i, attestation::kEvIpl, "image"});
    }
    gce.Refresh();
    const auto log = attestation::ParseEventLogUnverified(gce.event_log);
    const auto replayed = attestation::Replay(*log, attestation::kTpmAlgSha256);
    for (const auto& [index, value] : *replayed) {
      std::copy_n(value.begin(), pcrs[index].size(), pcrs[index].begin());
    }
  }
  nitro.pcrs_name = "nitrotpm_pcrs";
  nitro.module_id = "i-0123456789abcdef0";
}

const QuoteSigner& ComposedNode::Signer() const {
  static const QuoteSigner& rsa =
      *new QuoteSigner(SignerKind::kRsassa, attestation::kTpmAlgSha256);
  return FindVariant(variant)->cloud == CloudLayer::kAzure
             ? rsa
             : GceMachine::Signer();
}

Bytes ComposedNode::RuntimeData() const {
  const std::string json = RuntimeJson(Signer().Modulus(), azure_claims);
  return {json.begin(), json.end()};
}

void ComposedNode::AddAzure(attestation::Evidence& evidence) const {
  const Bytes runtime = RuntimeData();
  HclBuilder hcl{std::string_view(reinterpret_cast<const char*>(runtime.data()),
                                  runtime.size())};
  const std::array<uint8_t, 64> bound = ToReportData(
      snp_report_data.empty() ? attestation::HclReportData(hcl.hash, runtime)
                              : snp_report_data);
  if (FindVariant(variant)->cpu == CpuLayer::kTdx) {
    hcl.type = attestation::HclReportType::kTdx;
    IntelTestQuote quote = tdx;
    quote.td.report_data = bound;
    evidence.hardware_report = hcl.Build();
    evidence.endorsements = {IntelSigner::Get().MakeQuote(quote)};
    return;
  }
  SnpTestReport report = snp;
  report.report_data = bound;
  const SnpTestEvidence made = Amd().Make(report);
  evidence.hardware_report = hcl.Build();
  std::ranges::copy(made.report,
                    evidence.hardware_report.begin() + kHclReportOffset);
  evidence.endorsements = {made.leaf, made.intermediate, made.ark};
}

void ComposedNode::AddCpu(attestation::Evidence& evidence) const {
  const attestation::Variant& kind = *FindVariant(variant);
  if (kind.cloud == CloudLayer::kAzure) {
    return AddAzure(evidence);
  }
  const attestation::TpmName name =
      attestation::NameOf(evidence.tpm.ak_public).value();
  const attestation::ReportData good =
      attestation::HardwareReportData(name, evidence.tpm.pcrs, user_data)
          .value();
  const std::array<uint8_t, 64> bound =
      snp_report_data.empty() ? good : ToReportData(snp_report_data);
  if (kind.cpu == CpuLayer::kSnp) {
    SnpTestReport report = snp;
    report.report_data = bound;
    const SnpTestEvidence made = Amd().Make(report);
    evidence.hardware_report = made.report;
    evidence.endorsements = {made.leaf, made.intermediate, made.ark};
  } else if (kind.cpu == CpuLayer::kTdx) {
    IntelTestQuote quote = tdx;
    quote.td.report_data = bound;
    evidence.hardware_report = IntelSigner::Get().MakeQuote(quote);
  }
}

void ComposedNode::AddCloud(attestation::Evidence& evidence,
                            const Bytes& nonce) const {
  const CloudLayer cloud = FindVariant(variant)->cloud;
  if (cloud == CloudLayer::kGcp) {
    evidence.endorsements.push_back(gce.leaf_der);
    evidence.tpm.event_log = gce.event_log;
  } else if (cloud == CloudLayer::kNitroTpm) {
    NitroBuilder document = nitro;
    document.nonce = document_nonce.empty() ? nonce : document_nonce;
    document.public_key =
        document_key.empty() ? Signer().Point() : document_key;
    document.user_data = user_data;
    evidence.endorsements.push_back(document.Build());
  }
}

attestation::Evidence ComposedNode::Evidence() const {
  attestation::Evidence evidence;
  evidence.variant = variant;
  evidence.tpm.ak_public = Signer().Tpmt();
  for (const auto& [index, value] : pcrs) {
    evidence.tpm.pcrs.push_back({.index = index, .sha256 = value});
  }
  AddCpu(evidence);
  const Sha256Digest qualifying =
      attestation::QuoteQualifyingData(user_data, evidence.hardware_report);
  const Bytes nonce = quote_nonce.empty()
                          ? Bytes(qualifying.begin(), qualifying.end())
                          : quote_nonce;
  QuoteParts parts;
  parts.extra_data = nonce;
  parts.selections = {
      {.hash_algorithm = attestation::kTpmAlgSha256, .pcrs = {}}};
  crypto::Sha256Hasher hasher;
  for (const auto& [index, value] : pcrs) {
    parts.selections[0].pcrs.push_back(index);
    hasher.Update(value);
  }
  const Sha256Digest digest = hasher.Finish();
  parts.pcr_digest.assign(digest.begin(), digest.end());
  evidence.tpm.attest = MarshalAttest(parts);
  evidence.tpm.signature = Signer().SignTpmt(evidence.tpm.attest);
  AddCloud(evidence, nonce);
  return evidence;
}

attestation::Profile ComposedNode::Profile() const {
  const attestation::Variant& kind = *FindVariant(variant);
  attestation::Profile profile;
  profile.name = "image 1";
  profile.variant = variant;
  for (const uint32_t index : attestation::kRequiredPcrs) {
    profile.pcrs[index] = pcrs.at(index);
  }
  if (kind.cpu == CpuLayer::kSnp) {
    profile.snp = SnpProfileOf(snp);
  }
  if (kind.cpu == CpuLayer::kTdx) {
    profile.tdx = TdxProfileOf(tdx);
  }
  if (kind.cloud == CloudLayer::kAzure) {
    profile.azure.emplace();
  }
  if (kind.cloud == CloudLayer::kGcp) {
    profile.gcp.emplace();
    profile.gcp->policy.project_ids = {gce.instance.project_id};
    profile.gcp->insecure_roots = gce.Trust().roots;
  }
  if (kind.cloud == CloudLayer::kNitroTpm) {
    profile.aws.emplace();
    profile.aws->insecure_roots = nitro.Expectation().roots;
    for (const uint32_t index : attestation::kRequiredPcrs) {
      crypto::Sha384Digest& value =
          profile.aws->policy.pcrs[index].emplace_back();
      std::ranges::copy(nitro.pcrs.at(index), value.begin());
    }
  }
  return profile;
}

attestation::AppraisalCollateral ComposedNode::Collateral() const {
  attestation::AppraisalCollateral collateral;
  collateral.certificates = gce.candidates;
  if (FindVariant(variant)->cpu == CpuLayer::kTdx) {
    const IntelSigner& intel = IntelSigner::Get();
    const IntelTestEvidence made = intel.Make(tdx);
    collateral.intel = {
        {.tcb_info = intel.MakeTcbInfo(tcb_info),
         .enclave_identity = made.qe_identity,
         .tcb_signing_chain = made.tcb_signing_chain,
         .enclave_identity_chain = {},
         .pck_crl = made.pck_crl,
         .root_crl = made.root_crl,
         .pck_crl_issuer_chain =
             Bytes(made.pck_crl_chain.begin(), made.pck_crl_chain.end()),
         .pck_chain = {}}};
  }
  return collateral;
}

}  // namespace constellation::testing
