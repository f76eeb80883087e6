// SPDX-License-Identifier: Apache-2.0
#include "attestation/azure/azure_policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <utility>

namespace constellation::attestation {
namespace {

using Id = AzurePolicyCheckId;
using Rows = CheckRows<AzurePolicyCheckId>;

// A claim in words.
std::string Describe(std::optional<bool> claim) {
  return !claim.has_value() ? "not claimed" : *claim ? "on" : "off";
}

// vmUniqueId is upper case in some reports and lower case in others.
bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    const auto lower = [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return lower(x) == lower(y);
  });
}

// Rows about the kind of machine.
void AddMachine(const VerifiedAzure& machine, const AzurePolicy& policy,
                Rows& rows) {
  std::vector<std::string_view> names;
  for (const HclReportType type : policy.hardware) {
    names.push_back(ToString(type));
  }
  rows.Add(Id::kHardware,
           std::ranges::find(policy.hardware, machine.hardware()) !=
               policy.hardware.end(),
           names.empty() ? "none" : fmt::format("{}", fmt::join(names, " or ")),
           std::string(ToString(machine.hardware())),
           "the virtual machine's size belongs to another CPU family: choose "
           "another size, or give the profile the variant of this hardware");
  rows.Add(Id::kHclVersion, machine.hcl_version() >= policy.minimum_hcl_version,
           fmt::format("at least {}", policy.minimum_hcl_version),
           fmt::format("{}", machine.hcl_version()),
           "the paravisor is older than the policy wants: redeploy the machine "
           "to get the current one, or lower `azure.minimumHclVersion`");
}

// Rows about switches. A claim that is not made is never the good value.
void AddFlags(const VmConfigurationUnverified& claims,
              const AzurePolicy& policy, Rows& rows) {
  rows.Add(Id::kTpmEnabled, claims.tpm_enabled == true, "on",
           Describe(claims.tpm_enabled),
           "the machine was made without a vTPM: create it with vTPM enabled");
  rows.Add(Id::kSecureBoot,
           !policy.require_secure_boot || claims.secure_boot == true,
           policy.require_secure_boot ? "on" : "on or off",
           Describe(claims.secure_boot),
           "the machine was made without secure boot: create it with secure "
           "boot enabled, or set `azure.requireSecureBoot` to false");
  rows.Add(Id::kConsole,
           policy.allow_console || claims.console_enabled == false,
           policy.allow_console ? "on or off" : "off",
           Describe(claims.console_enabled),
           "the host's serial console is connected: switch boot diagnostics "
           "off, or set `azure.allowConsole` to true");
  rows.Add(Id::kPersistedTpm,
           policy.allow_persisted_tpm || claims.tpm_persisted == false,
           policy.allow_persisted_tpm ? "on or off" : "off",
           Describe(claims.tpm_persisted),
           "the cloud keeps the vTPM's state: use a machine with an ephemeral "
           "vTPM, or set `azure.allowPersistedTpm` to true");
}

// Rows about which machine, and which request, this is.
void AddIdentity(const RuntimeDataUnverified& data, const AzurePolicy& policy,
                 Rows& rows) {
  const std::string& id = data.configuration.vm_unique_id;
  rows.Add(Id::kVmId,
           policy.vm_ids.empty() ||
               std::ranges::any_of(policy.vm_ids,
                                   [&id](const std::string& wanted) {
                                     return EqualIgnoringCase(wanted, id);
                                   }),
           policy.vm_ids.empty()
               ? "any"
               : fmt::format("one of {} machines", policy.vm_ids.size()),
           id.empty() ? "none" : id,
           "this machine is not in `azure.vmIds`: add its vmUniqueId if it is "
           "yours");
  Bytes wanted = policy.user_data.value_or(Bytes());
  const bool fits = wanted.size() <= 64;
  wanted.resize(64);
  rows.Add(Id::kUserData,
           !policy.user_data.has_value() || (fits && data.user_data == wanted),
           policy.user_data.has_value() ? HexEncode(wanted) : "any",
           data.user_data.has_value() ? HexEncode(*data.user_data) : "none",
           "the report was made for other user data: write them to NV index "
           "0x01400002 and read the report again, or do not set "
           "`azure.requireUserData`");
}

}  // namespace

std::string_view ToString(AzurePolicyCheckId id) {
  switch (id) {
    case Id::kHardware:
      return "hardware";
    case Id::kHclVersion:
      return "HCL version";
    case Id::kTpmEnabled:
      return "vTPM";
    case Id::kSecureBoot:
      return "secure boot";
    case Id::kConsole:
      return "serial console";
    case Id::kPersistedTpm:
      return "persisted vTPM state";
    case Id::kVmId:
      return "vmUniqueId";
    case Id::kUserData:
      return "user data";
  }
  return "unknown";
}

std::vector<AzurePolicyCheck> AppraiseAzure(const VerifiedAzure& machine,
                                            const AzurePolicy& policy) {
  Rows rows;
  AddMachine(machine, policy, rows);
  AddFlags(machine.runtime_data().configuration, policy, rows);
  AddIdentity(machine.runtime_data(), policy, rows);
  return rows.Take();
}

}  // namespace constellation::attestation
