// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_AZURE_AZURE_POLICY_H_
#define CONSTELLATION_ATTESTATION_AZURE_AZURE_POLICY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/azure/azure_verifier.h"
#include "attestation/tpm/check_rows.h"
#include "common/hex.h"

namespace constellation::attestation {

// What an owner demands of an Azure machine's claims, beyond the bindings that
// CheckAzure() always demands.
struct AzurePolicy {
  // Kinds of machine that may pass. Empty admits none.
  std::vector<HclReportType> hardware;
  // Oldest HCL report version.
  uint32_t minimum_hcl_version = 1;
  bool require_secure_boot = true;
  // Whether the host's serial console may be connected.
  bool allow_console = true;
  // Whether the vTPM's state may outlive a deallocation, kept by the cloud.
  bool allow_persisted_tpm = true;
  // vmUniqueId of the machines that may pass, any case; empty admits all.
  std::vector<std::string> vm_ids;
  // What "user-data" must be: padded with zeros to 64 octets, at most 64.
  std::optional<Bytes> user_data;
};

// The rows of an appraisal, in this order.
enum class AzurePolicyCheckId {
  kHardware,
  kHclVersion,
  kTpmEnabled,
  kSecureBoot,
  kConsole,
  kPersistedTpm,
  kVmId,
  kUserData,
};

// Stable name of a row, e.g. "secure boot".
std::string_view ToString(AzurePolicyCheckId id);

using AzurePolicyCheck = Check<AzurePolicyCheckId>;

// Compares the claims with the policy: every row, each with cause and fix if it
// failed. A claim that the policy needs and the report does not have fails.
// The machine passes if all rows did. Pure; thread-safe.
std::vector<AzurePolicyCheck> AppraiseAzure(const VerifiedAzure& machine,
                                            const AzurePolicy& policy);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_AZURE_AZURE_POLICY_H_
