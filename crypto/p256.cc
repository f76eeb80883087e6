// SPDX-License-Identifier: Apache-2.0
#include "crypto/p256.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/der.h"
#include "crypto/internal/openssl.h"
#include "crypto/internal/p256_access.h"

namespace constellation::crypto {
namespace {

using internal::OpenSslError;

// AlgorithmIdentifier { id-ecPublicKey, secp256r1 } (RFC 5480 section 2.1.1).
constexpr std::array<uint8_t, 21> kAlgorithm = {
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<uint8_t, 1> kNoUnusedBits = {0};
constexpr size_t kScalarSize = 32;

// 0x04, x, y (SEC 1 section 2.3.3).
using Point = std::array<uint8_t, 65>;

// By OpenSSL's name of the group: a key with explicit parameters has none and
// is refused.
bool IsP256(const EVP_PKEY* key) {
  std::array<char, 32> group{};
  size_t size = 0;
  return key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
         std::string_view(group.data(), size) == "prime256v1";
}

// Uncompressed, however the key was read.
std::optional<Point> PublicPoint(const EVP_PKEY* key) {
  Point point{};
  size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                      point.data(), point.size(), &size) != 1 ||
      size != point.size()) {
    return std::nullopt;
  }
  return point;
}

// As UTF-8, whatever string type the request chose.
std::string EntryText(const X509_NAME_ENTRY* entry) {
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
  if (size < 0) {
    return {};
  }
  std::string value(reinterpret_cast<char*>(text), static_cast<size_t>(size));
  OPENSSL_free(text);
  return value;
}

// Fails for a value that the field cannot hold, e.g. an organisation of more
// than 64 characters.
absl::Status AddName(X509_NAME* name, const char* field,
                     std::string_view value) {
  if (X509_NAME_add_entry_by_txt(
          name, field, MBSTRING_UTF8,
          reinterpret_cast<const unsigned char*>(value.data()),
          static_cast<int>(value.size()), -1, 0) != 1) {
    return OpenSslError(absl::StatusCode::kInvalidArgument,
                        fmt::format("name field {}", field));
  }
  return absl::OkStatus();
}

}  // namespace

P256PrivateKey::P256PrivateKey(std::unique_ptr<Key> key)
    : key_(std::move(key)) {}
P256PrivateKey::P256PrivateKey(P256PrivateKey&&) noexcept = default;
P256PrivateKey& P256PrivateKey::operator=(P256PrivateKey&&) noexcept = default;
P256PrivateKey::~P256PrivateKey() = default;

absl::StatusOr<P256PrivateKey> P256PrivateKey::Generate() {
  auto key = std::make_unique<Key>();
  key->handle.reset(EVP_EC_gen("P-256"));
  if (key->handle == nullptr) {
    return OpenSslError(absl::StatusCode::kInternal, "generating a P-256 key");
  }
  return P256PrivateKey(std::move(key));
}

// PKCS #8 or SEC 1. An encrypted key must not stop a daemon with a prompt.
absl::StatusOr<P256PrivateKey> P256PrivateKey::FromPem(const SecretBytes& pem) {
  if (pem.size() > 16384) {
    return InvalidArgument(fmt::format(
        "private key: want at most 16384 octets, got {}", pem.size()));
  }
  const internal::UniqueBio bio = internal::ReadBio(pem.Expose());
  auto key = std::make_unique<Key>();
  // An empty passphrase in place of a prompt.
  std::array<char, 1> no_passphrase{};
  key->handle.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr,
                                            no_passphrase.data()));
  if (!IsP256(key->handle.get())) {
    return OpenSslError(absl::StatusCode::kInvalidArgument,
                        "private key: want a P-256 key in PEM");
  }
  return P256PrivateKey(std::move(key));
}

// PrivateKeyInfo (RFC 5958) around ECPrivateKey (RFC 5915). Every element has
// one size, and OpenSSL's encoders cost several times the key. All copies in
// between are wiped.
absl::StatusOr<SecretBytes> P256PrivateKey::ToPem() const {
  constexpr std::array<uint8_t, 6> kInfo = {0x30, 0x81, 0x87, 0x02, 0x01, 0x00};
  constexpr std::array<uint8_t, 9> kScalar = {0x04, 0x6d, 0x30, 0x6b, 0x02,
                                              0x01, 0x01, 0x04, 0x20};
  constexpr std::array<uint8_t, 5> kPoint = {0xa1, 0x44, 0x03, 0x42, 0x00};
  BIGNUM* number = nullptr;
  const int has_number = EVP_PKEY_get_bn_param(
      key_->handle.get(), OSSL_PKEY_PARAM_PRIV_KEY, &number);
  const internal::UniqueBignum scalar(number);
  const std::optional<Point> point = PublicPoint(key_->handle.get());
  SecretBytes der(kInfo.size() + kAlgorithm.size() + kScalar.size() +
                  kScalarSize + kPoint.size() + Point().size());
  auto next = std::ranges::copy(kInfo, der.ExposeMutable().begin()).out;
  next = std::ranges::copy(kAlgorithm, next).out;
  next = std::ranges::copy(kScalar, next).out;
  if (has_number != 1 || !point.has_value() ||
      BN_bn2binpad(scalar.get(), std::to_address(next), kScalarSize) !=
          kScalarSize) {
    return OpenSslError(absl::StatusCode::kInternal, "private key");
  }
  next = std::ranges::copy(kPoint, next + kScalarSize).out;
  std::ranges::copy(*point, next);
  std::string text = PemEncode("PRIVATE KEY", der.Expose());
  SecretBytes secret(AsBytes(text));
  Wipe(text);
  return secret;
}

