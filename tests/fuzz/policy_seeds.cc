// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>

#include "absl/time/time.h"
#include "attestation/channel/transport/evidence_conversion.h"
#include "attestation/collateral/collateral.h"
#include "attestation/collateral/collateral_bundle.h"
#include "attestation/collateral/collateral_fetcher.h"
#include "attestation/collateral/vendor_items.h"
#include "attestation/policy/policy.h"
#include "attestation/policy/testing/composed_node.h"
#include "attestation/policy/variants.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/testing/snp_signer.h"
#include "attestation/testing/test_keys.h"
#include "cli/attestation/show.h"
#include "common/status.h"
#include "tests/fuzz/seeds.h"

namespace constellation::fuzz {
namespace {

using attestation::CollateralBundle;
using attestation::CollateralFormat;
using attestation::Policy;
using testing::ComposedNode;
using testing::IntelSigner;
using testing::SnpSigner;
using testing::SnpTestProduct;

// A field as attestation_appraisal_fuzz reads it: length of two octets.
void AppendField(Bytes& bytes, const Bytes& field) {
  bytes.push_back(static_cast<uint8_t>(field.size()));
  bytes.push_back(static_cast<uint8_t>(field.size() >> 8U));
  bytes.insert(bytes.end(), field.begin(), field.end());
}

// Evidence in the layout of attestation_appraisal_fuzz; `variant` is its place
// among the names.
Bytes AppraisalInput(size_t variant, const attestation::Evidence& evidence) {
  Bytes bytes{static_cast<uint8_t>(variant)};
  Bytes pcrs;
  for (const attestation::PcrValue& pcr : evidence.tpm.pcrs) {
    pcrs.push_back(static_cast<uint8_t>(pcr.index));
    pcrs.insert(pcrs.end(), pcr.sha256.begin(), pcr.sha256.end());
  }
  for (const Bytes& field :
       {pcrs, evidence.hardware_report, evidence.tpm.attest,
        evidence.tpm.signature, evidence.tpm.ak_public, evidence.tpm.event_log,
        evidence.cc_event_log}) {
    AppendField(bytes, field);
  }
  for (const Bytes& endorsement : evidence.endorsements) {
    AppendField(bytes, endorsement);
  }
  return bytes;
}

// A node of every variant: its evidence on the wire and for the appraisal, its
// profile alone, and all profiles in one policy.
void AddNodes(std::vector<Seed>& seeds) {
  const std::vector<std::string_view> names = attestation::VariantNames();
  std::vector<attestation::Profile> profiles;
  for (size_t i = 0; i < names.size(); ++i) {
    if (!attestation::FindVariant(names[i])->has_tpm) {
      continue;
    }
    ComposedNode node{std::string(names[i])};
    node.user_data = Bytes(attestation::kUserDataSize, 1);
    const attestation::Evidence evidence = node.Evidence();
    std::string wire;
    const v1::AttestationMessage message = attestation::MessageToProto(
        {.nonce = Bytes(32, 7), .evidence = evidence});
    const bool written = message.SerializeToString(&wire);
    Add(seeds, "attestation_transport_evidence_conversion_fuzz", names[i],
        TextBytes(wire),
        written ? attestation::MessageFromProto(message).status()
                : InvalidArgument("not written"));
    Add(seeds, "attestation_appraisal_fuzz", names[i],
        AppraisalInput(i, evidence),
        evidence.tpm.ak_public.empty() ? InvalidArgument("no key")
                                       : absl::OkStatus());
    attestation::Profile profile = node.Profile();
    profile.name = std::string(names[i]);
    const std::string json = attestation::ProfileToJson(profile);
    Add(seeds, "attestation_policy_fuzz", names[i], TextBytes(json),
        attestation::ParseProfile(json).status());
    profiles.push_back(std::move(profile));
  }
  attestation::EnrolledNode enrolled = {
      .node_name = "worker-1", .role = "worker", .tpm = {}};
  enrolled.tpm.ak_name = {0x00, 0x0b, 0x47};
  const std::string array =
      attestation::EnrolledNodesToJson(std::span(&enrolled, 1));
  Add(seeds, "attestation_policy_fuzz", "enrolled", TextBytes(array),
      attestation::ParseEnrolledNodes(array).status());
  const auto policy = Policy::Create(std::move(profiles), {enrolled});
  const std::string json = policy.ok() ? policy->ToJson() : "";
  Add(seeds, "attestation_policy_fuzz", "policy", TextBytes(json),
      Policy::Parse(json).status());
}

std::string UrlEncoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    encoded += c == '\n'  ? "%0A"
               : c == '+' ? "%2B"
               : c == ' ' ? "%20"
                          : std::string(1, c);
  }
  return encoded;
}

