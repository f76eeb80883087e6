// SPDX-License-Identifier: Apache-2.0
#include "cli/policy/profile_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "attestation/policy/json_reader.h"

namespace constellation::cli {
namespace {

using attestation::FormatUtc;
using attestation::Profile;
using attestation::SnpTcbFloor;
using Words = std::vector<std::string>;

// Digests themselves say nothing to a reader; their number does.
std::string CountedValues(size_t count) {
  return count == 1 ? "the one value that is listed"
                    : fmt::format("one of {} values that are listed", count);
}

// "SEV-SNP: <what> must be one of n values", if there are any.
void AddList(std::string_view layer, std::string_view what, size_t count,
             Words& words) {
  if (count != 0) {
    words.push_back(
        fmt::format("{}: {} must be {}", layer, what, CountedValues(count)));
  }
}

// A floor component that is not demanded is zero.
std::string InWords(const SnpTcbFloor& floor) {
  return fmt::format(
      "{}boot loader {}, tee {}, snp {}, microcode {}",
      floor.fmc.has_value() ? fmt::format("fmc {}, ", *floor.fmc) : "",
      floor.boot_loader.value_or(0), floor.tee.value_or(0),
      floor.snp.value_or(0), floor.microcode.value_or(0));
}

// The common floor first, then those that one TCB alone must meet.
void AddFloors(const attestation::SnpPolicy& policy, Words& words) {
  for (const auto& [product, floors] : policy.products) {
    const std::string_view name = attestation::ToString(product);
    words.push_back(fmt::format("SEV-SNP: {} processors, every TCB at least {}",
                                name, InWords(floors.minimum)));
    const std::pair<std::string_view, const std::optional<SnpTcbFloor>*> own[] =
        {{"reported", &floors.reported},
         {"current", &floors.current},
         {"committed", &floors.committed},
         {"launch", &floors.launch}};
    for (const auto& [which, floor] : own) {
      if (floor->has_value()) {
        words.push_back(fmt::format("SEV-SNP: on {} the {} TCB at least {}",
                                    name, which, InWords(**floor)));
      }
    }
  }
}

// What weakens protection is in capital letters, here and below.
void AddSnp(const attestation::SnpProfile& profile, Words& words) {
  const attestation::SnpPolicy& policy = profile.policy;
  AddFloors(policy, words);
  AddList("SEV-SNP", "the launch measurement", policy.measurements.size(),
          words);
  if (policy.insecure_any_measurement) {
    words.emplace_back("SEV-SNP: ANY LAUNCH MEASUREMENT");
  }
  if (profile.measurement_covers_image) {
    words.emplace_back(
        "SEV-SNP: the measurement covers kernel, initrd and command line, too");
  }
  AddList("SEV-SNP", "the ID key", policy.id_key_digests.size(), words);
  AddList("SEV-SNP", "the author key", policy.author_key_digests.size(), words);
  AddList("SEV-SNP", "the chip", policy.chip_ids.size(), words);
  words.emplace_back(policy.insecure_allow_debug
                         ? "SEV-SNP: DEBUGGING IS ALLOWED: the host reads all "
                           "memory"
                         : "SEV-SNP: no debugging");
  if (policy.allow_migration_agent) {
    words.emplace_back("SEV-SNP: a migration agent may take the guest away");
  }
  words.emplace_back(policy.allow_vlek
                         ? "SEV-SNP: keys of the cloud provider (VLEK) count"
                         : "SEV-SNP: only keys of the chip itself (VCEK) "
                           "count");
  if (policy.require_revocation_list) {
    words.emplace_back("SEV-SNP: AMD's revocation list must be given");
  }
}

// The words for both of Intel's technologies.
void AddTcb(std::string_view layer, const attestation::IntelTcbPolicy& tcb,
            Words& words) {
  std::vector<std::string_view> statuses;
  for (const attestation::TcbStatus status : tcb.accepted_statuses) {
    statuses.push_back(attestation::ToString(status));
  }
  words.push_back(
      fmt::format("{}: TCB status {}", layer, fmt::join(statuses, " or ")));
  words.push_back(
      fmt::format("{}: Intel's collateral of evaluation data number {} or "
                  "newer{}",
                  layer, tcb.minimum_evaluation_data_number.value_or(0),
                  tcb.collateral_grace > absl::ZeroDuration()
                      ? fmt::format(", up to {} h after its end",
                                    absl::ToInt64Hours(tcb.collateral_grace))
                      : ", in date"));
  words.push_back(
      tcb.accept_any_advisory
          ? fmt::format("{}: whatever advisories are open", layer)
          : fmt::format("{}: no open advisory{}{}", layer,
                        tcb.accepted_advisories.empty() ? "" : " but ",
                        fmt::join(tcb.accepted_advisories, ", ")));
  if (!tcb.insecure_roots.empty()) {
    words.push_back(fmt::format("{}: ROOTS BESIDE INTEL'S COUNT", layer));
  }
}

// Registers that are not demanded are not mentioned.
void AddTdx(const attestation::TdxPolicy& policy, Words& words) {
  AddTcb("TDX", policy.tcb, words);
  AddList("TDX", "MRTD (firmware)", policy.mr_td.size(), words);
  for (size_t i = 0; i < policy.rtmr.size(); ++i) {
    AddList("TDX", fmt::format("RTMR{}", i), policy.rtmr[i].size(), words);
  }
  AddList("TDX", "MRSEAM (TDX module)", policy.mr_seam.size(), words);
  words.emplace_back(
      policy.allow_debug
          ? "TDX: DEBUGGING IS ALLOWED: the host reads all memory"
          : "TDX: no debugging");
  if (policy.allow_migratable) {
    words.emplace_back("TDX: the guest may migrate to another machine");
  }
}

// An enclave is known by its own digest or by its signer's.
void AddSgx(const attestation::SgxPolicy& policy, Words& words) {
  AddTcb("SGX", policy.tcb, words);
  AddList("SGX", "MRENCLAVE", policy.mr_enclave.size(), words);
  AddList("SGX", "MRSIGNER", policy.mr_signer.size(), words);
  words.emplace_back(
      policy.allow_debug
          ? "SGX: DEBUGGING IS ALLOWED: the host reads all memory"
          : "SGX: no debugging");
  if (policy.minimum_isv_svn.has_value()) {
    words.push_back(
        fmt::format("SGX: ISV SVN at least {}", *policy.minimum_isv_svn));
  }
}

// What Azure says of the machine, as the report data cover it.
void AddAzure(const attestation::AzureProfile& profile, Words& words) {
  words.push_back(
      fmt::format("Azure: secure boot {}, serial console {}",
                  profile.policy.require_secure_boot ? "on" : "on or off",
                  profile.policy.allow_console ? "on or off" : "off"));
  AddList("Azure", "the machine", profile.policy.vm_ids.size(), words);
}

// Project, zone and instance are Google's word, signed with the AK certificate.
void AddGcp(const attestation::GcpProfile& profile, Words& words) {
  const attestation::GcpPolicy& policy = profile.policy;
  if (!policy.project_ids.empty()) {
    words.push_back(
        fmt::format("GCP: project {}", fmt::join(policy.project_ids, " or ")));
  }
  if (!policy.project_numbers.empty()) {
    words.push_back(fmt::format("GCP: project number {}",
                                fmt::join(policy.project_numbers, " or ")));
  }
  if (!policy.zones.empty()) {
    words.push_back(
        fmt::format("GCP: zone {}", fmt::join(policy.zones, " or ")));
  }
  AddList("GCP", "the instance", policy.instance_ids.size(), words);
  if (!policy.require_production) {
    words.emplace_back("GCP: HOSTS THAT ARE NOT PRODUCTION, too");
  }
  if (profile.insecure_any_project) {
    words.emplace_back("GCP: MACHINES OF ANY CUSTOMER");
  }
}

// Registers of the Nitro document, which are not those of the vTPM's policy.
void AddAws(const attestation::AwsProfile& profile, Words& words) {
  std::vector<uint32_t> indices;
  for (const auto& [index, values] : profile.policy.pcrs) {
    indices.push_back(index);
  }
  words.push_back(
      profile.policy.any_pcrs
          ? std::string("AWS: ANY REGISTERS in the attestation document")
          : fmt::format("AWS: registers {} of the attestation document",
                        fmt::join(indices, ", ")));
  words.push_back(fmt::format("AWS: a document of the last {} s",
                              absl::ToInt64Seconds(profile.max_age)));
}

}  // namespace

// In the order in which evidence is judged: time, image, CPU, cloud.
std::vector<std::string> DemandsInWords(const Profile& profile) {
  Words words;
  words.push_back(fmt::format(
      "valid from {} to {}",
      profile.not_before.has_value() ? FormatUtc(*profile.not_before)
                                     : "always",
      profile.not_after.has_value() ? FormatUtc(*profile.not_after)
                                    : "for ever"));
  if (!profile.pcrs.empty()) {
    std::vector<uint32_t> indices;
    for (const auto& [index, digest] : profile.pcrs) {
      indices.push_back(index);
    }
    words.push_back(
        fmt::format("vTPM: registers {} as listed", fmt::join(indices, ", ")));
  }
  if (profile.snp.has_value()) {
    AddSnp(*profile.snp, words);
  }
  if (profile.tdx.has_value()) {
    AddTdx(profile.tdx->policy, words);
  }
  if (profile.sgx.has_value()) {
    AddSgx(profile.sgx->policy, words);
  }
  if (profile.azure.has_value()) {
    AddAzure(*profile.azure, words);
  }
  if (profile.gcp.has_value()) {
    AddGcp(*profile.gcp, words);
  }
  if (profile.aws.has_value()) {
    AddAws(*profile.aws, words);
  }
  return words;
}

std::string RestsOnInWords(std::string_view rests_on) {
  const std::pair<std::string_view, std::string_view> meanings[] = {
      {"hardware-rooted", "the CPU vouches for everything that runs"},
      {"paravisor-rooted",
       "the CPU vouches for the cloud's paravisor, and that "
       "for what runs"},
      {"hypervisor-trusting",
       "the cloud's hypervisor says what runs and must be trusted"},
      {"simulated",
       "a TPM in software, or test roots: no protection from who "
       "runs the host"}};
  for (const auto& [word, meaning] : meanings) {
    if (word == rests_on) {
      return fmt::format("{} ({})", word, meaning);
    }
  }
  return std::string(rests_on);
}

}  // namespace constellation::cli
