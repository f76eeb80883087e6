// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_AWS_NITRO_POLICY_H_
#define CONSTELLATION_ATTESTATION_AWS_NITRO_POLICY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/aws/nitro_verifier.h"
#include "attestation/tpm/check_rows.h"
#include "attestation/tpm/pcr_quote.h"
#include "common/hex.h"
#include "crypto/hash.h"

namespace constellation::attestation {

// What an owner demands of a Nitro document's contents.
struct NitroPolicy {
  // Which documents may pass.
  NitroKind kind = NitroKind::kEnclave;
  // Enclaves in debug mode (zero PCR 0-2): their memory can be read from the
  // instance. For tests only.
  bool allow_debug = false;
  // Values that a register may have. Empty admits nothing unless `any_pcrs`.
  std::map<uint32_t, std::vector<crypto::Sha384Digest>> pcrs;
  // Says explicitly that registers are not compared here, because somebody else
  // does (a policy of the NitroTPM quote).
  bool any_pcrs = false;
  // Modules that may pass ("i-0123...-enc..."); empty admits all.
  std::vector<std::string> module_ids;
  // What "user_data" must be.
  std::optional<Bytes> user_data;
};

// The rows of an appraisal. kPcr comes once per register of the policy.
enum class NitroPolicyCheckId {
  kKind,
  kDebug,
  kPcr,
  kModuleId,
  kUserData,
};

// Stable name of a row, e.g. "debug mode".
std::string_view ToString(NitroPolicyCheckId id);

using NitroPolicyCheck = Check<NitroPolicyCheckId>;

// Compares a document with the policy: every row, each with cause and fix if it
// failed. It passes if all rows did. Pure; thread-safe.
std::vector<NitroPolicyCheck> AppraiseNitro(
    const VerifiedNitroDocument& document, const NitroPolicy& policy);

// What ties a TPM quote to a NitroTPM document. The guest chooses public key
// and nonce, so those alone prove nothing about registers: what the hypervisor
// itself vouches for are the registers, and they must be the quoted ones.
enum class NitroTpmCheckId {
  kKind,       // the document is NitroTPM's
  kPublicKey,  // its public key is the quote's AK
  kNonce,      // its nonce is the quote's
  kBank,       // the quote is of the SHA-384 bank
  kRegisters,  // every quoted register has the document's value
};

// Stable name of a check, e.g. "public key".
std::string_view ToString(NitroTpmCheckId id);

using NitroTpmCheck = Check<NitroTpmCheckId>;

// Compares a document with a quote: every check, also after one failed. They
// belong together if all passed. Pure; thread-safe.
std::vector<NitroTpmCheck> CheckNitroTpm(const VerifiedNitroDocument& document,
                                         const VerifiedPcrQuote& quote);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_AWS_NITRO_POLICY_H_