void AddCollateral(std::vector<Seed>& seeds) {
  constexpr std::string_view kTarget = "attestation_collateral_fuzz";
  const auto tdx = IntelSigner::Get().Make();
  const std::string chain = UrlEncoded(tdx.tcb_signing_chain);
  Add(seeds, kTarget, "issuer_chain", Chosen(0, AsBytes(chain)),
      attestation::DecodeIssuerChain(chain).status());
  Add(seeds, kTarget, "tcb_facts", Chosen(1, AsBytes(tdx.tcb_info)),
      attestation::TcbDocumentFactsUnverified(tdx.tcb_info).status());
  for (const std::string_view value :
       {"120", "Thu, 01 Jan 1970 00:01:00 GMT"}) {
    Add(seeds, kTarget, value == "120" ? "retry_seconds" : "retry_date",
        Chosen(2, AsBytes(value)),
        attestation::ParseRetryAfter(value, absl::UnixEpoch())
            ? absl::OkStatus()
            : InvalidArgument("no time"));
  }
  const std::string url = "http://x" +
                          std::string(attestation::GoogleIssuerHosts().at(0)) +
                          "/0123/ca.crt";
  Add(seeds, kTarget, "issuer_url", Chosen(3, AsBytes(url)),
      attestation::IssuerItem(url, attestation::GoogleIssuerHosts()).status());
  const Bytes leaf = SnpSigner::For(SnpTestProduct::kMilan).MakeLeaf({});
  const auto normalise = [&](std::string_view name, uint8_t choice,
                             std::string_view text) {
    Add(seeds, kTarget, name, Chosen(choice, AsBytes(text)),
        attestation::NormaliseContent(static_cast<CollateralFormat>(choice % 4),
                                      text, name)
            .status());
  };
  normalise("der", 4, AsText(leaf));
  normalise("pem", 5, tdx.pck_crl_chain);
  normalise("json", 6, tdx.qe_identity);
  normalise("crl", 7, AsText(tdx.pck_crl));
  normalise("crl_hex", 7, HexEncode(tdx.root_crl));

  CollateralBundle bundle(absl::FromUnixSeconds(1700000000));
  absl::Status added = bundle.Add("amd/vcek/milan", {.content = leaf});
  added.Update(bundle.Add("intel/tcb",
                          {.content = TextBytes(tdx.tcb_info),
                           .issuer_chain = tdx.tcb_signing_chain,
                           .fetched_at = absl::FromUnixSeconds(1600000000)}));
  const std::string json = bundle.Serialise();
  added.Update(CollateralBundle::Parse(json).status());
  Add(seeds, "attestation_collateral_bundle_fuzz", "two_entries",
      TextBytes(json), added);
}

// Files that the command reads: all that other areas made and it can show.
void AddFiles(std::vector<Seed>& seeds) {
  const SnpSigner& amd = SnpSigner::For(SnpTestProduct::kMilan);
  const auto tdx = IntelSigner::Get().Make();
  const auto snp = amd.Make();
  std::vector<Seed> files;
  for (const Seed& seed : seeds) {
    absl::Status shown = cli::ToStatus(cli::ShowFile(seed.name, seed.bytes));
    if (seed.target.starts_with("attestation_") && shown.ok()) {
      Add(files, "cli_file_kind_fuzz", seed.target + "." + seed.name,
          seed.bytes, std::move(shown));
    }
  }
  const auto pair = [&](std::string_view name, const Bytes& a, const Bytes& b) {
    Bytes bytes{static_cast<uint8_t>(a.size() >> 8U),
                static_cast<uint8_t>(a.size())};
    bytes.insert(bytes.end(), a.begin(), a.end());
    bytes.insert(bytes.end(), b.begin(), b.end());
    absl::Status shown = cli::ToStatus(cli::ShowFile("a", a));
    shown.Update(cli::ToStatus(cli::ShowFile("b", b)));
    Add(files, "cli_verify_files_fuzz", name, std::move(bytes),
        std::move(shown));
  };
  pair("snp_leaf", snp.report, snp.leaf);
  pair("snp_chain", snp.report,
       TextBytes(testing::PemOf(snp.leaf) +
                 amd.ChainPem(testing::SnpTestLeafKind::kVcek)));
  pair("tdx_tcb_info", tdx.quote, TextBytes(tdx.tcb_info));
  pair("tdx_crl", tdx.quote, tdx.pck_crl);
  pair("identity_chain", TextBytes(tdx.qe_identity),
       TextBytes(tdx.tcb_signing_chain));
  const ComposedNode node("gcp-sev-snp");
  const attestation::TpmEvidence tpm = node.Evidence().tpm;
  pair("attest_signature", tpm.attest, tpm.signature);
  pair("attest_key", tpm.attest, tpm.ak_public);
  std::move(files.begin(), files.end(), std::back_inserter(seeds));
}

}  // namespace

void AddPolicySeeds(std::vector<Seed>& seeds) {
  AddNodes(seeds);
  AddCollateral(seeds);
  AddFiles(seeds);
}

}  // namespace constellation::fuzz
