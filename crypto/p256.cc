// SPDX-License-Identifier: Apache-2.0
#include "crypto/p256.h"

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include <array>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/internal/openssl.h"
#include "crypto/internal/p256_access.h"

namespace constellation::crypto {
namespace {

using internal::OpenSslError;

// By OpenSSL's name of the group: a key with explicit parameters has none and
// is refused.
bool IsP256(const EVP_PKEY* key) {
  std::array<char, 32> group{};
  size_t size = 0;
  return key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
         std::string_view(group.data(), size) == "prime256v1";
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

// Through secure memory, and the copy in between is wiped.
absl::StatusOr<SecretBytes> P256PrivateKey::ToPem() const {
  const internal::UniqueBio bio(BIO_new(BIO_s_secmem()));
  if (bio == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key_->handle.get(), nullptr,
                                    nullptr, 0, nullptr, nullptr) != 1) {
    return OpenSslError(absl::StatusCode::kInternal, "private key");
  }
  std::string text = internal::BioText(bio.get());
  SecretBytes secret(AsBytes(text));
  Wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  return secret;
}

Bytes P256PrivateKey::PublicSpki() const {
  return internal::ToDer(i2d_PUBKEY, key_->handle.get());
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

// RFC 7468: lines of 64 characters.
std::string PemEncode(std::string_view label, std::span<const uint8_t> der) {
  const std::string base64 = Base64Encode(der);
  std::string pem = fmt::format("-----BEGIN {}-----\n", label);
  for (size_t i = 0; i < base64.size(); i += 64) {
    pem.append(base64, i, 64);
    pem.push_back('\n');
  }
  return pem + fmt::format("-----END {}-----\n", label);
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
