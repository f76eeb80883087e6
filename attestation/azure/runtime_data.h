// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_AZURE_RUNTIME_DATA_H_
#define CONSTELLATION_ATTESTATION_AZURE_RUNTIME_DATA_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/hex.h"
#include "crypto/public_key.h"

namespace constellation::attestation {

// Identifiers of the keys that the paravisor puts into its vTPM.
inline constexpr std::string_view kHclAttestationKeyId = "HCLAkPub";
inline constexpr std::string_view kHclEndorsementKeyId = "HCLEkPub";

// A JSON Web Key of type RSA (RFC 7517, RFC 7518 section 6.3.1).
struct RuntimeKeyUnverified {
  std::string id;                       // "kid"
  std::vector<std::string> operations;  // "key_ops"
  Bytes modulus;                        // big-endian, without leading zeros
  uint32_t exponent = 0;
};

// "vm-configuration". A claim that the document does not have is empty: which
// ones there are changed over the years.
struct VmConfigurationUnverified {
  std::optional<bool> console_enabled;
  std::optional<bool> secure_boot;
  std::optional<bool> tpm_enabled;
  std::optional<bool> tpm_persisted;
  std::optional<bool> filtered_vpci_devices_allowed;
  std::optional<uint64_t> current_time;  // seconds since 1970; older reports
  std::optional<std::string> root_cert_thumbprint;  // base64url of a SHA-256
  std::string vm_unique_id;  // lower case; empty without claim
};

// What the paravisor says about the machine that it runs.
struct RuntimeDataUnverified {
  std::vector<RuntimeKeyUnverified> keys;
  VmConfigurationUnverified configuration;
  std::optional<Bytes> user_data;  // 64 octets, as the guest wrote them

  // The key called `id`, or null.
  const RuntimeKeyUnverified* FindKey(std::string_view id) const;
};

// Reads runtime data: strict JSON of at most 8 KiB, nesting of at most 8, no
// key twice in an object, no key identifier twice, at most 8 keys. Claims that
// are not known are skipped: newer paravisors add some.
//
// INVALID_ARGUMENT naming the place otherwise. Does not check that anything
// binds the document (see CheckAzure()). Pure; thread-safe.
absl::StatusOr<RuntimeDataUnverified> ParseRuntimeDataUnverified(
    std::span<const uint8_t> json);

// The key for verification. INVALID_ARGUMENT unless it has 2048 to 4096 bits
// and an odd exponent.
absl::StatusOr<crypto::PublicKey> ToPublicKey(const RuntimeKeyUnverified& key);

// Octets of unpadded base64url text (RFC 4648 section 5). INVALID_ARGUMENT for
// another character, padding, an impossible length or trailing bits.
absl::StatusOr<Bytes> Base64UrlDecode(std::string_view text);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_AZURE_RUNTIME_DATA_H_
