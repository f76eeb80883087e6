// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_AWS_NITRO_VERIFIER_H_
#define CONSTELLATION_ATTESTATION_AWS_NITRO_VERIFIER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/aws/nitro_document.h"
#include "attestation/tpm/check_rows.h"
#include "common/hex.h"
#include "crypto/crl.h"
#include "crypto/hash.h"
#include "crypto/x509.h"

namespace constellation::attestation {

// SHA-256 of the SubjectPublicKeyInfo of "aws.nitro-enclaves", root G1 (P-384,
// until 2049). It also roots NitroTPM documents.
inline constexpr crypto::Sha256Digest kNitroRootG1Spki = {
    0xf2, 0xca, 0xf5, 0xec, 0xc6, 0x19, 0x0b, 0x4a, 0x83, 0x99, 0xb7,
    0x8b, 0xc5, 0x8a, 0x2b, 0xbc, 0xd0, 0x38, 0x23, 0x75, 0xdb, 0x8a,
    0x1b, 0xfd, 0x78, 0xa8, 0x27, 0x43, 0x87, 0x4f, 0xd2, 0x25};

// The checks of a Nitro attestation document, in this order.
enum class NitroCheckId {
  kEnvelope,      // COSE_Sign1 parses
  kAlgorithm,     // ES384
  kDocument,      // the payload parses
  kCertificates,  // bundle and signer's certificate parse
  kRoot,          // the bundle begins with a pinned root
  kChain,         // each may issue the next; signatures verify
  kLeaf,          // the signer's may sign and is no CA's
  kExtensions,    // nothing critical that is not understood
  kAge,           // the document is not older than allowed, nor from the future
  kValidity,      // every certificate was valid when the document was made
  kRevocation,    // in no list of its issuer, as far as lists are given
  kSignature,     // by the signer's P-384 key over the Sig_structure
  kNonce,         // as demanded
};

// Stable name of a check, e.g. "chain".
std::string_view ToString(NitroCheckId id);

using NitroCheck = Check<NitroCheckId>;

// What a document is compared with.
struct NitroExpectation {
  // SPKI digests of trusted roots.
  std::vector<crypto::Sha256Digest> roots = {kNitroRootG1Spki};
  // What "nonce" must be; nothing demands none in particular.
  std::optional<Bytes> nonce;
  absl::Time now;
  // How old a document may be. Certificates of signers live for three hours:
  // they are checked at the document's own time, and this bounds how far that
  // may lie back. Five minutes more are allowed into the future.
  absl::Duration max_age = absl::Minutes(5);
  // Revocation lists of anybody; they must outlive the call. Those of an issuer
  // in the chain must be signed by it and valid at `now`.
  std::span<const crypto::RevocationList> crls = {};
  // Whether lists must be given: JudgeChainRevocation().
  bool require_crls = false;
};

// A document that the hypervisor signed. Only CheckNitroDocument() makes one.
// Its signature is malleable: never use it as an identity.
class VerifiedNitroDocument final {
 public:
  NitroKind kind() const { return kind_; }
  const std::string& module_id() const { return module_id_; }
  absl::Time timestamp() const { return timestamp_; }
  // SHA-384 registers, by index: 48 octets each.
  const std::map<uint32_t, Bytes>& pcrs() const { return pcrs_; }
  // Chosen by whoever asked for the document; the hypervisor only repeats them.
  const std::optional<Bytes>& public_key() const { return public_key_; }
  const std::optional<Bytes>& user_data() const { return user_data_; }
  const std::optional<Bytes>& nonce() const { return nonce_; }

 private:
  friend class NitroChecker;
  VerifiedNitroDocument() = default;
  NitroKind kind_ = NitroKind::kEnclave;
  std::string module_id_;
  absl::Time timestamp_;
  std::map<uint32_t, Bytes> pcrs_;
  std::optional<Bytes> public_key_;
  std::optional<Bytes> user_data_;
  std::optional<Bytes> nonce_;
};

// The certificates in a document (COSE_Sign1): the signer's first, the root's
// last. INVALID_ARGUMENT if it or one of them does not parse. Nothing is
// verified. Pure; thread-safe.
absl::StatusOr<std::vector<crypto::Certificate>> NitroChainUnverified(
    std::span<const uint8_t> cose);

// Every check with its result; `document` only if all passed.
struct NitroVerification {
  std::vector<NitroCheck> checks;
  std::optional<VerifiedNitroDocument> document;
};

// Makes every check of a document (COSE_Sign1), also after one failed. Pure;
// thread-safe. Not checked: registers (AppraiseNitro() does) and, for NitroTPM,
// the quote that goes with it (CheckNitroTpm() does). Revocation is checked
// where a list of an issuer is given (CheckChainRevocation()); none is demanded
// unless the expectation says so, for certificates below the root live for at
// most 20 days. The row says what was not checked.
NitroVerification CheckNitroDocument(std::span<const uint8_t> cose,
                                     const NitroExpectation& expectation);

// The same for who wants a Status: INVALID_ARGUMENT if envelope, document or
// certificates do not parse, FAILED_PRECONDITION for times, UNAUTHENTICATED
// naming the first failed check otherwise.
absl::StatusOr<VerifiedNitroDocument> VerifyNitroDocument(
    std::span<const uint8_t> cose, const NitroExpectation& expectation);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_AWS_NITRO_VERIFIER_H_
