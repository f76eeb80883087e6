// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/testing/quote_signer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include <string>

#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/tpm_structures.h"
#include "crypto/der.h"

namespace constellation::testing {
namespace {

using namespace attestation;  // NOLINT(build/namespaces): numbers of TPM 2.0

void Must(bool good, const char* what) {
  if (!good) {
    fprintf(stderr, "quote signer: %s\n", what);
    abort();
  }
}

const EVP_MD* Digest(uint16_t hash) {
  switch (hash) {
    case kTpmAlgSha1:
      return EVP_sha1();
    case kTpmAlgSha384:
      return EVP_sha384();
    case kTpmAlgSha512:
      return EVP_sha512();
    default:
      return EVP_sha256();
  }
}

}  // namespace

struct QuoteSigner::Key {
  EVP_PKEY* handle = nullptr;

  ~Key() { EVP_PKEY_free(handle); }

  Bytes Number(const char* name, int size) const {
    BIGNUM* number = nullptr;
    Must(EVP_PKEY_get_bn_param(handle, name, &number) == 1, name);
    Bytes bytes(static_cast<size_t>(size));
    Must(BN_bn2binpad(number, bytes.data(), size) > 0, name);
    BN_free(number);
    return bytes;
  }
};

QuoteSigner::QuoteSigner(SignerKind kind, uint16_t hash)
    : kind_(kind), hash_(hash), key_(std::make_unique<Key>()) {
  key_->handle =
      rsa() ? EVP_RSA_gen(2048U)
            : EVP_EC_gen(kind == SignerKind::kP256 ? "P-256" : "P-384");
  Must(key_->handle != nullptr, "generate");
}

QuoteSigner::~QuoteSigner() = default;

bool QuoteSigner::rsa() const {
  return kind_ == SignerKind::kRsassa || kind_ == SignerKind::kRsapss;
}

Bytes QuoteSigner::Tpmt(uint32_t attributes) const {
  TpmWriter writer;
  writer.U16(rsa() ? kTpmAlgRsa : kTpmAlgEcc).U16(kTpmAlgSha256);
  writer.U32(attributes).Sized({}).U16(kTpmAlgNull);
  if (rsa()) {
    writer.U16(kind_ == SignerKind::kRsassa ? kTpmAlgRsassa : kTpmAlgRsapss);
    writer.U16(hash_).U16(2048).U32(0).Sized(Modulus());
    return writer.Take();
  }
  const bool p256 = kind_ == SignerKind::kP256;
  const Bytes point = Point();
  const std::span<const uint8_t> numbers = std::span(point).subspan(1);
  writer.U16(kTpmAlgEcdsa).U16(hash_);
  writer.U16(p256 ? kTpmEccNistP256 : kTpmEccNistP384).U16(kTpmAlgNull);
  writer.Sized(numbers.first(numbers.size() / 2));
  writer.Sized(numbers.subspan(numbers.size() / 2));
  return writer.Take();
}

Bytes QuoteSigner::Spki() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key_->handle, &der);
  Must(size > 0, "i2d_PUBKEY");
  Bytes spki(der, der + size);
  OPENSSL_free(der);
  return spki;
}

Bytes QuoteSigner::Point() const {
  const int size = kind_ == SignerKind::kP256 ? 32 : 48;
  Bytes point{4};
  for (const char* name :
       {OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y}) {
    const Bytes number = key_->Number(name, size);
    point.insert(point.end(), number.begin(), number.end());
  }
  return point;
}

Bytes QuoteSigner::Modulus() const {
  return key_->Number(OSSL_PKEY_PARAM_RSA_N, 256);
}

Bytes QuoteSigner::Sign(std::span<const uint8_t> message) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* options = nullptr;
  Must(EVP_DigestSignInit(context, &options, Digest(hash_), nullptr,
                          key_->handle) == 1,
       "sign");
  if (kind_ == SignerKind::kRsapss) {
    Must(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(options,
                                              RSA_PSS_SALTLEN_DIGEST) == 1,
         "pss");
  }
  size_t size = 0;
  Must(EVP_DigestSign(context, nullptr, &size, message.data(),
                      message.size()) == 1,
       "size");
  Bytes signature(size);
  Must(EVP_DigestSign(context, signature.data(), &size, message.data(),
                      message.size()) == 1,
       "sign");
  signature.resize(size);
  EVP_MD_CTX_free(context);
  return signature;
}

Bytes QuoteSigner::SignTpmt(std::span<const uint8_t> message) const {
  const Bytes bare = Sign(message);
  if (rsa()) {
    return TpmWriter()
        .U16(kind_ == SignerKind::kRsassa ? kTpmAlgRsassa : kTpmAlgRsapss)
        .U16(hash_)
        .Sized(bare)
        .Take();
  }
  const auto numbers = crypto::ParseEcdsaSignature(bare);
  Must(numbers.ok(), "own signature");
  return TpmWriter()
      .U16(kTpmAlgEcdsa)
      .U16(hash_)
      .Sized(numbers->r)
      .Sized(numbers->s)
      .Take();
}

Bytes PemToDer(std::span<const uint8_t> pem) {
  const std::string text(pem.begin(), pem.end());
  const size_t begin = text.find("-----BEGIN ");
  const size_t start = text.find('\n', begin);
  const size_t end = text.find("-----END ", start);
  Must(begin != std::string::npos && end != std::string::npos, "no PEM block");
  std::string base64;
  for (const char c : text.substr(start, end - start)) {
    if (isspace(static_cast<unsigned char>(c)) == 0) {
      base64.push_back(c);
    }
  }
  const auto der = Base64Decode(base64);
  Must(der.ok(), "base64");
  return *der;
}

}  // namespace constellation::testing
