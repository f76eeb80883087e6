// SPDX-License-Identifier: Apache-2.0
#include "crypto/rsa_private_key.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/internal/openssl.h"

namespace constellation::crypto {
namespace {

using internal::OpenSslError;

constexpr size_t kMaxPemSize = size_t{64} * 1024;
constexpr int kMinBits = 2048;
constexpr int kMaxBits = 8192;
constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kDashes = "-----";
constexpr int kSaltSize = 32;

// Every refusal says what is wanted, because these keys come from files that
// people made.
absl::Status Bad(std::string_view problem) {
  return InvalidArgument(
      fmt::format("RSA private key: {}; want PEM with a block \"PRIVATE KEY\" "
                  "or \"RSA PRIVATE KEY\" without a passphrase",
                  problem));
}

// The label of the block that starts at `pem`'s first octet; empty if there is
// no end to it within reason.
std::string_view LabelAt(std::string_view pem) {
  const std::string_view rest = pem.substr(kBegin.size());
  const size_t end = rest.substr(0, 64).find(kDashes);
  return end == std::string_view::npos ? std::string_view()
                                       : rest.substr(0, end);
}

// Labels come from outside: only what cannot harm a terminal is shown.
std::string Printable(std::string_view label) {
  std::string shown;
  for (const char c : label) {
    shown.push_back(c >= ' ' && c <= '~' ? c : '?');
  }
  return shown;
}

// `pem` from its first private key on.
absl::StatusOr<std::string_view> FindPrivateKey(std::string_view pem) {
  std::string other;
  size_t at = pem.find(kBegin);
  while (at != std::string_view::npos) {
    const std::string_view block = pem.substr(at);
    const std::string_view label = LabelAt(block);
    if (label == "PRIVATE KEY" || label == "RSA PRIVATE KEY") {
      // RFC 1421 section 4.6.1.1, as OpenSSL's old format has it.
      if (block.substr(0, 128).find("Proc-Type: 4,ENCRYPTED") !=
          std::string_view::npos) {
        return Bad("it is encrypted");
      }
      return block;
    }
    if (label == "ENCRYPTED PRIVATE KEY") {
      return Bad("it is encrypted");
    }
    if (other.empty() || label.ends_with("PRIVATE KEY")) {
      other = Printable(label);
    }
    at = pem.find(kBegin, at + kBegin.size());
  }
  if (other.empty()) {
    return Bad("no PEM block found");
  }
  return Bad(fmt::format("the text holds a block \"{}\" instead", other));
}

// The bounds keep out keys that a cloud would refuse only when it is too late.
absl::Status CheckKind(const EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
    const char* const name = EVP_PKEY_get0_type_name(key);
    return Bad(
        fmt::format("it is of kind {}", name == nullptr ? "unknown" : name));
  }
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < kMinBits || bits > kMaxBits) {
    return Bad(fmt::format("its modulus has {} bits, allowed are {} to {}",
                           bits, kMinBits, kMaxBits));
  }
  return absl::OkStatus();
}

// PSS as JWS has it (RFC 7518 3.5): MGF1 with the same hash, salt as long as
// the hash.
bool SetPadding(EVP_PKEY_CTX* context, bool pss) {
  if (!pss) {
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  }
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, kSaltSize) == 1;
}

}  // namespace

struct RsaPrivateKey::Key {
  internal::UniquePkey handle;
};

RsaPrivateKey::RsaPrivateKey(std::unique_ptr<Key> key) : key_(std::move(key)) {}
RsaPrivateKey::RsaPrivateKey(RsaPrivateKey&&) noexcept = default;
RsaPrivateKey& RsaPrivateKey::operator=(RsaPrivateKey&&) noexcept = default;
RsaPrivateKey::~RsaPrivateKey() = default;

absl::StatusOr<RsaPrivateKey> RsaPrivateKey::FromPem(const SecretBytes& pem) {
  if (pem.size() > kMaxPemSize) {
    return Bad(fmt::format("the text has {} octets, at most {} are allowed",
                           pem.size(), kMaxPemSize));
  }
  ASSIGN_OR_RETURN(const std::string_view block,
                   FindPrivateKey(AsText(pem.Expose())));
  const internal::UniqueBio bio = internal::ReadBio(AsBytes(block));
  // An empty passphrase in place of a prompt.
  std::array<char, 1> no_passphrase{};
  auto key = std::make_unique<Key>();
  key->handle.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr,
                                            no_passphrase.data()));
  if (key->handle == nullptr) {
    ERR_clear_error();
    return Bad("the block is damaged or cut short");
  }
  RETURN_IF_ERROR(CheckKind(key->handle.get()));
  RsaPrivateKey made(std::move(key));
  if (!made.SignsRight()) {
    ERR_clear_error();
    return Bad("its numbers do not belong together");
  }
  return made;
}

// A key whose parts do not fit signs nonsense, and with CRT that leaks a prime.
// One signature at load finds it.
bool RsaPrivateKey::SignsRight() const {
  const std::array<uint8_t, 1> message{};
  const absl::StatusOr<Bytes> signature = SignPkcs1Sha256(message);
  const internal::UniqueDigestContext context(EVP_MD_CTX_new());
  return signature.ok() && context != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr,
                              key_->handle.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature->data(), signature->size(),
                          message.data(), message.size()) == 1;
}

// SHA-256 for both paddings.
absl::StatusOr<Bytes> RsaPrivateKey::Sign(std::span<const uint8_t> message,
                                          bool pss) const {
  const internal::UniqueDigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;  // belongs to `context`
  size_t size = 0;
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), &parameters, EVP_sha256(), nullptr,
                         key_->handle.get()) != 1 ||
      !SetPadding(parameters, pss) ||
      EVP_DigestSign(context.get(), nullptr, &size, message.data(),
                     message.size()) != 1) {
    return OpenSslError(absl::StatusCode::kInternal, "RSA signature");
  }
  Bytes signature(size);
  if (EVP_DigestSign(context.get(), signature.data(), &size, message.data(),
                     message.size()) != 1) {
    return OpenSslError(absl::StatusCode::kInternal, "RSA signature");
  }
  signature.resize(size);
  return signature;
}

absl::StatusOr<Bytes> RsaPrivateKey::SignPkcs1Sha256(
    std::span<const uint8_t> message) const {
  return Sign(message, /*pss=*/false);
}

absl::StatusOr<Bytes> RsaPrivateKey::SignPssSha256(
    std::span<const uint8_t> message) const {
  return Sign(message, /*pss=*/true);
}

Bytes RsaPrivateKey::PublicSpki() const {
  return internal::ToDer(i2d_PUBKEY, key_->handle.get());
}

int RsaPrivateKey::bits() const {
  return EVP_PKEY_get_bits(key_->handle.get());
}

}  // namespace constellation::crypto
