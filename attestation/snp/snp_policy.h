// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_SNP_SNP_POLICY_H_
#define CONSTELLATION_ATTESTATION_SNP_SNP_POLICY_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "attestation/snp/snp_roots.h"
#include "attestation/snp/snp_tcb.h"
#include "attestation/snp/verify_snp.h"
#include "common/hex.h"

namespace constellation::attestation {

// The least level of each part. A part that is not set is an error of the
// policy, never zero; `fmc` belongs to Turin and to it only.
struct SnpTcbFloor {
  std::optional<uint8_t> fmc;
  std::optional<uint8_t> boot_loader;
  std::optional<uint8_t> tee;
  std::optional<uint8_t> snp;
  std::optional<uint8_t> microcode;
};

// Floors on one product. The levels of a report differ in meaning: `reported`
// is what its key vouches for, `current` what runs, `committed` what the host
// cannot go back behind, `launch` what ran when the guest started.
struct SnpTcbFloors {
  SnpTcbFloor minimum;  // of all four; JSON `minimumTCB`
  // In place of it for one of them; JSON `minimumCurrentTCB` and so on.
  std::optional<SnpTcbFloor> reported;
  std::optional<SnpTcbFloor> current;
  std::optional<SnpTcbFloor> committed;
  std::optional<SnpTcbFloor> launch;
};

// A version of the firmware's interface, as the guest policy names it.
struct SnpAbiVersion {
  uint8_t major = 0;
  uint8_t minor = 0;
  auto operator<=>(const SnpAbiVersion&) const = default;
};

// What an owner demands of a report. The defaults are strict where a guest
// would be open to its host (debugging, migration, VMPL, masked chips, VLEK),
// and demand nothing of a platform's further features. JSON names are those of
// the members in camel case; advice quotes them.
struct SnpPolicy {
  std::string profile;  // name, for messages

  // Allowed products, each with its floors. None is an error of the policy.
  std::map<SnpProduct, SnpTcbFloors> products;
  std::optional<SnpFirmwareVersion> minimum_firmware;  // current and committed

  // Bits of the guest policy.
  bool insecure_allow_debug = false;
  bool allow_migration_agent = false;
  bool require_smt_forbidden = false;
  bool require_single_socket = false;
  bool require_cxl_forbidden = false;
  bool require_aes256_xts = false;
  bool require_rapl_off = false;
  bool require_ciphertext_hiding = false;
  bool require_page_swap_disabled = false;
  std::optional<SnpAbiVersion> minimum_abi;

  // Bits of the platform. Where the guest policy has a bit of the same name,
  // this one says that it is so now.
  bool require_platform_smt_off = false;
  bool require_platform_tsme = false;
  bool require_platform_ecc = false;
  bool require_platform_rapl_off = false;
  bool require_platform_ciphertext_hiding = false;
  bool require_platform_alias_check = false;
  bool require_platform_tio_off = false;

  // What runs. An empty list of measurements is an error of the policy unless
  // any one is accepted because something else vouches for the guest.
  std::vector<std::array<uint8_t, 48>> measurements;
  bool insecure_any_measurement = false;
  std::vector<uint32_t> vmpls = {0};
  uint32_t minimum_guest_svn = 0;
  // Lists that are empty demand nothing.
  std::vector<std::array<uint8_t, 32>> host_data;
  std::vector<std::array<uint8_t, 16>> family_ids;
  std::vector<std::array<uint8_t, 16>> image_ids;
  std::vector<std::array<uint8_t, 48>> id_key_digests;
  std::vector<std::array<uint8_t, 48>> author_key_digests;
  // Bits that the vectors of a version 5 report must have.
  uint64_t required_launch_mitigations = 0;
  uint64_t required_current_mitigations = 0;

  // Whose machine and whose key.
  bool allow_masked_chip_id = false;
  std::vector<Bytes> chip_ids;  // hardware IDs: 64 octets, 8 on Turin
  bool allow_vlek = false;
  std::vector<std::string> csp_ids;  // of VLEKs
  std::vector<SnpRoot> more_roots;   // trusted beside AMD's
  bool require_revocation_list = false;
};

// One demand with its result.
struct SnpPolicyCheck {
  std::string name;  // stable, e.g. "reported TCB microcode"
  std::string expected;
  std::string got;
  bool passed = false;
  // Cause and fix in an operator's words, e.g. "reported TCB microcode 209 <
  // 213: update the host's firmware or lower `minimumTCB.microcode` in profile
  // azure"; empty if passed.
  std::string reason;
};

// What VerifySnp() must be asked with for this policy. The span points into
// `policy`.
SnpChainOptions ChainOptionsOf(const SnpPolicy& policy);

// Compares a genuine report with a policy; a row for every demand, also after
// one failed, and for what a policy lacks. `report_data` is what the report
// must be bound to: 64 octets, or empty if the caller compares it. Pure.
std::vector<SnpPolicyCheck> AppraiseSnp(const VerifiedSnpReport& verified,
                                        const SnpPolicy& policy,
                                        std::span<const uint8_t> report_data);

// OK if all rows passed, else PERMISSION_DENIED with the reasons, "; " between.
absl::Status ToStatus(const std::vector<SnpPolicyCheck>& checks);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_SNP_SNP_POLICY_H_
