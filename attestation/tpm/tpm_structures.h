// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_TPM_STRUCTURES_H_
#define CONSTELLATION_ATTESTATION_TPM_TPM_STRUCTURES_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/tpm/enrolled_tpm.h"
#include "common/hex.h"

namespace constellation::attestation {

// Numbers of TPM 2.0 part 2: "Structures".
inline constexpr uint32_t kTpmGeneratedValue = 0xff544347;  // 6.2
inline constexpr uint16_t kTpmStAttestQuote = 0x8018;       // 6.9
inline constexpr uint16_t kTpmAlgRsa = 0x0001;              // 6.3
inline constexpr uint16_t kTpmAlgSha1 = 0x0004;
inline constexpr uint16_t kTpmAlgAes = 0x0006;
inline constexpr uint16_t kTpmAlgSha256 = 0x000b;
inline constexpr uint16_t kTpmAlgSha384 = 0x000c;
inline constexpr uint16_t kTpmAlgSha512 = 0x000d;
inline constexpr uint16_t kTpmAlgNull = 0x0010;
inline constexpr uint16_t kTpmAlgSm3 = 0x0012;
inline constexpr uint16_t kTpmAlgRsassa = 0x0014;
inline constexpr uint16_t kTpmAlgRsaes = 0x0015;
inline constexpr uint16_t kTpmAlgRsapss = 0x0016;
inline constexpr uint16_t kTpmAlgOaep = 0x0017;
inline constexpr uint16_t kTpmAlgEcdsa = 0x0018;
inline constexpr uint16_t kTpmAlgEcdaa = 0x001a;
inline constexpr uint16_t kTpmAlgEcc = 0x0023;
inline constexpr uint16_t kTpmEccNistP256 = 0x0003;  // 6.4
inline constexpr uint16_t kTpmEccNistP384 = 0x0004;
inline constexpr uint32_t kTpmaFixedTpm = 1U << 1U;  // 8.3, TPMA_OBJECT
inline constexpr uint32_t kTpmaFixedParent = 1U << 4U;
inline constexpr uint32_t kTpmaSensitiveDataOrigin = 1U << 5U;
inline constexpr uint32_t kTpmaUserWithAuth = 1U << 6U;
inline constexpr uint32_t kTpmaRestricted = 1U << 16U;
inline constexpr uint32_t kTpmaDecrypt = 1U << 17U;
inline constexpr uint32_t kTpmaSign = 1U << 18U;

// TPMS_PCR_SELECTION: registers of one bank, ascending.
struct PcrSelectionUnverified {
  uint16_t hash_algorithm = 0;
  std::vector<uint32_t> pcrs;
};

// TPMS_QUOTE_INFO.
struct QuoteInfoUnverified {
  std::vector<PcrSelectionUnverified> selections;
  Bytes pcr_digest;
};

// TPMS_ATTEST. `quote` is set if `type` says so; what other types carry is not
// read.
struct AttestUnverified {
  uint32_t magic = 0;
  uint16_t type = 0;
  Bytes qualified_signer;
  Bytes extra_data;
  uint64_t clock = 0;
  uint32_t reset_count = 0;
  uint32_t restart_count = 0;
  bool safe = false;
  uint64_t firmware_version = 0;
  std::optional<QuoteInfoUnverified> quote;
};

// TPMT_SIGNATURE with scheme RSASSA, RSAPSS (`rsa`) or ECDSA (`r`, `s`,
// big-endian as sent, at most 66 bytes).
struct SignatureUnverified {
  uint16_t scheme = 0;
  uint16_t hash_algorithm = 0;
  Bytes rsa;
  Bytes r, s;
};

// TPMT_PUBLIC of an RSA or ECC key. Fields of the other kind stay empty.
struct PublicAreaUnverified {
  uint16_t type = 0;
  uint16_t name_algorithm = 0;
  uint32_t attributes = 0;
  Bytes auth_policy;
  uint16_t symmetric = 0;    // kTpmAlgNull unless a storage key
  uint16_t scheme = 0;       // signing scheme or kTpmAlgNull
  uint16_t scheme_hash = 0;  // 0 without scheme
  uint16_t rsa_bits = 0;
  uint32_t rsa_exponent = 0;  // 65537 where the TPM wrote 0
  Bytes rsa_modulus;
  uint16_t ecc_curve = 0;
  Bytes ecc_x, ecc_y;
};

// The three readers check lengths, selectors and that nothing follows; no
// signature, no meaning. INVALID_ARGUMENT names field and offset. Pure.

// Reads a TPMS_ATTEST (10.12.12). A wrong magic or another type than a quote
// is not an error: look at `magic` and `type`.
absl::StatusOr<AttestUnverified> ParseAttestUnverified(
    std::span<const uint8_t> bytes);
// Reads a TPMT_SIGNATURE (11.3.4).
absl::StatusOr<SignatureUnverified> ParseSignatureUnverified(
    std::span<const uint8_t> bytes);
// Reads a TPMT_PUBLIC (12.2.4).
absl::StatusOr<PublicAreaUnverified> ParsePublicAreaUnverified(
    std::span<const uint8_t> bytes);

// The Name (part 1, 16) of the object whose TPMT_PUBLIC is `public_area`: its
// name algorithm and digest. INVALID_ARGUMENT unless it parses and its name
// algorithm is SHA-256.
absl::StatusOr<TpmName> NameOf(std::span<const uint8_t> public_area);

// "sha256", "ecdsa", ...; "0x1234" for what we do not know.
std::string AlgorithmName(uint16_t algorithm);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_TPM_STRUCTURES_H_
