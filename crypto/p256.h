// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_P256_H_
#define CONSTELLATION_CRYPTO_P256_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/hex.h"
#include "common/secret_bytes.h"

namespace constellation::crypto {

// A P-256 private key. Immutable; thread-safe. Move only.
class P256PrivateKey final {
 public:
  static absl::StatusOr<P256PrivateKey> Generate();
  // From PEM, PKCS #8 or SEC 1, at most 16 KiB, without a passphrase.
  // INVALID_ARGUMENT for anything but a P-256 key.
  static absl::StatusOr<P256PrivateKey> FromPem(const SecretBytes& pem);

  P256PrivateKey(P256PrivateKey&&) noexcept;
  P256PrivateKey& operator=(P256PrivateKey&&) noexcept;
  ~P256PrivateKey();

  // PKCS #8 PEM, unencrypted, with the public key.
  absl::StatusOr<SecretBytes> ToPem() const;
  // DER SubjectPublicKeyInfo, with the point uncompressed.
  Bytes PublicSpki() const;

 private:
  friend struct P256Access;
  struct Key;
  explicit P256PrivateKey(std::unique_ptr<Key> key);
  std::unique_ptr<Key> key_;
};

// A PKCS #10 request (RFC 2986), DER, for O=`organisation`, CN=`common_name`,
// signed with ECDSA-SHA256.
absl::StatusOr<Bytes> CreateCsr(const P256PrivateKey& key,
                                std::string_view common_name,
                                std::string_view organisation);

// What a request says of itself.
struct CsrInfo {
  std::string common_name;
  std::vector<std::string> organisations;
  bool is_p256 = false;
  bool has_extensions = false;  // requested extensions, e.g. alternative names
};

// Parses a DER request of at most 8 KiB and checks that it is signed by its own
// key. INVALID_ARGUMENT if malformed, UNAUTHENTICATED if the signature is
// wrong. Does not judge the names.
absl::StatusOr<CsrInfo> VerifyCsr(std::span<const uint8_t> der);

// PEM of DER with `label`, e.g. "CERTIFICATE REQUEST"; and the DER of the first
// such block. INVALID_ARGUMENT if there is none.
std::string PemEncode(std::string_view label, std::span<const uint8_t> der);
absl::StatusOr<Bytes> PemDecode(std::string_view label, std::string_view pem);

}  // namespace constellation::crypto

#endif  // CONSTELLATION_CRYPTO_P256_H_
