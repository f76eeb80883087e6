// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/tcb_report.h"

#include <fmt/format.h>

#include <utility>

#include "attestation/intel/tcb_status.h"

namespace constellation::attestation {
namespace {

bool CoversImage(const Profile* profile) {
  return profile != nullptr &&
         ((profile->snp.has_value() &&
           profile->snp->measurement_covers_image) ||
          (profile->tdx.has_value() && profile->tdx->covers_image()));
}

// Registers count only from a verified quote whose key something vouches for;
// facts.image_known says so.
TcbAnswer CustomImage(const TcbFacts& facts) {
  TcbAnswer answer{.requirement = "custom image"};
  if (!facts.image_known) {
    answer.why =
        "no trusted quote shows the registers of an image in the policy";
    return answer;
  }
  answer.met = true;
  answer.why = fmt::format(
      "the registers are those of profile \"{}\", vouched for by {}",
      facts.profile->name,
      facts.layers.key_vouched_by.empty() ? "an enrolled TPM"
                                          : facts.layers.key_vouched_by);
  return answer;
}

// Asks for a report that verified and that the profile accepts; a genuine but
// refused one is no protection. A chain below a test root is no CPU at all.
TcbAnswer ConfidentialCpu(const TcbFacts& facts) {
  TcbAnswer answer{.requirement = "confidential CPU"};
  if (facts.layers.snp.has_value()) {
    answer.met = true;
    answer.why = fmt::format("SEV-SNP on {}, reported TCB {}",
                             ToString(facts.layers.snp->product()),
                             ToString(facts.layers.snp->reported_tcb()));
  } else if (facts.layers.tdx.has_value()) {
    answer.met = true;
    answer.why = fmt::format("TDX, TCB status {}",
                             ToString(facts.layers.tdx->quote().tcb().status));
  } else {
    answer.why =
        facts.variant == nullptr || facts.variant->cpu == CpuLayer::kNone
            ? "no CPU evidence"
            : "the CPU's evidence was refused";
  }
  if (answer.met && facts.layers.insecure_root) {
    answer.met = false;
    answer.why += "; signed below a test root";
  }
  return answer;
}

// On Azure the paravisor fills the report data, so the guest has to take its
// word for what the report covers.
TcbAnswer RawAttestation(const TcbFacts& facts, bool cpu) {
  TcbAnswer answer{.requirement = "raw guest attestation"};
  if (!cpu) {
    answer.why = "no CPU report that could be had";
  } else if (facts.variant->cloud == CloudLayer::kAzure) {
    answer.why =
        "the report is the CPU's own, but a paravisor chooses what it covers";
  } else {
    answer.met = true;
    answer.why = "the guest chose what the CPU's report covers";
  }
  return answer;
}

// The measurement must be compared and somebody outside the cloud must be able
// to build what it names.
TcbAnswer ReviewableFirmware(const TcbFacts& facts, bool cpu) {
  TcbAnswer answer{.requirement = "reviewable firmware"};
  const bool measured = facts.profile != nullptr &&
                        ((facts.profile->snp.has_value() &&
                          !facts.profile->snp->policy.measurements.empty()) ||
                         facts.profile->tdx.has_value());
  if (!cpu) {
    answer.why = "nothing measures the firmware but the firmware itself";
  } else if (facts.variant->cloud == CloudLayer::kAzure) {
    answer.why = "the paravisor is its vendor's: nobody else can build it";
  } else if (facts.variant->cloud == CloudLayer::kGcp) {
    answer.why =
        "its measurement is compared, but nobody outside the cloud can build "
        "it";
  } else if (!measured) {
    answer.why = "the profile names no launch measurement";
  } else {
    answer.met = true;
    answer.why =
        "its launch measurement is the profile's, and can be predicted from "
        "firmware that anyone can build";
  }
  return answer;
}

}  // namespace

std::vector<TcbAnswer> MakeTcbReport(const TcbFacts& facts) {
  const TcbAnswer cpu = ConfidentialCpu(facts);
  return {CustomImage(facts), cpu, RawAttestation(facts, cpu.met),
          ReviewableFirmware(facts, cpu.met)};
}

// The variant's word is the best case. Where the launch digest or the RTMRs do
// not cover the image, the hypervisor's vTPM is what shows it.
std::string_view RestsOn(const TcbFacts& facts) {
  if (facts.variant == nullptr) {
    return "nothing";
  }
  if (facts.layers.insecure_root) {
    return kSimulated;
  }
  if (facts.variant->enrolled_only || facts.profile == nullptr ||
      facts.variant->cloud == CloudLayer::kAzure) {
    return facts.variant->rests_on;
  }
  return CoversImage(facts.profile) ? kHardwareRooted : kHypervisorTrusting;
}

}  // namespace constellation::attestation
