// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "attestation/policy/appraisal.h"
#include "attestation/policy/variants.h"

namespace {

using namespace constellation::attestation;  // NOLINT(build/namespaces)
using constellation::Bytes;

// A profile that demands as little as a profile can.
Profile Lenient(const Variant& variant) {
  Profile profile;
  profile.name = "p";
  profile.variant = std::string(variant.name);
  for (const uint32_t index : kRequiredPcrs) {
    profile.pcrs[index].fill(1);
  }
  if (variant.cpu == CpuLayer::kSnp) {
    profile.snp.emplace();
    profile.snp->policy.insecure_any_measurement = true;
    profile.snp->policy.products[SnpProduct::kMilan].minimum = {
        .fmc = std::nullopt,
        .boot_loader = 0,
        .tee = 0,
        .snp = 0,
        .microcode = 0};
  }
  if (variant.cpu == CpuLayer::kTdx) {
    profile.tdx.emplace();
    profile.tdx->policy.tcb.accepted_statuses = {TcbStatus::kUpToDate};
    profile.tdx->policy.tcb.minimum_evaluation_data_number = 1;
    profile.tdx->policy.mr_td.emplace_back();
  }
  if (variant.cloud == CloudLayer::kAzure) {
    profile.azure.emplace();
  }
  if (variant.cloud == CloudLayer::kGcp) {
    profile.gcp.emplace();
    profile.gcp->insecure_any_project = true;
  }
  if (variant.cloud == CloudLayer::kNitroTpm) {
    profile.aws.emplace();
    profile.aws->policy.any_pcrs = true;
  }
  return profile;
}

const Policy& LenientPolicy() {
  static const Policy& policy = *[] {
    std::vector<Profile> profiles;
    for (const std::string_view name : VariantNames()) {
      if (FindVariant(name)->has_tpm) {
        profiles.push_back(Lenient(*FindVariant(name)));
        profiles.back().name = std::string(name);
      }
    }
    return new Policy(Policy::Create(std::move(profiles), {}).value());
  }();
  return policy;
}

// A register: its index, then its value.
constexpr size_t kPcrField = 33;

// The next field: a length of two octets, then as many octets as there are.
Bytes Next(const uint8_t*& data, size_t& size) {
  if (size < 2) {
    return {};
  }
  const size_t wanted = data[0] | size_t{data[1]} << 8U;
  const size_t given = std::min(wanted, size - 2);
  Bytes field(data + 2, data + 2 + given);
  data += 2 + given;
  size -= 2 + given;
  return field;
}

}  // namespace

// Nothing that a fuzzer writes is signed by a vendor: no crash, no acceptance,
// and a row for every refusal.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::vector<std::string_view> names = VariantNames();
  Evidence evidence;
  evidence.variant = std::string(names[*data % names.size()]);
  ++data;
  --size;
  const Bytes pcrs = Next(data, size);
  for (size_t at = 0; at + kPcrField <= pcrs.size(); at += kPcrField) {
    auto& pcr = evidence.tpm.pcrs.emplace_back();
    pcr.index = pcrs[at];
    std::copy_n(&pcrs[at + 1], pcr.sha256.size(), pcr.sha256.begin());
  }
  evidence.hardware_report = Next(data, size);
  evidence.tpm.attest = Next(data, size);
  evidence.tpm.signature = Next(data, size);
  evidence.tpm.ak_public = Next(data, size);
  evidence.tpm.event_log = Next(data, size);
  evidence.cc_event_log = Next(data, size);
  while (size > 2 && evidence.endorsements.size() < 8) {
    evidence.endorsements.push_back(Next(data, size));
  }
  const Bytes user_data(kUserDataSize, 1);
  const Appraisal appraisal =
      Appraise(evidence, user_data, ClusterState::None(), LenientPolicy(),
               absl::FromUnixSeconds(1700000000));
  if (appraisal.accepted || appraisal.Failures().empty() ||
      appraisal.tcb_report.size() != 4) {
    abort();
  }
  return 0;
}