// Empty only if OpenSSL is out of memory.
Bytes P256PrivateKey::PublicSpki() const {
  const std::optional<Point> point = PublicPoint(key_->handle.get());
  if (!point.has_value()) return {};
  return DerEncode(
      kDerSequence,
      {kAlgorithm, DerEncode(kDerBitString, {kNoUnusedBits, *point})});
}

// PKCS #10 (RFC 2986); Kubernetes reads O as groups and CN as the user.
absl::StatusOr<Bytes> CreateCsr(const P256PrivateKey& key,
                                std::string_view common_name,
                                std::string_view organisation) {
  const internal::UniqueX509Req request(X509_REQ_new());
  if (request == nullptr || X509_REQ_set_version(request.get(), 0) != 1) {
    return OpenSslError(absl::StatusCode::kInternal, "certificate request");
  }
  X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  RETURN_IF_ERROR(AddName(subject, "O", organisation));
  RETURN_IF_ERROR(AddName(subject, "CN", common_name));
  EVP_PKEY* handle = P256Access::Handle(key);
  if (X509_REQ_set_pubkey(request.get(), handle) != 1 ||
      X509_REQ_sign(request.get(), handle, EVP_sha256()) <= 0) {
    return OpenSslError(absl::StatusCode::kInternal, "certificate request");
  }
  return internal::ToDer(i2d_X509_REQ, request.get());
}

// The signature shows that whoever asks has the key. A second CN or any other
// field is refused: what the signer does not read it must not sign. Requested
// extensions are only reported, for the caller to refuse.
absl::StatusOr<CsrInfo> VerifyCsr(std::span<const uint8_t> der) {
  if (der.size() > 8192) {
    return InvalidArgument(fmt::format(
        "certificate request: want at most 8192 octets, got {}", der.size()));
  }
  const unsigned char* position = der.data();
  const internal::UniqueX509Req request(
      d2i_X509_REQ(nullptr, &position, static_cast<long>(der.size())));
  if (request == nullptr || position != der.data() + der.size()) {
    return OpenSslError(absl::StatusCode::kInvalidArgument,
                        "certificate request");
  }
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr) {
    return OpenSslError(absl::StatusCode::kInvalidArgument,
                        "certificate request: key");
  }
  if (X509_REQ_verify(request.get(), key) != 1) {
    return OpenSslError(absl::StatusCode::kUnauthenticated,
                        "certificate request: signature");
  }
  CsrInfo info;
  info.is_p256 = IsP256(key);
  info.has_extensions = X509_REQ_get_attr_count(request.get()) > 0;
  const X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    const int field = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    if (field == NID_commonName && info.common_name.empty()) {
      info.common_name = EntryText(entry);
    } else if (field == NID_organizationName) {
      info.organisations.push_back(EntryText(entry));
    } else {
      return InvalidArgument("certificate request: want one CN and O only");
    }
  }
  return info;
}

// RFC 7468: lines of 64 characters. It may be a private key: one allocation, so
// that growing leaves no copies, and nothing else stays.
std::string PemEncode(std::string_view label, std::span<const uint8_t> der) {
  std::string base64 = Base64Encode(der);
  const absl::Cleanup wipe = [&base64] { Wipe(base64); };
  const std::string begin = fmt::format("-----BEGIN {}-----\n", label);
  const std::string end = fmt::format("-----END {}-----\n", label);
  std::string pem;
  pem.reserve(begin.size() + base64.size() + base64.size() / 64 + 1 +
              end.size());
  pem += begin;
  for (size_t i = 0; i < base64.size(); i += 64) {
    pem.append(base64, i, 64);
    pem.push_back('\n');
  }
  pem += end;
  return pem;
}

// The first block of this label; what stands around it is ignored.
absl::StatusOr<Bytes> PemDecode(std::string_view label, std::string_view pem) {
  const std::string begin = fmt::format("-----BEGIN {}-----", label);
  const std::string end = fmt::format("-----END {}-----", label);
  const size_t first = pem.find(begin);
  const size_t last =
      first == std::string_view::npos ? first : pem.find(end, first);
  if (last == std::string_view::npos) {
    return InvalidArgument(
        fmt::format("PEM: want a block \"{}\", found none", label));
  }
  std::string base64;
  for (const char c :
       pem.substr(first + begin.size(), last - first - begin.size())) {
    if (c != '\n' && c != '\r') {
      base64.push_back(c);
    }
  }
  return Base64Decode(base64);
}

}  // namespace constellation::crypto
