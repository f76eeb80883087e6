// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/signed_policy.h"

#include <fmt/format.h>

#include <utility>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/der.h"
#include "crypto/ecdsa_sign.h"
#include "crypto/p256.h"
#include "crypto/public_key.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxPublicKey = 4096;  // octets of PEM
constexpr size_t kMaxSignature = 256;   // octets of base64

// Tools end the file with a newline; inside the base64 no white space is
// accepted.
std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// One kind of key, so that nobody can choose a weaker one or another signature
// scheme for the verifier.
absl::StatusOr<crypto::PublicKey> ReadPublicKey(std::string_view pem) {
  if (pem.size() > kMaxPublicKey) {
    return InvalidArgument(
        fmt::format("public key: want at most {} octets of PEM, got {}",
                    kMaxPublicKey, pem.size()));
  }
  ASSIGN_OR_RETURN(const Bytes der, crypto::PemDecode("PUBLIC KEY", pem));
  ASSIGN_OR_RETURN(crypto::PublicKey key, crypto::PublicKey::FromSpki(der));
  if (key.type() != crypto::KeyType::kEc ||
      key.curve() != crypto::EcCurve::kP256) {
    return InvalidArgument("public key: want a P-256 key");
  }
  return key;
}

}  // namespace

// Nothing of the file is parsed before its signature holds: a parser is the
// last thing to show to an unknown author.
absl::StatusOr<SignedPolicy> SignedPolicy::Verify(
    std::string_view file, std::string_view signature,
    std::string_view public_key_pem) {
  ASSIGN_OR_RETURN(const crypto::PublicKey key, ReadPublicKey(public_key_pem));
  const std::string_view text = Trimmed(signature);
  if (text.empty() || text.size() > kMaxSignature) {
    return InvalidArgument(fmt::format(
        "signature of the policy: want 1 to {} characters of base64, got {}",
        kMaxSignature, text.size()));
  }
  const absl::StatusOr<Bytes> der = Base64Decode(text);
  if (!der.ok()) {
    return Annotate(der.status(), "signature of the policy");
  }
  const absl::StatusOr<crypto::EcdsaSignature> parts =
      crypto::ParseEcdsaSignature(*der);
  if (!parts.ok()) {
    return Annotate(parts.status(), "signature of the policy");
  }
  const absl::Status verified = key.VerifyEcdsa(
      crypto::HashAlgorithm::kSha256, AsBytes(file), parts->r, parts->s);
  if (!verified.ok()) {
    return Annotate(verified,
                    "signature of the policy: not this key's over this file");
  }
  ASSIGN_OR_RETURN(Policy policy, Policy::Parse(file));
  return SignedPolicy(std::move(policy));
}

// Reads the policy first: a signature under a file that every verifier refuses
// would only be found out when nodes fail to join.
absl::StatusOr<std::string> SignPolicy(std::string_view file,
                                       const SecretBytes& private_key_pem) {
  RETURN_IF_ERROR(Policy::Parse(file).status());
  ASSIGN_OR_RETURN(const crypto::P256PrivateKey key,
                   crypto::P256PrivateKey::FromPem(private_key_pem));
  ASSIGN_OR_RETURN(const Bytes signature,
                   crypto::SignEcdsaSha256(key, AsBytes(file)));
  return Base64Encode(signature) + "\n";
}

}  // namespace constellation::attestation
